"""berbagid --verify: what it looks at, what it names, and what it leaves alone."""

import os
import re
import shutil

import pytest

import broken
import exchange
import policies
from exchange import wait_until

EVENTS = 120


# As of the servers, whose environment it is: --verify takes its options from the command line alone.
MAP_SIZE = os.environ.get("BERBAGID_MAP_SIZE", "1024")


def verify(data, *options):
    done = exchange.run("berbagid", "--verify", data, "--map-size", MAP_SIZE, *options)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def ex(make_exchange):
    """Some events whose texts can be found in the files."""
    running = make_exchange(policies.small())
    running.store("kab.18.07", *(exchange.event(
        "village.monitoring.recorded", at=1773300000, payload={"remark": f"remark number {n:04}."})
        for n in range(1, EVENTS + 1)))
    return running


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.mdb")
            if path.name != "lock.mdb"}


def test_a_sound_folder_is_counted_and_left_as_it_is(ex):
    ex.stop()
    before = content(ex.data)
    code, out, err = verify(ex.data)
    assert (code, err) == (0, "")
    assert f"{EVENTS} of them events; index up to position {EVENTS}; 0 damaged" in out
    assert content(ex.data) == before
    ex.start()
    assert ex.head() == EVENTS


def test_what_a_killed_server_left_in_its_log_is_counted_too(ex):
    ex.kill()
    code, out, _ = verify(ex.data)
    assert code == 0 and f"{EVENTS} of them events" in out
    ex.start()
    assert len(ex.fetch_all("kl.kp2mi")[0]) == EVENTS


def test_a_damaged_event_is_named_by_its_position(ex):
    ex.stop()
    broken.flip(ex.data / "journal" / "data.mdb", "remark number 0050.")
    code, out, _ = verify(ex.data)
    assert code == 1
    assert re.search(r"^damaged: journal, entry \d+, position 50: fails its check$", out, re.M), out
    assert "1 damaged" in out and "remark" not in out


def test_an_index_that_is_missing_is_no_damage(ex):
    ex.stop()
    shutil.rmtree(ex.data / "index")
    code, out, _ = verify(ex.data)
    assert code == 0 and "index up to position 0" in out


def test_an_index_of_another_log_is_found(ex, make_exchange):
    other = make_exchange(policies.small())
    other.store("kab.18.07", *(exchange.event("village.monitoring.recorded", at=1773300000)
                               for _ in range(EVENTS)))
    ex.stop(), other.stop()
    shutil.rmtree(ex.data / "index")
    shutil.copytree(other.data / "index", ex.data / "index")
    code, out, _ = verify(ex.data)
    assert code == 1 and "damaged: index, position 1: the id of this event is missing" in out


@pytest.fixture
def record(ex):
    """The file of the audit record, with lines of two lives of a server, now stopped."""
    for _ in range(3):
        ex.apply(policies.small())
    file = max((ex.data / "audit").iterdir())
    wait_until(lambda: file.read_text().count("}\n") == 4)
    ex.restart(kill=True)
    ex.apply(policies.small())
    ex.stop()
    return file


def test_a_line_of_the_audit_record_that_was_changed_or_taken_out_is_named(ex, record):
    lines = record.read_text().splitlines(keepends=True)
    harms = {"changed": [*lines[:2], lines[2].replace("policy.applied", "policy.appliee"), *lines[3:]],
             "taken out": [*lines[:2], *lines[3:]],
             "moved": [*lines[:2], lines[3], lines[2], *lines[4:]]}
    assert f"verified {len(lines)} lines of the audit record" in verify(ex.data)[1]
    for harm, text in harms.items():
        record.write_text("".join(text))
        code, out, _ = verify(ex.data)
        assert code == 1 and f"damaged: audit/{record.name} line 3: is not as it was written" in out, harm
    ex.start()
    assert f"audit.chain_broken file={record.name} line=3" in ex.log.read_text()
    assert ex.head() == EVENTS
    ex.apply(policies.small())
    ex.stop()
    assert verify(ex.data)[1].count("damaged: audit") == 3  # of the two that were moved, and the next


def test_an_audit_record_cut_short_by_a_crash_goes_on(ex, record):
    record.write_bytes(record.read_bytes()[:-30])
    code, out, _ = verify(ex.data)
    assert code == 0 and f"note: audit/{record.name} line 5: was cut short" in out
    ex.start()
    ex.apply(policies.small())
    ex.stop()
    code, out, _ = verify(ex.data)
    assert code == 0 and "verified 5 lines of the audit record" in out
    assert "chain_broken" not in ex.log.read_text()


def test_an_earlier_file_of_the_audit_record_is_held_by_the_next(ex, record):
    earlier = record.rename(record.with_name("2026-01-01.jsonl"))
    ex.start()
    ex.apply(policies.small())
    ex.stop()
    assert verify(ex.data)[0] == 0

    earlier.write_text("".join(earlier.read_text().splitlines(keepends=True)[:-1]))
    code, out, _ = verify(ex.data)
    assert code == 1 and f"damaged: audit/{record.name}: goes on from a line" in out
    earlier.unlink()  # as rules for keeping files may ask
    assert verify(ex.data)[0] == 0


@pytest.mark.parametrize("harm", ["another", "none"])
def test_the_key_of_pseudonyms_belongs_to_it(ex, harm):
    ex.stop()
    key = ex.data / "pseudonym.key"
    kept = key.rename(ex.data / "kept.key")
    if harm == "another":
        key.write_text("0123456789abcdef" * 4 + "\n")
        key.chmod(0o600)
    code, out, _ = verify(ex.data)
    assert code == 1 and "damaged: pseudonym key, position 1: " in out
    assert verify(ex.data, "--pseudonym-key", kept)[0] == 0
    with pytest.raises(AssertionError, match="pseudonym key"):
        ex.start()
    wait_until(lambda: ex.process.poll() is not None)
    kept.rename(key)
    ex.process.stdout.close()
    ex.start()


def test_a_running_server_keeps_its_folder(ex):
    code, out, err = verify(ex.data)
    assert (code, out) == (1, "") and "another server uses this folder" in err
    ex.store("kab.18.07", exchange.event("village.monitoring.recorded", at=1773300000))


def test_a_folder_without_a_journal_is_named_and_nothing_is_made(tmp_path):
    code, out, err = verify(tmp_path / "nowhere")
    assert (code, out) == (1, "") and "nowhere" in err
    assert not (tmp_path / "nowhere").exists()


def test_an_unknown_option_is_told(tmp_path):
    code, _, err = verify(tmp_path, "--colour")
    assert code == 2 and "--colour" in err
