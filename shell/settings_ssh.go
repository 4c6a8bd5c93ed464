package shell

import "vrrpsh/conf"

// sshSettings are the settings of the [ssh] table.
var sshSettings = []setting{
	text("ssh.listen", "ssh listen <endpoint:endpoint>", "Serve the shell over SSH, to the users of the API",
		inSSH(func(s *conf.SSH) **string { return &s.Listen }), "ssh", "The SSH server", "endpoint", "As 0.0.0.0:2222 or [::]:2222"),
	text("ssh.authorized_keys", "ssh authorized-keys <file:file>", "Public keys of a user",
		inSSH(func(s *conf.SSH) **string { return &s.AuthorizedKeys }), "file", "File on the router; %u is the user"),
	text("ssh.host_key", "ssh host-key <file:file>", "Private key of the router",
		inSSH(func(s *conf.SSH) **string { return &s.HostKey })),
}
