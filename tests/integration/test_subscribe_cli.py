"""What the system of a ministry relies on when it receives with `berbagi subscribe`."""

import collections
import csv
import io
import json
import os
import re
import signal
import subprocess

import pytest

import exchange
import policies
import rows
from exchange import wait_until
from user import User, slow_pipe

AGENCIES = ("kab.18.07", "bp3mi.18", "kl.kp2mi", "kl.komdigi", "perwakilan.my.johor-bahru",
            "p4mi.21.71")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Histories of fifty workers of Lampung Timur, a file for each agency, as berbagi-synth makes them."""
    folder = tmp_path_factory.mktemp("sample")
    made = exchange.run("berbagi-synth", "--placements", "50", "--out", folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def filled(shared, sample, tmp_path_factory):
    """The shared exchange with the sample in it; nobody stores anything more there."""
    for agency in AGENCIES:
        user = User(shared, agency, tmp_path_factory.mktemp("publisher"))
        done = user.push(sample / f"{agency}.jsonl")
        assert done.code == 0 and done.counts[1:] == [0, 0, 0], done
    return shared


@pytest.fixture(scope="module")
def pushed(sample):
    """All events of the sample as they were pushed, by id."""
    events = [json.loads(line) for file in sample.iterdir() for line in file.read_text().splitlines()]
    return {event["id"]: event for event in events}


@pytest.fixture
def reader(filled, tmp_path):
    def make(agency):
        return User(filled, agency, tmp_path / agency)
    return make


@pytest.fixture
def ministry(reader):
    return reader("kl.kp2mi")


def positions(events):
    return [event["position"] for event in events]


# Forms of output


def test_jsonl_is_cloudevents_with_place_and_grounds(ministry, pushed):
    events = ministry.receive()
    assert positions(events) == list(range(1, len(pushed) + 1))
    for event in events:
        sent = pushed[event["id"]]
        assert event["specversion"] == "1.0" and event["datacontenttype"] == "application/json"
        assert (event["type"], event["source"]) == (sent["type"], sent["source"])
        assert event.get("region") == sent.get("region")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event["recordedtime"])
        assert event["agreements"] and event["purposes"]
        assert ("nik" in sent) == event.get("subject", "").startswith("w_")


def test_jsonl_identified_reader_gets_the_payload_as_it_was_sent(ministry, pushed):
    for event in ministry.receive("--types", "worker.registered,epmi.issued,departure.recorded"):
        assert event["data"] == pushed[event["id"]]["data"]


def test_jsonl_what_was_received_can_be_pushed_again_as_a_duplicate(filled, reader, tmp_path):
    """An agency that reads back its own events and pushes them stores nothing: it is the same content."""
    regency = reader("kab.18.07")
    done = regency.run("subscribe", "--until-head", "--sources", "kab.18.07", "--types", rows.TYPE)
    again = []
    for event in done.events:
        for name in ("position", "recordedtime", "agreements", "purposes", "datacontenttype"):
            event.pop(name, None)
        again.append(json.dumps(event) + "\n")
    done = regency.push("--format", "jsonl", "-", stdin="".join(again).encode())
    assert (done.code, done.counts) == (0, [0, 50, 0, 0]), done


def test_csv_has_a_column_for_each_field_of_the_types(ministry, pushed):
    done = ministry.run("subscribe", "--until-head", "--output", "csv", "--types", "departure.recorded")
    sheet = list(csv.DictReader(io.StringIO(done.out)))
    assert done.code == 0 and len(sheet) == 50
    assert {"position", "recordedtime", "agreements", "purposes", "subject"} < set(sheet[0])
    for row in sheet:
        sent = pushed[row["id"]]
        assert {name: row[name] for name in sent["data"]} == sent["data"]


def test_csv_of_all_types_is_one_sheet(ministry, pushed):
    done = ministry.run("subscribe", "--until-head", "--output", "csv")
    header, *sheet = list(csv.reader(io.StringIO(done.out)))
    assert len(sheet) == len(pushed) and {len(row) for row in sheet} == {len(header)}
    assert len(set(header)) == len(header)


def test_pretty_names_every_event(ministry, pushed):
    done = ministry.run("subscribe", "--until-head", "--output", "pretty")
    assert done.code == 0 and len(re.findall(r"^#\d+  ", done.out, re.M)) == len(pushed)
    assert "Fake vacancy reported" in done.out and "\x1b" not in done.out


def test_terminal_shows_pretty_and_a_pipe_jsonl(ministry):
    code, sent = ministry.on_terminal("subscribe", "--until-head", "--max", "1")
    assert code == 0 and re.search(r"^#1  ", sent, re.M), sent
    json.loads(ministry.run("subscribe", "--until-head", "--max", "1").out)


def test_max_stops_after_so_many(ministry):
    assert positions(ministry.receive("--max", "7")) == list(range(1, 8))


def test_output_that_cannot_be_written_is_told_and_not_acknowledged(ministry):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(ministry.command("subscribe", "--until-head", "to-full"), stdout=full,
                              stderr=subprocess.PIPE, env=ministry.environment(), timeout=60)
    assert done.returncode == 1 and b"No space left" in done.stderr, done
    assert positions(ministry.receive("to-full"))[0] == 1


def test_closed_pipe_ends_quietly(ministry):
    with slow_pipe(ministry.command("subscribe", "--until-head"), stderr=subprocess.PIPE,
                   env=ministry.environment()) as (process, output):
        assert output.readline()
        output.close()
        assert process.stderr.read() == b""


# Where to begin


def test_from_position_begins_behind_it(ministry, pushed):
    assert positions(ministry.receive("--from", "290")) == list(range(291, len(pushed) + 1))


def test_from_now_gives_nothing_of_what_is_stored(ministry):
    assert ministry.receive("--from", "now") == []


@pytest.mark.parametrize("place, all_of_it", [
    ("beginning", True), ("0", True), ("2020-01-01", True), ("2020-01-01T00:00:00Z", True),
    ("2020-01-01T07:00:00+07:00", True), ("2126-01-01", False), ("2126-01-01T00:00:00Z", False)])
def test_from_a_day_or_a_time_is_recorded_since(ministry, pushed, place, all_of_it):
    assert len(ministry.receive("--from", place)) == (len(pushed) if all_of_it else 0)


def test_from_the_time_of_an_event_includes_it(ministry):
    events = ministry.receive()
    middle = events[len(events) // 2]
    since = ministry.receive("--from", middle["recordedtime"])
    assert since == [event for event in events if event["recordedtime"] >= middle["recordedtime"]]


@pytest.mark.parametrize("place", ["yesterday", "-1", "2026-02-30", "1e3", "99999999999999999999"])
def test_from_elsewhere_is_wrong_usage(ministry, place):
    done = ministry.run("subscribe", "--until-head", "--from", place)
    assert done.code == 2 and done.out == "" and "from" in done.err, done


def test_from_behind_the_head_is_told(ministry, pushed):
    done = ministry.run("subscribe", "--until-head", "--from", str(len(pushed) + 1))
    assert done.code == 1 and "POSITION_AHEAD" in done.err, done


def test_from_moves_the_place_of_a_durable_subscription(ministry, pushed):
    last = len(pushed)
    assert len(ministry.receive("moved")) == last
    assert ministry.receive("moved") == []
    assert positions(ministry.receive("--from", str(last - 2), "moved")) == [last - 1, last]
    assert ministry.receive("moved", "--from", "stored") == []
    assert len(ministry.receive("moved", "--from", "beginning")) == last


# Filters


def below(code, region):
    return region == code or region.startswith(code + ".")


FILTERS = [
    (["--types", "departure.recorded"], lambda e: e["type"] == "departure.recorded"),
    (["--types", "repatriation.*,case.opened"],
     lambda e: e["type"].startswith("repatriation.") or e["type"] == "case.opened"),
    (["--types", "case.opened", "--types", "case.closed"],
     lambda e: e["type"] in ("case.opened", "case.closed")),
    (["--regions", "18.07.04"], lambda e: below("18.07.04", e.get("region", ""))),
    (["--regions", "18"], lambda e: below("18", e.get("region", ""))),
    (["--destinations", "MY,TW"], lambda e: e.get("destination") in ("MY", "TW")),
    (["--sources", "kl.komdigi,p4mi.21.71"], lambda e: e["source"] in ("kl.komdigi", "p4mi.21.71")),
    (["--types", "epmi.issued", "--destinations", "HK"],
     lambda e: e["type"] == "epmi.issued" and e.get("destination") == "HK"),
    (["--types", "nothing.of.that.name"], lambda e: False),
    (["--regions", "35.09"], lambda e: False),
    (["--sources", "kab.35.09"], lambda e: False),
    (["--subjects", "p_00000000000000000000"], lambda e: False),
]


@pytest.mark.parametrize("options, matches", FILTERS, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_filters_narrow_what_comes(ministry, options, matches):
    expected = [event for event in ministry.receive() if matches(event)]
    assert ministry.receive(*options) == expected


def test_filter_by_subject_gives_the_history_of_one_person(ministry):
    events = ministry.receive()
    subject, _ = collections.Counter(e["subject"] for e in events if "subject" in e).most_common(1)[0]
    history = ministry.receive("--subjects", subject)
    assert history == [event for event in events if event.get("subject") == subject]


def test_filter_looks_at_the_view_and_not_at_the_event(reader):
    """Komdigi sees districts: a village matches nothing for it, though events of that village come."""
    komdigi = reader("kl.komdigi")
    district = next(e["region"] for e in komdigi.receive() if e.get("region"))
    assert komdigi.receive("--regions", district)
    for village in range(2001, 2020):
        assert komdigi.receive("--regions", f"{district}.{village}") == []
        break


# What each reader sees of the sample


def test_regency_sees_its_residents_also_where_others_recorded_them(reader, pushed):
    events = reader("kab.18.07").receive()
    about = [event for event in events if "subject" in event]
    assert {event["source"] for event in about} == {
        "kab.18.07", "bp3mi.18", "kl.kp2mi", "p4mi.21.71", "perwakilan.my.johor-bahru"}
    assert all(below("18.07", event["region"]) for event in about)
    assert len({event["id"] for event in about if event["type"] == rows.TYPE}) == 50
    for event in about:
        assert "passport_number" not in event["data"] or event["type"] in ("epmi.issued", "passport.recorded")
    hidden = {"biometric_taken", "biometric_reference"}  # documents: identified, without biometric data
    assert not any(hidden & set(event["data"]) for event in events)


def test_other_regency_sees_nothing_of_the_residents(reader, pushed):
    done = reader("kab.35.09").run("subscribe", "--until-head", "--grounds")
    assert done.code == 0
    assert not any("subject" in event for event in done.events)
    assert {event["type"] for event in done.events} <= {
        "placement.stats.published", "content.takedown.resolved"}
    people = {value for event in pushed.values() for name in ("nik", "full_name", "phone", "passport_number")
              if (value := event["data"].get(name) or event.get(name))}
    assert not [value for value in people if value in done.out]


def test_komdigi_sees_reports_of_fraud_without_people(reader, pushed):
    events = reader("kl.komdigi").receive()
    kinds = collections.Counter(event["type"] for event in events)
    sent = collections.Counter(event["type"] for event in pushed.values())
    assert set(kinds) - {"placement.stats.published"} == {
        "fraud.vacancy.reported", "fraud.vacancy.assessed", "content.takedown.requested"}
    assert all(count == sent[kind] for kind, count in kinds.items())
    for event in events:
        assert event["id"] not in pushed, "an id made for this reader"
        assert not {"subject", "correlationid", "causationid", "supersedes", "traceparent",
                    "addressedto"} & set(event)
        assert not {"content_excerpt", "promised_wage", "recruiter_handle"} & set(event["data"])
        assert event.get("region", "").count(".") <= 2, "cut to the district"


def test_pseudonyms_of_two_readers_cannot_be_joined(reader):
    """A province reads pseudonyms; each reader's are its own, and so are the ids."""
    province, regency = reader("prov.18").receive(), reader("kab.18.07").receive()
    about = [event for event in province if "subject" in event]
    assert about and all(event["subject"].startswith("p_") for event in about)
    named = {event["position"]: event for event in regency}
    for event in about:
        known = named.get(event["position"])
        assert known is None or known["subject"][2:] != event["subject"][2:]
        assert known is None or known["id"] != event["id"]
    assert about == [event for event in reader("prov.18").receive() if "subject" in event]


