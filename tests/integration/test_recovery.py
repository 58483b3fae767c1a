"""What holds when the server dies, its folder is harmed, or it is started where it cannot run."""

import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import grpc
import pytest

import broken
import exchange
import policies
import rows
import samples
from contract import refused, v1
from exchange import wait_until
from user import User

STORED = v1.PublishResult.OUTCOME_STORED
DUPLICATE = v1.PublishResult.OUTCOME_DUPLICATE


@pytest.fixture
def own(make_exchange, tmp_path):
    running = make_exchange(policies.from_folder())
    running.officer = User(running, "kab.18.07", tmp_path / "officer")
    running.ministry = User(running, "kl.kp2mi", tmp_path / "ministry")
    running.admin = User(running, "operator/admin", tmp_path / "admin")
    return running


def push(own, first, count):
    content = rows.as_jsonl(rows.registrations(count, first)).encode()
    done = own.officer.push("--format", "jsonl", "-", stdin=content)
    assert done.code == 0, done
    return done.counts


def status(own):
    return own.operator().GetStatus(v1.GetStatusRequest(), timeout=exchange.DEADLINE)


def watch(number):
    """An event with an id of its own."""
    return exchange.event("village.monitoring.recorded", id=f"watch-{number}",
                          subject=samples.subject(number), region="18.07.15.2006", at=1773300000)


# kill -9


class Load:
    """Publishers that go on until the server is gone, and remember what was acknowledged."""

    def __init__(self, ex, first, threads=3):
        self.acknowledged = {}
        self.sent = []
        self._next = first
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._publish, args=(ex.publisher("kab.18.07"),))
                         for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _take(self, count):
        with self._lock:
            events = [watch(number) for number in range(self._next, self._next + count)]
            self._next += count
            self.sent += events
            return events

    def _publish(self, publisher):
        while True:
            events = self._take(20)
            try:
                results = publisher.Publish(v1.PublishRequest(events=events), timeout=20).results
            except grpc.RpcError:
                return
            with self._lock:
                for event, result in zip(events, results):
                    assert result.outcome == STORED, result
                    self.acknowledged[event.id] = result.position

    def join(self):
        for thread in self._threads:
            thread.join(30)


def test_kill_at_any_moment_keeps_what_was_acknowledged(own):
    """Rounds of load and kill -9; whatever was acknowledged is there once, at the position told."""
    seed = int(os.environ.get("BERBAGI_SEED", time.time_ns() % 10_000))
    print(f"BERBAGI_SEED={seed}")
    chance = random.Random(seed)
    acknowledged, first = {}, 1
    for _ in range(4):
        load = Load(own, first)
        goal = chance.randrange(1, 800)
        wait_until(lambda: len(load.acknowledged) >= goal, what="load")
        time.sleep(chance.random() / 100)  # somewhere between two answers
        own.process.kill()
        load.join()
        own.kill()
        own.start()
        acknowledged.update(load.acknowledged)

        deliveries, _ = own.fetch_all("kl.kp2mi")
        there = {delivery.event.id: delivery.position for delivery in deliveries}
        assert [delivery.position for delivery in deliveries] == list(range(1, own.head() + 1))
        assert len(there) == len(deliveries), "an id twice"
        assert {id: there.get(id) for id in acknowledged} == acknowledged

        unknown = [event for event in load.sent if event.id not in load.acknowledged]
        for result, event in zip(own.publish("kab.18.07", unknown).results, unknown):
            assert (result.outcome == DUPLICATE) == (event.id in there)
            acknowledged[event.id] = result.position
        first += len(load.sent)


def test_killed_before_any_policy_starts_empty(make_exchange):
    running = make_exchange()
    for _ in range(3):
        running.restart(kill=True)
    running.apply(policies.from_folder())
    assert running.head() == 0


def test_restart_keeps_policy_subscriptions_and_log(own):
    push(own, 1, 30)
    own.ministry.receive("nightly")
    push(own, 31, 10)
    before, list_before = status(own), own.ministry.run("subscriptions", "list").out
    shown = own.admin.run("policy", "show").out
    for kill in (False, True):
        own.restart(kill=kill)
        after = status(own)
        assert (after.log_id, after.policy_version) == (before.log_id, before.policy_version)
        assert after.head_position == before.head_position == 40
        assert own.admin.run("policy", "show").out == shown
        assert own.ministry.run("subscriptions", "list").out == list_before
    assert [event["position"] for event in own.ministry.receive("nightly")] == list(range(31, 41))


# The index


@pytest.mark.parametrize("harm, kill", [("deleted", False), ("deleted", True), ("emptied", True),
                                        ("of another log", False), ("garbage", True)])
