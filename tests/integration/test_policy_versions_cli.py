"""Security officer at a terminal: the difference, the question, the second operator, the history, the rehearsal."""

import os
import pty
import shutil
import subprocess

import pytest

import policies
from exchange import event
from user import User

REGENCY = "agreements/mou-2025-10-28-kab.18.07.yaml"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(policies.SAMPLE, tmp_path / "policy")


@pytest.fixture
def own(make_exchange, tmp_path):
    """An exchange with the sample policy and its operator."""
    running = make_exchange(policies.from_folder())
    running.admin = User(running, "operator/admin", tmp_path / "admin")
    return running


def change(file, what, by):
    text = file.read_text()
    assert what in text
    file.write_text(text.replace(what, by, 1))


def suspend(folder):
    change(folder / REGENCY, "status: IN_FORCE", "status: SUSPENDED")
    return folder


def version(own):
    return own.admin.run("policy", "show").err.split()[2]


def ask_for_two(folder):
    """The policy asks for a second operator from this version on."""
    operators = folder / "operators.yaml"
    operators.write_text("approvals_required: 1\n" + operators.read_text() +
                         "  - {name: sari, roles: [POLICY]}\n")
    return folder


def answered(user, answer, *arguments):
    """Runs a command on a terminal and types an answer once it was asked: exit code and what was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(user.command(*arguments), stdin=slave, stdout=slave, stderr=slave,
                               cwd=user.home, env=user.environment())
    os.close(slave)
    shown = b""
    try:
        while b"[y/N]" not in shown:
            shown += os.read(master, 65536)
        os.write(master, answer.encode())
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:
        pass
    finally:
        os.close(master)
    return process.wait(20), shown.decode()


def test_diff_tells_what_would_change_by_agency_type_and_field(own, folder):
    done = own.admin.run("policy", "diff", suspend(folder))
    assert done.code == 0
    lines = done.out.splitlines()
    assert any(line.startswith("- kab.18.07 publish worker.registered -") and "-full_name" in line
               for line in lines), lines[:5]
    assert f"would change in {len(lines)} places" in done.err
    assert version(own) == "1"


def test_apply_without_a_terminal_needs_yes(own, folder):
    done = own.admin.run("policy", "apply", suspend(folder))
    assert done.code == 2 and "--yes" in done.err and version(own) == "1"
    assert own.admin.run("policy", "apply", "--yes", folder).code == 0
    assert version(own) == "2"


@pytest.mark.parametrize("answer, code, after", [("y\n", 0, "2"), ("n\n", 1, "1"), ("\n", 1, "1")])
def test_apply_shows_the_difference_and_asks(own, folder, answer, code, after):
    ended, shown = answered(own.admin, answer, "policy", "apply", suspend(folder))
    assert ended == code, shown
    assert "would change in" in shown and "Replace the policy? [y/N]" in shown
    assert version(own) == after


def test_a_second_operator_approves(own, folder, tmp_path):
    sari = User(own, "operator/sari", tmp_path / "sari")
    assert own.admin.run("policy", "apply", "--yes", ask_for_two(folder)).code == 0

    pending = own.admin.run("policy", "apply", "--yes", suspend(folder))
    assert pending.code == 0 and "version 3 is pending" in pending.err and version(own) == "2"
    own_word = own.admin.run("policy", "approve", "--yes", "3")
    assert own_word.code == 1 and "OWN_PROPOSAL" in own_word.err
    assert sari.run("policy", "approve", "3").code == 2  # nobody can be asked
    code, shown = answered(sari, "y\n", "policy", "approve", "3")

    assert code == 0 and "by operator/admin" in shown and "would change in" in shown, shown
    assert version(own) == "3"
    history = [line.split("\t") for line in own.admin.run("policy", "history").out.splitlines()]
    assert history[0][:2] == ["version", "state"]
    assert [row[:2] for row in history[1:]] == [["3", "in force"], ["2", "replaced"], ["1", "replaced"]]
    assert (history[1][3], history[1][5]) == ("operator/admin", "operator/sari")
    assert sari.run("policy", "approve", "--yes", "x").code == 2


def test_show_prints_an_old_version_as_it_was(own, folder):
    before = own.admin.run("policy", "show").out
    own.admin.run("policy", "apply", "--yes", suspend(folder))

    old = own.admin.run("policy", "show", "--version", "1")

    assert old.code == 0 and old.out == before and "replaced" in old.err
    assert "UNKNOWN_VERSION" in own.admin.run("policy", "show", "--version", "9").err


def test_rehearse_counts_and_shows_its_progress(own, folder):
    own.store("kab.18.07", *[event("worker.registered") for _ in range(4)])

    done = own.admin.run("policy", "rehearse", "--since", "30d", suspend(folder))

    assert done.code == 0, done
    table = [line.split("\t") for line in done.out.splitlines()]
    rows = {(row[0], row[1]): dict(zip(table[0], row)) for row in table[1:]}
    assert rows["kab.18.07", "worker.registered"]["publishes lost"] == "4"
    assert "4 events against version 1" in done.err
    assert version(own) == "1"
    code, shown = own.admin.on_terminal("policy", "rehearse", "--since", "2020-01-01", folder)
    assert code == 0 and "4 events against" in shown
    for wrong in ("yesterday", "30x", "2026-02-30", "99999999999999d"):
        assert own.admin.run("policy", "rehearse", "--since", wrong, folder).code == 2
