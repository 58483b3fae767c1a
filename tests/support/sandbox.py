"""Runs a command as a unit file of ours would, where no systemd runs: reads the unit and does by itself what its
lines ask for.

    sandbox.py UNIT WRITABLE COMMAND...      as root; WRITABLE is the one folder the command may write to

Done: User (another one without privileges), CapabilityBoundingSet=, NoNewPrivileges, ProtectSystem=strict, LimitCORE,
UMask, SystemCallFilter, SystemCallErrorNumber, RestrictAddressFamilies, RestrictNamespaces, MemoryDenyWriteExecute.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys

import seccomp

NOBODY = 65534
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PROT_WRITE, PROT_EXEC = 2, 4
SYSTEMD_SETS = {}
libc = ctypes.CDLL(None, use_errno=True)


def unit(path):
    """{key: [values]} of the section [Service]."""
    values, section = {}, None
    for line in open(path):
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def call(what, done):
    if done != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, flags):
    call(f"mount {target}", libc.mount(source.encode(), target.encode(), None, flags, None))


def protect_system(writable):
    """A file system of its own, all of it to be read only but one folder."""
    call("unshare", libc.unshare(CLONE_NEWNS))
    mount("none", "/", MS_REC | MS_PRIVATE)
    mount(writable, writable, MS_BIND)
    for place in mount_points():
        if place != writable and not place.startswith(("/proc", "/sys", "/dev")):
            mount("none", place, MS_REMOUNT | MS_BIND | MS_RDONLY)


def mount_points():
    return [line.split()[4] for line in open("/proc/self/mountinfo")]


def system_calls(name):
    """The calls of a set such as @file-system, sets within it unfolded."""
    if not name.startswith("@"):
        return {name}
    if not SYSTEMD_SETS:
        text = subprocess.run(["systemd-analyze", "syscall-filter"], check=True,
                              capture_output=True, text=True).stdout
        current = None
        for line in text.splitlines():
            line = line.split("#")[0].rstrip()
            if line.startswith("@"):
                current = SYSTEMD_SETS.setdefault(line, [])
            elif line.strip():
                current.append(line.strip())
    return set().union(*(system_calls(member) for member in SYSTEMD_SETS[name]))


def allowed_calls(filters):
    allowed = set()
    for words in filters:
        names = set().union(*(system_calls(name) for name in words.lstrip("~").split()))
        allowed = allowed - names if words.startswith("~") else allowed | names
    return allowed


def filter_system_calls(service):
    refused = seccomp.ERRNO(getattr(errno, service["SystemCallErrorNumber"][0]))
    rules = seccomp.SyscallFilter(refused)
    allowed = allowed_calls(service["SystemCallFilter"]) | {"execve"}
    if "RestrictNamespaces" in service:
        allowed -= {"unshare", "setns"}
    allowed -= {"socket", "mmap", "mprotect"}
    for name in sorted(allowed):
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except RuntimeError:
            continue  # a call of another architecture
    for family in service["RestrictAddressFamilies"][0].split():
        rules.add_rule(seccomp.ALLOW, "socket",
                       seccomp.Arg(0, seccomp.EQ, getattr(socket, family)))
    for without in (PROT_WRITE, PROT_EXEC):
        rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, without, 0))
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    rules.load()


def drop_privileges(service):
    core = int(service["LimitCORE"][0])
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))
    os.umask(int(service["UMask"][0], 8))
    assert service["CapabilityBoundingSet"] == [""] and service["NoNewPrivileges"] == ["yes"]
    for capability in range(int(open("/proc/sys/kernel/cap_last_cap").read()) + 1):
        call("prctl", libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    call("prctl", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def main(path, writable, *command):
    service = unit(path)
    assert service["ProtectSystem"] == ["strict"]
    protect_system(writable)
    drop_privileges(service)
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # it would trace the process, which is forbidden
    filter_system_calls(service)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
