"""What the data officer of a regency relies on when pushing a spreadsheet with `berbagi push`."""

import itertools
import json
import re
import shutil
import signal

import pytest

import exchange
import policies
import probes
import rows
from exchange import wait_until
from user import User

NOBODY = "127.0.0.1:1"
_serials = itertools.count(1, 100)


def fresh(count=3):
    """Rows of people whom no other test has."""
    return rows.registrations(count, next(_serials))


@pytest.fixture
def officer(ex, tmp_path):
    return User(ex, "kab.18.07", tmp_path / "officer")


@pytest.fixture
def ministry(ex, tmp_path):
    return User(ex, "kl.kp2mi", tmp_path / "ministry")


def times_stored(reader, pushed):
    """How often each pushed row is in the log, as its reader sees it."""
    niks = [event["data"].get("nik") for event in reader.receive("--types", rows.TYPE)]
    return [niks.count(row["nik"]) for row in pushed]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rejects(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def in_vain(shared, tmp_path_factory):
    """A push to a port where nobody listens: begun first and looked at last, for it tries for a while."""
    lonely = User(shared, "kab.18.07", tmp_path_factory.mktemp("lonely"))
    file = write(lonely.home, "rows.jsonl", rows.as_jsonl(rows.registrations(1, 9999)))
    with lonely.start("push", "--server", NOBODY, file) as running:
        yield running


# What is pushed is stored, once


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("way", ["file", "standard input"])
def test_push_stores_every_row_once(officer, ministry, tmp_path, form, way):
    pushed = fresh()
    content = rows.as_csv(pushed) if form == "csv" else rows.as_jsonl(pushed)
    options = ["--type", rows.TYPE] if form == "csv" else []
    if way == "file":
        done = officer.push(*options, write(tmp_path, f"rows.{form}", content))
    else:
        done = officer.push(*options, "--format", form, "-", stdin=content.encode())
    assert (done.code, done.counts) == (0, [3, 0, 0, 0]), done
    assert times_stored(ministry, pushed) == [1, 1, 1]


def test_push_of_both_forms_of_a_row_stores_it_once(officer, ministry, tmp_path):
    pushed = fresh()
    done = officer.push("--type", rows.TYPE, write(tmp_path, "rows.csv", rows.as_csv(pushed)),
                        write(tmp_path, "rows.jsonl", rows.as_jsonl(pushed)))
    assert (done.code, done.counts) == (0, [3, 3, 0, 0]), done
    assert times_stored(ministry, pushed) == [1, 1, 1]


def test_push_with_a_type_column_makes_each_row_of_its_type(officer, ministry, tmp_path):
    person, = fresh(1)
    watch = {"type": "village.monitoring.recorded", "time": person["time"], "nik": person["nik"],
             "region": person["region"], "monitoring_phase": "departure",
             "contact_result": "reached"}
    sheet = rows.as_csv([{"type": rows.TYPE, **person}, watch],
                        columns=["type", *rows.COLUMNS, "monitoring_phase", "contact_result"])
    done = officer.push(write(tmp_path, "mixed.csv", sheet))
    assert (done.code, done.counts) == (0, [2, 0, 0, 0]), done
    registered, watched = ministry.receive()[-2:]
    assert [registered["type"], watched["type"]] == [rows.TYPE, watch["type"]]
    assert registered["subject"] == watched["subject"]
    assert watched["data"]["monitoring_phase"] == "departure"


def test_push_again_stores_nothing(officer, ministry, tmp_path):
    pushed = fresh()
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    officer.push("--type", rows.TYPE, file)
    done = officer.push("--type", rows.TYPE, file)
    assert (done.code, done.counts) == (0, [0, 3, 0, 0]), done
    assert times_stored(ministry, pushed) == [1, 1, 1]


def test_push_dry_run_stores_nothing_and_rejects_what_would_be(officer, ministry, tmp_path):
    pushed = fresh()
    pushed[1]["scheme"] = "ON_FOOT"
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    done = officer.push("--type", rows.TYPE, "--dry-run", file)
    assert (done.code, done.counts) == (1, [2, 0, 1, 0]), done
    assert times_stored(ministry, pushed) == [0, 0, 0]


def test_push_nik_becomes_the_subject_and_is_not_told_to_others(ex, officer, tmp_path):
    pushed = fresh(1)
    officer.push(write(tmp_path, "rows.jsonl", rows.as_jsonl(pushed)))
    stored, _ = ex.fetch_all("kl.kp2mi")
    assert stored[-1].event.subject.startswith("w_")
    assert pushed[0]["nik"].encode() not in b"".join(
        delivery.SerializeToString() for delivery in ex.fetch_all("kl.komdigi")[0])


def test_push_conflict_is_counted_and_told(officer, ministry, tmp_path):
    first, second = fresh(2)
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl([first], id="nota-1")
                 + rows.as_jsonl([second], id="nota-1"))
    done = officer.push("--rejects", tmp_path / "bad.jsonl", file)
    assert (done.code, done.counts) == (1, [1, 0, 0, 1]), done
    told, = rejects(tmp_path / "bad.jsonl")
    assert (told["line"], told["field"], told["reason"]) == (2, "id", "CONFLICT")
    assert times_stored(ministry, [first, second]) == [1, 0]


