"""A backup is taken while the exchange serves, is of use to nobody but its recipient, and comes back whole."""

import json
import shutil
import subprocess
import threading

import pytest

import exchange
import policies
import samples
from contract import refused, v1
from exchange import event
from user import User

KP2MI, KEMLU = "kl.kp2mi", "kl.kemlu"
SECRET = "Sri Wahyuningsih of Way Jepara"


@pytest.fixture(scope="module")
def recipient(tmp_path_factory):
    """Whoever keeps the key of the backups."""
    folder = tmp_path_factory.mktemp("recipient")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=escrow",
                    "-keyout", folder / "escrow.key", "-out", folder / "escrow.pem"],
                   check=True, capture_output=True)
    (folder / "escrow.key").chmod(0o600)
    return exchange.Identity(folder / "escrow.pem", folder / "escrow.key")


@pytest.fixture
def own(make_exchange, recipient, tmp_path):
    running = make_exchange(policies.from_folder(), "--backup-recipient", recipient.cert)
    running.dewi = User(running, "operator/dewi", tmp_path / "dewi")
    return running


def restore(file, recipient, data):
    return exchange.run("berbagid", "--restore", file, "--restore-key", recipient.key,
                        "--data", data)


LATER = b"\xfa\xff\x01\xe0\xd4\x03" + b"x" * 60000  # a field of a later version


def fill(ex):
    """More than gRPC keeps for a reader that takes nothing: 24 MiB."""
    data = samples.payload("case.opened").SerializeToString() + LATER
    for _ in range(8):
        ex.store(KP2MI, *[event("case.opened", data=data) for _ in range(50)])


def all_events(ex, agency=KP2MI):
    deliveries, _ = ex.fetch_all(agency)
    return {d.position: d.event.SerializeToString(deterministic=True) for d in deliveries}


def test_a_backup_under_load_comes_back_whole(own, recipient, make_exchange, tmp_path):
    file = tmp_path / "exchange.backup"
    stored = own.store(KP2MI, *[event("case.opened") for _ in range(1000)])
    stream = own.subscribe(KEMLU, subscription="cases").wait_through(1000)
    stream.acknowledge(700)
    exchange.wait_until(lambda: acknowledged(own) == 700)
    stop, more = threading.Event(), []

    def publish():
        while not stop.is_set():
            more.extend(own.store(KP2MI, *[event("case.opened") for _ in range(20)]))

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        done = own.dewi.run("operator", "backup", file)
    finally:
        stop.set()
        publisher.join()
    assert done.code == 0 and "entries" in done.err, done
    before = all_events(own)

    again = make_exchange(None, "--backup-recipient", recipient.cert, start=False)
    restored = restore(file, recipient, again.data)
    assert restored.returncode == 0, restored
    shutil.copy(own.data / "pseudonym.key", again.data)
    again.start()
    after = all_events(again)
    assert list(after) == list(range(1, len(after) + 1)) and len(after) >= len(stored)
    assert after == {position: before[position] for position in after}
    assert acknowledged(again) == 700
    status = again.operator().GetStatus(v1.GetStatusRequest(), timeout=exchange.DEADLINE)
    assert status.policy_version == own.version

    # It goes on: a repeat is a duplicate, a new event follows, and readers of the old log are told.
    again.version = own.version
    repeated = v1.Event.FromString(before[1])
    result = again.publish(KP2MI, [repeated]).results[0]
    assert result.outcome == v1.PublishResult.OUTCOME_DUPLICATE and result.position == 1
    assert again.store(KP2MI, event("case.opened")) == [len(after) + 1]
    old = own.fetch(KP2MI).log_id
    assert again.fetch(KP2MI).log_id != old
    refusal = refused(again.fetch, KP2MI, log_id=old, after_position=5)
    assert refusal.reason == "LOG_CHANGED"


def acknowledged(ex):
    listed = ex.subscriber("operator/admin").ListSubscriptions(
        v1.ListSubscriptionsRequest(agency=KEMLU), timeout=exchange.DEADLINE)
    return {s.name: s.acknowledged_position for s in listed.subscriptions}.get("cases")


def test_a_backup_shows_nothing(own, tmp_path):
    file = tmp_path / "exchange.backup"
    own.store(KP2MI, event("case.opened", payload={"health_condition": SECRET}))
    assert own.dewi.run("operator", "backup", file).code == 0
    assert SECRET.encode() not in file.read_bytes() and b"case.opened" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert SECRET not in own.log.read_text()


