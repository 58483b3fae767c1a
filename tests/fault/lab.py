"""The programs of this folder, and what they tell: shared by the tests here."""

import os
import pathlib
import subprocess

from disk import read_trace
from faults import BIN, Faults

PROGRAMS = BIN.parent / "tests"
MEMORY = pathlib.Path("/dev/shm")


def on_memory():
    """A folder whose flushes cost nothing; None: wherever temporary files go."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


class Told:
    """What was acknowledged, and when: lines of tests/fault/work.c."""

    def __init__(self, text):
        self.positions, self.versions, self.places = [], [], []
        self.ids = {}  # position -> id
        self.refused = []
        for line in text.splitlines():
            what, *facts = line.split()
            if what == "stored":
                self.positions.append((int(facts[1]), int(facts[0])))
                self.ids[int(facts[0])] = facts[2]
            elif what == "applied":
                self.versions.append((int(facts[1]), int(facts[0])))
            elif what == "kept":
                self.places.append((int(facts[2]), facts[0], int(facts[1])))
            elif what == "refused":
                self.refused.append(" ".join(facts))

    def before(self, ns):
        """The head, the policy version and the places of subscriptions that were told by then."""
        head = max((position for at, position in self.positions if at <= ns), default=0)
        version = max((version for at, version in self.versions if at <= ns), default=0)
        return head, version, {name: place for at, name, place in self.places if at <= ns}


class Recoverer:
    """tests/fault/recover.c, started again when a folder kills it."""

    def __init__(self):
        self.process = None

    def _ask(self, line):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([PROGRAMS / "fault_recover"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def recover(self, folder):
        self._ask(folder)
        answer = self.process.stdout.readline().strip()
        return answer or f"failed: died with {self.process.wait()}"

    def log(self, folder):
        """(id, chain) of each position, from 0."""
        self._ask(f"={folder}")
        log = [("", "0" * 64)]
        while (line := self.process.stdout.readline().strip()) != ".":
            assert line and not line.startswith("failed"), line or self.process.wait()
            log.append(tuple(line.split()[1:]))
        return log

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


def record(folder, seed, steps):
    """Runs the publish mix; its trace, what was told, and its folder at the end."""
    data = folder / "data"
    faults = Faults(folder, data, trace=True)
    done = subprocess.run([PROGRAMS / "fault_work", data, str(seed), str(steps)], text=True,
                          capture_output=True, env={**os.environ, **faults.environment})
    assert done.returncode == 0, done.stderr
    return read_trace(faults.trace), Told(done.stdout), data


def judge(answer, log, told):
    """What is wrong with what came up; None: nothing."""
    head, version, places = told
    if not answer.startswith("ok "):
        return answer
    _, found_head, found_version, chain, *rows = answer.split()
    found = dict(row.split("=") for row in rows)
    if int(found_head) < head or int(found_version) < version:
        return f"acknowledged: {head} and policy {version}; there: {answer}"
    if int(found_head) >= len(log) or log[int(found_head)][1] != chain:
        return f"not the events that were sent: {answer}"
    lost = {name: place for name, place in places.items() if int(found.get(name, 0)) < place}
    return f"acknowledged places {lost}; there: {answer}" if lost else None