# Ids of rows that bring none


def test_row_ids_are_the_same_on_another_machine_with_the_same_key(ex, officer, tmp_path):
    file = write(tmp_path, "rows.csv", rows.as_csv(fresh()))
    key = officer.home / ".config" / "berbagi" / "row-key"
    officer.push("--type", rows.TYPE, file)
    assert key.stat().st_mode & 0o777 == 0o600

    elsewhere = User(ex, "kab.18.07", tmp_path / "elsewhere")
    copy = elsewhere.home / "key"
    shutil.copy(key, copy)
    done = elsewhere.push("--type", rows.TYPE, "--row-key", copy, file)
    assert done.counts == [0, 3, 0, 0], done


def test_row_ids_differ_under_another_key(ex, officer, tmp_path):
    file = write(tmp_path, "rows.csv", rows.as_csv(fresh()))
    stranger = User(ex, "kab.18.07", tmp_path / "stranger")
    assert officer.push("--type", rows.TYPE, file).counts == [3, 0, 0, 0]
    assert stranger.push("--type", rows.TYPE, file).counts == [3, 0, 0, 0]


def test_row_ids_do_not_depend_on_the_order_of_columns_or_the_separator(officer, tmp_path):
    pushed = fresh()
    officer.push("--type", rows.TYPE, write(tmp_path, "rows.csv", rows.as_csv(pushed)))
    turned = rows.as_csv(pushed, columns=list(reversed(rows.COLUMNS)), delimiter=";")
    done = officer.push("--type", rows.TYPE, write(tmp_path, "turned.csv", turned))
    assert done.counts == [0, 3, 0, 0], done


def test_row_key_that_is_none_is_refused_and_kept(officer, tmp_path):
    key = write(tmp_path, "key", "not a key\n")
    file = write(tmp_path, "rows.csv", rows.as_csv(fresh()))
    done = officer.push("--type", rows.TYPE, "--row-key", key, file)
    assert done.code in (1, 2) and str(key) in done.err, done
    assert key.read_text() == "not a key\n"


# Rows that are refused

BAD_ROWS = [
    ("full_name", "", "data.full_name", "REQUIRED"),
    ("scheme", "ON_FOOT", "data.scheme", "UNKNOWN_ENUM"),
    ("nik", "1807991203990000", "nik", "NIK"),
    ("birth_date", "1999-02-30", "data.birth_date", "DATE"),
    ("time", "yesterday", "time", "MALFORMED"),
    ("time", "2006-12-31T00:00:00Z", "occurred_at", "OCCURRED_AT"),
    ("time", "2126-01-01T00:00:00Z", "occurred_at", "OCCURRED_AT"),
    ("region", "99.99", "region", "REGION"),
    ("region", "35.09", "region", "NOT_PERMITTED"),
    ("full_name", "X" * 70000, "data", "TOO_LARGE"),
]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rejects_file_tells_line_field_reason_and_sentence(officer, ministry, tmp_path, form):
    """One spoiled row of each sort between sound ones: those are stored, these are listed in order."""
    pushed = fresh(2 * len(BAD_ROWS) + 1)
    for index, (column, value, _, _) in enumerate(BAD_ROWS):
        pushed[2 * index + 1][column] = value
    listed = tmp_path / "bad.jsonl"
    content = rows.as_csv(pushed) if form == "csv" else rows.as_jsonl(pushed)
    options = ["--type", rows.TYPE] if form == "csv" else []
    file = write(tmp_path, f"rows.{form}", content)

    done = officer.push(*options, "--rejects", listed, file)

    assert done.code == 1 and done.counts[2] == len(BAD_ROWS), done
    header = 1 if form == "csv" else 0
    first = {}
    for line in rejects(listed):
        assert set(line) == {"file", "line", "field", "reason", "message"}
        assert line["file"] == str(file) and len(line["message"]) > 10
        first.setdefault(line["line"], line)
    expected = [(2 * index + 2 + header, field, reason)
                for index, (_, _, field, reason) in enumerate(BAD_ROWS)]
    assert [(line["line"], line["field"], line["reason"]) for line in first.values()] == expected
    assert times_stored(ministry, pushed)[::2] == [1] * (len(BAD_ROWS) + 1)


