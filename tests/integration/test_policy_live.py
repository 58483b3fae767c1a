"""Rights follow the agreements at once: who may change them, what is refused, what open streams do."""

import concurrent.futures
import copy
import datetime

import grpc
import pytest

import policies
import samples
from contract import TYPES, refused, v1
from exchange import event

DENIED = grpc.StatusCode.PERMISSION_DENIED
REGISTERED = "worker.registered"
# "Within one second", and two more for a busy machine.
AT_ONCE = 3.0


def day(offset):
    """A day of Asia/Jakarta, counted from today."""
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=7))).date()
    return (today + datetime.timedelta(days=offset)).isoformat()


def grant(grantee, direction, types=(REGISTERED,), level="IDENTIFIED", **more):
    return {"grantees": [grantee], "direction": direction, "events": list(types),
            "scope": "NATIONAL", "level": level, "purpose": "placement", "legal_basis": "test",
            **more}


def document():
    """kl.source may publish by law; kl.reader reads registrations by an agreement of its own."""
    return {
        "agencies": [{"id": id, "name": id, "kind": "kl", "region": "ID"}
                     for id in ("kl.source", "kl.reader", "kl.second")]
        + [{"id": "kab.18.07", "name": "Lampung Timur", "kind": "kab", "region": "18.07"}],
        "operators": [{"name": "admin", "roles": ["POLICY"]},
                      {"name": "viewer", "roles": ["VIEWER"]},
                      {"name": "security", "roles": ["SECURITY", "BACKUP"]}],
        "agreements": [
            {"id": "law", "title": "by law", "parties": ["kl.source", "kl.reader"],
             "valid_from": "2026-01-01",
             "grants": [grant("kl.source", "PUBLISH", ["worker.*"], may_resolve=True)]},
            {"id": "mou-1", "title": "reading", "parties": ["kl.source", "kl.reader"],
             "signed_on": "2026-01-01", "valid_from": "2026-01-01", "valid_to": day(30),
             "grants": [grant("kl.reader", "SUBSCRIBE")]}],
        "ceilings": [{"audience": "kl", "limits": [
            {"level": "IDENTIFIED", "scope": "NATIONAL", "groups": ["registration"]}]}],
    }


def changed(change):
    """The policy after change(document)."""
    edited = document()
    change(edited)
    return policies.from_document(edited)


def mou(edited):
    return edited["agreements"][1]


@pytest.fixture(scope="module")
def running(ca, tmp_path_factory):
    from exchange import Exchange

    with Exchange(ca, tmp_path_factory.mktemp("live")) as exchange:
        yield exchange


@pytest.fixture
def ex(running):
    """An exchange under the policy above."""
    running.apply(policies.from_document(document()))
    yield running
    running.disconnect()


def store(ex, *types):
    return ex.store("kl.source", *(event(type) for type in types or (REGISTERED,)))


def following(ex, reader="kl.reader"):
    """A stream that is open behind the head."""
    stream = ex.subscribe(reader, start=v1.Start(now=True))
    assert stream.opened.after_position == ex.head()
    return stream


def apply_refused(ex, policy, name="operator/admin", version=None):
    return refused(ex.policy(name).ApplyPolicy, v1.ApplyPolicyRequest(
        policy=policy, expected_version=ex.version if version is None else version), timeout=20)


# Who may


def test_the_first_policy_is_for_the_operators_named_at_the_start(make_exchange):
    ex = make_exchange()
    policy = policies.from_document(document())
    for other in ("operator/viewer", "operator/security", "kl.source"):
        assert apply_refused(ex, policy, other, 0).code == DENIED
    assert refused(ex.publish, "kl.source", [event(REGISTERED)]).code in (
        DENIED, grpc.StatusCode.FAILED_PRECONDITION)
    assert refused(ex.fetch, "kl.source").code in (DENIED, grpc.StatusCode.FAILED_PRECONDITION)
    assert ex.apply(policy).version == 1


