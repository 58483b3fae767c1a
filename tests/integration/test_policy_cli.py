"""The policy as its keeper works on it: YAML checked by file, line and key, applied, and shown again."""

import re
import shutil

import pytest

import exchange
import policies
import rows
from user import User

SAMPLE = policies.SAMPLE
REGENCY = "agreements/mou-2025-10-28-kab.18.07.yaml"
SOUND = re.compile(r"is sound: 61 agencies, 20 agreements with 1101 grants, 836 ceilings")


@pytest.fixture
def folder(tmp_path):
    """A copy of deploy/policy to spoil."""
    return shutil.copytree(SAMPLE, tmp_path / "policy")


def check(folder):
    return exchange.run("berbagi", "policy", "check", folder, env={"HOME": "/nonexistent"})


def told(done):
    """Lines on standard error that are no warnings."""
    return [line for line in done.stderr.splitlines() if " warning: " not in line]


def change(file, pattern, by):
    """Replaces the first match; the number of its line."""
    text = file.read_text()
    match = re.search(pattern, text, re.M)
    assert match, f"{pattern} is not in {file}"
    file.write_text(text[:match.start()] + by + text[match.end():])
    return text.count("\n", 0, match.start()) + 1


# check


def test_sample_policy_is_sound(folder):
    done = check(folder)
    assert done.returncode == 0 and SOUND.search(done.stdout + done.stderr), done


SPOILT = [  # file, what, by what, lines further down, words of the message
    (REGENCY, r"^status:", "colour: blue\nstatus:", 0, ["colour"]),
    (REGENCY, r"    scope: OWN", "    scope: OWN\n    shade: dark", 1, ["shade"]),
    (REGENCY, r"scope: OWN", "scope: EVERYWHERE", 0, ["EVERYWHERE", "scope"]),
    (REGENCY, r"level: PUBLIC", "level: SECRET", 0, ["SECRET", "level"]),
    (REGENCY, r"direction: PUBLISH", "direction: SIDEWAYS", 0, ["SIDEWAYS", "direction"]),
    (REGENCY, r"outreach\.session\.held", "outreach.session.hold", 0, ["outreach.session.hold"]),
    (REGENCY, r"^valid_to: .*", 'valid_to: "2030-02-30"', 0, ["2030-02-30"]),
    (REGENCY, r"^valid_to: .*", 'valid_to: "2020-01-01"', 0, ["2020-01-01", "2025-10-28"]),
    (REGENCY, r"^status: .*", "status: PERHAPS", 0, ["PERHAPS", "status"]),
    (REGENCY, r"^parties: .*", "parties: [kl.kp2mi, kab.99.99]", 0, ["kab.99.99"]),
    (REGENCY, r"grantees: \[kab\.18\.07\]", "grantees: [kab.18.77]", 0, ["kab.18.77"]),
    (REGENCY, r"purpose: public_information", "purpose: voter_rights", 0, ["voter_rights"]),
    (REGENCY, r"purpose: public_information", "purpose: curiosity", 0, ["curiosity"]),
    (REGENCY, r"    level: PUBLIC", "    level: PUBLIC\n    only_fields: [shoe_size]", 1, ["shoe_size"]),
    (REGENCY, r"    level: PUBLIC", "    level: PUBLIC\n    specific: [WEALTH]", 1, ["WEALTH"]),
    (REGENCY, r"may_resolve: true", "may_resolve: perhaps", 0, ["may_resolve"]),
    (REGENCY, r"^id: .*", "id: law", 0, ["law"]),
    ("agencies.yaml", r"kind: hub", "kind: hub\n    kind: kl", 1, ["kind", "twice"]),
    ("agencies.yaml", r'region: "18.07"', 'region: "18.99"', 0, ["18.99"]),
    ("agencies.yaml", r"parent: prov.18", "parent: prov.99", 0, ["prov.99"]),
    ("agencies.yaml", r"id: kl.komdigi", "id: KL.Komdigi", 0, ["KL.Komdigi"]),
    ("agencies.yaml", r"id: kl.komdigi", "id: kl.kp2mi", 0, ["kl.kp2mi"]),
    ("ceilings.yaml", r"groups: \[job_info,", "groups: [job_infos,", 0, ["job_infos"]),
    ("ceilings.yaml", r"audience: kl.kp2mi", "audience: kl.nobody", 0, ["kl.nobody"]),
    ("ceilings.yaml", r"    limits:", "    limit:", 0, ["limit"]),
    ("operators.yaml", r"POLICY, ", "", -1, ["POLICY"]),
    ("operators.yaml", r"VIEWER, POLICY", "VIEWER, EVERYTHING", 0, ["EVERYTHING"]),
]


