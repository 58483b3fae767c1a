"""People at a terminal: an agency or operator running `berbagi`, with a home folder of their own.

    officer = User(ex, "kab.18.07", home)
    officer.push("rows.csv", "--type", "worker.registered").counts     {"stored": 3, ...}
    officer.receive()                                                  events up to the head, as dicts
    with officer.start("subscribe", "nightly") as reader: ...          a process to watch and to signal
"""

import contextlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import threading

from exchange import DEADLINE, binary, wait_until

COUNTS = re.compile(r"^stored (\d+), duplicate (\d+), rejected (\d+), conflict (\d+)$")


class Done:
    """How a command ended: code, out and err as text."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n{self.out[-2000:]}\n{self.err[-2000:]}"

    @property
    def counts(self):
        """The last line of a push: [stored, duplicate, rejected, conflict]."""
        found = COUNTS.match(self.out.splitlines()[-1] if self.out else "")
        assert found, self
        return [int(count) for count in found.groups()]

    @property
    def events(self):
        """Standard output as JSON Lines, grounds left out."""
        parsed = [json.loads(line) for line in self.out.splitlines()]
        return [line for line in parsed if "ground" not in line]


class User:
    """An agency ("kab.18.07") or operator ("operator/admin") of an exchange."""

    def __init__(self, ex, name, home, identity=None):
        self.ex, self.name, self.home = ex, name, pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.identity = identity or ex.ca.identity(name)

    def connection(self):
        key = ["--key", str(self.identity.key)] if self.identity.key else []
        return ["--server", self.ex.address, "--cert", str(self.identity.cert), *key,
                "--ca", str(self.ex.ca.bundle)]

    def environment(self, **more):
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith(("BERBAGI_", "XDG_"))}
        return {**inherited, "HOME": str(self.home), "TERM": "xterm", **more}

    def command(self, command, *arguments, connect=True):
        flags = self.connection() if connect else []
        return [binary("berbagi"), command, *flags, *map(str, arguments)]

    def run(self, command, *arguments, stdin=b"", env=None, connect=True, timeout=60):
        """Runs a command of berbagi to its end."""
        done = subprocess.run(self.command(command, *arguments, connect=connect), input=stdin,
                              capture_output=True, timeout=timeout, cwd=self.home,
                              env=self.environment(**(env or {})))
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, command, *arguments, **keywords):
        return Running(self.command(command, *arguments), cwd=self.home, env=self.environment(),
                       **keywords)

    def push(self, *arguments, **keywords):
        return self.run("push", *arguments, **keywords)

    def receive(self, *arguments):
        """What this agency sees of the log up to its head."""
        done = self.run("subscribe", "--until-head", "--output", "jsonl", *arguments)
        assert done.code == 0 and done.err == "", done
        return done.events

    def on_terminal(self, command, *arguments):
        """Runs a command on a terminal of its own: exit code and all that the terminal was sent."""
        master, slave = pty.openpty()
        sent = b""
        try:
            with Running(self.command(command, *arguments), cwd=self.home, env=self.environment(),
                         stdin=slave, stdout=slave, stderr=slave) as running:
                # Our side of the terminal stays open: what was sent last is lost when the last one closes.
                while select.select([master], [], [], 0.2)[0] or running.process.poll() is None:
                    if select.select([master], [], [], 0)[0]:
                        sent += os.read(master, 65536)
                return running.end(), sent.decode()
        finally:
            os.close(master)
            os.close(slave)


class Running:
    """A started command; its output is read all the time, so that it never waits for us."""

    def __init__(self, command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, **keywords):
        self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr,
                                        **keywords)
        self.stdin = self.process.stdin
        self._pieces = {}
        self._readers = [self._read(name) for name in ("stdout", "stderr")
                         if getattr(self.process, name) is not None]

    def _read(self, name):
        self._pieces[name] = []

        def read(stream=getattr(self.process, name)):
            for line in stream:
                self._pieces[name].append(line.decode())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return reader

    @property
    def lines(self):
        """Lines of standard output so far."""
        return list(self._pieces["stdout"])

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]

    @property
    def words(self):
        """Standard error so far."""
        return "".join(self._pieces["stderr"])

    def wait_words(self, words):
        wait_until(lambda: words in self.words, what=f"{words!r} on standard error")

    def wait_lines(self, count):
        wait_until(lambda: len(self.lines) >= count,
                   what=f"{count} lines; {len(self.lines)} came, {self._pieces.get('stderr')}")

    @property
    def sockets(self):
        folder, found = f"/proc/{self.process.pid}/fd", set()
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.add(os.readlink(f"{folder}/{number}"))
        return {link for link in found if link.startswith("socket:")}

    def wait_moved(self, before, meanwhile=lambda: None):
        """Until it has another connection in the place of the one among the sockets before."""
        def has_moved():
            meanwhile()
            return len(now := self.sockets) == len(before) and now != before
        wait_until(has_moved, what="another connection")

    def feed(self, text):
        self.stdin.write(text.encode())
        self.stdin.flush()

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, deadline=DEADLINE):
        """Waits for the end; the exit code."""
        code = self.process.wait(deadline)
        for reader in self._readers:
            reader.join(deadline)
        return code

    def done(self, deadline=DEADLINE):
        code = self.end(deadline)
        return Done(code, "".join(self.lines), self.words)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@contextlib.contextmanager
def slow_pipe(command, **keywords):
    """A command whose standard output nobody reads but the test: (process, file to read)."""
    reading, writing = os.pipe()
    process = subprocess.Popen(command, stdout=writing, stdin=subprocess.DEVNULL, **keywords)
    os.close(writing)
    try:
        with open(reading, "rb", buffering=0) as output:
            yield process, output
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)
        if process.stderr is not None:
            process.stderr.close()