@pytest.mark.parametrize("who, reason", [("operator/admin", "NO_ROLE"), (KP2MI, "WRONG_KIND"),
                                         ("operator/nobody", "UNKNOWN_OPERATOR")])
def test_only_the_role_backup_may(own, who, reason, tmp_path):
    done = User(own, who, tmp_path / "home").run("operator", "backup", tmp_path / "file")
    assert done.code == 1 and reason in done.err, done
    assert not list(tmp_path.glob("file*"))


def test_without_a_recipient_there_are_no_backups(make_exchange, tmp_path):
    running = make_exchange(policies.from_folder())
    done = User(running, "operator/dewi", tmp_path / "home").run("operator", "backup", "file")
    assert done.code == 1 and "NO_BACKUP_RECIPIENT" in done.err, done


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_recipient_that_is_none_keeps_the_server_from_starting(make_exchange, tmp_path, content):
    file = tmp_path / "recipient.pem"
    file.write_text(content)
    running = make_exchange(None, "--backup-recipient", file, start=False)
    done = subprocess.run(running.command(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and str(file) in done.stderr, done


def test_a_backup_is_on_the_audit_record(own, tmp_path):
    own.store(KP2MI, event("case.opened"))
    assert own.dewi.run("operator", "backup", tmp_path / "file").code == 0

    def recorded():
        lines = [json.loads(line) for file in own.data.glob("audit/*.jsonl")
                 for line in file.read_text().splitlines()]
        return [line for line in lines if line["kind"] == "backup"]

    line, = exchange.wait_until(recorded)
    assert line["who"] == "operator/dewi" and line["position"] == 1 and line["serial"]


def test_one_backup_at_a_time(own, tmp_path):
    fill(own)
    call = own.operator("operator/dewi").Backup(v1.BackupRequest(), timeout=60)
    first = next(call)
    done = own.dewi.run("operator", "backup", tmp_path / "file")
    assert done.code == 1 and "BUSY" in done.err, done
    rest = [chunk.data for chunk in call]
    assert first.data[:1] == b"H" and rest[-1][:1] == b"L"
    assert own.dewi.run("operator", "backup", tmp_path / "file").code == 0


def test_a_reader_that_goes_away_leaves_the_place_to_the_next(own, tmp_path):
    fill(own)
    call = own.operator("operator/dewi").Backup(v1.BackupRequest(), timeout=60)
    next(call)
    call.cancel()
    exchange.wait_until(
        lambda: own.dewi.run("operator", "backup", tmp_path / "file").code == 0)


def test_a_file_that_is_there_is_left_alone(own, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    done = own.dewi.run("operator", "backup", file)
    assert done.code == 1 and "already" in done.err and file.read_text() == "mine", done


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_backup_into_a_full_disk_leaves_nothing(own, small_disk):
    data = samples.payload("case.opened").SerializeToString() + LATER
    own.store(KP2MI, *[event("case.opened", data=data) for _ in range(4)])
    done = own.dewi.run("operator", "backup", small_disk / "file")
    assert done.code == 1 and "No space left" in done.err, done
    assert not list(small_disk.iterdir())


def test_a_place_that_cannot_be_is_told(own):
    done = own.dewi.run("operator", "backup", "/dev/full/file")
    assert done.code == 1 and "/dev/full/file" in done.err, done


def test_a_restore_says_what_is_wrong(own, recipient, tmp_path):
    file, data = tmp_path / "file", tmp_path / "restored"
    own.store(KP2MI, event("case.opened"))
    assert own.dewi.run("operator", "backup", file).code == 0
    whole = file.read_bytes()

    other = own.ca.identity("operator/dewi")
    assert "another key" in restore(file, other, data).stderr
    file.write_bytes(whole[:-10])
    assert "page" in restore(file, recipient, data).stderr
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "page" in restore(file, recipient, data).stderr
    file.write_bytes(b"not a backup")
    assert "not a backup" in restore(file, recipient, data).stderr
    assert "No such file" in restore(tmp_path / "none", recipient, data).stderr
    assert not (data / "journal").exists()
    file.write_bytes(whole)
    assert restore(file, recipient, data).returncode == 0
    assert "already" in restore(file, recipient, data).stderr
    assert restore(file, recipient, own.data).returncode == 1