def test_after_the_first_policy_operators_are_those_it_names(make_exchange):
    ex = make_exchange()
    ex.apply(changed(lambda d: d.update(operators=[{"name": "other", "roles": ["POLICY"]}])))
    for _ in range(2):
        refusal = apply_refused(ex, policies.from_document(document()))
        assert (refusal.code, refusal.reason) == (DENIED, "UNKNOWN_OPERATOR")
        assert ex.policy("operator/other").GetPolicy(v1.GetPolicyRequest()).version == 1
        ex.restart()


@pytest.mark.parametrize("name, reason", [
    ("operator/viewer", "NO_ROLE"), ("operator/security", "NO_ROLE"),
    ("operator/nobody", "UNKNOWN_OPERATOR"), ("kl.source", "WRONG_KIND")])
def test_only_operators_with_the_role_apply(ex, name, reason):
    for policy in (policies.from_document(document()), v1.Policy()):
        refusal = apply_refused(ex, policy, name)
        assert (refusal.code, refusal.reason) == (DENIED, reason)


@pytest.mark.parametrize("name", ["operator/admin", "operator/viewer", "operator/security"])
def test_every_operator_reads_the_whole_policy(ex, name):
    answer = ex.policy(name).GetPolicy(v1.GetPolicyRequest())
    applied = policies.from_document(document())
    assert answer.version == ex.version
    for part in ("agencies", "agreements", "ceilings", "operators"):
        def key(message):
            return message.SerializeToString(deterministic=True)
        assert sorted(getattr(answer.policy, part), key=key) == sorted(
            getattr(applied, part), key=key)


def test_an_agency_reads_its_own_part_of_the_policy(shared):
    policy = shared.policy("kab.18.07").GetPolicy(v1.GetPolicyRequest()).policy
    assert not policy.operators
    assert "kab.18.07" in {agency.id for agency in policy.agencies}
    grantees = {g.grantee for agreement in policy.agreements for g in agreement.grants}
    assert "kab.18.07" in grantees
    assert not grantees & {"kab.35.09", "kl.komdigi", "bp3mi", "kl.kp2mi", "bp3mi.18"}
    assert {ceiling.audience for ceiling in policy.ceilings} <= {"kab", "kab.18.07"}
    agreements = {agreement.id for agreement in policy.agreements}
    assert "mou-2025-10-28-kab.18.07" in agreements
    assert not agreements & {"mou-2025-12-02-kab.35.09", "mou-2025-12-15-kl.komdigi"}


# One version after the other


def test_a_policy_is_applied_as_the_next_version_and_kept(make_exchange):
    ex = make_exchange(policies.from_document(document()))
    assert ex.version == 1
    ex.apply(changed(lambda d: mou(d).update(title="renamed")))
    assert ex.version == 2
    before = ex.policy().GetPolicy(v1.GetPolicyRequest())
    ex.restart(kill=True)
    assert ex.policy().GetPolicy(v1.GetPolicyRequest()) == before
    assert store(ex) == [1]


@pytest.mark.parametrize("off", [-1, 1, None])
def test_another_version_than_expected_changes_nothing(ex, off):
    version = 0 if off is None else ex.version + off
    refusal = apply_refused(ex, changed(lambda d: mou(d).update(status="TERMINATED")),
                            version=version)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH")
    assert ex.policy().GetPolicy(v1.GetPolicyRequest()).version == ex.version
    assert ex.fetch("kl.reader").log_id


def test_a_dry_run_tells_the_differences_and_changes_nothing(ex):
    narrower = changed(lambda d: mou(d)["grants"][0].update(level="PSEUDONYMOUS"))
    response = ex.apply(narrower, dry_run=True)
    (change,) = [c for c in response.changes if c.agency == "kl.reader"]
    assert (change.event_type, change.direction) == (
        REGISTERED, v1.Grant.DIRECTION_SUBSCRIBE)
    assert "full_name" in change.fields_lost and not change.fields_gained
    assert not change.type_lost and not change.type_gained
    assert ex.policy().GetPolicy(v1.GetPolicyRequest()).version == ex.version
    stream = following(ex)
    (position,) = store(ex)
    assert stream.wait_through(position).deliveries[0].event.subject.startswith("w_")


