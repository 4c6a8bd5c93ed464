// SPDX-License-Identifier: GPL-3.0-only

package shell

// handlers holds the handlers of all commands that are not settings.
var handlers map[string]handler

func init() { // breaks the initialization cycle with call.run, which looks up handlers
	handlers = map[string]handler{
		"show.vrrp":          {run: showVRRP, data: showVRRPData},
		"show.interfaces":    {run: showInterfaces, data: func(c *call) (any, error) { return linkData(c) }},
		"show.ip.route":      {run: showRoutes, data: func(c *call) (any, error) { return routeData(c) }},
		"show.track":         {run: showTrack, data: func(c *call) (any, error) { return trackData(c) }},
		"show.running":       configHandler(running),
		"show.running.if":    {run: showInterfaceConfig},
		"show.configuration": configHandler(running),
		"show.startup":       configHandler(startup),
		"show.candidate":     configHandler(candidate),
		"show.revision":      revisionHandler(configHandler(revision("revision")), changesHandler(before("revision"), revision("revision"))),
		"show.changes":       changesHandler(running, candidate),
		"show.commits":       {run: showCommits, data: func(c *call) (any, error) { return commitRows(c), nil }},
		"show.commit":        {run: showCommit, data: func(c *call) (any, error) { return commitOf(c), nil }},
		"show.sessions":      {run: showSessions, data: func(c *call) (any, error) { return c.session.registry.list(c.session), nil }},
		"show.api":           {run: showAPI, data: func(c *call) (any, error) { return apiOf(c), nil }},
		"show.debugging":     {run: showDebugging, data: func(c *call) (any, error) { return debugged(c), nil }},
		"show.version":       {run: showVersion, data: func(c *call) (any, error) { return versionOf(c), nil }},
		"show.logging":       {run: showLogging, data: loggingData},
		"show.clock":         {run: showClock, data: clockData},
		"show.resources":     {run: showResources, data: func(c *call) (any, error) { return resourcesOf(c) }},
		"show.here":          {run: showHere, data: func(c *call) (any, error) { return configData(c.session.draft.File()) }},

		"configure":            {run: configure},
		"clear.statistics":     {run: clearStatistics},
		"vrrp.resign":          {run: resign},
		"monitor.vrrp":         {run: monitorVRRP},
		"monitor.packets":      {run: monitorPackets},
		"restart":              {run: restart},
		"write":                {run: write},
		"debug":                {run: debug},
		"debug.no":             {run: undebug},
		"debug.no.all":         {run: undebug},
		"debug.undebug":        {run: undebug},
		"terminal.length":      setTerminal(func(s *Session, value stepValue) { s.length = value("lines") }),
		"terminal.width":       setTerminal(func(s *Session, value stepValue) { s.width = value("columns") }),
		"terminal.suggestions": {run: suggestions},
		"terminal.monitor":     setTerminal(func(s *Session, _ stepValue) { s.monitor = true }),
		"terminal.no.monitor":  setTerminal(func(s *Session, _ stepValue) { s.monitor = false }),
		"exit":                 {run: exit},
		"exit.quit":            {run: exit},
		"end":                  {run: end},
		"quit":                 {run: quit},
		"logout":               {run: quit},

		"lab.show":    {run: labShow},
		"lab.stop":    lab(Lab.Stop),
		"lab.start":   lab(Lab.Start),
		"lab.cut":     lab(Lab.Cut),
		"lab.restore": lab(Lab.Restore),

		"top":              {run: toTop},
		"pwd":              {run: pwd},
		"commit":           {run: commit},
		"commit.confirmed": {run: commitConfirmed},
		"confirm":          {run: confirm},
		"commit.check":     {run: commitCheck, data: checkData},
		"compare":          changesHandler(running, candidate),
		"compare.rollback": changesHandler(revision("revision"), revision("other")),
		"discard":          {run: discard},
		"rebase":           {run: rebase},
		"rollback":         {run: rollback},
		"load.merge":       {run: loadMerge},
		"load.replace":     {run: loadReplace},

		"load.merge.terminal":   {run: loadMerge},
		"load.replace.terminal": {run: loadReplace},
		"commit.quit":           {run: commitQuit},
		"save":                  {run: saveCandidate},
	}
}