def test_index_that_is_lost_is_made_again(own, make_exchange, harm, kill):
    """Reading goes on meanwhile; a push waits if it must, and is told of duplicates as before."""
    push(own, 1, 2000)
    own.kill() if kill else own.stop()
    index = own.data / "index"
    if harm == "garbage":
        (index / "data.mdb").write_bytes(b"\xa5" * 100_000)
    else:
        shutil.rmtree(index)
    if harm == "emptied":
        index.mkdir()
    if harm == "of another log":
        other = make_exchange(policies.from_folder())
        other.store("kab.18.07", *[watch(number) for number in range(10)])
        other.stop()
        shutil.copytree(other.data / "index", index)
    own.start()
    assert len(own.ministry.receive()) == 2000
    assert push(own, 1, 2010) == [10, 2000, 0, 0]
    wait_until(lambda: status(own).indexed_position == 2010, what="index complete")


# Harm to the journal


def subject_at(exchange, position):
    """The end of a pseudonym: like nothing in another event, and so it is stored as it is."""
    page = exchange.fetch("kl.kp2mi", after_position=position - 1, max_events=1)
    return page.batch.deliveries[0].event.subject[-8:]


def test_flipped_bit_is_found_and_never_delivered(own):
    """What stands before it is delivered; there the stream ends with DATA_LOSS and says so."""
    push(own, 1, 600)
    victim = subject_at(own, 200)
    own.stop()
    spoilt = broken.flip(own.data / "journal" / "data.mdb", victim)
    own.start()
    done = own.ministry.run("subscribe", "--until-head")
    assert done.code == 1 and "DATA_CORRUPT" in done.err, done
    assert len(done.events) == 199
    assert victim not in done.out and spoilt not in done.out
    assert victim not in own.log.read_text() and spoilt not in own.log.read_text()
    refusal = refused(own.fetch, "kl.kp2mi", after_position=199)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.DATA_LOSS, "DATA_CORRUPT")


def test_flipped_bit_in_the_newest_event_keeps_the_server_from_starting(own):
    """Nothing may be added to a log whose end is not known to be sound."""
    push(own, 1, 20)
    victim = subject_at(own, 20)
    own.stop()
    broken.flip(own.data / "journal" / "data.mdb", victim)
    said = start_fails(own)
    assert victim not in said and "SUPARTINAH" not in said and "fails its check" in said


