"""Security officer: every version of the policy is kept, approved where that is asked for, and can be rehearsed."""

import threading
import time

import grpc
import pytest

import policies
from contract import TYPES, refused, v1
from exchange import DEADLINE, event, wait_until

AGREEMENT = """
agencies:
  - {{id: kl.kp2mi, kind: kl, region: ID}}
  - {{id: kl.komdigi, kind: kl, region: ID}}
  - {{id: kab.18.07, kind: kab, region: "18.07"}}
agreements:
  - id: m1
    parties: [kl.kp2mi, kab.18.07]
    valid_from: "2020-01-01"
    valid_to: "2099-12-31"
    status: {status}
    grants:
      - {{grantees: [kab.18.07], direction: PUBLISH, events: [{publishes}], scope: OWN, level: IDENTIFIED,
          purpose: placement, legal_basis: law}}
      - {{grantees: [kl.kp2mi], direction: SUBSCRIBE, events: ["worker.*"], scope: NATIONAL, level: {level},
          purpose: placement, legal_basis: law}}
ceilings:
  - {{audience: kl, limits: [{{groups: [registration], level: IDENTIFIED}}]}}
approvals_required: {approvals}
operators:
  - {{name: admin, roles: [POLICY]}}
  - {{name: sari, roles: [POLICY]}}
  - {{name: dewi, roles: [VIEWER]}}
"""


def policy(level="IDENTIFIED", status="IN_FORCE", approvals=0, publishes='"worker.*"'):
    return policies.from_text(AGREEMENT.format(level=level, status=status, approvals=approvals,
                                               publishes=publishes))


def versions(ex, name="operator/dewi", **keywords):
    request = v1.ListPolicyVersionsRequest(**keywords)
    return ex.policy(name).ListPolicyVersions(request, timeout=DEADLINE).versions


def approve(ex, version, name="operator/sari"):
    return ex.policy(name).ApprovePolicy(v1.ApprovePolicyRequest(version=version), timeout=DEADLINE)


def rehearse(ex, wanted, name="operator/admin", **keywords):
    """Messages of one RehearsePolicy call; the last holds the result."""
    request = v1.RehearsePolicyRequest(policy=wanted, **keywords)
    return list(ex.policy(name).RehearsePolicy(request, timeout=60))


def row(result, agency):
    rows = [row for row in result.rows if row.agency == agency]
    assert len(rows) == 1, result
    return rows[0]


# Versions

def test_every_version_is_kept_with_who_applied_it_and_when(make_exchange):
    ex = make_exchange(policy())
    ex.apply(policy(level="PSEUDONYMOUS"))
    ex.restart()

    told = versions(ex)

    assert [(v.version, v.state, v.replaces, v.applied_by, v.approved_by) for v in told] == [
        (2, v1.PolicyVersion.STATE_IN_FORCE, 1, "operator/admin", ""),
        (1, v1.PolicyVersion.STATE_REPLACED, 0, "operator/admin", "")]
    assert [(v.agencies, v.agreements, v.grants, v.operators) for v in told] == [(3, 1, 2, 3)] * 2
    assert told[1].applied_at.seconds <= told[0].applied_at.seconds <= time.time()
    assert [v.version for v in versions(ex, before_version=2)] == [1]
    assert [v.version for v in versions(ex, max_versions=1)] == [2]


def test_an_old_version_is_shown_to_operators_alone(make_exchange):
    ex = make_exchange(policy())
    ex.apply(policy(level="PSEUDONYMOUS"))
    old = v1.GetPolicyRequest(version=1)

    answer = ex.policy("operator/dewi").GetPolicy(old, timeout=DEADLINE)

    assert answer.policy == policy()
    assert answer.about.state == v1.PolicyVersion.STATE_REPLACED
    assert refused(ex.policy("kl.kp2mi").GetPolicy, old).reason == "WRONG_KIND"
    assert refused(ex.policy().GetPolicy, v1.GetPolicyRequest(version=7)).reason == "UNKNOWN_VERSION"
    part = ex.policy("kl.kp2mi").GetPolicy(v1.GetPolicyRequest(version=2), timeout=DEADLINE)
    assert part.version == 2 and not part.policy.operators
    assert refused(ex.policy("kl.kp2mi").ListPolicyVersions,
                   v1.ListPolicyVersionsRequest()).reason == "WRONG_KIND"


# Approvals

