"""A server under attack: what it takes, what its other callers wait, and whether it is well afterwards."""

import dataclasses
import itertools
import multiprocessing
import pathlib
import re
import threading
import time

import grpc

import attacks
import exchange
import http2
import samples
from contract import v1
from exchange import wait_until

QUIET, HOSTILE = "kab.35.09", "kl.kp2mi"
PAUSE = 0.01
REST_MIB = 192  # what the server takes besides --connection-memory
EVENTS = 5000


@dataclasses.dataclass
class Report:
    times: list = dataclasses.field(default_factory=list)  # from request to answer, ms, sorted
    failed: int = 0
    target: http2.Target = None  # of the attackers
    done: int = 0  # what the attackers did
    anonymous_mib: float = 0  # at most, at any time
    descriptors: int = 0


class Watch(threading.Thread):
    """Looks at a process ten times a second until it is told to stop."""

    def __init__(self, pid, report):
        super().__init__(daemon=True)
        self.proc, self.report, self.over = pathlib.Path(f"/proc/{pid}"), report, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            self.look()

    def look(self):
        status = (self.proc / "status").read_text()
        mib = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024
        self.report.anonymous_mib = max(self.report.anonymous_mib, mib)
        self.report.descriptors = max(self.report.descriptors, len(list((self.proc / "fd").iterdir())))

    def stop(self):
        self.over.set()
        self.join()
        self.look()


def descriptors(ex):
    return len(list(pathlib.Path(f"/proc/{ex.process.pid}/fd").iterdir()))


def percentiles(times):
    return [times[int(len(times) * part)] for part in (0.5, 0.99)]


def fill(ex):
    """Events that a hostile reader may have."""
    numbers = itertools.count()
    for _ in range(EVENTS // 1000):
        ex.store("kab.18.07", *(exchange.event("worker.registered", subject=samples.subject(next(numbers)))
                               for _ in range(1000)))


def publish(ex, report):
    began = time.monotonic()
    try:
        ex.publish(QUIET, [exchange.event("worker.registered", region="35.09")])
        report.times.append((time.monotonic() - began) * 1000)
    except grpc.RpcError:
        report.failed += 1


def measure(ex, seconds, report=None):
    report = report or Report()
    watch, end = Watch(ex.process.pid, report), time.monotonic() + seconds
    while time.monotonic() < end:
        publish(ex, report)
        time.sleep(PAUSE)
    watch.stop()
    report.times.sort()
    return report


def _attack(name, target, small, seconds, has_begun, done):
    act, few, many = attacks.ATTACKS[name]
    has_begun.set()
    done.value = act(target, few if small else many, time.monotonic() + seconds)


def beside(ex, name, seconds, small, worker=multiprocessing.get_context("spawn").Process):
    """Measures the quiet agency while another process (or thread) attacks."""
    identity = ex.ca.issue(HOSTILE)  # a new one for each, as one may be kept out for a while
    target = http2.Target(ex.address, ex.ca.bundle, identity)
    context = multiprocessing.get_context("spawn")
    has_begun, done, report = context.Event(), context.Value("q", 0), Report(target=target)
    attacker = worker(target=_attack, args=(name, target, small, seconds, has_begun, done), daemon=True)
    attacker.start()
    assert has_begun.wait(60)
    measure(ex, seconds, report)
    attacker.join(30)
    report.done = done.value
    return report


def check_well(ex, name, report, connection_mib=1024):
    """The server has kept within its memory, serves, and has let go of what the attackers held."""
    if not exchange.is_sanitized():
        assert report.anonymous_mib < connection_mib + REST_MIB, report
    assert ex.process.poll() is None
    assert ex.store(QUIET, exchange.event("worker.registered", region="35.09"))
    assert ex.head() > 0
    wait_until(lambda: descriptors(ex) < 60, what="the attackers' connections are gone")