@pytest.mark.parametrize("file, pattern, by, further, words", SPOILT,
                         ids=[f"{case[0].split('/')[-1]} {case[2]!r}" for case in SPOILT])
def test_check_names_file_line_and_what_is_wrong(folder, file, pattern, by, further, words):
    line = change(folder / file, pattern, by) + further
    done = check(folder)
    assert done.returncode == 1, done
    first = told(done)[0]
    assert all(word in first for word in words), first
    named = int(re.match(rf"berbagi: {re.escape(str(folder / file))}:(\d+)\b", first)[1])
    assert named == line, first


@pytest.mark.parametrize("content, word", [
    ("id: [", "bracket"), ("\tid: x", "broken.yaml:1"), ("a: &a [x]\nb: *a\n", "anchors"),
    ("id: !!python/object x", "broken.yaml:1"), ("", "broken.yaml:1"), ("just words", "broken.yaml:1"),
    ("- a\n- b\n", "broken.yaml:1"), ("id: broken\n---\nid: second\n", "broken.yaml:"),
    ("id: \"\\x00\"\n", "broken.yaml:1"), ("id: " + "[" * 5000, "broken.yaml:1")],
    ids=["flow", "tab", "anchor", "tag", "empty", "scalar", "list", "two documents", "NUL", "deep"])
def test_check_of_what_is_no_agreement_names_the_file(folder, content, word):
    file = folder / "agreements" / "broken.yaml"
    file.write_text(content)
    done = check(folder)
    assert done.returncode == 1 and len(done.stderr) < 5000
    assert str(file) in told(done)[0] and word in told(done)[0], done.stderr


def test_check_tells_all_that_is_wrong_at_once(folder):
    change(folder / "agencies.yaml", r'region: "18.07"', 'region: "18.99"')
    change(folder / REGENCY, r"^parties: .*", "parties: [kl.kp2mi, kab.99.99]")
    done = check(folder)
    assert "18.99" in done.stderr and "kab.99.99" in done.stderr, done


@pytest.mark.parametrize("gone", ["agencies.yaml", "ceilings.yaml", "operators.yaml", "agreements"])
def test_check_of_a_folder_that_lacks_a_part_names_it(folder, gone):
    part = folder / gone
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    done = check(folder)
    assert done.returncode == 1 and str(part) in told(done)[0], done


def test_check_passes_over_files_that_are_no_yaml(folder):
    (folder / "README.md").write_text("notes")
    (folder / "agreements" / "draft.txt").write_text("colour: blue")
    assert check(folder).returncode == 0


@pytest.mark.parametrize("arguments", [["check"], ["check", "a", "b"], ["frobnicate", "a"], [],
                                       ["show", "--frob"]])
def test_wrong_usage_is_told(arguments):
    assert exchange.run("berbagi", "policy", *arguments).returncode == 2


# apply and show


@pytest.fixture
def own(make_exchange, tmp_path):
    """An empty exchange, its operator and an agency."""
    running = make_exchange()
    running.admin = User(running, "operator/admin", tmp_path / "admin")
    running.regency = User(running, "kab.18.07", tmp_path / "regency")
    return running


def version(own):
    return own.admin.run("policy", "show").err


def test_apply_to_an_empty_exchange_then_show_gives_what_check_accepts(own, folder, tmp_path):
    done = own.admin.run("policy", "apply", "--yes", folder)
    assert done.code == 0 and "version 1 " in done.out + done.err, done
    shown = own.admin.run("policy", "show")
    assert shown.code == 0
    file = tmp_path / "shown.yaml"
    file.write_text(shown.out)
    checked = check(file)
    assert checked.returncode == 0 and SOUND.search(checked.stdout + checked.stderr), checked
    again = own.admin.run("policy", "apply", "--dry-run", file)
    assert again.code == 0 and again.out == "" and "0 places" in again.err, again


def test_apply_dry_run_tells_the_changes_and_makes_none(own, folder):
    own.admin.run("policy", "apply", "--yes", folder)
    before = version(own)
    change(folder / REGENCY, r"^status: .*", "status: SUSPENDED")
    done = own.admin.run("policy", "apply", "--dry-run", folder)
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert lines and all(re.match(r"- \S+\.18\.07", line) for line in lines), lines[:3]
    assert all(line.endswith("(mou-2025-10-28-kab.18.07)") for line in lines)
    assert any("publish worker.registered" in line and "full_name" in line for line in lines)
    assert any("subscribe departure.recorded" in line for line in lines)
    assert version(own) == before


