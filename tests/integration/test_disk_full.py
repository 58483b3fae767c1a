"""A disk that runs full: storing stops with a clear error, reading goes on, and all is well when there is space again."""

import os
import subprocess

import grpc
import pytest

import exchange
import policies
import probes
import rows
from contract import Service, health, refused, v1
from exchange import wait_until
from user import User

MIB = 1 << 20
SERVING = health.HealthCheckResponse.SERVING
NOT_SERVING = health.HealthCheckResponse.NOT_SERVING


class Disk:
    """A small file system whose space the test takes and gives back."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def free(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, left):
        """Leaves so many bytes."""
        with open(self.ballast, "ab", buffering=0) as file:
            while (excess := self.free() - left) >= 4096:
                file.write(bytes(min(excess, MIB)))

    def clear(self):
        self.ballast.unlink()


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def exchange_on(disk, ca, tmp_path, reserve):
    running = exchange.Exchange(ca, tmp_path / "exchange", "--disk-reserve", reserve,
                                "--http", "127.0.0.1:0", start=False)
    running.data = disk.folder / "data"
    running.start()
    running.apply(policies.from_folder())
    running.officer = User(running, "kab.18.07", tmp_path / "officer")
    running.ministry = User(running, "kl.kp2mi", tmp_path / "ministry")
    return running


@pytest.fixture
def reserved(disk, ca, tmp_path):
    """An exchange that keeps 4 MiB free."""
    with exchange_on(disk, ca, tmp_path, 4) as running:
        yield running


@pytest.fixture
def bare(disk, ca, tmp_path):
    """An exchange without a reserve: it meets the end of the disk itself."""
    with exchange_on(disk, ca, tmp_path, 0) as running:
        yield running


def healthy(ex, service="berbagi.v1.PublisherService"):
    stub = Service(ex.channel("kl.kp2mi"), "grpc.health.v1.Health")
    return stub.Check(health.HealthCheckRequest(service=service), timeout=20).status


def watches(count, first=0):
    return [exchange.event("village.monitoring.recorded", id=f"w-{number}", at=1773300000,
                           region="18.07.15.2006") for number in range(first, first + count)]


def publish_refused(ex, events):
    return refused(ex.publish, "kab.18.07", events)


def test_below_the_reserve_storing_stops_and_reading_goes_on(disk, reserved):
    reserved.store("kab.18.07", *watches(100))
    assert healthy(reserved) == SERVING and probes.ask(reserved, "/readyz")[0] == 200

    disk.fill(2 * MIB)

    refusal = wait_until(lambda: below_reserve(reserved), what="storing stops")
    assert refusal.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal.retry_seconds > 0
    wait_until(lambda: healthy(reserved) == NOT_SERVING, what="health follows")
    wait_until(lambda: probes.ask(reserved, "/readyz")[0] == 503, what="/readyz follows")
    assert probes.ask(reserved, "/healthz")[0] == 200, "alive all the same"
    assert healthy(reserved, "berbagi.v1.SubscriberService") == SERVING
    head = reserved.head()
    assert len(reserved.ministry.receive("nightly")) == head, "reading and acknowledging"
    assert reserved.ministry.receive("nightly") == []

    disk.clear()

    wait_until(lambda: healthy(reserved) == SERVING, what="health follows")
    wait_until(lambda: probes.ask(reserved, "/readyz")[0] == 200, what="/readyz follows")
    reserved.store("kab.18.07", *watches(100, 5000))
    assert reserved.head() == head + 100


_number = iter(range(100_000, 200_000))


def below_reserve(ex):
    """The refusal of one more event, or None while there is room."""
    try:
        ex.publish("kab.18.07", watches(1, next(_number)))
    except grpc.RpcError:
        refusal = publish_refused(ex, watches(1, next(_number)))
        assert refusal.reason == "DISK_RESERVE", refusal
        return refusal
    return None


def test_below_the_reserve_a_push_waits_and_completes_when_there_is_space(disk, reserved, tmp_path):
    disk.fill(2 * MIB)
    wait_until(lambda: below_reserve(reserved), what="storing stops")
    head = reserved.head()
    file = tmp_path / "rows.jsonl"
    file.write_text(rows.as_jsonl(rows.registrations(500)))
    with reserved.officer.start("push", file) as running:
        running.wait_words("DISK_RESERVE")
        assert reserved.head() == head
        disk.clear()
        done = running.done(30)
    assert (done.code, done.counts) == (0, [500, 0, 0, 0]), done
    assert reserved.head() == head + 500


@pytest.mark.parametrize("left", [2 * MIB, 0], ids=["below the reserve", "no byte left"])
def test_on_a_full_disk_an_agency_can_still_be_suspended(disk, reserved, left):
    """It goes into the log, whose space was taken at the start; and it stands after a restart."""
    disk.fill(left)
    wait_until(lambda: below_reserve(reserved), what="storing stops")
    policy = policies.from_folder()
    next(agency for agency in policy.agencies if agency.id == "kl.komdigi").suspended = True
    reserved.apply(policy)
    assert refused(reserved.fetch, "kl.komdigi").reason == "AGENCY_SUSPENDED"
    reserved.restart(kill=True)
    assert refused(reserved.fetch, "kl.komdigi").reason == "AGENCY_SUSPENDED"
    disk.clear()


def test_disk_full_to_the_last_byte_loses_and_doubles_nothing(disk, bare):
    """Without a reserve a commit fails in the middle: what was acknowledged is there, the rest can be sent again."""
    disk.fill(3 * MIB)
    stored, number, refusal = {}, 0, None
    while refusal is None and number < 100_000:
        events = watches(500, number)
        try:
            results = bare.publish("kab.18.07", events).results
            stored.update((event.id, result.position) for event, result in zip(events, results))
            number += 500
        except grpc.RpcError as error:
            refusal = error
    assert refusal.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert bare.process.poll() is None, bare.log.read_text()

    def seen():
        deliveries, _ = bare.fetch_all("kl.kp2mi")
        assert [delivery.position for delivery in deliveries] == list(range(1, len(deliveries) + 1))
        there = {delivery.event.id: delivery.position for delivery in deliveries}
        assert len(there) == len(deliveries)
        assert stored.items() <= there.items()
        return there

    seen()
    disk.clear()

    def again():
        try:
            return bare.publish("kab.18.07", watches(500, number)).results
        except grpc.RpcError:
            return None

    for event, result in zip(watches(500, number), wait_until(again, what="storing goes on")):
        stored[event.id] = result.position
    assert len(seen()) == len(stored)
    bare.restart(kill=True)
    assert len(seen()) == len(stored)


def test_start_on_a_full_disk_says_so_or_serves_readers(disk, reserved):
    """Coming up with less than the reserve: readers are served, publishers told why not."""
    reserved.store("kab.18.07", *watches(10))
    reserved.stop()
    disk.fill(MIB)
    reserved.start()
    assert len(reserved.ministry.receive()) == 10
    assert wait_until(lambda: below_reserve(reserved)).reason == "DISK_RESERVE"
    disk.clear()
    wait_until(lambda: healthy(reserved) == SERVING, what="recovered")