# Grounds


def test_grounds_are_told_once_before_the_first_event_on_them(reader):
    done = reader("kl.komdigi").run("subscribe", "--until-head", "--grounds", "--output", "jsonl")
    told, needed = {}, set()
    for line in map(json.loads, done.out.splitlines()):
        if "ground" in line:
            assert line["ground"] not in told
            told[line["ground"]] = line
        else:
            assert any(ground["type"] == line["type"] and ground["agreement"] in line["agreements"]
                       and ground["purpose"] in line["purposes"] for ground in told.values())
            hidden = {name for ground in told.values() if ground["type"] == line["type"]
                      for name in ground["hidden"]}
            assert not hidden & set(line["data"])
            needed.add(line["type"])
    assert {ground["type"] for ground in told.values()} == needed
    fraud = next(ground for ground in told.values() if ground["type"] == "fraud.vacancy.reported")
    assert fraud["hidden"] == ["content_excerpt", "promised_wage", "recruiter_handle"]
    assert fraud["agreement"] == "mou-2025-12-15-kl.komdigi" and fraud["validto"] == "2030-12-14"


def test_grounds_of_csv_stand_on_standard_error(reader):
    done = reader("kl.komdigi").run("subscribe", "--until-head", "--grounds", "--output", "csv")
    assert "mou-2025-12-15-kl.komdigi" in done.err and "content_excerpt" in done.err
    assert not any("hides" in line for line in done.out.splitlines()[1:])


