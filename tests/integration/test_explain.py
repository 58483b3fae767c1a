"""What an agency and an operator rely on when they ask why: Explain tells the truth of the exchange."""

import json

import pytest

import samples
from contract import events, refused, v1
from exchange import DEADLINE, event
from user import User

SUBSCRIBE = v1.Grant.DIRECTION_SUBSCRIBE
PUBLISH = v1.Grant.DIRECTION_PUBLISH
TYPE = "worker.registered"


def ask(ex, who, **question):
    """One Explain call."""
    question = {"direction": SUBSCRIBE, "event_type": TYPE, **question}
    return ex.policy(who).Explain(v1.ExplainRequest(**question), timeout=DEADLINE)


def refusal(ex, who, **question):
    """Code, reason and fields at fault of an Explain call that must fail."""
    told = refused(ask, ex, who, **question)
    return told.code.name, told.reason, [field for field, _ in told.violations]


def reasons(answer):
    return {field.name: field.because for field in answer.fields}


# Who may ask


def test_explain_agency_asks_about_itself_alone(ex):
    assert ask(ex, "kab.18.07", agency="kab.18.07", region="18.07").permitted
    assert ask(ex, "kab.18.07", region="18.07").permitted
    for other in ("kab.35.09", "prov.18", "nobody.at.all"):
        assert refusal(ex, "kab.18.07", agency=other, region="18.07") == (
            "PERMISSION_DENIED", "WRONG_KIND", [])


def test_explain_operator_asks_about_all(ex):
    for agency in ("kab.18.07", "kl.komdigi", "perwakilan.tw.taipei"):
        answer = ask(ex, "operator/admin", agency=agency)
        assert answer.because and answer.policy_version == ex.version
    assert refusal(ex, "operator/admin") == ("INVALID_ARGUMENT", "MALFORMED_REQUEST", ["agency"])


def test_explain_tells_an_agency_nothing_of_grants_for_others(ex):
    for agency in ("kab.18.07", "kl.komdigi", "prov.18"):
        for type in (TYPE, "case.opened", "fraud.vacancy.reported", "placement.stats.published"):
            answer = ask(ex, agency, event_type=type, region="18.07")
            assert {step.grantee for step in answer.steps} <= {agency, agency.partition(".")[0]}


@pytest.mark.parametrize("field, value", [
    ("agency", "kab.99.99"), ("event_type", "worker.flew"), ("event_type", ""),
    ("direction", v1.Grant.DIRECTION_UNSPECIFIED), ("direction", 7), ("region", "99"),
    ("region", "18.7"), ("destination", "XX"), ("destination", "tw"), ("addressed_to", "nobody"),
    ("on_date", "2026-02-30"), ("on_date", "today")])
def test_explain_names_the_field_that_is_wrong(ex, field, value):
    assert refusal(ex, "operator/admin", **{"agency": "kab.18.07", field: value}) == (
        "INVALID_ARGUMENT", "MALFORMED_REQUEST", [field])


# What is told


def test_explain_tells_what_almost_applied_and_why_not(ex):
    near = ask(ex, "kab.18.07", region="18.07.12.2003", on_date="2026-06-01")
    far = ask(ex, "kab.18.07", region="35.09", on_date="2026-06-01")
    late = ask(ex, "kab.18.07", region="18.07", on_date="2030-10-28")
    early = ask(ex, "kab.18.07", region="18.07", on_date="2025-10-27")
    assert [step.because for step in near.steps] == ["region 18.07.12.2003 is within 18.07"]
    assert [step.because for step in far.steps] == ["region 35.09 is outside 18.07"]
    assert [step.because for step in late.steps] == ["the agreement ended on 2030-10-27"]
    assert [step.because for step in early.steps] == ["the agreement begins on 2025-10-28"]
    assert [a.permitted for a in (near, far, late, early)] == [True, False, False, False]
    assert near.on_date == "2026-06-01" and near.steps[0].agreement == "mou-2025-10-28-kab.18.07"


