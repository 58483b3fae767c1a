"""A disk that fails and comes back, a clock that jumps, no descriptors left: what is endangered stops, loudly, and nothing else."""

import resource

import grpc
import pytest

import exchange
import policies
import probes
from contract import Refusal, refused, v1
from exchange import wait_until
from faults import Faults

UNAVAILABLE, RESOURCE_EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED
TWO_DAYS = 2 * 86_400  # so far is the clock ahead, lest it fall behind the first day of certificates
NO_WRITES = ("open", "write", "durable-write", "flush", "resize", "mkdir")


@pytest.fixture
def ex(ca, tmp_path):
    """An exchange whose disk and clock obey ex.faults."""
    running = exchange.Exchange(ca, tmp_path / "exchange", "--http", "127.0.0.1:0", start=False)
    running.faults = Faults(tmp_path, running.data)
    running.environment = running.faults.environment
    running.start()
    running.apply(policies.small())
    yield running
    running.faults.plan()
    running.close()


def watches(count):
    return [exchange.event("village.monitoring.recorded", at=1773300000) for _ in range(count)]


def store(ex, count=1):
    return ex.store("kab.18.07", *watches(count))


def stored_at_last(ex):
    """Publishing goes on within a few seconds of the end of a fault; whatever became of it before, once."""
    event = watches(1)

    def again():
        try:
            (result,) = ex.publish("kab.18.07", event).results
            return result.position
        except grpc.RpcError as error:
            assert error.code() in (UNAVAILABLE, RESOURCE_EXHAUSTED), Refusal(error)
            return None

    return wait_until(again, what="storing goes on")


def everything(ex):
    deliveries, _ = ex.fetch_all("kl.kp2mi")
    assert [one.position for one in deliveries] == list(range(1, len(deliveries) + 1))
    ids = [one.event.id for one in deliveries]
    assert len(set(ids)) == len(ids)
    return ids


@pytest.mark.parametrize("error", ["EIO", "EROFS"])
def test_a_disk_that_takes_nothing_stops_storing_and_nothing_else(ex, error):
    store(ex, 20)
    stream = ex.subscribe("kl.kp2mi").wait_through(20)
    known = everything(ex)

    ex.faults.plan(*(f"{error} {call} * 1+" for call in NO_WRITES))

    lost = watches(1)
    refusal = refused(ex.publish, "kab.18.07", lost)
    assert (refusal.code, refusal.reason) == (UNAVAILABLE, "STORE_FAILED"), refusal
    wait_until(lambda: probes.ask(ex, "/readyz")[0] == 503, what="/readyz follows")
    assert probes.ask(ex, "/healthz")[0] == 200
    assert everything(ex)[:20] == known and not stream.ended

    ex.faults.plan()

    position = stored_at_last(ex)
    wait_until(lambda: probes.ask(ex, "/readyz")[0] == 200, what="/readyz follows")
    stream.wait_through(position)
    (again,) = ex.publish("kab.18.07", lost).results
    assert again.outcome in (v1.PublishResult.OUTCOME_STORED, v1.PublishResult.OUTCOME_DUPLICATE)
    before = everything(ex)
    ex.restart(kill=True)
    assert everything(ex) == before and before[:20] == known


@pytest.mark.parametrize("rule", [
    "EIO flush journal/wal/* 1", "short write journal/wal/* 1", "ENOSPC write journal/wal/* 1",
    "EIO flush journal/data.mdb 1", "short write journal/data.mdb 1",
    "EIO durable-write journal/data.mdb 1", "EIO flush index/* 1+", "ENOSPC write index/* 1+"])
def test_a_single_fault_is_refused_or_not_felt(ex, rule):
    """What was told is there afterwards, and what was not is there once or not at all."""
    told = []
    ex.faults.plan(rule)
    for _ in range(30):
        events = watches(3)
        try:
            ex.store("kab.18.07", *events)
            told += [event.id for event in events]
        except grpc.RpcError as error:
            assert error.code() in (UNAVAILABLE, RESOURCE_EXHAUSTED), Refusal(error)
    wait_until(ex.faults.fired, what="the fault")
    stored_at_last(ex)
    assert set(told) <= set(everything(ex))
    ex.faults.plan()
    ex.restart(kill=True)
    assert set(told) <= set(everything(ex))


def test_a_clock_that_jumps_takes_no_event_out_of_order(ex):
    """Back by a day, ahead by a month; streams stay open."""
    ex.faults.shift_clock(TWO_DAYS)
    stream = ex.subscribe("kl.kp2mi", bookmark_interval_ms=1000)
    first = store(ex)[0]
    for seconds in (-1, -86_400, 3_600, 30 * 86_400, 0):
        ex.faults.shift_clock(TWO_DAYS + seconds)
        stream.wait_through(store(ex, 3)[-1])
    times = [one.recorded_at.ToNanoseconds() for one in stream.deliveries]
    assert times == sorted(times) and len(times) == 16 and first == 1


def test_an_agreement_that_ended_is_not_revived_by_a_clock_set_back(ex):
    policy = policies.small()
    policy.agreements[0].id = "mou-1"
    today = exchange.time.time()
    policy.agreements[0].valid_to = exchange.time.strftime(
        "%Y-%m-%d", exchange.time.gmtime(today + 7 * 3600))
    ex.apply(policy)
    store(ex)
    stream = ex.subscribe("kl.kp2mi").wait_through(1)

    ex.faults.shift_clock(86_400)
    assert stream.wait_end(5).reason == "AGREEMENT_ENDED"
    ex.faults.shift_clock(0)

    assert refused(ex.fetch, "kl.kp2mi").reason == "NO_RIGHT"


def test_without_descriptors_open_streams_go_on_and_new_ones_wait(ex):
    store(ex)
    stream = ex.subscribe("kl.kp2mi").wait_through(1)
    used = len(list((exchange.pathlib.Path("/proc") / str(ex.process.pid) / "fd").iterdir()))
    soft, hard = resource.prlimit(ex.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(ex.process.pid, resource.RLIMIT_NOFILE, (used + 2, hard))
    crowd = [ex.channel(None, ex.ca.identity("kab.35.09")) for _ in range(12)]
    asked = [exchange.Service(channel, "berbagi.v1.SubscriberService").Fetch.future(
        v1.FetchRequest(), timeout=2, wait_for_ready=True) for channel in crowd]

    ended = [future.exception() for future in asked]

    assert any(error is not None for error in ended), "the bound was not reached"
    assert stream.wait_through(store(ex)[0]).positions == [1, 2], "others go on"
    resource.prlimit(ex.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for channel in crowd:
        channel.close()
    fresh = ex.channel(None, ex.ca.identity("kab.35.09"))
    exchange.Service(fresh, "berbagi.v1.SubscriberService").Fetch(
        v1.FetchRequest(), timeout=20, wait_for_ready=True)
    fresh.close()
    store(ex, 5)
