"""What an agency may use at most, what is written down of it, and the warning about a status nobody knew."""

import datetime
import json

import grpc
import pytest

import policies
import samples
from contract import Refusal, Service, TYPES, v1
from exchange import DEADLINE, event, wait_until

REGENCY, OTHER, MINISTRY = "kab.18.07", "kab.35.09", "kl.kp2mi"
STORED, REJECTED = v1.PublishResult.OUTCOME_STORED, v1.PublishResult.OUTCOME_REJECTED
JAKARTA = datetime.timezone(datetime.timedelta(hours=7))
_serials = iter(range(1, 9000))


def policy(*quotas):
    """The sample policy with these quotas alone."""
    built = policies.from_folder()
    del built.quotas[:]
    for quota in quotas:
        built.quotas.add(**quota)
    return built


def registration(nik=False, **envelope):
    """A registration of a resident of the regency; with nik, named by it."""
    if not nik:
        return event("worker.registered", **envelope)
    number = samples.nik(next(_serials))
    return event("worker.registered", subject=f"nik:{number}", payload={"nik": number}, **envelope)


def registrations(count, **keywords):
    return [registration(**keywords) for _ in range(count)]


def refused(call):
    """The Refusal that a call ends with; it must be OVER_QUOTA."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    refusal = Refusal(raised.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVER_QUOTA")
    return refusal


def until_midnight():
    now = datetime.datetime.now(JAKARTA)
    midnight = (now + datetime.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()


def near_midnight(refusal):
    return abs(refusal.retry_seconds - until_midnight()) < 30


def audit(ex):
    """All lines of the audit record, oldest first."""
    return [json.loads(line) for file in sorted((ex.data / "audit").glob("*.jsonl"))
            for line in file.read_text().splitlines()]


def resolved(ex):
    return [(line["who"], line["count"], line["dry_run"]) for line in audit(ex)
            if line["kind"] == "resolve"]


# Events a second


def test_burst_passes_then_requests_are_refused_and_nothing_of_them_is_stored(make_exchange):
    ex = make_exchange(policy({"audience": "kab", "events_per_second": 1, "burst_events": 30}))
    answer = ex.publish(REGENCY, registrations(10))
    assert answer.retry_after_ms == 0
    answer = ex.publish(REGENCY, registrations(15))
    assert 9000 < answer.retry_after_ms <= 10000

    refusal = refused(lambda: ex.publish(REGENCY, registrations(15)))

    assert 5 < refusal.retry_seconds <= 10
    assert ex.head() == 25
    ex.store(OTHER, registration(region="35.09.01"))
    ex.store(REGENCY, registration())


def test_dry_runs_and_rejected_events_count(make_exchange):
    ex = make_exchange(policy({"audience": REGENCY, "events_per_second": 1, "burst_events": 20}))
    ex.publish(REGENCY, registrations(10), dry_run=True)
    ex.publish(REGENCY, registrations(10, region="35.09"))
    refused(lambda: ex.publish(REGENCY, registrations(10)))


def test_stream_answers_what_came_before_and_ends(make_exchange):
    ex = make_exchange(policy({"audience": "kab", "events_per_second": 1, "burst_events": 50}))
    requests = [v1.PublishRequest(events=registrations(10)) for _ in range(9)]
    answers = []

    def read():
        for answer in ex.publisher(REGENCY).PublishStream(iter(requests), timeout=DEADLINE):
            answers.append(answer)

    refused(read)
    assert len(answers) == 5
    assert all(r.outcome == STORED for answer in answers for r in answer.results)
    assert ex.head() == 50


def test_quota_of_a_new_version_binds_at_once(make_exchange):
    ex = make_exchange(policy())
    ex.store(REGENCY, *registrations(200))
    ex.apply(policy({"audience": "kab", "events_per_second": 1, "burst_events": 5}))
    ex.store(REGENCY, *registrations(5))
    refused(lambda: ex.publish(REGENCY, registrations(5)))
    ex.apply(policy({"audience": "kab", "events_per_second": 1, "burst_events": 5},
                    {"audience": REGENCY, "streams": 9}))
    ex.store(REGENCY, *registrations(200))


# NIKs


def test_resolves_beyond_the_day_are_refused_whole_also_in_dry_run(make_exchange):
    ex = make_exchange(policy({"audience": "kab", "resolves_per_day": 20}))
    ex.store(REGENCY, *registrations(8, nik=True))
    ex.publish(REGENCY, registrations(8, nik=True), dry_run=True)

    for dry_run in (True, False):
        refusal = refused(lambda: ex.publish(REGENCY, registrations(5, nik=True), dry_run=dry_run))
        assert near_midnight(refusal), refusal

    assert ex.head() == 8
    ex.store(REGENCY, *registrations(50))
    ex.store(REGENCY, *registrations(4, nik=True))
    refused(lambda: ex.publish(REGENCY, registrations(1, nik=True)))


def test_each_use_is_on_record_before_it_is_answered(make_exchange):
    ex = make_exchange(policy())
    events = registrations(3, nik=True)
    response = ex.publish(REGENCY, events + registrations(2))
    assert resolved(ex) == [(REGENCY, 3, False)]
    ex.publish(REGENCY, registrations(2, nik=True), dry_run=True)
    assert resolved(ex) == [(REGENCY, 3, False), (REGENCY, 2, True)]

    text = "".join(file.read_text() for file in (ex.data / "audit").iterdir())
    for told in [e.subject.removeprefix("nik:") for e in events] + [r.subject for r in response.results]:
        assert told not in text
    line = next(line for line in audit(ex) if line["kind"] == "resolve")
    assert sorted(line) == ["chain", "count", "dry_run", "kind", "serial", "time", "who"]
    assert (ex.data / "audit").stat().st_mode & 0o777 == 0o700
    assert all(f.stat().st_mode & 0o777 == 0o600 for f in (ex.data / "audit").iterdir())


def test_changes_of_the_policy_are_on_record(make_exchange):
    ex = make_exchange(policy())
    ex.apply(policy())
    wait_until(lambda: [(line["who"], line["version"]) for line in audit(ex)
                        if line["kind"] == "policy.applied"] ==
               [("operator/admin", 1), ("operator/admin", 2)], what="two lines")


def test_nobody_resolves_who_may_not(make_exchange):
    ex = make_exchange(policy({"audience": "kl", "resolves_per_day": 1}))
    publisher, type = without_resolving()
    events = [event(type, subject=f"nik:{samples.nik(next(_serials))}") for _ in range(3)]
    results = ex.publish(publisher, events).results
    assert all(r.outcome == REJECTED for r in results)
    assert resolved(ex) == []


def without_resolving():
    """An agency that may publish something about persons, but not name them by NIK."""
    grants = [grant for agreement in policies.from_folder().agreements for grant in agreement.grants
              if grant.direction == v1.Grant.DIRECTION_PUBLISH]
    may = {grant.grantee for grant in grants if grant.may_resolve}
    ids = {agency.id for agency in policies.from_folder().agencies}
    for grant in grants:
        kind = grant.grantee.partition(".")[0]
        if grant.grantee in ids and not {grant.grantee, kind} & may and samples.about_person(grant.events):
            return grant.grantee, grant.events
    return "kl.komdigi", "worker.registered"


def test_resolves_of_the_day_survive_a_kill(make_exchange):
    ex = make_exchange(policy({"audience": "kab", "resolves_per_day": 10}))
    ex.store(REGENCY, *registrations(7, nik=True))

    ex.restart(kill=True)

    refused(lambda: ex.publish(REGENCY, registrations(4, nik=True)))
    ex.store(REGENCY, *registrations(3, nik=True))


def test_without_its_record_nothing_is_resolved(make_exchange):
    ex = make_exchange(policy())
    folder = ex.data / "audit"
    for file in folder.iterdir():
        file.unlink()
    ex.restart()
    today = datetime.datetime.now(JAKARTA).strftime("%Y-%m-%d")
    (folder / f"{today}.jsonl").mkdir()
    with pytest.raises(grpc.RpcError) as raised:
        ex.publish(REGENCY, registrations(1, nik=True))
    assert Refusal(raised.value).code == grpc.StatusCode.UNAVAILABLE
    ex.store(REGENCY, registration())


# Calls, connections, subscriptions, bytes


def test_streams_beyond_are_refused_until_one_ends(make_exchange):
    ex = make_exchange(policy({"audience": "kl", "streams": 2}))
    streams = [ex.subscribe(MINISTRY) for _ in range(2)]
    assert all(stream.opened for stream in streams)

    refusal = ex.subscribe(MINISTRY).wait_end()

    assert refusal.reason == "OVER_QUOTA" and refusal.retry_seconds == 1
    refused(lambda: ex.fetch(MINISTRY))
    streams[0].half_close()
    assert streams[0].wait_end() is None
    wait_until(lambda: ex.subscribe(MINISTRY).wait(lambda s: s.responses or s.ended).responses,
               what="a stream opened")


def test_connections_beyond_are_refused(make_exchange):
    ex = make_exchange(policy({"audience": "kl", "connections": 2}))
    assert ex.subscribe(MINISTRY).opened
    others = [Service(ex.channel(MINISTRY, ex.ca.identity(MINISTRY)),
                      "berbagi.v1.SubscriberService", False) for _ in range(2)]
    waiting = others[0].Fetch.future(v1.FetchRequest(wait_ms=20000, after_position=0), timeout=60)
    wait_until(lambda: ex.operator().GetStatus(v1.GetStatusRequest()).streams >= 3, what="it waits")
    refusal = refused(lambda: others[1].Fetch(v1.FetchRequest(), timeout=DEADLINE))
    assert refusal.retry_seconds == 1
    waiting.cancel()


def test_subscriptions_beyond_are_refused_and_old_ones_go_on(make_exchange):
    ex = make_exchange(policy({"audience": "kl", "subscriptions": 2}))
    for name in ("one", "two"):
        ex.fetch(MINISTRY, subscription=name)
    assert ex.subscribe(MINISTRY, subscription="three").wait_end().reason == "OVER_QUOTA"
    ex.fetch(MINISTRY, subscription="two")


def test_bytes_of_the_day_end_stream_and_page_until_midnight(make_exchange):
    ex = make_exchange(policy({"audience": "kl", "delivered_bytes_per_day": 2000}))
    position = ex.store(REGENCY, *registrations(20))[-1]
    stream = ex.subscribe(MINISTRY)
    stream.wait_through(position)

    ex.store(REGENCY, registration())

    refusal = stream.wait_end()
    assert refusal.reason == "OVER_QUOTA" and near_midnight(refusal), refusal
    assert len(stream.deliveries) == 20
    assert near_midnight(refused(lambda: ex.fetch(MINISTRY)))
    assert not ex.fetch(MINISTRY, after_position=ex.head()).batch.deliveries
    ex.apply(policy())
    assert len(ex.fetch_all(MINISTRY)[0]) == 21


# STATUS_MISMATCH


def status(type, before, now, subject, **envelope):
    """An event that takes a person from one status to another."""
    values = TYPES[type].fields["worker_status"].descriptor.enum_type.values_by_name
    return event(type, subject=subject, payload={
        "worker_status": values[f"WORKER_STATUS_{now}"].number,
        "previous_status": values[f"WORKER_STATUS_{before}"].number}, **envelope)


def epmi(subject):
    return status("epmi.issued", "ORIENTED", "CLEARED", subject)


def departure(subject):
    return status("departure.recorded", "CLEARED", "DEPARTED", subject, destination="TW")


def contract(subject):
    return status("opp.completed", "CONTRACTED", "ORIENTED", subject)


def failed(subject):
    return status("departure.failed", "ORIENTED", "DEPARTURE_FAILED", subject)


def warnings(response):
    assert all(r.outcome == STORED for r in response.results), response
    return [[w.reason for w in r.warnings] for r in response.results]


BP3MI = "bp3mi.18"
MISMATCH = ["STATUS_MISMATCH"]


@pytest.fixture
def own(make_exchange):
    """An exchange of its own under the sample policy, with BP3MI Lampung seeing what it reports."""
    return make_exchange(policies.from_folder())


def indexed(ex):
    """Everything stored is in the index."""
    wait_until(lambda: ex.operator().GetStatus(v1.GetStatusRequest()).indexed_position == ex.head(),
               what="indexed")


def test_hasty_stream_in_order_is_warned_of_nothing(own):
    people = [samples.subject(10_000 + n) for n in range(300)]
    requests = [v1.PublishRequest(events=[make(person) for person in people[at:at + 100]])
                for make in (contract, epmi, departure) for at in range(0, 300, 100)]
    answers = list(own.publisher(BP3MI).PublishStream(iter(requests), timeout=DEADLINE))
    assert [w for answer in answers for w in warnings(answer)] == [[]] * 900


def test_request_that_is_stored_in_parts_is_warned_of_nothing_in_order(own):
    people = [samples.subject(20_000 + n) for n in range(300)]
    response = own.publish(BP3MI, [make(person) for make in (contract, epmi, departure) for person in people])
    assert warnings(response) == [[]] * 900


@pytest.mark.parametrize("waits", [False, True])
def test_legal_pair_that_starts_elsewhere_is_stored_with_a_warning(own, waits):
    person = samples.subject(1)
    assert warnings(own.publish(BP3MI, [contract(person)])) == [[]]
    if waits:
        indexed(own)
        own.restart()
    assert warnings(own.publish(BP3MI, [departure(person)])) == [MISMATCH]
    if waits:
        indexed(own)
    response = own.publish(BP3MI, [failed(person), epmi(samples.subject(2))])
    assert warnings(response) == [MISMATCH, []]
    warning = response.results[0].warnings[0]
    assert warning.field == "data.previous_status"
    assert "DEPART" not in warning.message and "ORIENT" not in warning.message


def test_within_one_request_what_comes_first_counts(own):
    person = samples.subject(3)
    for keywords in ({"dry_run": True}, {}):
        response = own.publish(BP3MI, [contract(person), epmi(person), failed(person)], **keywords)
        assert warnings(response) == [[], [], MISMATCH]
    assert warnings(own.publish(BP3MI, [departure(person)], dry_run=True)) == [MISMATCH]


def test_person_never_seen_is_warned_of_nothing(own):
    assert warnings(own.publish(BP3MI, [departure(samples.subject(4))])) == [[]]


def test_retry_is_no_second_report(own):
    person = samples.subject(5)
    first = contract(person)
    own.store(BP3MI, first, epmi(person))
    assert own.publish(BP3MI, [first]).results[0].outcome == v1.PublishResult.OUTCOME_DUPLICATE
    assert warnings(own.publish(BP3MI, [departure(person)])) == [[]]


def test_who_may_not_see_the_other_event_is_told_nothing(own):
    """Elsewhere, a person is reported in another status; only who sees that learns of it."""
    person = samples.subject(6)
    own.store(BP3MI, contract(person))
    elsewhere = status("departure.recorded", "CLEARED", "DEPARTED", person, destination="TW",
                       region="31.74")
    assert warnings(own.publish("bp3mi.31", [elsewhere])) == [[]]