def test_rejects_file_ending_in_csv_is_a_sheet(officer, tmp_path):
    pushed = fresh(2)
    pushed[0]["scheme"] = "ON_FOOT"
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    officer.push("--type", rows.TYPE, "--rejects", tmp_path / "bad.csv", file)
    header, line = (tmp_path / "bad.csv").read_text().splitlines()
    assert header == "file,line,field,reason,message"
    assert '2,"data.scheme","UNKNOWN_ENUM"' in line


def test_rejects_file_is_replaced_each_time(officer, tmp_path):
    listed = write(tmp_path, "bad.jsonl", "of the day before\n")
    done = officer.push("--type", rows.TYPE, "--rejects", listed,
                        write(tmp_path, "rows.csv", rows.as_csv(fresh())))
    assert done.code == 0 and listed.read_text() == "", done


def test_rejects_file_that_is_pushed_too_is_not_overwritten(officer, tmp_path):
    content = rows.as_csv(fresh())
    file = write(tmp_path, "rows.csv", content)
    done = officer.push("--type", rows.TYPE, "--rejects", file, file)
    assert done.code == 2 and file.read_text() == content, done


def test_without_rejects_file_the_first_ten_are_told(officer, tmp_path):
    pushed = fresh(12)
    for row in pushed:
        row["scheme"] = "ON_FOOT"
    done = officer.push("--type", rows.TYPE, write(tmp_path, "rows.csv", rows.as_csv(pushed)))
    assert done.counts == [0, 0, 12, 0]
    assert done.err.count("UNKNOWN_ENUM") == 10 and "2 more" in done.err, done


# Files that are no sheet of ours


def spoil(content, position, piece):
    lines = content.encode().splitlines(keepends=True)
    return b"".join(lines[:position] + [piece] + lines[position:])


BAD_CSV = {
    "unknown column": (lambda csv: csv.replace("scheme", "shoe_size", 1), 1, "shoe_size"),
    "header missing": (lambda csv: csv.split("\n", 1)[1], 1, "header"),
    "column twice": (lambda csv: csv.replace("village_code", "nik", 1), 1, "twice"),
    "open quote": (lambda csv: spoil(csv, 2, b'"2026-03-12T09:15:00+07:00,18.07\n'), 3, "quote"),
    "line of 10 MB": (lambda csv: spoil(csv, 2, b"x" * 10_000_000 + b"\n"), 3, "1 MiB"),
    "NUL": (lambda csv: spoil(csv, 2, b"a\0b,c\n"), 3, "NUL"),
    "empty": (lambda csv: b"", 1, "header"),
    "no type": (lambda csv: csv, 1, "type"),
}


@pytest.mark.parametrize("how", BAD_CSV)
def test_csv_that_cannot_be_cut_into_rows_ends_with_a_sentence(officer, tmp_path, how):
    """The file, the line and what is wrong; what stands before that line is stored, nothing behind."""
    damage, line, word = BAD_CSV[how]
    pushed = fresh()
    file = write(tmp_path, "rows.csv", damage(rows.as_csv(pushed)))
    options = [] if how == "no type" else ["--type", rows.TYPE]
    done = officer.push(*options, file)
    assert done.code == 1, done
    told = next(text for text in done.err.splitlines() if str(file) in text)
    assert f"line {line}" in told and word in told, done
    assert done.counts == [max(line - 2, 0), 0, 0, 0]


