"""What a publisher is promised: each event judged alone, told what became of it, never stored twice."""

import concurrent.futures
import time

import grpc
import pytest

import policies
import samples
from contract import TYPES, refused, v1
from exchange import event

STORED = v1.PublishResult.OUTCOME_STORED
DUPLICATE = v1.PublishResult.OUTCOME_DUPLICATE
REJECTED = v1.PublishResult.OUTCOME_REJECTED
CONFLICT = v1.PublishResult.OUTCOME_CONFLICT
ABORTED = v1.PublishResult.OUTCOME_ABORTED

REGENCY = "kab.18.07"
REGISTERED = "worker.registered"


def outcomes(response):
    return [result.outcome for result in response.results]


def judge(ex, agency, *events, **keywords):
    """The one PublishResult of one event."""
    (result,) = ex.publish(agency, events, **keywords).results
    return result


def broken(result):
    """(field, reason) of every violation; such a result stored nothing and has no subject."""
    assert result.outcome == REJECTED, result
    assert result.position == 0 and not result.subject
    assert all(violation.message for violation in result.violations)
    return [(violation.field, violation.reason) for violation in result.violations]


def changed(original, **fields):
    other = v1.Event()
    other.CopyFrom(original)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


# Stored, duplicate, conflict


def test_events_are_stored_one_behind_the_other_and_delivered(ex):
    before = ex.head()
    events = [event(REGISTERED) for _ in range(5)]
    assert ex.store(REGENCY, *events) == list(range(before + 1, before + 6))
    delivered, _ = ex.fetch_all("kl.kp2mi", before)
    assert [d.event.id for d in delivered] == [e.id for e in events]
    assert [d.event.data for d in delivered] == [e.data for e in events]
    times = [(d.recorded_at.seconds, d.recorded_at.nanos) for d in delivered]
    assert times == sorted(times)


def test_the_same_content_again_is_a_duplicate_of_the_first(ex):
    first = event(REGISTERED)
    (position,) = ex.store(REGENCY, first)
    head = ex.head()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for again in (first, changed(first, source=REGENCY), changed(first, traceparent=trace)):
        result = judge(ex, REGENCY, again)
        assert (result.outcome, result.position, result.subject) == (
            DUPLICATE, position, first.subject)
    assert ex.head() == head


def test_the_envelope_is_compared_field_by_field_and_not_as_bytes(ex):
    first = event(REGISTERED)
    (position,) = ex.store(REGENCY, first)
    # The same envelope, its fields in the opposite order, with one that the contract does not know.
    parts = [changed(v1.Event(), **{field.name: value}).SerializeToString()
             for field, value in first.ListFields() if field.name != "occurred_at"]
    parts.append(v1.Event(occurred_at=first.occurred_at).SerializeToString())
    envelope = b"".join(reversed(parts)) + b"\xfa\x3e\x03new"
    request = b"\x0a" + varint(len(envelope)) + envelope
    (result,) = ex.publisher(REGENCY).Publish(request).results
    assert (result.outcome, result.position) == (DUPLICATE, position)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


@pytest.mark.parametrize("fields", [
    {"region": "18.07.15"}, {"subject": samples.subject(4711)}, {"destination": "JP"},
    {"correlation_id": "other"}, {"type": "worker.withdrawn"},
    {"data": samples.payload(REGISTERED, full_name="OTHER").SerializeToString()},
], ids=lambda fields: next(iter(fields)))
def test_other_content_under_a_taken_id_is_a_conflict(ex, fields):
    first = event(REGISTERED)
    ex.store(REGENCY, first)
    head = ex.head()
    result = judge(ex, REGENCY, changed(first, **fields))
    assert (result.outcome, result.position, result.subject) == (CONFLICT, 0, "")
    assert ex.head() == head


def test_an_id_is_unique_within_its_source_alone(ex):
    first = event(REGISTERED)
    other = event(REGISTERED, region="35.09", id=first.id)
    (one,) = ex.store(REGENCY, first)
    (two,) = ex.store("kab.35.09", other)
    assert one != two


def test_an_id_repeated_within_a_request_is_a_duplicate_of_the_first(ex):
    one, two = event(REGISTERED), event(REGISTERED)
    response = ex.publish(REGENCY, [one, two, one, changed(two, region="18.07.15")])
    assert outcomes(response) == [STORED, STORED, DUPLICATE, CONFLICT]
    assert response.results[2].position == response.results[0].position