def test_a_version_waits_until_another_operator_approves_it(make_exchange):
    ex = make_exchange(policy(approvals=1))
    stream = ex.subscribe("kl.kp2mi")
    ex.store("kab.18.07", event("worker.registered"))
    stream.wait(lambda s: len(s.deliveries) == 1)

    proposed = ex.policy().ApplyPolicy(
        v1.ApplyPolicyRequest(policy=policy(status="SUSPENDED", approvals=1), expected_version=1),
        timeout=DEADLINE)

    assert (proposed.version, proposed.pending) == (2, True)
    assert [change.type_lost for change in proposed.changes if change.agency == "kl.kp2mi"].count(True) > 0
    ex.store("kab.18.07", event("worker.registered"))  # version 1 is in force
    stream.wait(lambda s: len(s.deliveries) == 2)
    assert refused(ex.policy().ApprovePolicy, v1.ApprovePolicyRequest(version=2)).reason == "OWN_PROPOSAL"
    assert refused(ex.policy("operator/dewi").ApprovePolicy,
                   v1.ApprovePolicyRequest(version=2)).reason == "NO_ROLE"
    assert approve(ex, 2).version == 2
    assert stream.wait_end().reason == "AGREEMENT_ENDED"
    newest = versions(ex)[0]
    assert (newest.version, newest.applied_by, newest.approved_by) == (2, "operator/admin", "operator/sari")
    assert newest.state == v1.PolicyVersion.STATE_IN_FORCE


@pytest.mark.parametrize("kill", [False, True])
def test_a_pending_version_and_its_approval_survive_a_restart(make_exchange, kill):
    ex = make_exchange(policy(approvals=1))
    ex.apply(policy(level="PUBLIC"))  # pending as version 2
    ex.restart(kill=kill)
    assert [v.state for v in versions(ex)] == [v1.PolicyVersion.STATE_PENDING,
                                               v1.PolicyVersion.STATE_IN_FORCE]
    assert ex.policy().GetPolicy(v1.GetPolicyRequest(), timeout=DEADLINE).version == 1

    approve(ex, 2)
    ex.restart(kill=kill)

    answer = ex.policy().GetPolicy(v1.GetPolicyRequest(), timeout=DEADLINE)
    assert (answer.version, answer.policy) == (2, policy(level="PUBLIC"))
    assert versions(ex)[0].approved_by == "operator/sari"


def test_a_version_that_was_overtaken_is_not_approved(make_exchange):
    ex = make_exchange(policy(approvals=1))
    request = v1.ApplyPolicyRequest(policy=policy(level="PUBLIC", approvals=1), expected_version=1)
    assert ex.policy().ApplyPolicy(request).version == 2
    assert ex.policy("operator/sari").ApplyPolicy(request).version == 3
    approve(ex, 3, "operator/admin")

    refusal = refused(ex.policy("operator/sari").ApprovePolicy, v1.ApprovePolicyRequest(version=2))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH")
    assert [v.state for v in versions(ex)] == [v1.PolicyVersion.STATE_IN_FORCE,
                                               v1.PolicyVersion.STATE_OVERTAKEN,
                                               v1.PolicyVersion.STATE_REPLACED]
    assert refused(ex.policy("operator/sari").ApprovePolicy,
                   v1.ApprovePolicyRequest(version=3)).reason == "NOT_PENDING"
    assert refused(ex.policy("operator/sari").ApprovePolicy,
                   v1.ApprovePolicyRequest(version=9)).reason == "UNKNOWN_VERSION"
    assert refused(ex.policy().ApplyPolicy, request).reason == "VERSION_MISMATCH"


def test_a_dry_run_stores_nothing_and_tells_that_an_approval_is_needed(make_exchange):
    ex = make_exchange(policy(approvals=1))

    answer = ex.apply(policy(level="PUBLIC"), dry_run=True)

    assert answer.pending and answer.version == 1 and answer.changes
    assert [v.version for v in versions(ex)] == [1]


def test_a_policy_that_nobody_could_approve_is_refused(make_exchange):
    ex = make_exchange(policy())
    alone = policy(approvals=1)
    del alone.operators[1:]

    refusal = refused(ex.policy().ApplyPolicy,
                      v1.ApplyPolicyRequest(policy=alone, expected_version=1))

    assert refusal.reason == "INVALID_POLICY" and "approve" in refusal.message


# Rehearsals

def test_a_rehearsal_counts_what_agencies_would_gain_and_lose(make_exchange):
    ex = make_exchange(policy(level="PSEUDONYMOUS"))
    ex.store("kab.18.07", *[event("worker.registered") for _ in range(7)])
    wanted = policy(level="IDENTIFIED", publishes='"worker.verified"')
    grant = wanted.agreements[0].grants.add()
    grant.CopyFrom(wanted.agreements[0].grants[1])
    grant.grantee = "kl.komdigi"

    messages = rehearse(ex, wanted)

    last = messages[-1]
    assert (last.events_done, last.events_total) == (7, 7)
    assert not any(message.HasField("result") for message in messages[:-1])
    assert last.result.compared_with == 1
    ministry, other = row(last.result, "kl.kp2mi"), row(last.result, "kl.komdigi")
    assert (ministry.event_type, ministry.events_gained, ministry.events_lost) == ("worker.registered", 0, 0)
    assert ministry.fields_gained > 0 and ministry.fields_gained % 7 == 0 and ministry.fields_lost == 0
    assert (other.events_gained, other.events_lost) == (7, 0)
    assert other.fields_gained > ministry.fields_gained
    assert row(last.result, "kab.18.07").publishes_lost == 7
    assert ex.policy().GetPolicy(v1.GetPolicyRequest()).version == 1


