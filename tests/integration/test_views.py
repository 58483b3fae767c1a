"""Not one field more: what an agency receives holds nothing, in no byte, that it may not see."""

import datetime
import re
import uuid

import pytest

import policies
import samples
from contract import TYPES, v1
from exchange import Exchange, event

KP2MI = "kl.kp2mi"
REGENCY = "kab.18.07"
VILLAGE = "desa.18.07.15.2006"
REGION = "18.07.15.2006"
REGISTERED = "worker.registered"
PSEUDONYM = re.compile(r"p_[0-9A-HJKMNP-TV-Z]{20}")
REFERENCE = re.compile(r"[a-z]_[0-9A-HJKMNP-TV-Z]{20}")
IDENTIFIED_ONLY = {
    "correlation_id": "correlation-SECRET", "causation_id": "causation-SECRET",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


def fields_of(type, *hidden):
    return {name for name in TYPES[type].fields if name not in hidden}


def full(type, **values):
    """Every field of a type set, strings to something that can be searched for."""
    return samples.payload(type, everything=True, mark="-SECRET", **values)


def strings(message):
    for field, value in message.ListFields():
        if field.cpp_type == field.CPPTYPE_STRING:
            yield from ([value] if isinstance(value, str) else value)


def look(ex, agency, after, **keywords):
    """Raw bytes of what an agency is sent behind a position, and the same decoded."""
    raw = ex.fetch(agency, raw=True, after_position=after, **keywords)
    return raw, v1.FetchResponse.FromString(raw)


def view(ex, agency, after):
    """Envelope and payload of the one event that an agency is sent behind a position."""
    _, page = look(ex, agency, after)
    (delivery,) = page.batch.deliveries
    return delivery.event, TYPES[delivery.event.type].message.FromString(delivery.event.data)


def assert_only(data, sent, visible, coarse):
    """data is what is sent of these fields, others absent, and not a byte beyond."""
    expected = type(sent)()
    expected.CopyFrom(sent)
    for name in [field.name for field, _ in sent.ListFields()]:
        if name not in visible and name not in coarse:
            expected.ClearField(name)
    for name, value in coarse.items():
        setattr(expected, name, value)
    assert type(sent).FromString(data) == expected
    assert len(data) == expected.ByteSize()


def assert_withheld(raw, sent, shown):
    """No string of sent that is not among those shown stands anywhere in raw."""
    for text in strings(sent):
        if len(text) > 4 and not any(text in seen for seen in shown):
            assert text.encode() not in raw, text


# The sample policy, decided by hand: what readers see of an event with every field set


DIRECT = ("nik", "full_name", "family_card_number", "phone", "email", "address_line",
          "emergency_contact_name", "emergency_contact_phone")
CRIMINAL = ("detention_flag", "criminal_record_note")
ALL, NOTHING = "all", "nothing"

TABLE = [
    # A registration: the regency and its offices by the MoU, BP3MI, P4MI, village, Kemnaker by law at
    # IDENTIFIED, the province below; nobody else.
    (REGISTERED, REGENCY, {"region": REGION, "destination": "TW"}, {
        KP2MI: ALL, REGENCY: ALL, "opd.18.07.naker": ALL, "bp3mi.18": ALL, "p4mi.18.07": ALL,
        "kl.kemnaker": ALL, VILLAGE: ALL,
        "prov.18": (fields_of(REGISTERED, *DIRECT, "birth_date", "village_code"),
                    {"birth_date": "1999", "village_code": "18.07.15"}),
        **dict.fromkeys(("kab.35.09", "prov.35", "bp3mi.35", "kl.komdigi", "kl.kemlu", "kl.polri",
                         "p3mi.0091", "opd.18.07.bappeda", "opd.18.07.dpmptsp", "lns.bawaslu",
                         "rs.18.07.sukadana", "perwakilan.tw.taipei", "dprd.35.13", "kl.bi",
                         "desa.12.07.28.2004"), NOTHING)}),
    # A fraud report: KP2MI and police in full, Komdigi and BP3MI without the recruiter and free text.
    ("fraud.vacancy.reported", REGENCY, {"region": "18.07"}, {
        KP2MI: ALL, "kl.polri": ALL,
        **dict.fromkeys(("kl.komdigi", "bp3mi.18"), (fields_of(
            "fraud.vacancy.reported", "content_excerpt", "promised_wage", "recruiter_handle"), {})),
        **dict.fromkeys((REGENCY, "kab.35.09", "bp3mi.35", "prov.18", VILLAGE, "kl.kemlu"),
                        NOTHING)}),
    # A case: health and criminal notes for KP2MI, Kemlu and the mission of the country; health for
    # BP3MI; neither for the regency.
    ("case.opened", KP2MI, {"region": "18.07", "destination": "TW"}, {
        KP2MI: ALL, "kl.kemlu": ALL, "perwakilan.tw.taipei": ALL,
        "bp3mi.18": (fields_of("case.opened", *CRIMINAL), {}),
        REGENCY: (fields_of("case.opened", *CRIMINAL, "health_condition"), {}),
        "opd.18.07.naker": (fields_of("case.opened", *CRIMINAL, "health_condition"), {}),
        "prov.18": (fields_of("case.opened", *CRIMINAL, "health_condition", "case_number",
                              "complaint_number"), {}),
        **dict.fromkeys(("perwakilan.my.johor-bahru", "kab.35.09", "kl.komdigi", "kl.bi", VILLAGE,
                         "kl.kemnaker", "org.komnaspa"), NOTHING)}),
    # The migrant's card: biometric data for KP2MI and BP3MI alone.
    ("epmi.issued", "bp3mi.18", {"region": REGION, "destination": "TW"}, {
        KP2MI: ALL, "bp3mi.18": ALL,
        **dict.fromkeys(("kl.kemlu", "kl.imipas", REGENCY, "opd.18.07.naker"), (fields_of(
            "epmi.issued", "biometric_taken", "biometric_reference"), {})),
        VILLAGE: (fields_of("epmi.issued", "biometric_taken", "biometric_reference", "epmi_number",
                            "passport_number", "visa_number", "contract_number"), {}),
        **dict.fromkeys(("kab.35.09", "kl.komdigi", "kl.polri"), NOTHING)}),
    # A hand-over: full for those who do it, the province and the village without numbers.
    ("repatriation.handed_over", "bp3mi.18", {"region": REGION, "payload": {
        "witness_agency_id": REGENCY}}, {
        KP2MI: ALL, "kl.kemlu": ALL, REGENCY: ALL, "bp3mi.18": ALL,
        **dict.fromkeys(("prov.18", VILLAGE), (fields_of(
            "repatriation.handed_over", "repatriation_number", "handover_minutes_number"), {})),
        **dict.fromkeys(("kab.35.09", "kl.kemensos", "opd.18.07.bappeda", "rs.18.07.sukadana",
                         "kl.komdigi"), NOTHING)}),
    # A child: whom it is addressed to, and those in whose region it is.
    ("child.case.referred", KP2MI, {"region": "18.07", "payload": {
        "receiving_agency_id": "org.komnaspa"}}, {
        KP2MI: ALL, "org.komnaspa": ALL, REGENCY: ALL, "bp3mi.18": ALL,
        **dict.fromkeys(("kl.kemensos", "kl.kemlu", "kab.35.09", "prov.18", VILLAGE, "kl.polri"),
                        NOTHING)}),
    # Counts for the election supervisor; it is all RESTRICTED or PUBLIC.
    ("voter.aggregate.published", KP2MI, {"region": ""}, {
        "lns.bawaslu": ALL, KP2MI: ALL,
        **dict.fromkeys(("kl.kemlu", "perwakilan.tw.taipei", REGENCY), NOTHING)}),
]


@pytest.mark.parametrize("type, publisher, fields, readers", TABLE, ids=[row[0] for row in TABLE])
def test_each_agency_sees_exactly_what_its_agreements_give(ex, type, publisher, fields, readers):
    fields = dict(fields)
    values = fields.pop("payload", {})
    if type == REGISTERED:
        values = {"birth_date": "1999-03-12"}
    sent = full(type, **values)
    envelope = IDENTIFIED_ONLY if type != "voter.aggregate.published" else {}
    stored = event(type, data=sent.SerializeToString(), **fields, **envelope)
    head = ex.head()
    ex.store(publisher, stored)
    for reader, sees in readers.items():
        raw, page = look(ex, reader, head)
        if sees == NOTHING:
            assert not page.batch.deliveries and not page.grounds, reader
            assert_withheld(raw, sent, ())
            continue
        (delivery,) = page.batch.deliveries
        visible, coarse = (fields_of(type), {}) if sees == ALL else sees
        assert_only(delivery.event.data, sent, visible, coarse)
        shown = [str(getattr(sent, name)) for name in visible]
        shown += [delivery.event.region, delivery.event.source]
        if sees != ALL:
            # Names of hidden fields are told by the ground: look at the deliveries.
            raw = b"".join(d.SerializeToString() for d in page.batch.deliveries)
        assert_withheld(raw, sent, shown)


# A policy of readers of every kind, all of one agreement, about the same types


WATCHED = ("worker.registered", "worker.verified", "child.case.referred", "medical.exam.recorded",
           "repatriation.handed_over", "subject.right.executed", "placement.stats.published",
           "voter.aggregate.published", "service_post.changed", "case.opened",
           "village.verification.recorded", "job.order.published")
EVERY_KIND = ["HEALTH", "BIOMETRIC", "CRIMINAL", "CHILD", "FINANCE"]
GROUPS = sorted({TYPES[type].rules.group for type in WATCHED})


def grants(grantee, level, direction="SUBSCRIBE", types=WATCHED, **more):
    return [{"grantees": [grantee], "direction": direction, "events": [type], "scope": "NATIONAL",
             "level": level, "specific": EVERY_KIND, "purpose": TYPES[type].rules.purposes[0],
             "legal_basis": "test", **more} for type in types]


def tomorrow():
    zone = datetime.timezone(datetime.timedelta(hours=7))
    return (datetime.datetime.now(zone) + datetime.timedelta(days=1)).date().isoformat()


READERS = {
    "kl.all": grants("kl.all", "IDENTIFIED"),
    "kl.identified": grants("kl.identified", "IDENTIFIED", specific=[]),
    "kl.one": grants("kl.one", "PSEUDONYMOUS"),
    "kl.two": grants("kl.two", "PSEUDONYMOUS"),
    "kl.bare": grants("kl.bare", "PSEUDONYMOUS", specific=[]),
    "kl.counts": [{"grantees": ["kl.counts"], "direction": "SUBSCRIBE", "events": ["*"],
                   "scope": "NATIONAL", "level": "AGGREGATE", "legal_basis": "test",
                   "purpose": purpose}
                  for purpose in ("statistics", "voter_rights")],
    "kl.public": grants("kl.public", "PUBLIC"),
    "kl.cut": grants("kl.cut", "IDENTIFIED"),
    "kl.only": grants("kl.only", "IDENTIFIED", types=[REGISTERED], only_fields=["sex", "full_name"]),
    "kl.never": grants("kl.never", "IDENTIFIED", types=[REGISTERED], never_fields=["full_name"]),
    "kl.union": (grants("kl.union", "PSEUDONYMOUS", types=[REGISTERED])
                 + grants("kl.union", "IDENTIFIED", types=[REGISTERED], only_fields=["full_name"])
                 + grants("kl.union", "PUBLIC", types=[REGISTERED])),
    "kl.unlimited": grants("kl.unlimited", "IDENTIFIED"),
    "kl.barred": grants("kl.barred", "IDENTIFIED"),
    "kl.addressed": grants("kl.addressed", "IDENTIFIED", scope="ADDRESSED", types=[
        type for type in WATCHED if TYPES[type].rules.addressee_field]),
    "kl.later": grants("kl.later", "IDENTIFIED", events_from=tomorrow()),
    "kl.today": grants("kl.today", "IDENTIFIED", events_from="2026-01-01"),
    "kl.regions": grants("kl.regions", "IDENTIFIED", scope="REGIONS", regions=["18.07", "35"]),
    "kl.country": grants("kl.country", "IDENTIFIED", scope="COUNTRY", countries=["TW"]),
    VILLAGE: grants(VILLAGE, "PSEUDONYMOUS", scope="OWN"),
}


@pytest.fixture(scope="module")
def views(ca, tmp_path_factory):
    """An exchange where kl.source may publish everything and the READERS read it."""
    readers = [name for name in READERS if name != VILLAGE]
    limits = [{"level": "IDENTIFIED", "specific": EVERY_KIND, "scope": "NATIONAL", "groups": GROUPS}]
    cut = [{"level": "AGGREGATE", "scope": "NATIONAL", "groups": GROUPS}]
    barred = [{"level": "NONE", "groups": [group for group in GROUPS if group != "statistics"]},
              {"level": "PUBLIC", "groups": ["statistics"]}]
    policy = policies.from_document({
        "agencies": [{"id": name, "name": name, "kind": "kl", "region": "ID"}
                     for name in ["kl.source", *readers]]
        + [{"id": REGENCY, "name": "Lampung Timur", "kind": "kab", "region": "18.07"},
           {"id": VILLAGE, "name": "Bandar Agung", "kind": "desa", "region": REGION,
            "parent": REGENCY}],
        "agreements": [{
            "id": "law", "title": "test", "parties": ["kl.source", "kl.one"],
            "valid_from": "2026-01-01",
            "grants": sum(READERS.values(), []) + sum(
                (grants(publisher, "IDENTIFIED", direction="PUBLISH", may_resolve=True)
                 for publisher in ("kl.source", REGENCY, VILLAGE)), [])}],
        "ceilings": [{"audience": name, "limits": {"kl.cut": cut, "kl.barred": barred}.get(
            name, limits)} for name in [*readers, VILLAGE] if name != "kl.unlimited"],
    })
    policy.ceilings.extend([v1.Ceiling(
        audience="kl", group="registration", level=v1.LEVEL_IDENTIFIED,
        scope=v1.Grant.SCOPE_NATIONAL)])
    with Exchange(ca, tmp_path_factory.mktemp("views")) as running:
        running.apply(policy)
        yield running


@pytest.fixture(autouse=True)
def no_connections_left(request):
    yield
    if "views" in request.fixturenames:
        request.getfixturevalue("views").disconnect()


def sent_to(views, reader, *events, publisher="kl.source"):
    """Stores events and gives what a reader gets of them."""
    head = views.head()
    views.store(publisher, *events)
    return look(views, reader, head)


# The envelope


def test_identified_readers_get_the_envelope_as_it_was_sent(views):
    sent = event("child.case.referred", region=REGION, destination="TW",
                 payload={"receiving_agency_id": "kl.one"}, **IDENTIFIED_ONLY)
    _, page = sent_to(views, "kl.all", sent)
    sent.source, sent.addressed_to = "kl.source", "kl.one"
    assert page.batch.deliveries[0].event == sent


def test_below_identified_the_envelope_is_rewritten_and_cut(views):
    sent = event("child.case.referred", region=REGION, destination="TW",
                 payload={"receiving_agency_id": "kl.one"}, supersedes="supersedes-SECRET",
                 **IDENTIFIED_ONLY)
    raw, page = sent_to(views, "kl.one", sent)
    got = page.batch.deliveries[0].event
    assert str(uuid.UUID(got.id)) == got.id != sent.id
    assert PSEUDONYM.fullmatch(got.subject)
    assert (got.region, got.destination, got.source) == ("18.07.15", "TW", "kl.source")
    assert got.occurred_at == sent.occurred_at
    assert not any((got.correlation_id, got.causation_id, got.supersedes, got.traceparent,
                    got.addressed_to))
    for secret in (sent.id, sent.subject, sent.subject[2:], REGION, "SECRET", sent.traceparent):
        assert secret.encode() not in raw


def test_a_public_view_has_only_public_fields_of_the_envelope(views):
    sent = event(REGISTERED, region="18.07", destination="TW", **IDENTIFIED_ONLY)
    raw, page = sent_to(views, "kl.public", sent)
    got = page.batch.deliveries[0].event
    assert (got.type, got.source, got.destination) == (REGISTERED, "kl.source", "TW")
    assert not got.subject and not got.region and not got.data
    assert str(uuid.UUID(got.id)) == got.id != sent.id
    assert sent.subject.encode() not in raw and b"SECRET" not in raw


def test_no_two_readers_can_join_what_they_hold(views):
    sent = [event(REGISTERED), event(REGISTERED)]
    sent[1].subject = sent[0].subject
    _, one = sent_to(views, "kl.one", *sent)
    _, two = look(views, "kl.two", one.batch.deliveries[0].position - 1)
    one = [d.event for d in one.batch.deliveries]
    two = [d.event for d in two.batch.deliveries]
    assert one[0].subject == one[1].subject != two[0].subject == two[1].subject
    ids = {e.id for e in one + two + sent}
    assert len(ids) == 6


def test_a_readers_forms_are_stable(views):
    head = views.head()
    views.store("kl.source", *(event(REGISTERED) for _ in range(5)))
    first, _ = views.fetch_all("kl.one", head)
    again, _ = views.fetch_all("kl.one", head, max_events=2)
    assert first == again
    stream = views.subscribe("kl.one", start=v1.Start(after_position=head))
    assert stream.wait_through(head + 5).deliveries == first
    views.restart(kill=True)
    assert views.fetch_all("kl.one", head)[0] == first


def test_the_same_reference_has_one_form_in_envelope_and_payload(views):
    parent = samples.subject(1)
    earlier = event(REGISTERED, subject=parent)
    child = event("child.case.referred", payload={
        "receiving_agency_id": "kl.two", "parent_subject_ref": parent,
        "child_ref": "c_SECRETSECRET"})
    right = event("subject.right.executed", payload={
        "affected_event_ids": [earlier.id, child.id, "SECRET-not-a-uuid", earlier.id]})
    raw, page = sent_to(views, "kl.one", earlier, child, right)
    assert b"SECRET" not in raw and parent.encode() not in raw
    first, second, third = (d.event for d in page.batch.deliveries)
    referred = TYPES["child.case.referred"].message.FromString(second.data)
    assert referred.parent_subject_ref == first.subject
    assert referred.child_ref.startswith("c_") and REFERENCE.fullmatch(referred.child_ref)
    affected = TYPES["subject.right.executed"].message.FromString(third.data).affected_event_ids
    assert list(affected[:2]) == [first.id, second.id]
    assert str(uuid.UUID(affected[2])) == affected[2]
    assert affected[3] == affected[0]


def test_a_reference_keeps_its_prefix_and_differs_for_each_reader(views):
    sent = event("village.verification.recorded", payload={
        "village_officer_ref": "o_18071220030001"})
    head = views.head()
    views.store("kl.source", sent)
    forms = {reader: view(views, reader, head)[1].village_officer_ref
             for reader in ("kl.all", "kl.one", "kl.two")}
    assert forms["kl.all"] == "o_18071220030001"
    assert len(set(forms.values())) == 3
    for reader in ("kl.one", "kl.two"):
        assert forms[reader].startswith("o_") and REFERENCE.fullmatch(forms[reader])


# A village


def test_a_village_that_vouches_becomes_its_parent_below_identified(views):
    sent = [event(REGISTERED, region=REGION, source=VILLAGE), event(REGISTERED, region="18.07")]
    head = views.head()
    views.store(VILLAGE, event(REGISTERED, region=REGION))
    views.store(REGENCY, *sent)
    full_sight = [(d.event.source, d.published_by) for d in views.fetch_all("kl.all", head)[0]]
    assert full_sight == [(VILLAGE, ""), (VILLAGE, REGENCY), (REGENCY, "")]
    raw, page = look(views, "kl.one", head)
    assert [(d.event.source, d.published_by) for d in page.batch.deliveries] == [(REGENCY, "")] * 3
    assert VILLAGE.encode() not in raw and REGION.encode() not in raw


def test_a_village_named_in_a_payload_becomes_its_parent_below_identified(views):
    sent = event("repatriation.handed_over", region=REGION, payload={"witness_agency_id": VILLAGE})
    raw, page = sent_to(views, "kl.one", sent)
    got = TYPES["repatriation.handed_over"].message.FromString(page.batch.deliveries[0].event.data)
    assert got.witness_agency_id == REGENCY
    assert VILLAGE.encode() not in raw
    assert page.grounds[0].hidden_fields == ["repatriation_number", "handover_minutes_number"]


def test_even_the_village_itself_reads_its_district_below_identified(views):
    raw, page = sent_to(views, VILLAGE, event(REGISTERED, region=REGION))
    assert page.batch.deliveries[0].event.region == "18.07.15"
    assert REGION.encode() not in raw


@pytest.mark.parametrize("region, seen", [
    ("18", "18"), ("18.07", "18.07"), ("18.07.15", "18.07.15"), (REGION, "18.07.15"), ("", "")])
def test_a_region_is_cut_to_the_district_and_no_further(views, region, seen):
    sent = event(REGISTERED, region=region, payload={"village_code": region or "18"})
    head = views.head()
    views.store("kl.source", sent)
    envelope, payload = view(views, "kl.one", head)
    assert (envelope.region, payload.village_code) == (seen, seen or "18")


# The payload


def test_the_table_of_levels(views):
    sent = full("case.opened")
    head = views.head()
    views.store("kl.source", event("case.opened", data=sent.SerializeToString()))
    numbers = ("case_number", "complaint_number")
    texts = ("health_condition", "criminal_record_note")
    for reader, hidden in {
            "kl.all": (), "kl.identified": ("health_condition", *CRIMINAL),
            "kl.one": (*numbers, *texts),
            "kl.bare": (*numbers, "health_condition", *CRIMINAL),
            "kl.public": fields_of("case.opened"), "kl.cut": fields_of("case.opened")}.items():
        _, page = look(views, reader, head)
        assert_only(page.batch.deliveries[0].event.data, sent,
                    fields_of("case.opened", *hidden), {})
        assert set(page.grounds[0].hidden_fields) == set(hidden), reader


def test_a_coarse_field_of_a_barred_class_is_absent(views):
    sent = event("child.case.referred", payload={
        "receiving_agency_id": "kl.two", "child_birth_date": "2015-03-12", "child_name": "SECRET"})
    head = views.head()
    views.store("kl.source", sent)
    assert view(views, "kl.one", head)[1].child_birth_date == "2015"
    assert view(views, "kl.all", head)[1].child_birth_date == "2015-03-12"
    for reader in ("kl.bare", "kl.identified"):
        raw, page = look(views, reader, head)
        payload = TYPES["child.case.referred"].message.FromString(
            page.batch.deliveries[0].event.data)
        assert not payload.child_birth_date and not payload.child_ref
        assert b"2015" not in raw and b"SECRET" not in raw
        assert page.grounds[0].coarsened_fields == []


UNKNOWN = b"\xfa\x3e\x06SECRET" + b"\xf9\x3eSECRET!!"


@pytest.mark.parametrize("reader, sees", [
    ("kl.all", True), ("kl.identified", True), ("kl.one", False), ("kl.public", False),
    ("kl.only", False), ("kl.never", False)])
def test_unknown_fields_are_for_those_alone_who_see_all(views, reader, sees):
    sound = samples.payload(REGISTERED).SerializeToString()
    raw, page = sent_to(views, reader, event(REGISTERED, data=sound + UNKNOWN))
    assert (b"SECRET" in raw) == sees
    if sees:
        assert page.batch.deliveries[0].event.data == sound + UNKNOWN


def test_unknown_fields_of_a_type_with_kinds_need_every_kind(views):
    sound = samples.payload("case.opened").SerializeToString()
    raw, _ = sent_to(views, "kl.identified", event("case.opened", data=sound + UNKNOWN))
    assert b"SECRET" not in raw
    raw, _ = sent_to(views, "kl.all", event("case.opened", data=sound + UNKNOWN))
    assert b"SECRET" in raw


ODD = {
    "a hidden field twice": b"\x12\x06SECRET",
    "a hidden field before it": (b"\x12\x06SECRET", "front"),
    "a tag longer than need be": b"\x92\x00\x06SECRET",
    "a hidden field of another wire type": b"\x11SECRET!!",
    "a hidden field as a group": b"\x13\x0a\x06SECRET\x14",
    "a visible field of another wire type": b"\x1a\x06SECRET",
    "a coarse field twice": (b"\x22\x0a1955-03-12", "front"),
    "a coarse field of another wire type": b"\x21SECRET!!",
}


@pytest.mark.parametrize("case", ODD)
def test_odd_encodings_hide_nothing_from_redaction(views, case):
    extra, place = ODD[case] if isinstance(ODD[case], tuple) else (ODD[case], "end")
    sound = samples.payload(REGISTERED, birth_date="1999-03-12").SerializeToString()
    sent = event(REGISTERED, data=extra + sound if place == "front" else sound + extra)
    head = views.head()
    (result,) = views.publish("kl.source", [sent]).results
    if "wire type" in case or "group" in case:
        assert {violation.reason for violation in result.violations} == {"MALFORMED"}
        return
    assert result.outcome == v1.PublishResult.OUTCOME_STORED
    assert extra in look(views, "kl.all", head)[0]
    for reader in ("kl.one", "kl.never", "kl.public", "kl.counts"):
        raw, _ = look(views, reader, head)
        assert b"SECRET" not in raw, reader
        assert reader == "kl.never" or b"03-12" not in raw


def test_only_fields_and_never_fields_narrow(views):
    sent = full(REGISTERED)
    head = views.head()
    views.store("kl.source", event(REGISTERED, data=sent.SerializeToString()))
    for reader, visible in (("kl.only", {"sex", "full_name"}),
                            ("kl.never", fields_of(REGISTERED, "full_name"))):
        _, page = look(views, reader, head)
        assert_only(page.batch.deliveries[0].event.data, sent, visible, {})
        assert set(page.grounds[0].hidden_fields) == fields_of(REGISTERED) - visible


def test_several_grants_give_the_union_and_every_ground(views):
    sent = full(REGISTERED, birth_date="1999-03-12")
    stored = event(REGISTERED, data=sent.SerializeToString(), region=REGION, **IDENTIFIED_ONLY)
    _, page = sent_to(views, "kl.union", stored)
    (delivery,) = page.batch.deliveries
    hidden = set(DIRECT) - {"full_name"}
    assert_only(delivery.event.data, sent,
                fields_of(REGISTERED, *hidden, "birth_date", "village_code"),
                {"birth_date": "1999", "village_code": "18.07.15"})
    # The envelope is that of the highest level among them.
    stored.source, stored.data = "kl.source", delivery.event.data
    assert delivery.event == stored
    for ground in page.grounds:
        assert set(ground.hidden_fields) == hidden
        assert set(ground.coarsened_fields) == {"birth_date", "village_code"}


# Grounds


def test_a_ground_names_what_the_view_hides_whether_or_not_it_is_set(views):
    head = views.head()
    views.store("kl.source", event(REGISTERED), event(
        REGISTERED, data=full(REGISTERED).SerializeToString()))
    for reader, hidden, coarse in (
            ("kl.all", (), ()), ("kl.one", DIRECT, ("birth_date", "village_code")),
            ("kl.public", fields_of(REGISTERED), ())):
        _, page = look(views, reader, head)
        one, two = page.batch.deliveries
        assert list(one.grounds) == list(two.grounds) == [ground.id for ground in page.grounds]
        (ground,) = page.grounds
        assert set(ground.hidden_fields) == set(hidden)
        assert set(ground.coarsened_fields) == set(coarse)
        assert (ground.agreement, ground.purpose, ground.legal_basis, ground.event_type) == (
            "law", "placement", "test", REGISTERED)
        assert ground.policy_version == views.version
        assert not ground.HasField("valid_to")


def test_the_ground_of_a_mou_ends_with_its_last_day_in_jakarta(ex):
    head = ex.head()
    ex.store(REGENCY, event(REGISTERED))
    _, page = look(ex, REGENCY, head)
    (ground,) = page.grounds
    assert ground.agreement == "mou-2025-10-28-kab.18.07"
    end = datetime.datetime(2030, 10, 28, tzinfo=datetime.timezone(datetime.timedelta(hours=7)))
    assert ground.valid_to.seconds == int(end.timestamp())


def test_ground_ids_are_the_same_after_a_restart(views):
    head = views.head()
    views.store("kl.source", event(REGISTERED))
    before = look(views, "kl.union", head)
    views.restart()
    assert look(views, "kl.union", head) == before


# Scopes, ceilings, dates


@pytest.mark.parametrize("reader, fields, sees", [
    ("kl.regions", {"region": "18.07"}, True), ("kl.regions", {"region": REGION}, True),
    ("kl.regions", {"region": "35.09"}, True), ("kl.regions", {"region": "18"}, False),
    ("kl.regions", {"region": "18.08"}, False), ("kl.regions", {"region": ""}, False),
    ("kl.country", {"destination": "TW"}, True), ("kl.country", {"destination": "MY"}, False),
    ("kl.country", {}, False),
    ("kl.later", {}, False), ("kl.today", {}, True),
    ("kl.unlimited", {}, True), ("kl.barred", {}, False),
    (VILLAGE, {"region": REGION}, True), (VILLAGE, {"region": "18.07.15"}, False),
    (VILLAGE, {"region": "18.07.15.2005"}, False),
])
def test_a_grant_reaches_as_far_as_its_scope_ceiling_and_days(views, reader, fields, sees):
    raw, page = sent_to(views, reader, event(REGISTERED, **{"region": "18.07", **fields}))
    assert bool(page.batch.deliveries) == sees
    if not sees:
        assert len(raw) < 100


def test_no_ceiling_for_a_group_is_nothing(views):
    # kl.unlimited has the row of its kind for registration alone.
    raw, page = sent_to(views, "kl.unlimited", event("case.opened"), event(REGISTERED))
    assert [d.event.type for d in page.batch.deliveries] == [REGISTERED]


def test_what_is_addressed_reaches_its_addressee_alone(views):
    sent = [event("child.case.referred", payload={"receiving_agency_id": addressee})
            for addressee in ("kl.addressed", "kl.two")]
    _, page = sent_to(views, "kl.addressed", *sent, event(REGISTERED))
    assert [d.event.id for d in page.batch.deliveries] == [sent[0].id]
    assert page.batch.deliveries[0].event.addressed_to == "kl.addressed"


# Counts


def counts(voters, consented=0):
    return event("voter.aggregate.published", region="", payload={
        "eligible_voters": voters, "contact_consented": consented})


def test_small_counts_are_not_delivered_at_aggregate(views):
    sizes = [0, 1, 2, 3, 4, 5, 1000]
    raw, page = sent_to(views, "kl.counts", *(counts(size) for size in sizes), counts(1000, 4))
    got = [TYPES["voter.aggregate.published"].message.FromString(d.event.data).eligible_voters
           for d in page.batch.deliveries]
    assert got == [0, 5, 1000]


def test_aggregate_delivers_types_made_of_counts_alone(views):
    sent = [event(type) for type in (REGISTERED, "case.opened", "service_post.changed",
                                     "job.order.published")]
    raw, page = sent_to(views, "kl.counts", *sent, counts(10))
    assert [d.event.type for d in page.batch.deliveries] == ["voter.aggregate.published"]
    for hidden in sent:
        assert hidden.id.encode() not in raw


def test_a_grant_cut_to_aggregate_gives_of_other_types_what_public_would(views):
    sent = full(REGISTERED)
    stored = event(REGISTERED, data=sent.SerializeToString(), region=REGION)
    head = views.head()
    views.store("kl.source", stored, event("service_post.changed"), counts(3), counts(10))
    raw, page = look(views, "kl.cut", head)
    worker, post, count = (d.event for d in page.batch.deliveries)
    assert worker.data == b"" and not worker.subject and not worker.region
    assert TYPES["service_post.changed"].message.FromString(post.data).post_name
    assert TYPES["voter.aggregate.published"].message.FromString(count.data).eligible_voters == 10
    assert b"SECRET" not in raw and REGION.encode() not in raw


# Filters answer nothing that the view does not


def hidden_filters(stored, other):
    """Filters that would find the event if they looked at what is stored."""
    return {
        "the village": {"regions": [REGION]},
        "the exchange's pseudonym": {"subjects": [stored.subject]},
        "another reader's pseudonym": {"subjects": [other.subject]},
        "the village's id": {"sources": [VILLAGE]},
    }


def test_a_filter_on_something_hidden_answers_like_one_on_nothing(views):
    stored = event(REGISTERED, region=REGION)
    head = views.head()
    views.store(VILLAGE, stored)
    ours, _ = view(views, "kl.one", head)
    theirs, _ = view(views, "kl.two", head)
    nothing = look(views, "kl.one", head, filter=v1.Filter(types=["no.such.type"]))[0]
    for name, fields in hidden_filters(stored, theirs).items():
        assert look(views, "kl.one", head, filter=v1.Filter(**fields))[0] == nothing, name
    for seen in ({"regions": ["18.07.15"]}, {"subjects": [ours.subject]}, {"sources": [REGENCY]},
                 {"types": [REGISTERED]}):
        _, page = look(views, "kl.one", head, filter=v1.Filter(**seen))
        assert [d.event.id for d in page.batch.deliveries] == [ours.id], seen


def test_a_public_view_is_not_found_by_what_it_lacks(views):
    stored = event(REGISTERED, region="18.07", destination="TW")
    head = views.head()
    views.store("kl.source", stored)
    nothing = look(views, "kl.public", head, filter=v1.Filter(types=["no.such.type"]))[0]
    for fields in ({"regions": ["18.07"]}, {"regions": ["18"]}, {"subjects": [stored.subject]}):
        assert look(views, "kl.public", head, filter=v1.Filter(**fields))[0] == nothing
    assert look(views, "kl.public", head, filter=v1.Filter(destinations=["TW"]))[0] != nothing


def test_a_filter_with_something_hidden_excludes_nothing_that_it_should_not(views):
    stored = event(REGISTERED, region=REGION)
    head = views.head()
    views.store(VILLAGE, stored)
    both = v1.Filter(regions=[REGION, "18.07"], sources=[VILLAGE, REGENCY])
    _, page = look(views, "kl.one", head, filter=both)
    assert len(page.batch.deliveries) == 1


def test_an_answer_without_deliveries_is_the_same_whatever_is_hidden(views):
    """Only positions tell that something was stored, as the contract says, and not what."""
    def barred(*events):
        head = views.head()
        views.store("kl.source", *events)
        _, page = look(views, "kl.barred", head)
        assert page.batch.through_position == page.head_position
        page.head_position = page.batch.through_position = 0
        return page

    quiet = barred(event(REGISTERED))
    assert quiet == barred(event("case.opened")) == barred(counts(3))
    assert not quiet.grounds


def test_a_small_count_withheld_looks_like_any_other_event_withheld(views):
    head = views.head()
    views.store("kl.source", counts(3))
    page = look(views, "kl.counts", head)[1]
    assert page == v1.FetchResponse(
        batch=v1.SubscribeResponse.Batch(through_position=head + 1), head_position=head + 1,
        log_id=page.log_id)