def test_csv_unknown_type_option_is_wrong_usage(officer, tmp_path):
    file = write(tmp_path, "rows.csv", rows.as_csv(fresh()))
    done = officer.push("--type", "worker.regsitered", file)
    assert done.code == 2 and "worker.regsitered" in done.err, done


GOOD_CSV = {
    "semicolon": lambda csv: csv.replace(",", ";"),
    "byte order mark": lambda csv: b"\xef\xbb\xbf" + csv.encode(),
    "CRLF": lambda csv: csv.replace("\n", "\r\n"),
    "no newline at the end": lambda csv: csv.rstrip("\n"),
    "all that at once": lambda csv: b"\xef\xbb\xbf" + csv.replace(",", ";").replace("\n", "\r\n").rstrip().encode(),
}


@pytest.mark.parametrize("how", GOOD_CSV)
def test_csv_as_spreadsheets_write_it_is_stored(officer, ministry, tmp_path, how):
    pushed = fresh()
    file = write(tmp_path, "rows.csv", GOOD_CSV[how](rows.as_csv(pushed)))
    done = officer.push("--type", rows.TYPE, file)
    assert (done.code, done.counts) == (0, [3, 0, 0, 0]), done
    assert times_stored(ministry, pushed) == [1, 1, 1]


BAD_LINES = {
    "no JSON": (b'{"specversion":"1.0", oops\n', "MALFORMED"),
    "no object": (b'["worker.registered"]\n', "MALFORMED"),
    "10 MB": (b"x" * 10_000_000 + b"\n", "TOO_LONG"),
    "NUL": (b'{"specversion":"1.0","type":"a\0b"}\n', "MALFORMED"),
    "escaped NUL": (b'{"specversion":"1.0","type":"a\\u0000b"}\n', None),
    "no UTF-8": (b'{"specversion":"1.0","type":"\xff"}\n', "NOT_UTF8"),
    "a name twice": (b'{"specversion":"1.0","specversion":"1.0"}\n', "MALFORMED"),
    "deep": (b"[" * 100_000 + b"\n", "MALFORMED"),
    "empty object": (b"{}\n", "REQUIRED"),
}


@pytest.mark.parametrize("how", BAD_LINES)
def test_jsonl_bad_line_is_rejected_alone(officer, ministry, tmp_path, how):
    line, reason = BAD_LINES[how]
    pushed = fresh()
    file = write(tmp_path, "rows.jsonl", spoil(rows.as_jsonl(pushed), 1, line))
    done = officer.push("--rejects", tmp_path / "bad.jsonl", file)
    assert (done.code, done.counts) == (1, [3, 0, 1, 0]), done
    told = rejects(tmp_path / "bad.jsonl")
    assert {line["line"] for line in told} == {2}
    assert reason is None or told[0]["reason"] == reason
    assert times_stored(ministry, pushed) == [1, 1, 1]


def test_jsonl_byte_order_mark_crlf_and_blank_lines_do_no_harm(officer, tmp_path):
    content = rows.as_jsonl(fresh()).replace("\n", "\r\n\r\n")
    done = officer.push(write(tmp_path, "rows.jsonl", b"\xef\xbb\xbf" + content.encode()))
    assert (done.code, done.counts) == (0, [3, 0, 0, 0]), done


def test_jsonl_empty_file_stores_nothing_and_is_no_fault(officer, tmp_path):
    done = officer.push(write(tmp_path, "rows.jsonl", ""))
    assert (done.code, done.counts) == (0, [0, 0, 0, 0]), done


def test_bad_file_does_not_keep_the_next_from_being_pushed(officer, tmp_path):
    pushed = rows.as_csv(fresh())
    bad = write(tmp_path, "bad.csv", pushed.replace("scheme", "shoe_size", 1))
    done = officer.push("--type", rows.TYPE, bad, write(tmp_path, "rows.csv", pushed))
    assert (done.code, done.counts) == (1, [3, 0, 0, 0]), done


