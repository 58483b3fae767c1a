#!/usr/bin/python3
"""What a switch of the policy costs those who publish, on this machine.

    tests/bench/policy_switch.py [SECONDS]

Starts an exchange with the sample policy; two publishers send one event after the other and note how long
each answer took, two streams follow. In the first half nothing else happens, in the second the whole
policy is replaced again and again, and a rehearsal runs all the time in a third. Prints the times of each
part and checks that every event was stored once and delivered. Binaries: BERBAGI_BIN, build/release/bin.
"""

import contextlib
import pathlib
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import grpc  # noqa: E402

import policies  # noqa: E402
from contract import v1  # noqa: E402
from exchange import Ca, Exchange, event  # noqa: E402


class Publisher(threading.Thread):
    """Publishes one event after the other; times holds (end, seconds) of each answer."""

    def __init__(self, ex, agency, region):
        super().__init__(daemon=True)
        self.call = ex.publisher(agency).Publish
        self.region, self.times, self.positions, self.over = region, [], [], False

    def run(self):
        while not self.over:
            request = v1.PublishRequest(events=[event("worker.registered", region=self.region)])
            began = time.monotonic()
            (result,) = self.call(request, timeout=20).results
            self.times.append((time.monotonic(), time.monotonic() - began))
            assert result.outcome == v1.PublishResult.OUTCOME_STORED, result
            self.positions.append(result.position)


def tell(name, times):
    ordered = sorted(times)
    print(f"{name:28} {len(ordered):7} answers  median {statistics.median(ordered) * 1e3:6.2f} ms  "
          f"p99 {ordered[len(ordered) * 99 // 100] * 1e3:6.2f} ms  longest {ordered[-1] * 1e3:6.2f} ms")


def prepare():
    """Two policies as they are sent: an agency suspended, and taken back."""
    kept = policies.from_folder()
    other = policies.from_folder()
    next(agency for agency in other.agencies if agency.id == "kl.komdigi").suspended = True
    return [v1.ApplyPolicyRequest(policy=policy).SerializeToString() for policy in (other, kept)]


def switch(ex, prepared, until):
    """Replaces the policy until then; how often. Bytes go out and come in as they are: making messages of
    them would stop the publishers, which are of this process."""
    apply = ex.channel("operator/admin").unary_unary("/berbagi.v1.PolicyService/ApplyPolicy")
    count = 0
    while time.monotonic() < until:
        expected = v1.ApplyPolicyRequest(expected_version=ex.version + count).SerializeToString()
        apply(prepared[count % 2] + expected, timeout=20)
        count += 1
        time.sleep(0.05)
    return count


def rehearse(ex, until):
    """Rehearses the policy until then; how many events were looked at."""
    looked_at = 0
    while time.monotonic() < until:
        request = v1.RehearsePolicyRequest(policy=policies.from_folder())
        looked_at += list(ex.policy().RehearsePolicy(request))[-1].events_total
    return looked_at


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        ex = stack.enter_context(Exchange(Ca(pathlib.Path(folder) / "ca"), pathlib.Path(folder) / "exchange"))
        ex.apply(policies.from_folder())
        streams = [ex.subscribe(agency) for agency in ("kl.kp2mi", "kab.18.07")]
        publishers = [Publisher(ex, agency, region)
                      for agency, region in (("kab.18.07", "18.07"), ("kab.35.09", "35.09"))]
        for publisher in publishers:
            publisher.start()
        prepared = prepare()
        began = time.monotonic()
        time.sleep(seconds / 3)
        switching = time.monotonic()
        switches = switch(ex, prepared, switching + seconds / 3)
        rehearsing = time.monotonic()
        looked_at = rehearse(ex, rehearsing + seconds / 3)
        for publisher in publishers:
            publisher.over = True
        for publisher in publishers:
            publisher.join()

        times = [answer for publisher in publishers for answer in publisher.times]
        tell("undisturbed", [took for at, took in times if began < at < switching])
        tell(f"{switches} switches", [took for at, took in times if switching <= at < rehearsing])
        tell(f"rehearsal of {looked_at} events", [took for at, took in times if at >= rehearsing])
        positions = sorted(position for publisher in publishers for position in publisher.positions)
        assert positions == list(range(1, len(positions) + 1)), "an event was lost or stored twice"
        streams[0].wait_through(len(positions))
        assert streams[0].positions == positions, "a delivery is missing"
        print(f"{len(positions)} events stored, each once, and delivered to the ministry")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"policy_switch: {error.code()}: {error.details()}")