def test_one_of_many_publishers_at_once_stores_and_the_others_hear_of_it(ex):
    same = [event(REGISTERED) for _ in range(20)]
    head = ex.head()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ex.publish(REGENCY, same).results, range(8)))
    for results in zip(*answers):
        assert sorted(r.outcome for r in results) == [STORED] + [DUPLICATE] * 7
        assert len({(r.position, r.subject) for r in results}) == 1
    assert ex.head() == head + 20


def test_positions_have_no_gaps_however_many_publish(ex):
    head = ex.head()
    requests = [[event(REGISTERED) for _ in range(size)] for size in range(1, 25)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        positions = list(pool.map(lambda events: ex.store(REGENCY, *events), requests))
    assert sorted(sum(positions, [])) == list(range(head + 1, head + 301))
    for given in positions:
        assert given == sorted(given)


# A request as a whole


def test_no_events_no_results(ex):
    assert not ex.publish(REGENCY, []).results


def test_a_thousand_events_are_taken_and_one_more_is_malformed(ex):
    events = [event(REGISTERED) for _ in range(1001)]
    head = ex.head()
    refusal = refused(ex.publish, REGENCY, events)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert ex.head() == head
    assert outcomes(ex.publish(REGENCY, events[:1000])) == [STORED] * 1000


def padded(size):
    """A sound payload of that many bytes: what is over is a field that the type does not know."""
    sound = samples.payload(REGISTERED).SerializeToString()
    for length in range(size - len(sound) - 8, size - len(sound)):
        field = b"\xfa\x3e" + varint(length)
        if len(sound) + len(field) + length == size:
            return sound + field + b"x" * length
    raise AssertionError(size)


def test_data_of_64_kib_is_stored_and_a_byte_more_rejects_that_event_alone(ex):
    most = event(REGISTERED, data=padded(64 << 10))
    over = event(REGISTERED, data=padded((64 << 10) + 1))
    response = ex.publish(REGENCY, [most, over, event(REGISTERED)])
    assert outcomes(response) == [STORED, REJECTED, STORED]
    assert broken(response.results[1]) == [("data", "TOO_LARGE")]


def test_a_request_over_4_mib_stores_nothing(ex):
    events = [event(REGISTERED, data=padded(64 << 10)) for _ in range(64)]
    head = ex.head()
    refusal = refused(ex.publish, REGENCY, events)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert ex.head() == head
    assert outcomes(ex.publish(REGENCY, events[:63])) == [STORED] * 63


def test_invalid_utf8_in_an_envelope_makes_the_request_malformed(ex):
    good = event(REGISTERED, correlation_id="MARK")
    request = v1.PublishRequest(events=[event(REGISTERED), good]).SerializeToString()
    head = ex.head()
    refusal = refused(ex.publisher(REGENCY).Publish, request.replace(b"MARK", b"MA\xffK"))
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == "MALFORMED_REQUEST"
    assert ex.head() == head


@pytest.mark.parametrize("junk", [b"\xff", b"\x0a\x05ab", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b"])
def test_bytes_that_are_no_request_are_malformed(ex, junk):
    refusal = refused(ex.publisher(REGENCY).Publish, junk)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


# All or nothing, dry run


def test_all_or_nothing_stores_nothing_when_one_is_rejected(ex):
    head = ex.head()
    sound, unsound = event(REGISTERED), event(REGISTERED, region="99")
    response = ex.publish(REGENCY, [sound, unsound], all_or_nothing=True)
    assert outcomes(response) == [ABORTED, REJECTED]
    assert response.results[0].position == 0 and not response.results[0].subject
    assert ex.head() == head
    assert judge(ex, REGENCY, sound).outcome == STORED


def test_all_or_nothing_takes_duplicates_as_sound(ex):
    stored, new = event(REGISTERED), event(REGISTERED)
    (position,) = ex.store(REGENCY, stored)
    response = ex.publish(REGENCY, [new, stored, new], all_or_nothing=True)
    assert outcomes(response) == [STORED, DUPLICATE, DUPLICATE]
    assert [r.position for r in response.results] == [position + 1, position, position + 1]


def test_all_or_nothing_leaves_a_duplicate_a_duplicate_when_another_is_rejected(ex):
    stored = event(REGISTERED)
    (position,) = ex.store(REGENCY, stored)
    response = ex.publish(REGENCY, [stored, event(REGISTERED, region="99"), event(REGISTERED)],
                          all_or_nothing=True)
    assert outcomes(response) == [DUPLICATE, REJECTED, ABORTED]
    assert response.results[0].position == position


def test_all_or_nothing_stores_nothing_when_one_is_in_conflict(ex):
    stored = event(REGISTERED)
    ex.store(REGENCY, stored)
    head = ex.head()
    response = ex.publish(REGENCY, [event(REGISTERED), changed(stored, region="18.07.15")],
                          all_or_nothing=True)
    assert outcomes(response) == [ABORTED, CONFLICT]
    repeated = event(REGISTERED)
    response = ex.publish(REGENCY, [event(REGISTERED), repeated,
                                    changed(repeated, region="18.07.15")], all_or_nothing=True)
    assert response.results[0].outcome == ABORTED and response.results[2].outcome == CONFLICT
    assert ex.head() == head


def test_dry_run_judges_and_stores_nothing(ex):
    stored = event(REGISTERED)
    (position,) = ex.store(REGENCY, stored)
    new = event(REGISTERED, subject="nik:" + samples.nik(1), payload={"nik": samples.nik(1)})
    bad = event(REGISTERED, region="99")
    response = ex.publish(
        REGENCY, [new, stored, bad, changed(stored, region="18.07.15")], dry_run=True)
    assert outcomes(response) == [STORED, DUPLICATE, REJECTED, CONFLICT]
    assert (response.results[0].position, response.results[0].subject) == (0, "")
    assert response.results[1].position == position
    assert ex.head() == position
    assert judge(ex, REGENCY, new).outcome == STORED


def test_dry_run_of_all_or_nothing_tells_what_would_be(ex):
    head = ex.head()
    events = [event(REGISTERED), event(REGISTERED, region="99")]
    assert outcomes(ex.publish(REGENCY, events, dry_run=True, all_or_nothing=True)) == [
        ABORTED, REJECTED]
    assert outcomes(ex.publish(REGENCY, events[:1], dry_run=True, all_or_nothing=True)) == [STORED]
    assert ex.head() == head


# Broken rules of the envelope


ENVELOPE = {
    "id empty": ({"id": ""}, "id", "ID"),
    "id of 65": ({"id": "a" * 65}, "id", "ID"),
    "id with a control character": ({"id": "a\nb"}, "id", "ID"),
    "id with NUL": ({"id": "a\0b"}, "id", "ID"),
    "id not ASCII": ({"id": "idé"}, "id", "ID"),
    "subject missing": ({"subject": ""}, "subject", "SUBJECT"),
    "subject of no form": ({"subject": "SITI CONTOH"}, "subject", "SUBJECT"),
    "subject too short": ({"subject": "w_" + "0" * 19}, "subject", "SUBJECT"),
    "subject outside the alphabet": ({"subject": "w_" + "U" * 20}, "subject", "SUBJECT"),
    "subject of a reader's form": ({"subject": "p_" + "0" * 20}, "subject", "SUBJECT"),
    "NIK with serial 0000": ({"subject": "nik:1807995203990000"}, "subject", "SUBJECT"),
    "NIK of no regency": ({"subject": "nik:9907995203990001"}, "subject", "SUBJECT"),
    "NIK of 15 digits": ({"subject": "nik:180799520399000"}, "subject", "SUBJECT"),
    "province unknown": ({"region": "99"}, "region", "REGION"),
    "regency unknown": ({"region": "18.99"}, "region", "REGION"),
    "region without dots": ({"region": "1807"}, "region", "REGION"),
    "village of a wrong shape": ({"region": "18.07.15.200"}, "region", "REGION"),
    "country not assigned": ({"destination": "XX"}, "destination", "COUNTRY"),
    "country in lower case": ({"destination": "tw"}, "destination", "COUNTRY"),
    "country of three letters": ({"destination": "TWN"}, "destination", "COUNTRY"),
    "correlation_id of 65": ({"correlation_id": "a" * 65}, "correlation_id", "TOO_LONG"),
    "causation_id of 65": ({"causation_id": "a" * 65}, "causation_id", "TOO_LONG"),
    "supersedes of 65": ({"supersedes": "a" * 65}, "supersedes", "TOO_LONG"),
    "correlation_id not printable": ({"correlation_id": "a\tb"}, "correlation_id", "MALFORMED"),
    "traceparent of no form": ({"traceparent": "00-1-2"}, "traceparent", "MALFORMED"),
    "version unknown": ({"schema_version": 99}, "schema_version", "UNKNOWN_VERSION"),
    "addressee of a type without": (
        {"addressed_to": "kl.polri"}, "addressed_to", "ADDRESSEE_MISMATCH"),
    "before 2007": ({"at": 1167609599 - 86400}, "occurred_at", "OCCURRED_AT"),
    "data cut off": ({"data": b"\x0a\x05ab"}, "data", "MALFORMED"),
    "data of a bad field number": ({"data": b"\x02\x01a"}, "data", "MALFORMED"),
    "data with an endless number": ({"data": b"\x18" + b"\xff" * 11}, "data", "MALFORMED"),
}


@pytest.mark.parametrize("case", ENVELOPE)
def test_a_broken_rule_of_the_envelope_rejects_with_field_and_reason(ex, case):
    fields, field, reason = ENVELOPE[case]
    result = judge(ex, REGENCY, event(REGISTERED, **fields))
    assert (field, reason) in broken(result)
    for value in fields.values():
        if isinstance(value, str) and len(value) > 3:
            assert all(value not in violation.message for violation in result.violations)


def test_an_event_without_time_is_rejected(ex):
    timeless = event(REGISTERED)
    timeless.ClearField("occurred_at")
    assert broken(judge(ex, REGENCY, timeless)) in (
        [("occurred_at", "REQUIRED")], [("occurred_at", "OCCURRED_AT")])


def test_an_event_from_the_future_is_rejected_beyond_five_minutes(ex):
    now = int(time.time())
    assert judge(ex, REGENCY, event(REGISTERED, at=now + 240)).outcome == STORED
    result = judge(ex, REGENCY, event(REGISTERED, at=now + 360))
    assert broken(result) == [("occurred_at", "OCCURRED_AT")]


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_a_timestamp_must_be_one(ex, nanos):
    odd = event(REGISTERED)
    odd.occurred_at.nanos = nanos
    assert ("occurred_at", "OCCURRED_AT") in broken(judge(ex, REGENCY, odd))


@pytest.mark.parametrize("type, reason", [
    ("worker.unknown", "UNKNOWN_TYPE"), ("worker.*", "UNKNOWN_TYPE"), ("", "REQUIRED")])
def test_a_type_the_exchange_does_not_know_is_rejected(ex, type, reason):
    assert broken(judge(ex, REGENCY, changed(event(REGISTERED), type=type))) == [("type", reason)]


def test_the_addressee_follows_from_the_payload(ex):
    def referral(**envelope):
        return event("case.referred", payload={"receiving_agency_id": "kl.kemensos"}, **envelope)

    head = ex.head()
    first = referral()
    ex.store("kl.kp2mi", first, referral(addressed_to="kl.kemensos"))
    delivered, _ = ex.fetch_all("kl.kp2mi", head)
    assert [d.event.addressed_to for d in delivered] == ["kl.kemensos"] * 2
    assert broken(judge(ex, "kl.kp2mi", referral(addressed_to="kl.polri"))) == [
        ("addressed_to", "ADDRESSEE_MISMATCH")]


# Broken rules of the payload


FORMATS = {
    "NIK": (REGENCY, REGISTERED, "nik",
            ["180799520399001", "18079952039900011", "9907995203990001", "1807993002990001",
             "1807997203990001", "1807995213990001", "1807995203990000", "180799520399000x"],
            ["1807995203990001", "1807991203999999", "3509992902000001"]),
    "REGION": (REGENCY, REGISTERED, "village_code",
               ["99", "18.99", "18.7", "1807152006", "18.07.15.200", "18.07.15.2006.1", " 18"],
               ["18", "18.07", "18.07.15", "18.07.15.2006", "18.07.99.1001"]),
    "COUNTRY": (REGENCY, "fraud.vacancy.reported", "promised_country",
                ["XX", "kh", "KHM", "K"], ["KH", "MM"]),
    "CURRENCY": ("kl.kp2mi", "job.order.published", "wage_currency",
                 ["XQZ", "twd", "RP", "1DR"], ["TWD", "IDR"]),
    "DATE": (REGENCY, REGISTERED, "birth_date",
             ["2026-02-30", "2025-02-29", "2026-2-3", "26-02-03", "2026-13-01", "2026/01/01",
              "2026-01-0x", "1999"], ["2024-02-29", "1999-12-31"]),
    "PHONE": (REGENCY, REGISTERED, "phone",
              ["+1234567", "+123456789012345" + "6", "081200000000", "+62 81200000", "+6281a00000"],
              ["+12345678", "+123456789012345"]),
    "EMAIL": (REGENCY, REGISTERED, "email",
              ["contoh", "contoh@", "@example.id", "a b@example.id", "a@example..id",
               "ä@example.id", "a@b@example.id"], ["a@example.id", "a.b+c@mail.example.id"]),
    "URL": (REGENCY, "fraud.vacancy.reported", "content_url",
            ["ftp://example.id/", "https://", "http:/example.id", "https://example.id/a b",
             "https://exämple.id", "javascript:alert(1)", "example.id"],
            ["http://example.id", "https://example.id/a?b=c#d"]),
    "AGENCY": (REGENCY, "worker.verified", "verifier_office_id",
               ["kl.unknown", "KL.KP2MI", "kab.18.07 ", "kab"], ["opd.18.07.naker"]),
    "PASSPORT": ("bp3mi.18", "passport.recorded", "passport_number",
                 ["X1234", "X123456789", "x0000001", "X00-0001"], ["X12345", "X12345678"]),
    "OCCUPATION": (REGENCY, "worker.interest.recorded", "interest_occupation",
                   ["721", "721a"], ["7212"]),
    "PERIOD": ("kl.kp2mi", "placement.stats.published", "period",
               ["26", "2026-Q5", "2026-Q0", "2026-13", "2026-00", "2026-1", "2026-Q", "2026-"],
               ["2026", "2026-Q4", "2026-12"]),
    "SHA256": (REGENCY, "fraud.vacancy.reported", "content_fingerprint",
               ["sha256:" + "0" * 63, "md5:" + "0" * 64, "sha256:" + "g" * 64, "0" * 64],
               ["sha256:" + "0123456789abcdef" * 4]),
}


def test_every_format_of_the_contract_is_tried_here():
    named = {name.removeprefix("FORMAT_") for name, number in v1.FieldRules.DESCRIPTOR
             .fields_by_name["format"].enum_type.values_by_name.items() if number.number}
    assert named == set(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_a_value_of_the_wrong_format_is_rejected_by_field_name(ex, format):
    agency, type, field, wrong, right = FORMATS[format]
    events = [event(type, payload={field: value}) for value in wrong + right]
    results = ex.publish(agency, events).results
    for value, result in zip(wrong, results):
        reasons = broken(result)
        assert reasons in ([(f"data.{field}", format)], [(f"data.{field}", "TOO_LONG")]), value
    for value, result in zip(right, results[len(wrong):]):
        assert result.outcome == STORED, (value, result)


@pytest.mark.parametrize("values, field, reason", [
    ({"nik": None}, "data.nik", "REQUIRED"),
    ({"nik": ""}, "data.nik", "REQUIRED"),
    ({"sex": 0}, "data.sex", "REQUIRED"),
    ({"sex": 99}, "data.sex", "UNKNOWN_ENUM"),
    ({"marital_status": -1}, "data.marital_status", "UNKNOWN_ENUM"),
    ({"full_name": "A" * 301}, "data.full_name", "TOO_LONG"),
    ({"full_name": "é" * 151}, "data.full_name", "TOO_LONG"),
    ({"full_name": "SITI\0CONTOH"}, "data.full_name", "NOT_UTF8"),
])
def test_a_broken_rule_of_the_payload_rejects_by_field_name(ex, values, field, reason):
    result = judge(ex, REGENCY, event(REGISTERED, payload=values))
    assert broken(result) == [(field, reason)]


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_a_payload_string_that_is_no_utf8_rejects_that_event_alone(ex, bad):
    data = samples.payload(REGISTERED, full_name="MARK" + "x" * len(bad)).SerializeToString()
    wrong = event(REGISTERED, data=data.replace(b"MARK" + b"x" * len(bad), b"MARK" + bad))
    response = ex.publish(REGENCY, [wrong, event(REGISTERED)])
    assert outcomes(response) == [REJECTED, STORED]
    assert broken(response.results[0]) == [("data.full_name", "NOT_UTF8")]


def test_a_value_that_a_later_one_overrides_must_be_sound_too(ex):
    sound = samples.payload(REGISTERED).SerializeToString()
    first = b"\x12\x02\xff\xff"  # full_name
    assert broken(judge(ex, REGENCY, event(REGISTERED, data=first + sound))) == [
        ("data.full_name", "NOT_UTF8")]


def test_all_broken_rules_of_an_event_are_told(ex):
    bad = event(REGISTERED, region="99", payload={"nik": None, "sex": 99}, id="")
    assert {("id", "ID"), ("region", "REGION"), ("data.nik", "REQUIRED"),
            ("data.sex", "UNKNOWN_ENUM")} <= set(broken(judge(ex, REGENCY, bad)))


def test_fields_the_exchange_does_not_know_are_stored_and_delivered(ex):
    extra = b"\xfa\x3e\x03new" + b"\xf8\x3e\x2a"
    head = ex.head()
    sent = event(REGISTERED, data=samples.payload(REGISTERED).SerializeToString() + extra)
    ex.store(REGENCY, sent)
    (delivery,), _ = ex.fetch_all(REGENCY, head)
    assert delivery.event.data == sent.data


def test_a_required_number_may_be_zero_and_not_absent(ex):
    def progress(target):
        return judge(ex, "kl.kp2mi", event("target.progress.published",
                                           payload={"target_value": target}))

    assert progress(0).outcome == STORED
    assert broken(progress(None)) == [("data.target_value", "REQUIRED")]


def test_no_sentence_of_a_violation_repeats_the_value(ex):
    marks = {"nik": "SECRETNIK1234567", "full_name": "SECRET" * 60, "birth_date": "SECRETDATE",
             "phone": "SECRETPHONE", "village_code": "SECRETREGION"}
    envelope = {"region": "SECRETREGION", "destination": "SECRETCOUNTRY", "id": "SECRET" * 20,
                "correlation_id": "SECRET" * 20, "traceparent": "SECRET", "source": "SECRET",
                "addressed_to": "SECRET", "type": REGISTERED}
    bad = changed(event(REGISTERED, payload=marks), subject="nik:SECRET", **envelope)
    assert b"SECRET" not in ex.publisher(REGENCY, raw=True).Publish(
        v1.PublishRequest(events=[bad, changed(bad, source="", type="SECRET"),
                                  changed(bad, source="")]))
    assert "SECRET" not in ex.log.read_text()


WORKER = TYPES["worker.verified"].fields["worker_status"].descriptor.enum_type.values_by_name


def move(before, after, type="worker.verified"):
    return event(type, payload={
        "previous_status": WORKER["WORKER_STATUS_" + before].number if before != "NONE" else 0,
        "worker_status": WORKER["WORKER_STATUS_" + after].number})


@pytest.mark.parametrize("before, after, sound", [
    ("REGISTERED", "VERIFIED", True), ("REGISTERED", "INELIGIBLE", True),
    ("DEPARTURE_FAILED", "VERIFIED", True), ("WORKING", "VERIFIED", False),
    ("REGISTERED", "DEPARTED", False), ("NONE", "VERIFIED", False)])
def test_a_status_pair_must_be_a_move_of_its_type(ex, before, after, sound):
    result = judge(ex, REGENCY, move(before, after))
    if sound:
        assert result.outcome == STORED
    else:
        assert [reason for _, reason in broken(result)] == ["TRANSITION"]
        assert result.violations[0].field in ("data.worker_status", "data.previous_status")


def test_no_previous_status_means_that_the_machine_had_not_begun(ex):
    assert judge(ex, "kl.imipas", move(
        "NONE", "DEPARTURE_PREVENTED", "departure.prevented")).outcome == STORED


def test_a_pair_that_starts_elsewhere_than_last_seen_is_stored_with_a_warning(ex):
    first = move("REGISTERED", "VERIFIED")
    assert not judge(ex, REGENCY, first).warnings
    late = changed(move("DEPARTURE_FAILED", "VERIFIED"), subject=first.subject)
    result = judge(ex, REGENCY, late)
    assert result.outcome == STORED
    assert [warning.reason for warning in result.warnings] == ["STATUS_MISMATCH"]


def test_a_warning_tells_nothing_that_the_publisher_may_not_see(ex):
    """Immigration sees movements and no registrations: of a last status told there it hears nothing."""
    person = samples.subject("warned")
    ex.store(REGENCY, changed(move("REGISTERED", "VERIFIED"), subject=person))
    prevented = changed(move("NONE", "DEPARTURE_PREVENTED", "departure.prevented"), subject=person)
    result = judge(ex, "kl.imipas", prevented)
    assert result.outcome == STORED and not result.warnings
    again = changed(prevented, id="w-" + prevented.id)
    result = judge(ex, "kl.imipas", again)
    assert [warning.reason for warning in result.warnings] == ["STATUS_MISMATCH"]


# Persons named by their number


def test_a_nik_becomes_the_same_pseudonym_always_and_is_stored_nowhere(make_exchange):
    ex = make_exchange(policies.from_folder())
    numbers = [samples.nik(serial) for serial in (4001, 4002)]
    one, two = (judge(ex, "bp3mi.18", event("passport.recorded", subject="nik:" + number))
                for number in numbers)
    ex.restart()
    again = judge(ex, "kl.kp2mi", event("case.opened", subject="nik:" + numbers[0]))
    assert one.outcome == two.outcome == again.outcome == STORED
    assert one.subject == again.subject != two.subject
    for subject in (one.subject, two.subject):
        assert len(subject) == 22 and subject.startswith("w_")
    delivered, _ = ex.fetch_all("kl.kp2mi")
    assert [d.event.subject for d in delivered] == [one.subject, two.subject, one.subject]
    ex.stop()
    for file in ex.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(number.encode() in content for number in numbers), file


def test_a_retry_by_number_and_by_pseudonym_are_the_same_content(ex):
    number = samples.nik(4003)
    first = event("passport.recorded", subject="nik:" + number)
    stored = judge(ex, "bp3mi.18", first)
    for subject in ("nik:" + number, stored.subject):
        result = judge(ex, "bp3mi.18", changed(first, subject=subject))
        assert (result.outcome, result.position, result.subject) == (
            DUPLICATE, stored.position, stored.subject)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_nik_needs_the_right_to_resolve(ex, dry_run):
    prevented = event("departure.prevented", subject="nik:" + samples.nik(4004))
    assert set(broken(judge(ex, "kl.imipas", prevented, dry_run=dry_run))) == {
        ("subject", "NOT_PERMITTED")}


def test_the_number_in_the_payload_must_be_that_of_the_subject(ex):
    wrong = event(REGISTERED, subject="nik:" + samples.nik(4005), payload={"nik": samples.nik(4006)})
    assert broken(judge(ex, REGENCY, wrong)) == [("data.nik", "SUBJECT_MISMATCH")]


def test_a_number_of_another_regency_is_stored_with_a_warning(ex):
    elsewhere = event("passport.recorded", subject="nik:" + samples.nik(4007, regency="3509"))
    result = judge(ex, "bp3mi.18", elsewhere)
    assert result.outcome == STORED
    assert [(w.field, w.reason) for w in result.warnings] == [("region", "REGION_MISMATCH")]


# Rights


@pytest.mark.parametrize("agency, type, fields, field", [
    ("kl.bi", REGISTERED, {}, "type"),
    ("kab.35.09", REGISTERED, {}, "region"),
    (REGENCY, REGISTERED, {"region": "18"}, "region"),
    (REGENCY, REGISTERED, {"region": ""}, "region"),
    (REGENCY, "nonprocedural.indication.reported", {"payload": {"suspect_ref": "s-1"}},
     "data.suspect_ref"),
    (REGENCY, REGISTERED, {"source": "kab.35.09"}, "source"),
    (REGENCY, REGISTERED, {"source": "kl.kp2mi"}, "source"),
    (REGENCY, REGISTERED, {"source": "prov.18"}, "source"),
    ("desa.18.07.15.2006", "village.monitoring.recorded",
     {"source": "kab.18.07", "region": "18.07.15.2006"}, "source"),
    ("bp3mi.18", "passport.recorded", {"source": "p4mi.21.71", "region": "21.71"}, "source"),
])
def test_what_no_agreement_grants_is_not_permitted(ex, agency, type, fields, field):
    assert (field, "NOT_PERMITTED") in broken(judge(ex, agency, event(type, **fields)))


def test_a_source_that_does_not_exist_is_rejected_like_one_of_another(ex):
    def told(source):
        result = judge(ex, REGENCY, event(REGISTERED, source=source))
        return broken(result), result.violations[0].message

    assert told("kab.35.09") == told("kab.99.99") == told("no agency")


@pytest.mark.parametrize("parent, child, type, region", [
    (REGENCY, "desa.18.07.15.2006", "village.monitoring.recorded", "18.07.15.2006"),
    ("kl.kp2mi", "bp3mi.21", "passport.recorded", "21.71"),
    ("kl.kp2mi", "p4mi.21.71", "passport.recorded", "21.71"),
])
def test_a_parent_publishes_for_its_child_with_the_childs_rights(ex, parent, child, type, region):
    head = ex.head()
    ex.store(parent, event(type, source=child, region=region))
    (delivery,), _ = ex.fetch_all("kl.kp2mi", head)
    assert (delivery.event.source, delivery.published_by) == (child, parent)


def test_a_child_gives_its_parent_no_right_and_the_parent_none_to_its_child(ex):
    # The regency may publish worker.registered, the village may not, and who sends it changes nothing.
    assert ("type", "NOT_PERMITTED") in broken(judge(ex, REGENCY, event(
        REGISTERED, source="desa.18.07.15.2006", region="18.07.15.2006")))


def test_published_by_is_absent_where_the_source_sent_it(ex):
    head = ex.head()
    ex.store(REGENCY, event(REGISTERED), event(REGISTERED, source=REGENCY))
    delivered, _ = ex.fetch_all("kl.kp2mi", head)
    assert [(d.event.source, d.published_by) for d in delivered] == [(REGENCY, "")] * 2


def test_an_id_of_another_source_is_no_oracle(ex):
    taken = event(REGISTERED)
    ex.store(REGENCY, taken)
    for same in (changed(taken, source=REGENCY), changed(event(REGISTERED), source=REGENCY)):
        assert broken(judge(ex, "kab.35.09", same)) == [("source", "NOT_PERMITTED")]


def test_a_retry_stays_a_duplicate_when_the_right_is_gone(make_exchange):
    policy = policies.from_folder()
    ex = make_exchange(policy)
    first = event(REGISTERED)
    (position,) = ex.store(REGENCY, first)
    for agreement in policy.agreements:
        if agreement.id == "mou-2025-10-28-kab.18.07":
            agreement.status = v1.Agreement.STATUS_TERMINATED
    ex.apply(policy)
    retry = judge(ex, REGENCY, first)
    assert (retry.outcome, retry.position) == (DUPLICATE, position)
    assert judge(ex, REGENCY, changed(first, region="18.07.15")).outcome == CONFLICT
    assert ("type", "NOT_PERMITTED") in broken(judge(ex, REGENCY, event(REGISTERED)))
    ex.restart(kill=True)
    assert judge(ex, REGENCY, first).outcome == DUPLICATE


@pytest.mark.parametrize("suspended", [REGENCY, "desa.18.07.15.2006"])
def test_a_parent_speaks_for_nobody_when_one_of_the_two_is_suspended(make_exchange, suspended):
    policy = policies.from_folder()
    for agency in policy.agencies:
        agency.suspended = agency.id == suspended
    ex = make_exchange(policy)
    watch = event("village.monitoring.recorded", source="desa.18.07.15.2006",
                  region="18.07.15.2006")
    if suspended == REGENCY:
        refusal = refused(ex.publish, REGENCY, [watch])
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.PERMISSION_DENIED, "AGENCY_SUSPENDED")
    else:
        assert ("source", "NOT_PERMITTED") in broken(judge(ex, REGENCY, watch))


# Pipelined


def test_a_stream_answers_every_request_in_order(ex):
    events = [event(REGISTERED) for _ in range(300)]
    requests = [v1.PublishRequest(events=events[i:i + 2]) for i in range(0, 300, 2)]
    responses = list(ex.publisher(REGENCY).PublishStream(iter(requests), timeout=30))
    assert [outcomes(response) for response in responses] == [[STORED, STORED]] * 150
    assert [r.subject for response in responses for r in response.results] == [
        e.subject for e in events]
    positions = [r.position for response in responses for r in response.results]
    assert positions == list(range(positions[0], positions[0] + 300))


def test_a_stream_judges_each_event_alone(ex):
    requests = [v1.PublishRequest(events=[event(REGISTERED), event(REGISTERED, region="99")]),
                v1.PublishRequest(), v1.PublishRequest(events=[event(REGISTERED)])]
    responses = ex.publisher(REGENCY).PublishStream(iter(requests), timeout=30)
    assert [outcomes(response) for response in responses] == [[STORED, REJECTED], [], [STORED]]


@pytest.mark.parametrize("bad", [
    b"\x0a\x05ab", v1.PublishRequest(events=[v1.Event()] * 1001)], ids=["garbage", "1001 events"])
def test_nothing_behind_a_request_that_fails_is_stored(ex, bad):
    head = ex.head()
    before, after = event(REGISTERED), event(REGISTERED)
    requests = [v1.PublishRequest(events=[before]), bad] + [
        v1.PublishRequest(events=[after])] * 20
    call = ex.publisher(REGENCY).PublishStream(iter(requests), timeout=30)
    assert outcomes(next(call)) == [STORED]
    refusal = refused(lambda: list(call))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert ex.head() == head + 1
    assert judge(ex, REGENCY, after).outcome == STORED


def test_an_empty_stream_ends_well(ex):
    assert list(ex.publisher(REGENCY).PublishStream(iter([]), timeout=30)) == []


def test_what_was_acknowledged_survives_a_kill(make_exchange):
    ex = make_exchange(policies.from_folder())
    events = [event(REGISTERED) for _ in range(50)]
    ex.store(REGENCY, *events)
    ex.restart(kill=True)
    assert ex.head() == 50
    delivered, _ = ex.fetch_all("kl.kp2mi")
    assert [d.event.id for d in delivered] == [e.id for e in events]
    assert outcomes(ex.publish(REGENCY, events)) == [DUPLICATE] * 50
