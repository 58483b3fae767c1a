"""The security officer: from a request to a certificate that works, to one that works no more; and the slips on the way.

What the authority itself promises is tested in tests/unit/ca.
"""

import shutil

import pytest

import exchange
import policies
import rows
from user import User


@pytest.fixture
def authority(tmp_path):
    """A CA as for production: it makes no keys of others."""
    folder = tmp_path / "authority"
    done = ca_run("init", "--dir", folder, "--trust-domain", "berbagi.example", "--no-passphrase",
                  "--registry", exchange.ROOT / "deploy" / "policy")
    assert done.returncode == 0, done
    return folder


def ca_run(*arguments, **keywords):
    return exchange.run("berbagi-ca", *arguments, **keywords)


def refused(word, *arguments, code=1):
    """One sentence, nothing on standard output, no key in it."""
    done = ca_run(*arguments)
    assert done.returncode == code and done.stdout == "", done
    assert word in done.stderr and done.stderr.count("\n") == 1, done
    assert "PRIVATE" not in done.stderr
    return done.stderr


def requested(authority, folder, kind, name, *more):
    """Request on the machine of its user, signature at the authority: the Identity."""
    key, csr, cert = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
    who = (f"--{kind}", name, *more)
    assert ca_run("request", *who, "--key", key, "--csr", csr).returncode == 0
    done = ca_run("sign", "--dir", authority, "--csr", csr, *who, "--out", cert)
    assert done.returncode == 0, done.stderr
    return exchange.Identity(cert, key)


class Authority:
    """The production CA in the place of the development one that exchanges are started with."""

    def __init__(self, folder, machines):
        self.folder, self.machines = folder, machines
        self.bundle, self.crl = folder / "ca.pem", folder / "crl.pem"
        self._known = {}

    def identity(self, name):
        kind, _, word = name.rpartition("/")
        hosts = ("--dns", "127.0.0.1", "--dns", "localhost") if kind == "server" else ()
        if name not in self._known:
            self._known[name] = requested(self.folder, self.machines, kind or "agency", word, *hosts)
        return self._known[name]


@pytest.fixture
def guarded(authority, tmp_path):
    """An exchange whose certificates were requested, signed and are held against the revocation lists."""
    machines = tmp_path / "machines"
    machines.mkdir()
    with exchange.Exchange(Authority(authority, machines), tmp_path / "exchange",
                           "--crl", authority / "crl.pem") as running:
        running.apply(policies.from_folder())
        yield running


def test_requested_certificates_work_and_revoked_ones_no_more(guarded, authority, tmp_path):
    officer = User(guarded, "kab.18.07", tmp_path / "officer")
    ministry = User(guarded, "kl.kp2mi", tmp_path / "ministry")
    sheet = rows.as_jsonl(rows.registrations(3)).encode()
    assert officer.push("--format", "jsonl", "-", stdin=sheet).counts == [3, 0, 0, 0]
    with ministry.start("subscribe") as running:
        running.wait_lines(3)
        done = ca_run("revoke", "--dir", authority, "--agency", "kl.kp2mi", "--reason", "key-compromise")
        assert done.returncode == 0, done
        guarded.reload()
        ended = running.done()
    assert ended.code == 1 and "CERTIFICATE_REVOKED" in ended.err, ended
    assert ended.err.count("\n") == 1, ended
    again = ministry.run("subscribe", "--until-head")
    assert again.code == 1 and again.out == "" and "revoked" in again.err, again
    assert officer.push("--format", "jsonl", "-", stdin=sheet).counts == [0, 3, 0, 0]


def test_certificate_of_an_agency_serves_no_exchange_and_one_of_a_server_pushes_nothing(
        guarded, tmp_path):
    server = guarded.ca.identity("server/main")
    done = User(guarded, "server/main", tmp_path / "server").push("--format", "jsonl", "-")
    assert done.code == 1, done
    agency = guarded.ca.identity("kab.18.07")
    folder = tmp_path / "impostor"
    with pytest.raises(AssertionError, match="certificate|server"):
        exchange.Exchange(guarded.ca, folder, "--cert", agency.cert, "--key", agency.key)
    assert server.cert.exists()


def test_certificate_that_could_not_be_written_can_be_fetched_again(authority, tmp_path):
    ca_run("request", "--agency", "kab.18.07", "--key", tmp_path / "k", "--csr", tmp_path / "csr")
    nowhere = tmp_path / "nowhere" / "cert.pem"
    said = refused("export", "sign", "--dir", authority, "--csr", tmp_path / "csr",
                   "--agency", "kab.18.07", "--out", nowhere)
    assert str(nowhere) in said
    serial = next(word for word in said.split() if len(word) == 32)
    done = ca_run("export", "--dir", authority, serial)
    assert done.returncode == 0 and done.stdout.startswith("-----BEGIN CERTIFICATE-----")


def test_key_in_the_place_of_the_request_is_refused_and_not_repeated(authority, tmp_path):
    ca_run("request", "--agency", "kab.18.07", "--key", tmp_path / "k", "--csr", tmp_path / "csr")
    refused(str(tmp_path / "k"), "sign", "--dir", authority, "--csr", tmp_path / "k",
            "--agency", "kab.18.07", "--out", tmp_path / "cert.pem")
    assert not (tmp_path / "cert.pem").exists()


def test_request_never_overwrites_what_is_no_key(tmp_path):
    note = tmp_path / "note"
    note.write_text("not a key\n")
    note.chmod(0o600)
    refused(str(note), "request", "--agency", "kab.18.07", "--key", note, "--csr", tmp_path / "csr")
    assert note.read_text() == "not a key\n" and not (tmp_path / "csr").exists()


@pytest.mark.parametrize("days", ["0", "-1", "soon", "398", "99999999999999999999", "1.5"])
def test_days_that_cannot_be_are_told(authority, tmp_path, days):
    ca_run("request", "--agency", "kab.18.07", "--key", tmp_path / "k", "--csr", tmp_path / "csr")
    refused("--days", "sign", "--dir", authority, "--csr", tmp_path / "csr", "--agency", "kab.18.07",
            f"--days={days}", code=2)


def test_folder_of_the_authority_copied_in_part_is_no_authority(authority, tmp_path):
    part = tmp_path / "part"
    part.mkdir()
    shutil.copy(authority / "ca.pem", part)
    refused(str(part), "list", "--dir", part)


@pytest.mark.parametrize("what", ["key", "empty", "missing", "folder"])
def test_inspect_of_what_is_nothing_of_ours_says_so(tmp_path, what):
    file = tmp_path / what
    ca_run("request", "--agency", "kab.18.07", "--key", tmp_path / "key", "--csr", tmp_path / "request")
    (tmp_path / "empty").write_text("")
    (tmp_path / "folder").mkdir()
    refused(str(file), "inspect", file)


def test_config_unknown_key_is_told_with_file_and_line(tmp_path):
    config = tmp_path / "ca.yaml"
    config.write_text("dir: ca\ncolour: blue\n")
    said = refused(f"{config}:2", "list", "--config", config, code=2)
    assert "colour" in said