# Durable subscriptions


def read_some(command, env, lines):
    """Reads a few lines of a command slowly, kills it, and returns all that it had written out."""
    with slow_pipe(command, env=env) as (process, output):
        collected = b""
        while collected.count(b"\n") < lines:
            collected += output.read(1)
        process.kill()
        process.wait()
        collected += output.readall()
    return [json.loads(line) for line in collected.split(b"\n")[:-1]]


def test_durable_client_killed_while_its_pipe_is_full_skips_nothing(ministry, pushed):
    """Killed again and again at full pipes, then run to the end: every event came out at least once."""
    seen = []
    for lines in (1, 40, 3):
        seen += read_some(ministry.command("subscribe", "--until-head", "nightly"),
                          ministry.environment(), lines)
    seen += ministry.receive("nightly")
    assert sorted(set(positions(seen))) == list(range(1, len(pushed) + 1))
    assert ministry.receive("nightly") == []


def test_durable_client_killed_in_the_middle_of_a_file_skips_nothing(ministry, pushed, tmp_path):
    """Output appended to a file, as a nightly job does it."""
    with open(tmp_path / "events.jsonl", "ab") as file:
        process = subprocess.Popen(ministry.command("subscribe", "to-file"), stdout=file,
                                   env=ministry.environment())
        wait_until(lambda: file.tell() or os.fstat(file.fileno()).st_size, what="first output")
        process.kill()
        process.wait()
        whole = (tmp_path / "events.jsonl").read_bytes().rpartition(b"\n")[0].split(b"\n")
    seen = [json.loads(line) for line in whole if line] + ministry.receive("to-file")
    assert sorted(set(positions(seen))) == list(range(1, len(pushed) + 1))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_durable_client_stopped_in_good_order_comes_back_behind_what_it_wrote(ministry, pushed, how):
    name = f"stopped-{how}"
    with ministry.start("subscribe", name) as running:
        running.wait_lines(len(pushed))
        running.signal(how)
        assert running.end() == 0 and running.words == ""
    assert ministry.receive(name) == []


