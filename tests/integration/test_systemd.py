"""berbagid under a service manager: told when it serves and that it lives, and at ease in the sandbox of its unit."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

import exchange
import policies
import sandbox
from contract import ROOT
from exchange import event

UNIT = ROOT / "deploy" / "systemd" / "berbagid.service"
KP2MI = "kl.kp2mi"


class Manager:
    """The socket that a service manager listens on."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(exchange.DEADLINE)

    def next(self):
        return self.socket.recv(4096).decode().splitlines()


def test_the_manager_hears_of_start_life_and_stop(make_exchange, tmp_path, monkeypatch):
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    running = make_exchange()
    assert "READY=1" in manager.next()
    for _ in range(3):
        assert manager.next() == ["WATCHDOG=1"]
    assert running.stop() == 0
    last = manager.next()
    while last == ["WATCHDOG=1"]:
        last = manager.next()
    assert last == ["STOPPING=1"]


def test_without_a_watchdog_there_are_no_signs_of_life(make_exchange, tmp_path, monkeypatch):
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    assert make_exchange().stop() == 0
    assert "READY=1" in manager.next()
    assert manager.next() == ["STOPPING=1"]


@pytest.mark.parametrize("unit", sorted(UNIT.parent.glob("*.service")), ids=lambda path: path.name)
def test_the_unit_is_exposed_little(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_understands_every_line_of_the_units(tmp_path):
    shutil.copytree("/lib/systemd/system", tmp_path / "lib/systemd/system", symlinks=True)
    for program in ("usr/bin/berbagi", "usr/bin/berbagid", "usr/bin/berbagi-ca", "bin/sh", "bin/kill"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", tmp_path / program)
    units = list(UNIT.parent.iterdir())
    for unit in units:
        shutil.copy(unit, tmp_path / "lib/systemd/system")
    done = subprocess.run(["systemd-analyze", "verify", f"--root={tmp_path}", "--man=no", "--generators=no",
                           *(path.name for path in units)], capture_output=True, text=True)
    assert done.returncode == 0 and "berbagi" not in done.stdout + done.stderr, done


# The sandbox


@pytest.fixture
def home(ca):
    """A folder that another user may own: the server's files lie there."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("a file system of its own needs root, and a container that lets it")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="berbagi-unit-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def sandboxed(writable, *command):
    return [sys.executable, "-B", sandbox.__file__, str(UNIT), str(writable), *map(str, command)]


class Sandboxed(exchange.Exchange):
    def command(self, listen="127.0.0.1:0"):
        mine = self.folder / "etc"
        mine.mkdir(exist_ok=True)
        self.data.mkdir(exist_ok=True)
        binary, *options = super().command(listen)
        for i, option in enumerate(options):
            if option in ("--cert", "--key", "--ca"):
                options[i + 1] = shutil.copy(options[i + 1], mine)
        program = shutil.copy(binary, mine)
        for path in (self.data, *mine.iterdir()):
            os.chown(path, sandbox.NOBODY, sandbox.NOBODY)
        return sandboxed(self.data, program, *options)


def test_the_server_works_as_its_unit_runs_it(ca, home):
    with Sandboxed(ca, home / "exchange", "--http", "127.0.0.1:0") as running:
        running.apply(policies.from_folder())
        running.store(KP2MI, event("case.opened"))
        running.reload()
        running.restart(kill=True)
        running.store(KP2MI, event("case.opened"))
        assert running.fetch(KP2MI).head_position == 2
        status = pathlib.Path(f"/proc/{running.process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
        assert f"Uid:\t{sandbox.NOBODY}" in status and "CapBnd:\t0000000000000000" in status


@pytest.mark.parametrize("code", [
    "open('/etc/berbagi-was-here', 'w')", "open('/tmp/berbagi-was-here', 'w')",
    "import socket; socket.socket(socket.AF_NETLINK)",
    "import os; os.setuid(0)", "import os; os.chroot('/')",
    "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"])
def test_what_the_unit_forbids_fails(home, code):
    allowed = subprocess.run(sandboxed(home, sys.executable, "-c", "pass"), capture_output=True)
    assert allowed.returncode == 0, allowed.stderr
    done = subprocess.run(sandboxed(home, sys.executable, "-c", code), capture_output=True,
                          text=True)
    assert done.returncode == 1 and "Error" in done.stderr, done
