"""The checker finds each broken promise in forged logs: a check that finds nothing proves nothing."""

import pytest

import check


def sent(*ids):
    return [{"what": "sent", "events": [(id, f"digest of {id}", "a.type", "18.07") for id in ids]}]


def answered(*pairs, outcome="OUTCOME_STORED"):
    return [{"what": "answered", "events": [(id, outcome, position) for id, position in pairs]}]


def stored(*ids):
    return [(position, id, f"digest of {id}") for position, id in enumerate(ids, 1)]


@pytest.fixture
def truth():
    truth = check.Truth()
    truth.publisher_said(sent("a", "b", "c", "d") + answered(("a", 1), ("b", 2)))
    return truth


@pytest.fixture
def reader(truth):
    truth.grow(stored("a", "b", "c"))
    return check.Reader("reader", truth, lambda sent: True)


def session(*through, after=0, digest="digest of {}"):
    entries, place = [{"what": "opened", "after": after}], after
    for end in through:
        entries.append({"what": "received", "through": end, "events": [
            (position, digest.format("abcd"[position - 1])) for position in range(place + 1, end + 1)]})
        place = end
    return entries


def test_what_holds_passes(truth, reader):
    truth.all_there()
    truth.same(stored("a", "b", "c"))
    reader.said(session(1, 3) + [{"what": "acknowledged", "through": 2}] + session(3, after=2))
    assert reader.received == 4 and reader.through == 3


def test_an_unacknowledged_event_may_be_missing_or_there(truth):
    truth.grow(stored("a", "b", "d"))
    truth.all_there()


@pytest.mark.parametrize("log", [
    [], stored("a"), stored("b", "a"), stored("a", "c", "b"), stored("a", "b", "b"),
    stored("a", "b", "nobody's"), stored("a", "b")[1:], [(1, "a", "other bytes"), (2, "b", "digest of b")]],
    ids=["all lost", "one lost", "swapped", "moved", "double", "foreign", "gap", "other bytes"])
def test_a_log_that_is_not_what_was_acknowledged_is_found(truth, log):
    with pytest.raises(check.Broken):
        truth.grow(log)
        truth.all_there()


@pytest.mark.parametrize("entries", [
    answered(("a", 3)), answered(("d", 4), outcome="OUTCOME_REJECTED"), answered(("c", 3))],
    ids=["another position", "refused", "stored twice"])
def test_an_answer_that_cannot_be_is_found(truth, entries):
    truth.grow(stored("a", "b", "c"))
    with pytest.raises(check.Broken):
        truth.publisher_said(entries)


def test_a_log_that_changes_afterwards_is_found(truth, reader):
    for log in (stored("a", "b"), stored("a", "c", "b"), [*stored("a", "b"), (3, "c", "other")]):
        with pytest.raises(check.Broken):
            truth.same(log)


@pytest.mark.parametrize("entries", [
    session(2, after=1),
    session(4),
    session(2) + [{"what": "received", "through": 3, "events": []}],
    session(2) + [{"what": "received", "through": 3, "events": [(2, "digest of b"), (3, "digest of c")]}],
    session(2) + [{"what": "received", "through": 1, "events": []}],
    session(1, digest="other bytes"),
    session(2) + [{"what": "ended", "code": "StatusCode.INTERNAL"}],
    session(2) + [{"what": "acknowledged", "through": 2}, {"what": "closed"}] + session(1)],
    ids=["skipped at open", "delivered and gone", "withheld", "twice", "back", "other bytes",
         "ended for another reason", "acknowledgement lost"])
def test_a_delivery_that_cannot_be_is_found(reader, entries):
    with pytest.raises(check.Broken):
        reader.said(entries)


def test_a_policy_version_that_is_gone_is_found():
    versions = check.Versions()
    versions.said([{"what": "applying", "version": 2}, {"what": "applied", "version": 2},
                   {"what": "applying", "version": 3}])
    versions.in_force(3)
    with pytest.raises(check.Broken):
        versions.in_force(2)