def test_apply_changes_what_is_permitted_at_once(own, folder):
    own.admin.run("policy", "apply", "--yes", folder)
    sheet = rows.as_jsonl(rows.registrations(1)).encode()
    change(folder / REGENCY, r"^status: .*", "status: SUSPENDED")
    done = own.admin.run("policy", "apply", "--yes", "--changes", folder)
    assert done.code == 0 and "- kab.18.07 publish worker.registered" in done.out, done
    pushed = own.regency.push("--format", "jsonl", "-", stdin=sheet)
    assert pushed.counts == [0, 0, 1, 0] and "NOT_PERMITTED" in pushed.err, pushed
    change(folder / REGENCY, r"^status: .*", "status: IN_FORCE")
    done = own.admin.run("policy", "apply", "--yes", "--changes", folder)
    assert "+ kab.18.07 publish worker.registered" in done.out, done
    assert own.regency.push("--format", "jsonl", "-", stdin=sheet).counts == [1, 0, 0, 0]


def test_apply_of_a_spoilt_policy_changes_nothing(own, folder):
    own.admin.run("policy", "apply", "--yes", folder)
    before = version(own)
    change(folder / REGENCY, r"level: PUBLIC", "level: SECRET")
    done = own.admin.run("policy", "apply", "--yes", folder)
    assert done.code == 1 and "SECRET" in done.err, done
    assert version(own) == before


def test_apply_against_another_version_is_refused(own, folder):
    assert own.admin.run("policy", "apply", "--yes", "--expected-version", "0", folder).code == 0
    done = own.admin.run("policy", "apply", "--yes", "--expected-version", "0", folder)
    assert done.code == 1 and "VERSION_MISMATCH" in done.err, done


def test_apply_is_for_operators_with_the_role(own, folder, tmp_path):
    own.admin.run("policy", "apply", "--yes", folder)
    done = own.regency.run("policy", "apply", "--yes", folder)
    assert done.code == 1 and "WRONG_KIND" in done.err, done
    backup = User(own, "operator/dewi", tmp_path / "dewi").run("policy", "apply", "--yes", folder)
    assert backup.code == 1 and "NO_ROLE" in backup.err, backup
    stranger = User(own, "operator/nobody", tmp_path / "nobody").run("policy", "apply", "--yes", folder)
    assert stranger.code == 1 and "UNKNOWN_OPERATOR" in stranger.err, stranger


def test_operator_of_the_command_line_counts_until_the_first_version(own, folder):
    change(folder / "operators.yaml", r"name: admin", "name: wayan")
    assert own.admin.run("policy", "apply", "--yes", folder).code == 0
    done = own.admin.run("policy", "apply", "--yes", folder)
    assert done.code == 1 and "UNKNOWN_OPERATOR" in done.err, done


def test_show_gives_an_agency_its_own_part(own, folder):
    own.admin.run("policy", "apply", "--yes", folder)
    shown = own.regency.run("policy", "show")
    assert shown.code == 0 and "kab.18.07" in shown.out
    assert "operators:" not in shown.out and "dewi" not in shown.out
    agreements = re.findall(r"^  - id: (\S*(?:mou|pks|law)\S*)", shown.out, re.M)
    assert set(agreements) == {"law", "mou-2025-10-28-kab.18.07"}
    grantees = set(re.findall(r"grantees?: \[?([a-z0-9.-]+)", shown.out))
    assert grantees <= {"kab.18.07", "kab"}, grantees


def test_show_of_an_empty_exchange_says_that_there_is_none(own):
    done = own.admin.run("policy", "show")
    assert "agencies" not in done.out and "Traceback" not in done.err
    assert done.code == 0 or "NO_POLICY" in done.err, done


def test_status_tells_an_operator_how_the_exchange_is(own, folder):
    own.admin.run("policy", "apply", "--yes", folder)
    done = own.admin.run("status")
    facts = dict(line.split(None, 1) for line in done.out.splitlines())
    assert done.code == 0 and facts["policy-version"] == "1" and facts["head-position"] == "0"
    assert len(facts["log-id"]) == 32
    refused = own.regency.run("status")
    assert refused.code == 1 and refused.out == "" and "WRONG_KIND" in refused.err, refused