def test_second_reader_of_a_name_takes_over_and_the_first_says_so(ministry, pushed):
    with ministry.start("subscribe", "one-place") as first:
        first.wait_lines(len(pushed))
        with ministry.start("subscribe", "one-place") as second:
            done = first.done()
            assert done.code == 1 and "TAKEN_OVER" in done.err, done
            assert done.err.count("\n") == 1, done
            assert second.process.poll() is None
            second.signal(signal.SIGTERM)
            assert second.end() == 0


def test_name_is_kept_for_each_agency(reader, ministry, pushed):
    assert len(ministry.receive("same-name")) == len(pushed)
    assert len(reader("kl.komdigi").receive("same-name")) > 0


@pytest.mark.parametrize("name", ["Nightly", "a b", "x" * 65, "a/b", "ä"])
def test_name_of_other_characters_is_refused(ministry, name):
    done = ministry.run("subscribe", "--until-head", name)
    assert done.code == 2 and done.out == "", done


def test_subscriptions_are_listed_and_deleted(reader, ministry, pushed, filled, tmp_path):
    bawaslu = reader("lns.bawaslu")
    bawaslu.receive("weekly")
    header, line = bawaslu.run("subscriptions", "list").out.splitlines()
    row = dict(zip(header.split("\t"), line.split("\t")))
    assert row["name"] == "weekly" and row["agency"] == "lns.bawaslu"
    assert row["acknowledged"] == str(len(pushed)) and row["behind"] == "0"
    assert row["connected"] == "no"
    operator = User(filled, "operator/admin", tmp_path / "admin")
    assert operator.run("subscriptions", "--agency", "lns.bawaslu", "list").out.splitlines()[1] == line

    assert bawaslu.run("subscriptions", "delete", "weekly").code == 0
    assert len(bawaslu.run("subscriptions", "list").out.splitlines()) == 1
    done = bawaslu.run("subscriptions", "delete", "weekly")
    assert done.code == 1 and "UNKNOWN_SUBSCRIPTION" in done.err, done