def start_fails(own, *options, code=1):
    """What a server that must not start says: one line."""
    done = subprocess.run([*own.command(), *map(str, options)], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == code and done.stdout == "", done
    assert done.stderr.count("\n") == 1, done
    return done.stderr


@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_log_that_is_not_whole_after_a_kill_keeps_the_server_from_starting(own, harm):
    """What was acknowledged last may stand there alone; after a stop in good order nothing does."""
    push(own, 1, 20)
    own.kill()
    file = own.data / "journal" / "wal" / "00"
    content = file.read_bytes()
    file.unlink()
    if harm == "cut":
        file.write_bytes(content[:len(content) // 2])
    said = start_fails(own)
    assert str(file) in said and "acknowledged" in said
    file.write_bytes(content)
    own.start()
    assert status(own).head_position == 20
    own.stop()
    shutil.rmtree(file.parent)
    own.start()
    assert status(own).head_position == 20


@pytest.mark.parametrize("harm", ["cut", "garbage", "another's"])
def test_journal_that_is_none_is_refused_and_left_as_it_is(own, harm):
    push(own, 1, 200)
    own.stop()
    file = own.data / "journal" / "data.mdb"
    content = file.read_bytes()
    spoilt = {"cut": content[:len(content) // 2], "garbage": b"\xa5" * len(content),
              "another's": b"SQLite format 3\0" + bytes(9000)}[harm]
    file.write_bytes(spoilt)
    said = start_fails(own)
    assert "journal" in said
    assert file.read_bytes().startswith(spoilt)


def test_folder_of_another_version_is_refused(own):
    log_id = status(own).log_id
    own.stop()
    for version, word in [(4, "newer"), (2, "older")]:
        broken.age(own.data, log_id, version)
        said = start_fails(own)
        assert "journal" in said and f"{word} version (format {version}" in said, said
        broken.age(own.data, log_id, 3, was=version)
    own.start()


def test_key_of_pseudonyms_that_is_lost_is_not_replaced_in_silence(own):
    """Another key would give every worker a new reference, and every retry of a NIK would be stored again."""
    push(own, 1, 5)
    own.stop()
    key = own.data / "pseudonym.key"
    kept = key.read_bytes()
    key.unlink()
    said = start_fails(own)
    assert "pseudonym" in said and not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    own.start()
    assert push(own, 1, 5) == [0, 5, 0, 0]


# Started where it cannot run


def test_second_server_on_a_folder_is_refused(own):
    said = start_fails(own)
    assert str(own.data) in said and "another" in said
    push(own, 1, 1)


def test_port_in_use_is_named(own, make_exchange):
    other = make_exchange(start=False)
    other.address = own.address
    done = subprocess.run(other.command(own.address), capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and own.address in done.stderr and "in use" in done.stderr, done


def test_port_of_the_probes_in_use_is_named(make_exchange):
    other = make_exchange(start=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        assert address in start_fails(other, "--http", address)


def test_folder_that_cannot_be_written_is_named(make_exchange):
    other = make_exchange(start=False)
    other.data.mkdir()
    if os.geteuid() != 0:
        other.data.chmod(0o500)
    elif subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", other.data],
                        capture_output=True).returncode != 0:
        pytest.skip("root may write everywhere, and mounting is not permitted here")
    try:
        assert str(other.data) in start_fails(other)
    finally:
        if os.path.ismount(other.data):
            subprocess.run(["umount", other.data], check=True)


def test_folder_that_is_a_file_is_named(make_exchange):
    other = make_exchange(start=False)
    other.data.write_text("not a folder")
    assert str(other.data) in start_fails(other)
    assert other.data.read_text() == "not a folder"


@pytest.mark.parametrize("options, code, word", [
    (["--listen", "nonsense"], None, "nonsense"),
    (["--listen", "127.0.0.1:70000"], None, "70000"),
    (["--http", "127.0.0.1:70000"], None, "70000"),
    (["--colour", "blue"], 2, "--colour"),
    (["--cert", "/nowhere.pem"], None, "/nowhere.pem"),
    (["--ca", "/nowhere.pem"], None, "/nowhere.pem"),
    (["--key", "/nowhere.key"], None, "/nowhere.key"),
    (["--schema", "/nowhere.pb"], None, "/nowhere.pb"),
    (["--config", "/nowhere.yaml"], None, "/nowhere.yaml"),
    (["--disk-reserve", "much"], 2, "disk-reserve"),
    (["--map-size", "0"], 2, "map-size"),
    (["--connection-memory", "1"], 2, "connection-memory"),
    (["--log-level", "loud"], 2, "log-level"),
])
def test_option_that_cannot_be_is_told_in_one_line(make_exchange, options, code, word):
    other = make_exchange(start=False)
    done = subprocess.run([*other.command(), *options], capture_output=True, text=True, timeout=3)
    assert done.returncode == (code or done.returncode) and done.returncode in (1, 2), done
    assert word in done.stderr and done.stderr.count("\n") == 1, done


def test_config_file_unknown_key_is_told_with_file_line_and_key(make_exchange, tmp_path):
    config = tmp_path / "berbagid.yaml"
    config.write_text("# ours\nlog-level: info\ncolour: blue\n")
    said = start_fails(make_exchange(start=False), "--config", config, code=2)
    assert f"{config}:3" in said and "colour" in said


def test_config_file_holds_what_flags_hold(make_exchange, tmp_path):
    other = make_exchange(start=False)
    words = other.command()[1:]
    settings = {words[i][2:]: words[i + 1] for i in range(0, len(words), 2)}
    config = tmp_path / "berbagid.yaml"
    config.write_text("".join(f'{name}: "{value}"\n' for name, value in settings.items()))
    other.command = lambda listen="": [exchange.binary("berbagid"), "--config", str(config)]
    other.start()
    other.apply(policies.from_folder())


def test_key_of_the_server_that_others_may_read_is_refused(make_exchange, ca, tmp_path):
    copy = tmp_path / "open.key"
    shutil.copy(ca.identity("server/main").key, copy)
    copy.chmod(0o644)
    assert str(copy) in start_fails(make_exchange(start=False), "--key", copy)


# Stopped in good order


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stop_ends_streams_with_unavailable_and_exits_0(own, how):
    push(own, 1, 10)
    streams = [own.subscribe("kl.kp2mi"), own.subscribe("kl.kp2mi", subscription="nightly")]
    for stream in streams:
        stream.wait_through(10)
    own.process.send_signal(how)
    for stream in streams:
        refusal = stream.wait_end()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN"), refusal
    assert own.process.wait(20) == 0


def test_stop_is_over_when_all_calls_have_ended(make_exchange):
    """Several tries, for it is a race."""
    running = make_exchange(policies.from_folder(), "--stop-grace", "60")
    running.store("kab.18.07", watch(1))
    for _ in range(10):
        running.head()
        streams = [running.subscribe("kl.kp2mi") for _ in range(3)]
        for stream in streams:
            stream.wait_through(1)
        running.process.send_signal(signal.SIGTERM)
        for stream in streams:
            stream.wait_end()
        try:
            assert running.process.wait(4) == 0
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        running.disconnect()
        running.start()


def test_a_smaller_map_lets_it_live_in_less_address_space(make_exchange):
    if exchange.is_sanitized():
        pytest.skip("the sanitizers need all the address space for themselves")

    def in_four_gib():
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    other = make_exchange(start=False)
    refused = subprocess.run(other.command(), preexec_fn=in_four_gib, capture_output=True, text=True, timeout=10)
    assert refused.returncode == 1 and "journal" in refused.stderr, refused
    running = subprocess.Popen([*other.command(), "--map-size", "1"], preexec_fn=in_four_gib, stdout=subprocess.PIPE, text=True)
    assert running.stdout.readline().startswith("ready ")
    running.terminate()
    assert running.wait(timeout=20) == 0