@pytest.mark.parametrize("arguments, code, word", [
    ([], 2, "operand"),
    (["--frob", "x.csv"], 2, "--frob"),
    (["nowhere.csv"], 2, "nowhere.csv"),
    (["rows.txt"], 2, "--format"),
    (["-"], 2, "--format"),
    (["--format", "xml", "rows.txt"], 2, "--format"),
    (["--format", "jsonl", "."], 1, "folder"),
    (["--rejects", "nowhere/bad.csv", "rows.jsonl"], 1, "nowhere/bad.csv"),
    (["--patience", "soon", "rows.jsonl"], 2, "patience"),
])
def test_wrong_usage_is_told_in_one_sentence(officer, arguments, code, word):
    write(officer.home, "rows.txt", "")
    write(officer.home, "rows.jsonl", rows.as_jsonl(fresh(1)))
    done = officer.push(*arguments)
    told = [line for line in done.err.splitlines() if " rows in " not in line]
    assert done.code == code and len(told) == 1 and word in told[0], done


# Interrupted, and run again


@pytest.fixture
def own(make_exchange, tmp_path):
    """An exchange of one's own, its officer and its ministry."""
    running = make_exchange(policies.from_folder())
    running.officer = User(running, "kab.18.07", tmp_path / "officer")
    running.ministry = User(running, "kl.kp2mi", tmp_path / "ministry")
    return running


def completes(own, file, pushed):
    """A push of all rows after what happened: every row is there once."""
    done = own.officer.push("--type", rows.TYPE, file)
    assert done.code == 0 and done.counts[0] + done.counts[1] == len(pushed), done
    assert times_stored(own.ministry, pushed) == [1] * len(pushed)
    return done.counts


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_client_stopped_in_the_middle_and_run_again_loses_nothing(own, tmp_path, how):
    pushed = rows.registrations(1500)
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    lines = file.read_text().splitlines(keepends=True)
    with own.officer.start("push", "--type", rows.TYPE, "--format", "csv", "-", stdin=-1) as running:
        running.feed("".join(lines[:801]))
        wait_until(own.head, what="first rows stored")
        running.signal(how)
        done = running.done()
    if how == signal.SIGKILL:
        assert done.code == -signal.SIGKILL
    else:
        assert done.code == 1 and done.counts[0] == own.head(), done
    stored, duplicate, _, _ = completes(own, file, pushed)
    assert duplicate > 0 and stored >= 700


def test_server_killed_in_the_middle_is_waited_for(own, tmp_path):
    pushed = rows.registrations(1500)
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    lines = file.read_text().splitlines(keepends=True)
    with own.officer.start("push", "--type", rows.TYPE, "--format", "csv", "-", stdin=-1) as running:
        running.feed("".join(lines[:801]))
        wait_until(own.head, what="first rows stored")
        own.kill()
        running.feed("".join(lines[801:]))
        running.stdin.close()
        own.start()
        done = running.done(30)
    assert done.code == 0 and sum(done.counts[:2]) == len(pushed), done
    assert times_stored(own.ministry, pushed) == [1] * len(pushed)


def test_server_killed_under_load_is_waited_for(own, tmp_path):
    """No pauses in the file: the kill falls among requests that are under way."""
    pushed = rows.registrations(12_000)
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl(pushed))
    with own.officer.start("push", file) as running:
        wait_until(own.head, what="first rows stored")
        own.restart(kill=True)
        done = running.done(30)
    assert done.code == 0 and sum(done.counts[:2]) == len(pushed), done
    niks = [event["data"]["nik"] for event in own.ministry.receive()]
    assert sorted(niks) == sorted(row["nik"] for row in pushed)


def test_server_stopped_and_started_in_good_order_is_waited_for(own, tmp_path):
    pushed = rows.registrations(1500)
    file = write(tmp_path, "rows.csv", rows.as_csv(pushed))
    lines = file.read_text().splitlines(keepends=True)
    with own.officer.start("push", "--type", rows.TYPE, "--format", "csv", "-", stdin=-1) as running:
        running.feed("".join(lines[:801]))
        wait_until(own.head, what="first rows stored")
        own.restart()
        running.feed("".join(lines[801:]))
        running.stdin.close()
        done = running.done(30)
    assert done.code == 0 and sum(done.counts[:2]) == len(pushed), done
    completes(own, file, pushed)


def test_patience_at_its_end_says_what_was_not_answered(own, tmp_path):
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl(rows.registrations(10)))
    with own.officer.start("push", "--patience", "1", "--format", "jsonl", "-", stdin=-1) as running:
        running.feed(file.read_text())
        wait_until(own.head, what="first rows stored")
        own.stop()
        running.feed(rows.as_jsonl(rows.registrations(10, 500)))
        running.stdin.close()
        done = running.done(30)
    assert done.code == 1 and done.counts == [10, 0, 0, 0], done
    assert own.address in done.err or "SHUTTING_DOWN" in done.err, done