def test_explain_tells_the_reason_of_each_field(ex):
    answer = ask(ex, "kl.komdigi", event_type="fraud.vacancy.reported", region="18.07")
    told = reasons(answer)
    assert set(answer.visible_fields) | set(answer.withheld_fields) == set(told) - {
        "(unknown fields)"}
    assert answer.envelope_level == v1.LEVEL_PSEUDONYMOUS
    assert "platform" in answer.visible_fields and "recruiter_handle" in answer.withheld_fields
    assert told["recruiter_handle"].startswith("names the person: from IDENTIFIED on")
    assert told["content_excerpt"].startswith("free text: from IDENTIFIED on")


def test_explain_of_what_is_delivered_is_what_is_delivered(ex):
    """Every field set, stored and read by all: who sees which is what Explain said."""
    readers = ("kl.kp2mi", "kl.komdigi", "prov.18", "kab.18.07", "kab.35.09", "bp3mi.18",
               "opd.18.07.naker", "opd.18.07.bappeda")
    full = samples.payload(TYPE, everything=True)
    position, = ex.store("kab.18.07", event(TYPE, region="18.07.12", data=full.SerializeToString()))
    for reader in readers:
        answer = ask(ex, reader, region="18.07.12")
        read = ex.fetch_all(reader, after=position - 1)[0]
        assert answer.permitted == (len(read) == 1), reader
        seen = events.WorkerRegistered.FromString(read[0].event.data) if read else None
        shown = {field.name for field, _ in seen.ListFields()} if read else set()
        assert shown == set(answer.visible_fields), reader


def test_explain_of_publishing_is_what_the_exchange_accepts(ex):
    may = ask(ex, "kab.18.07", direction=PUBLISH, region="18.07")
    may_not = ask(ex, "kab.18.07", direction=PUBLISH, region="35.09")
    assert (may.permitted, may.may_resolve, may_not.permitted) == (True, True, False)
    assert [step.because for step in may_not.steps] == ["region 35.09 is outside 18.07"]
    outcomes = [result.outcome for result in ex.publish("kab.18.07", [
        event(TYPE, region="18.07"), event(TYPE, region="35.09")], dry_run=True).results]
    assert (outcomes[0] != v1.PublishResult.OUTCOME_REJECTED, outcomes[1]) == (
        True, v1.PublishResult.OUTCOME_REJECTED)


# At the terminal


def test_explain_prints_a_tree(ex, tmp_path):
    done = User(ex, "operator/admin", tmp_path).run(
        "policy", "explain", "--agency", "kab.18.07", "--type", TYPE, "--region", "35.09",
        "--on", "2026-06-01")
    assert (done.code, done.err) == (0, ""), done
    assert done.out.splitlines()[:5] == [
        "kab.18.07 may not read worker.registered",
        f"  asked     about region 35.09, on 2026-06-01; policy version {ex.version}",
        "  because   the one grant to read worker.registered does not apply",
        "  grants",
        "    - mou-2025-10-28-kab.18.07 grants[21]: region 35.09 is outside 18.07"]


def test_explain_of_an_agency_needs_no_name(ex, tmp_path):
    done = User(ex, "kab.18.07", tmp_path).run(
        "policy", "explain", "--type", TYPE, "--region", "18.07", "--direction", "publish")
    assert done.code == 0, done
    assert done.out.startswith("kab.18.07 may publish worker.registered\n")
    assert "    may be set\n" in done.out and "    withheld\n" not in done.out


def test_explain_as_json_says_the_same(ex, tmp_path):
    done = User(ex, "kl.komdigi", tmp_path).run(
        "policy", "explain", "--type", "fraud.vacancy.reported", "--region", "18.07",
        "--output", "json")
    told = json.loads(done.out)
    answer = ask(ex, "kl.komdigi", event_type="fraud.vacancy.reported", region="18.07")
    assert told["permitted"] and told["envelope"] == "PSEUDONYMOUS"
    assert {f["name"]: f["because"] for f in told["fields"]} == reasons(answer)
    assert [g["because"] for g in told["grants"]] == [step.because for step in answer.steps]


def test_explain_says_what_is_wrong_with_the_question(ex, tmp_path):
    user = User(ex, "operator/admin", tmp_path)
    assert user.run("policy", "explain", "--agency", "kab.18.07").code == 2
    assert user.run("policy", "explain", "--agency", "kab.18.07", "--type", TYPE,
                    "--direction", "sideways").code == 2
    done = user.run("policy", "explain", "--agency", "kab.18.07", "--type", "worker.flew")
    assert done.code == 1 and "event_type" in done.err, done