def test_the_differences_tell_types_gained_and_lost(ex):
    other = changed(lambda d: mou(d).update(grants=[
        grant("kl.second", "SUBSCRIBE"), grant("kl.reader", "PUBLISH", ["worker.verified"])]))
    changes = {(c.agency, c.direction, c.event_type): c
               for c in ex.apply(other, dry_run=True).changes}
    reads, writes = v1.Grant.DIRECTION_SUBSCRIBE, v1.Grant.DIRECTION_PUBLISH
    assert set(changes) == {("kl.reader", reads, REGISTERED), ("kl.second", reads, REGISTERED),
                            ("kl.reader", writes, "worker.verified")}
    assert changes["kl.reader", reads, REGISTERED].type_lost
    assert changes["kl.second", reads, REGISTERED].type_gained
    assert changes["kl.reader", writes, "worker.verified"].type_gained
    assert not ex.apply(policies.from_document(document()), dry_run=True).changes


# What is refused


def first(edited, **fields):
    mou(edited)["grants"][0].update(fields)


INVALID = {
    "no operator who could change it": lambda d: d.update(
        operators=[{"name": "admin", "roles": ["VIEWER"]}]),
    "an agency twice": lambda d: d["agencies"].append(dict(d["agencies"][0])),
    "an agency id of no form": lambda d: d["agencies"][1].update(id="KL READER"),
    "a parent unknown": lambda d: d["agencies"][0].update(parent="kl.unknown"),
    "a parent of itself": lambda d: d["agencies"][0].update(parent="kl.source"),
    "a cycle of parents": lambda d: (d["agencies"][0].update(parent="kl.reader"),
                                     d["agencies"][1].update(parent="kl.source")),
    "an agency's region unknown": lambda d: d["agencies"][3].update(region="18.99"),
    "a host country unknown": lambda d: d["agencies"][0].update(host_countries=["XX"]),
    "an agreement twice": lambda d: d["agreements"].append(copy.deepcopy(mou(d))),
    "an agreement without id": lambda d: mou(d).update(id=""),
    "a party unknown": lambda d: mou(d).update(parties=["kl.source", "kl.unknown"]),
    "a day that is none": lambda d: mou(d).update(valid_to="2027-02-30"),
    "an end before the start": lambda d: mou(d).update(valid_to="2025-12-31"),
    "a grantee unknown": lambda d: first(d, grantees=["kl.unknown"]),
    "a type unknown": lambda d: first(d, events=["worker.unknown"]),
    "a pattern of nothing": lambda d: first(d, events=["nothing.*"]),
    "a pattern of no form": lambda d: first(d, events=["work*"]),
    "a purpose that is not among the type's": lambda d: first(d, purpose="statistics"),
    "a purpose unknown": lambda d: first(d, purpose="curiosity"),
    "a field unknown": lambda d: first(d, only_fields=["no_such_field"]),
    "a withheld field unknown": lambda d: first(d, never_fields=["no_such_field"]),
    "a region unknown": lambda d: first(d, scope="REGIONS", regions=["99"]),
    "a country unknown": lambda d: first(d, scope="COUNTRY", countries=["XX"]),
    "OWN of a national agency": lambda d: first(d, scope="OWN"),
    "OWN of a kind with a national agency": lambda d: first(d, grantees=["kl"], scope="OWN"),
    "a day of events_from that is none": lambda d: first(d, events_from="yesterday"),
    "a ceiling's group unknown": lambda d: d["ceilings"][0]["limits"][0].update(
        groups=["no_such_group"]),
    "a ceiling's audience unknown": lambda d: d["ceilings"][0].update(audience="nobody"),
    "a ceiling twice": lambda d: d["ceilings"].append(copy.deepcopy(d["ceilings"][0])),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_policy_is_refused_with_the_field_and_changes_nothing(ex, case):
    refusal = apply_refused(ex, changed(INVALID[case]))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_POLICY"), case
    assert refusal.violations and all(field and words for field, words in refusal.violations)
    assert ex.policy().GetPolicy(v1.GetPolicyRequest()).version == ex.version


@pytest.mark.parametrize("field", ["direction", "scope", "level"])
@pytest.mark.parametrize("value", [0, 99])
def test_a_grant_with_an_unset_or_unknown_enum_is_refused(ex, field, value):
    policy = policies.from_document(document())
    setattr(policy.agreements[1].grants[0], field, value)
    refusal = apply_refused(ex, policy)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_POLICY")


def test_a_grantee_need_not_be_a_party(ex):
    ex.apply(changed(lambda d: mou(d).update(grants=[grant("kl.second", "SUBSCRIBE")])))
    assert ex.fetch("kl.second").log_id


def test_a_policy_may_be_far_larger_than_other_requests(ex):
    large = policies.from_document(document())
    for number in range(3):
        agreement = large.agreements.add()
        agreement.CopyFrom(large.agreements[1])
        agreement.id = f"mou-large-{number}"
        for _ in range(1200):
            agreement.grants.add().CopyFrom(agreement.grants[0])
            agreement.grants[-1].legal_basis = "UU 18/2017 art. 41; " + "x" * 1400
    assert large.ByteSize() > 5 << 20
    assert ex.apply(large).version == ex.version
    assert len(ex.policy().GetPolicy(v1.GetPolicyRequest()).policy.agreements) == 5


# Open streams follow


def without_grant(edited):
    mou(edited)["grants"] = [grant("kl.second", "SUBSCRIBE")]


def suspend_reader(edited):
    edited["agencies"][1]["suspended"] = True


ENDS = {
    "the grant is gone": (without_grant, "RIGHT_WITHDRAWN", "NO_RIGHT"),
    "the agreement is gone": (
        lambda d: d["agreements"].pop(), "RIGHT_WITHDRAWN", "NO_RIGHT"),
    "the agreement is terminated": (
        lambda d: mou(d).update(status="TERMINATED"), "AGREEMENT_ENDED", "NO_RIGHT"),
    "the agreement is suspended": (
        lambda d: mou(d).update(status="SUSPENDED"), "AGREEMENT_ENDED", "NO_RIGHT"),
    "its last day was yesterday": (
        lambda d: mou(d).update(valid_to=day(-1)), "AGREEMENT_ENDED", "NO_RIGHT"),
    "the agency is suspended": (suspend_reader, "AGENCY_SUSPENDED", "AGENCY_SUSPENDED"),
    "the ceiling is lowered to nothing": (
        lambda d: d["ceilings"][0]["limits"][0].update(groups=["statistics"]),
        "RIGHT_WITHDRAWN", "NO_RIGHT"),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_stream_ends_at_once_where_no_right_remains(ex, case):
    change, ends, later = ENDS[case]
    (seen,) = store(ex)
    stream = following(ex)
    durable = ex.subscribe("kl.reader", subscription="kept").wait_through(seen)
    durable.acknowledge(seen)
    waiting = concurrent.futures.ThreadPoolExecutor().submit(
        refused, ex.fetch, "kl.reader", after_position=ex.head(), wait_ms=20000)
    ex.apply(changed(change))
    for open_stream in (stream, durable):
        refusal = open_stream.wait_end(AT_ONCE)
        assert (refusal.code, refusal.reason) == (DENIED, ends)
    assert waiting.result(AT_ONCE).code == DENIED
    store(ex)
    assert stream.positions == []
    for call in (lambda: ex.subscribe("kl.reader").wait_end(),
                 lambda: refused(ex.fetch, "kl.reader")):
        refusal = call()
        assert (refusal.code, refusal.reason) == (DENIED, later)


def test_the_last_day_itself_still_counts(ex):
    stream = following(ex)
    ex.apply(changed(lambda d: mou(d).update(valid_to=day(0))))
    positions = store(ex)
    assert stream.wait_through(positions[0]).positions == positions


def test_an_agreement_before_its_first_day_gives_nothing(ex):
    ex.apply(changed(lambda d: mou(d).update(valid_from=day(1))))
    assert refused(ex.fetch, "kl.reader").reason == "NO_RIGHT"


def test_a_narrower_view_holds_from_the_next_event_on_the_same_stream(ex):
    stream = following(ex)
    stream.wait_through(store(ex)[0])
    ex.apply(changed(lambda d: first(d, level="PSEUDONYMOUS")))
    stream.wait_through(store(ex)[0])
    one, two = stream.deliveries
    assert one.event.subject.startswith("w_") and two.event.subject.startswith("p_")
    assert not TYPES[REGISTERED].message.FromString(two.event.data).full_name
    (ground,) = (stream.grounds[number] for number in two.grounds)
    assert ground.policy_version == ex.version and "full_name" in ground.hidden_fields


def test_another_agreement_with_the_right_keeps_the_stream_open(ex):
    stream = following(ex)

    def renew(edited):
        successor = copy.deepcopy(mou(edited))
        successor["id"] = "mou-2"
        mou(edited)["status"] = "TERMINATED"
        edited["agreements"].append(successor)

    ex.apply(changed(renew))
    (position,) = store(ex)
    stream.wait_through(position)
    assert [stream.grounds[n].agreement for n in stream.deliveries[0].grounds] == ["mou-2"]


def test_a_right_gained_does_not_reach_behind_the_streams_place(ex):
    stream = following(ex)
    hidden, before = store(ex, "worker.withdrawn", REGISTERED)
    assert stream.wait_through(before).positions == [before]
    ex.apply(changed(lambda d: first(d, events=["worker.*"])))
    (seen,) = store(ex, "worker.withdrawn")
    assert stream.wait_through(seen).positions == [before, seen]
    again = ex.subscribe("kl.reader", start=v1.Start(after_position=hidden - 1))
    assert again.wait_through(seen).positions == [hidden, before, seen]


def test_streams_of_others_notice_nothing(ex):
    both = changed(lambda d: mou(d)["grants"].append(grant("kl.second", "SUBSCRIBE")))
    ex.apply(both)
    ours, theirs = following(ex, "kl.second"), following(ex)
    both.agencies[1].suspended = True
    ex.apply(both)
    assert theirs.wait_end(AT_ONCE).reason == "AGENCY_SUSPENDED"
    positions = store(ex)
    assert ours.wait_through(positions[0]).positions == positions
    assert not ours.ended


def test_an_agency_without_a_right_to_subscribe_is_refused(ex):
    for agency in ("kl.second", "kl.source", "kab.18.07"):
        assert ex.subscribe(agency).wait_end().reason == "NO_RIGHT"
        refusal = refused(ex.fetch, agency)
        assert (refusal.code, refusal.reason) == (DENIED, "NO_RIGHT")


# Publishing follows too


def publishing(ex):
    """An open PublishStream: a function that sends one event and gives its outcome or Refusal."""
    import queue

    requests = queue.Queue()
    call = ex.publisher("kl.source").PublishStream(iter(requests.get, None), timeout=30)

    def send():
        requests.put(v1.PublishRequest(events=[event(REGISTERED)]))
        return next(call).results[0].outcome

    return send, lambda: requests.put(None)


@pytest.mark.parametrize("change", [
    lambda d: d["agreements"][0].update(grants=[grant("kl.second", "PUBLISH")]),
    lambda d: d["agreements"][0].update(status="SUSPENDED"),
    lambda d: d["agencies"][0].update(suspended=True),
], ids=["grant gone", "agreement suspended", "agency suspended"])
def test_an_open_publish_stream_stores_nothing_once_the_right_is_gone(ex, change):
    send, close = publishing(ex)
    assert send() == v1.PublishResult.OUTCOME_STORED
    head = ex.head()
    ex.apply(changed(change))
    try:
        assert send() == v1.PublishResult.OUTCOME_REJECTED
    except grpc.RpcError as error:
        assert error.code() == DENIED
    assert ex.head() == head
    close()


def test_a_suspended_agency_may_do_nothing(ex):
    ex.apply(changed(suspend_reader))
    for call in (lambda: ex.publish("kl.reader", [event(REGISTERED)]),
                 lambda: ex.fetch("kl.reader"),
                 lambda: ex.policy("kl.reader").GetPolicy(v1.GetPolicyRequest()),
                 lambda: ex.subscriber("kl.reader").ListSubscriptions(
                     v1.ListSubscriptionsRequest())):
        refusal = refused(call)
        assert (refusal.code, refusal.reason) == (DENIED, "AGENCY_SUSPENDED")


def test_a_suspended_agency_is_welcome_again_when_it_is_lifted(ex):
    ex.apply(changed(suspend_reader))
    assert refused(ex.fetch, "kl.reader").reason == "AGENCY_SUSPENDED"
    ex.apply(policies.from_document(document()))
    (position,) = store(ex)
    assert ex.fetch_all("kl.reader", position - 1)[0][0].position == position


def test_a_policy_change_shows_in_the_status(ex):
    before = ex.operator().GetStatus(v1.GetStatusRequest()).policy_version
    ex.apply(policies.from_document(document()))
    assert ex.operator().GetStatus(v1.GetStatusRequest()).policy_version == before + 1


def test_what_may_be_filled_in_follows_the_publish_grant(ex):
    ex.apply(changed(lambda d: d["agreements"][0].update(grants=[
        grant("kl.source", "PUBLISH", never_fields=["phone"]),
        grant("kl.second", "PUBLISH", level="PSEUDONYMOUS")])))

    def judged(agency, **values):
        (result,) = ex.publish(agency, [event(REGISTERED, payload=values)]).results
        return [(v.field, v.reason) for v in result.violations]

    assert judged("kl.source") == []
    assert judged("kl.source", phone="+6281200000000") == [("data.phone", "NOT_PERMITTED")]
    assert {("data.full_name", "NOT_PERMITTED"), ("data.nik", "NOT_PERMITTED")} == set(
        judged("kl.second"))
    by_number = event(REGISTERED, subject="nik:" + samples.nik(1),
                      payload={"nik": samples.nik(1)})
    (result,) = ex.publish("kl.source", [by_number]).results
    assert ("subject", "NOT_PERMITTED") in [(v.field, v.reason) for v in result.violations]


@pytest.mark.parametrize("resolves", ["kl.source", "kl.second"])
def test_a_parent_names_people_by_number_only_if_its_child_may(ex, resolves):
    def family(edited):
        edited["agencies"][2]["parent"] = "kl.source"
        edited["agreements"][0]["grants"] = [
            grant(agency, "PUBLISH", may_resolve=agency == resolves)
            for agency in ("kl.source", "kl.second")]

    ex.apply(changed(family))
    by_number = event(REGISTERED, source="kl.second", subject="nik:" + samples.nik(2),
                      payload={"nik": samples.nik(2)})
    (result,) = ex.publish("kl.source", [by_number]).results
    if resolves == "kl.second":
        assert result.outcome == v1.PublishResult.OUTCOME_STORED
    else:
        assert ("subject", "NOT_PERMITTED") in [(v.field, v.reason) for v in result.violations]