# What is shown


def test_progress_goes_to_standard_error_without_escape_codes(officer, tmp_path):
    file = write(tmp_path, "rows.csv", rows.as_csv(fresh()))
    done = officer.push("--type", rows.TYPE, file)
    assert done.out == "stored 3, duplicate 0, rejected 0, conflict 0\n"
    assert re.fullmatch(r"berbagi: 3 rows in [0-9.]+ s \([0-9,]+/s\)\n", done.err), done


def test_progress_on_a_terminal_is_a_bar_with_rows_rate_and_time_left(officer, tmp_path):
    file = write(tmp_path, "rows.csv", rows.as_csv(rows.registrations(50_000, 20_000)))
    code, sent = officer.on_terminal("push", "--type", rows.TYPE, file)
    assert code == 0 and sent.rstrip().endswith("conflict 0"), (code, sent[-300:])
    bars = [piece for piece in re.split(r"[\r\n]", sent) if "[" in piece and "%" in piece]
    assert bars and all(re.search(r"[\d,]+ of [\d,]+ rows", bar) for bar in bars), sent
    assert any(re.search(r"rows +[\d,]+/s +\d+ s left", bar) for bar in bars), bars


# Where the connection is told


def flags(user, **change):
    """The connection as settings by name."""
    words = user.connection()
    return {**{words[i][2:]: words[i + 1] for i in range(0, len(words), 2)}, **change}


def test_flags_beat_the_environment_and_that_the_file(officer, tmp_path):
    """Each source in turn holds the only right address; the weaker ones a port nobody listens at."""
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl(fresh(1)))
    right, wrong = officer.ex.address, "127.0.0.1:1"
    config = officer.home / ".config" / "berbagi" / "config.yaml"
    config.parent.mkdir(parents=True)

    def push(in_file, in_environment, in_flag):
        settings = flags(officer, server=in_file)
        config.write_text("".join(f'{name}: "{value}"\n' for name, value in settings.items()))
        env = {"BERBAGI_SERVER": in_environment} if in_environment else {}
        option = ["--server", in_flag] if in_flag else []
        return officer.push(*option, file, env=env, connect=False).code

    assert push(right, None, None) == 0
    assert push(wrong, right, None) == 0
    assert push(wrong, wrong, right) == 0


def test_config_option_names_another_file(officer, tmp_path):
    settings = "".join(f'{name}: "{value}"\n' for name, value in flags(officer).items())
    config = write(tmp_path, "here.yaml", settings)
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl(fresh(1)))
    assert officer.push("--config", config, file, connect=False).code == 0


def test_config_unknown_key_is_told_with_file_and_line(officer, tmp_path):
    config = write(tmp_path, "here.yaml", "# mine\nserver: 127.0.0.1:1\ncolour: blue\n")
    done = officer.push("--config", config, "x.csv", connect=False)
    assert done.code == 2 and f"{config}:3" in done.err and "colour" in done.err, done


def test_missing_connection_is_wrong_usage(officer):
    done = officer.push(write(officer.home, "rows.jsonl", ""), connect=False)
    assert done.code == 2 and "--server" in done.err, done


# Who may connect


def refused(officer, tmp_path, word, **change):
    file = write(tmp_path, "rows.jsonl", rows.as_jsonl(fresh(1)))
    words = [part for name, value in flags(officer, **change).items()
             for part in (f"--{name}", str(value))]
    done = officer.push(*words, file, connect=False)
    told = [line for line in done.err.splitlines() if " rows in " not in line]
    assert done.code in (1, 2) and len(told) == 1 and word in told[0], done


def test_certificate_of_another_authority_is_refused_in_one_sentence(officer, tmp_path):
    stranger = exchange.Ca(tmp_path / "strange" / "ca").identity("kab.18.07")
    refused(officer, tmp_path, "certificate", cert=stranger.cert, key=stranger.key)


def test_server_of_another_authority_is_not_believed(officer, tmp_path):
    strange = exchange.Ca(tmp_path / "strange" / "ca")
    refused(officer, tmp_path, "certificate", ca=strange.bundle)