def test_subscriptions_of_others_are_for_operators(reader):
    done = reader("lns.bawaslu").run("subscriptions", "--agency", "kl.kp2mi", "list")
    assert done.code == 1 and "kl.kp2mi" not in done.out and "WRONG_KIND" in done.err, done


def test_operator_reads_no_events(filled, tmp_path):
    done = User(filled, "operator/admin", tmp_path / "admin").run("subscribe", "--until-head")
    assert done.code == 1 and done.out == "" and "WRONG_KIND" in done.err, done


# While the server comes and goes


@pytest.fixture
def own(make_exchange, tmp_path):
    running = make_exchange(policies.from_folder())
    running.officer = User(running, "kab.18.07", tmp_path / "officer")
    running.ministry = User(running, "kl.kp2mi", tmp_path / "ministry")
    return running


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("name", [[], ["durable"]], ids=["nameless", "durable"])
def test_reader_comes_back_after_a_restart_without_loss_or_double(own, kill, name):
    def push(first):
        content = rows.as_jsonl(rows.registrations(50, first))
        assert own.officer.push("--format", "jsonl", "-", stdin=content.encode()).code == 0

    push(1)
    with own.ministry.start("subscribe", *name) as running:
        running.wait_lines(50)
        own.restart(kill=kill)
        push(51)
        running.wait_lines(100)
        own.restart(kill=kill)
        push(101)
        running.wait_lines(150)
        running.signal(signal.SIGTERM)
        done = running.done()
    assert done.code == 0, done
    assert positions(done.events) == list(range(1, 151))
    assert "berbagi:" in done.err, "says that the connection broke"


def test_reader_without_patience_gives_up_with_a_sentence(own):
    own.officer.push("--format", "jsonl", "-", stdin=rows.as_jsonl(rows.registrations(1)).encode())
    with own.ministry.start("subscribe", "--patience", "1") as running:
        running.wait_lines(1)
        own.kill()
        done = running.done(30)
    assert done.code == 1 and own.address in done.err, done


def test_text_from_others_cannot_steer_the_terminal(own):
    """A report holds what somebody wrote on the internet; escape sequences must not reach a screen."""
    report = rows.as_event({"time": "2026-03-12T09:15:00+07:00", "region": "18.07", "nik": None},
                           type="fraud.vacancy.reported")
    del report["nik"]
    report["data"] = {"fraud_report_number": "FRD-1", "platform": "whatsapp",
                      "content_excerpt": "gaji\x1b[2J\x1b]0;x\x07 24 JT\r\n\x9b31mX\u202eoke", "content_status": "REPORTED"}
    done = own.officer.push("--format", "jsonl", "-", stdin=json.dumps(report).encode())
    assert done.code == 0, done
    shown = own.ministry.run("subscribe", "--until-head", "--output", "pretty").out
    assert "gaji" in shown
    assert not [character for character in shown if character < " " and character != "\n"]
    assert "\x9b" not in shown
    event, = own.ministry.receive()
    assert event["data"]["content_excerpt"] == report["data"]["content_excerpt"]
    sheet = own.ministry.run("subscribe", "--until-head", "--output", "csv",
                             "--types", "fraud.vacancy.reported").out
    row, = csv.DictReader(io.StringIO(sheet, newline=""))
    assert row["content_excerpt"] == report["data"]["content_excerpt"]
