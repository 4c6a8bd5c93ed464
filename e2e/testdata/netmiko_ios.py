# SPDX-License-Identifier: GPL-3.0-only
"""Drives a router with netmiko's cisco_ios, as a script of a network engineer does: port, user, password."""
import re
import sys

from netmiko import ConnectHandler


def check(holds, what, got):
    if not holds:
        sys.exit("%s: %r" % (what, got))


port, user, password = sys.argv[1:]
router = ConnectHandler(device_type="cisco_ios", host="127.0.0.1", port=int(port), username=user, password=password)

got = router.find_prompt()
check(got == "r1#", "prompt", got)
got = router.send_command("show vrrp brief")
lines = got.splitlines()
check(len(lines) == 2 and lines[0].startswith("Interface ") and lines[1].startswith("eth0 "), "show vrrp brief", got)
got = router.send_command("show running-config")
check("\n vrrp 1\n" in got and "More" not in got and "\x1b" not in got, "show running-config", got)

router.config_mode()
check(router.check_config_mode(), "configure mode", router.find_prompt())
router.exit_config_mode()
check(not router.check_config_mode(), "exec mode", router.find_prompt())

for priority in 50, 60:
    got = router.send_config_set(["interface eth0", "vrrp 1", "priority %d" % priority, "commit"])
    check("(config-vrrp*)# commit" in got and re.search(r"^Commit \d+ complete$", got, re.M) and "%" not in got, "configure", got)
    got = router.send_command("show running-config | include priority")
    check(got.strip() == "priority %d" % priority, "priority", got)

got = router.save_config()
check(got and "%" not in got, "write memory", got)

got = router.send_config_set(["interface eth0 vrrp 1 priority 300"])
check(re.search(r"^% Invalid input detected", got, re.M), "a line that fails", got)
got = router.send_config_set(["interface eth0 vrrp 1 priority 70"])
check(re.search(r"^% Error: Uncommitted changes", got, re.M), "a commit that is missing", got)
got = router.send_command("show vrrp group 99")
check(got.startswith("% Error: "), "a command that fails", got)
check(router.find_prompt() == "r1#", "prompt at the end", router.find_prompt())
router.disconnect()