def test_agency_that_is_not_in_the_policy_is_refused_in_one_sentence(ex, officer, tmp_path):
    nobody = ex.ca.identity("kab.11.01")
    refused(officer, tmp_path, "UNKNOWN_AGENCY", cert=nobody.cert, key=nobody.key)


def test_key_of_another_certificate_is_refused_in_one_sentence(ex, officer, tmp_path):
    refused(officer, tmp_path, "key", key=ex.ca.identity("kl.kp2mi").key)


def test_key_that_others_may_read_is_refused(officer, tmp_path):
    open_key = tmp_path / "open.key"
    shutil.copy(officer.identity.key, open_key)
    open_key.chmod(0o644)
    refused(officer, tmp_path, "open.key", key=open_key)


def test_missing_certificate_file_is_named(officer, tmp_path):
    refused(officer, tmp_path, "nowhere.pem", cert=tmp_path / "nowhere.pem")


# Nothing about people where it does not belong


def test_people_are_named_nowhere_but_in_the_data(own, tmp_path):
    """Good rows and every sort of bad one, told on standard error and in a list; then the log."""
    pushed = rows.registrations(4 * len(BAD_ROWS), 7000)
    for row, (column, value, _, _) in zip(pushed, BAD_ROWS):
        row[column] = value
    swapped = dict(pushed[-1], nik=pushed[-1]["full_name"], full_name=pushed[-1]["nik"])
    as_type = rows.as_jsonl([pushed[-2]], type=pushed[-2]["full_name"])
    as_source = rows.as_jsonl([pushed[-3]], source=pushed[-3]["full_name"])
    as_id = rows.as_jsonl([pushed[-4]], id=pushed[-4]["full_name"] * 10)
    as_names = rows.as_jsonl([pushed[-5]], **{pushed[-5]["nik"]: 1, pushed[-5]["full_name"]: 2})
    cut = rows.as_jsonl([pushed[-6]])[:-9] + "\n"
    content = (rows.as_jsonl([*pushed, swapped]) + as_type + as_source + as_id + as_names + cut)
    lists = tmp_path / "bad.jsonl"
    headless = write(tmp_path, "headless.csv", rows.as_csv(pushed).split("\n", 1)[1])
    upper = write(tmp_path, "upper.csv", pushed[0]["full_name"] + "," + pushed[0]["nik"] + "\n")
    file = write(tmp_path, "rows.jsonl", content)

    told = [own.officer.push(file), own.officer.push("--rejects", lists, file),
            own.officer.push("--type", rows.TYPE, headless, upper)]

    said = "".join(done.out + done.err for done in told) + lists.read_text()
    said += own.log.read_text(errors="replace")
    assert [word for word in rows.personal(pushed) if word and word in said] == []
    assert "1999-03-" not in said and "SUPARTINAH" not in said


@pytest.mark.parametrize("name", ["nik_{nik}", "a{nik}"])
def test_number_of_a_person_in_the_place_of_a_name_is_not_repeated(officer, tmp_path, name):
    person, = fresh(1)
    event = rows.as_event(person)
    event["data"][name.format(**person)] = 1
    file = write(tmp_path, "rows.jsonl", json.dumps(event) + "\n")
    done = officer.push("--rejects", tmp_path / "bad.jsonl", file)
    assert done.counts == [0, 0, 1, 0]
    assert person["nik"] not in (tmp_path / "bad.jsonl").read_text()


def test_metrics_of_pushes_in_good_order_is_no_failure(make_exchange, tmp_path):
    """The metrics tell an operator of failed calls; a finished push is none."""
    running = make_exchange(policies.from_folder(), "--http", "127.0.0.1:0")
    officer = User(running, "kab.18.07", tmp_path / "officer")
    done = officer.push(write(tmp_path, "rows.jsonl", rows.as_jsonl(fresh())))
    assert done.code == 0, done
    wait_until(lambda: probes.metrics(running)["berbagi_open_calls"] == 0)
    assert probes.metrics(running)['berbagi_calls_total{result="failed"}'] == 0


def test_server_out_of_reach_is_tried_for_a_while_and_then_told(in_vain):
    done = in_vain.done(60)
    assert done.code == 1 and done.counts == [0, 0, 0, 0], done
    assert NOBODY in done.err and "trying again" in done.err, done