def fields_shown(ex):
    """Payload fields that reach the ministry, over all its deliveries."""
    deliveries, _ = ex.fetch_all("kl.kp2mi")
    return sum(len(TYPES[d.event.type].message.FromString(d.event.data).ListFields()) for d in deliveries)


def test_a_rehearsal_agrees_with_what_is_delivered_afterwards(make_exchange):
    ex = make_exchange(policy(level="IDENTIFIED"))
    ex.store("kab.18.07", *[event("worker.registered") for _ in range(3)])
    before = fields_shown(ex)

    lost = row(rehearse(ex, policy(level="PUBLIC"))[-1].result, "kl.kp2mi")
    ex.apply(policy(level="PUBLIC"))

    assert (lost.events_lost, lost.fields_gained) == (0, 0)
    assert lost.fields_lost == before - fields_shown(ex) > 0


def test_a_rehearsal_looks_at_the_time_it_is_asked_about(make_exchange):
    ex = make_exchange(policy())
    first = ex.store("kab.18.07", event("worker.registered"))[0]
    recorded = ex.fetch_all("kl.kp2mi")[0][0].recorded_at
    wait_until(lambda: time.time_ns() > recorded.seconds * 10**9 + recorded.nanos + 10**7)
    ex.store("kab.18.07", event("worker.registered"), event("worker.registered"))
    since = ex.fetch_all("kl.kp2mi", after=first)[0][0].recorded_at

    later = rehearse(ex, policy(status="SUSPENDED"), since=since)[-1]
    whole = rehearse(ex, policy(status="SUSPENDED"))[-1]

    assert (later.events_total, whole.events_total) == (2, 3)
    assert row(later.result, "kl.kp2mi").events_lost == 2
    assert row(whole.result, "kl.kp2mi").events_lost == 3


def test_a_rehearsal_is_for_operators_who_may_change_the_policy(make_exchange):
    ex = make_exchange(policy())
    request = v1.RehearsePolicyRequest(policy=policy())
    broken = policy()
    broken.agreements[0].grants[0].events = "no.such.type"

    assert refused(ex.policy("operator/dewi").RehearsePolicy, request).reason == "NO_ROLE"
    assert refused(ex.policy("kl.kp2mi").RehearsePolicy, request).reason == "WRONG_KIND"
    refusal = refused(ex.policy().RehearsePolicy, v1.RehearsePolicyRequest(policy=broken))
    assert refusal.reason == "INVALID_POLICY"
    assert refusal.violations[0][0] == "agreements[0].grants[0].events"


def test_a_rehearsal_that_nobody_waits_for_ends(make_exchange):
    ex = make_exchange(policy())
    for _ in range(8):  # more than may be under way at once
        call = ex.policy().RehearsePolicy(v1.RehearsePolicyRequest(policy=policy()))
        call.cancel()

    def answered():
        try:
            return rehearse(ex, policy())
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            return None

    assert wait_until(answered)[-1].events_total == 0


# Under load

def test_a_switch_under_load_loses_no_event(make_exchange):
    ex = make_exchange(policy())
    stream = ex.subscribe("kl.kp2mi")
    stored, stop = [], threading.Event()

    def publish():
        while not stop.is_set():
            results = ex.publish("kab.18.07", [event("worker.registered") for _ in range(5)]).results
            stored.extend(result.position for result in results)
            assert all(result.outcome == v1.PublishResult.OUTCOME_STORED for result in results)

    publishers = [threading.Thread(target=publish) for _ in range(3)]
    for publisher in publishers:
        publisher.start()
    for turn in range(20):
        ex.apply(policy(level=("PSEUDONYMOUS", "IDENTIFIED")[turn % 2]))
    stop.set()
    for publisher in publishers:
        publisher.join()

    assert ex.version == 21
    assert sorted(stored) == list(range(1, len(stored) + 1))
    stream.wait_through(len(stored))
    assert stream.positions == sorted(stored)
    told = [ground.policy_version for response in stream.responses for ground in response.grounds]
    assert told == sorted(told) and len(set(told)) > 2
