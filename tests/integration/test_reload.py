"""New certificates for a running server: taken when the files change, refused with a reason when they
are not sound, and nobody who is connected notices."""

import pathlib
import socket
import ssl

import grpc
import pytest
from cryptography import x509

import exchange
import files
import forgery
import policies
import probes
from contract import refused, v1
from exchange import event, wait_until
from user import User

REGENCY, MINISTRY = "kab.18.07", "kl.kp2mi"
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
DENIED = grpc.StatusCode.PERMISSION_DENIED


class Server:
    """An exchange whose certificate files are its own."""

    def __init__(self, ca, folder):
        self.ca, self.folder = ca, pathlib.Path(folder)
        self.files = exchange.Identity(self.folder / "server.pem", self.folder / "server.key")
        self.bundle, self.crl = self.folder / "ca.pem", self.folder / "crl.pem"
        self.first = ca.issue("server/main")
        self.install(self.first)
        files.copy(ca.bundle, self.bundle)
        files.copy(ca.crl, self.crl)
        self.ex = exchange.Exchange(ca, self.folder / "exchange", "--crl", self.crl, "--http",
                                    "127.0.0.1:0", server=self.files, bundle=self.bundle)
        self.ex.apply(policies.from_folder())

    def install(self, identity):
        files.copy(identity.key, self.files.key)
        files.copy(identity.cert, self.files.cert)

    def reload(self, dry_run=False, who="operator/admin"):
        return self.ex.operator(who).ReloadCertificates(
            v1.ReloadCertificatesRequest(dry_run=dry_run), timeout=20)

    def status(self):
        return self.ex.operator().GetStatus(v1.GetStatusRequest(), timeout=20)

    def warned(self, words):
        return any(words in warning for warning in self.status().warnings)

    def metric(self, name):
        return probes.metrics(self.ex)[f"berbagi_{name}"]


@pytest.fixture
def server(ca, tmp_path):
    made = Server(ca, tmp_path)
    with made.ex:
        yield made


def mend(server):
    server.install(server.first)
    files.copy(server.ca.bundle, server.bundle)
    files.copy(server.ca.crl, server.crl)


@pytest.fixture(scope="module")
def standing(ca, tmp_path_factory):
    """One server for all that changes nothing, or puts it back."""
    made = Server(ca, tmp_path_factory.mktemp("standing"))
    with made.ex:
        yield made


def served(server):
    """The serial number of the certificate that a new connection is shown."""
    agency = server.ca.identity(REGENCY)
    context = ssl.create_default_context(cafile=server.ca.bundle)
    context.load_cert_chain(agency.cert, agency.key)
    context.set_alpn_protocols(["h2"])
    host, _, port = server.ex.address.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            shown = x509.load_der_x509_certificate(connection.getpeercert(True))
            return f"{shown.serial_number:032x}"


def wait_served(server, identity):
    wait_until(lambda: served(server) == identity.serial, what="the new certificate served")


# Taken


def test_files_that_change_are_taken_and_streams_stay(server):
    stream = server.ex.subscribe(MINISTRY, start=v1.Start(now=True))
    assert stream.opened and served(server) == server.first.serial
    renewed = server.ca.issue("server/main", "--days", "30")

    server.install(renewed)
    wait_served(server, renewed)

    (position,) = server.ex.store(REGENCY, event("worker.registered"))
    stream.wait_through(position)
    assert not stream.ended and len(stream.deliveries) == 1
    assert server.metric('reloads_total{result="taken"}') >= 1
    assert server.metric("reload_refused") == 0
    ends = x509.load_pem_x509_certificate(renewed.cert.read_bytes()).not_valid_after
    assert server.status().certificate_not_after.ToDatetime() == ends
    assert server.metric('certificate_not_after_seconds{holder="server"}') == (
        server.status().certificate_not_after.seconds)


def test_a_mounted_secret_that_is_turned_is_taken(ca, tmp_path):
    def read(identity):
        return {"tls_crt": identity.cert.read_bytes(), "tls_key": identity.key.read_bytes()}

    mount, first, second = (files.Mount(tmp_path / "secret"), ca.issue("server/main"),
                            ca.issue("server/main"))
    mount.update(**read(first))
    inside = exchange.Identity(mount.path("tls.crt"), mount.path("tls.key"))
    with exchange.Exchange(ca, tmp_path / "exchange", server=inside) as ex:
        mounted = type("Mounted", (), {"ca": ca, "ex": ex})
        wait_served(mounted, first)
        mount.update(**read(second))
        wait_served(mounted, second)


def test_files_touched_are_no_news(server):
    taken = server.metric('reloads_total{result="taken"}')
    for path in (server.files.cert, server.files.key, server.bundle, server.crl):
        path.touch()
    renewed = server.ca.issue("server/main")
    server.install(renewed)  # what follows shows that the touch was looked at
    wait_served(server, renewed)
    assert server.metric('reloads_total{result="taken"}') == taken + 1


def test_an_operator_reloads_and_is_told_what_is_in_force(standing, tmp_path):
    admin = User(standing.ex, "operator/admin", tmp_path / "home")
    done = admin.run("operator", "--output", "json", "reload")
    assert done.code == 0, done
    (told,) = done.events
    assert told == {
        "dry_run": False, "certificate_serial": standing.first.serial,
        "not_after": told["not_after"], "authorities": 4, "revoked": told["revoked"], "streams_cut": 0}
    lines = "".join(path.read_text() for path in (standing.ex.data / "audit").iterdir())
    assert '"kind":"certificates.reloaded","who":"operator/admin"' in lines


def test_who_lacks_the_role_reloads_nothing(standing):
    refusal = refused(standing.reload, who="operator/dewi")
    assert (refusal.code, refusal.reason) == (DENIED, "NO_ROLE")
    refusal = refused(standing.reload, who=REGENCY)
    assert (refusal.code, refusal.reason) == (DENIED, "WRONG_KIND")


# Refused


def put_pair(server, cert, key):
    files.put(server.files.key, key)
    files.put(server.files.cert, cert)


def forged_server(server, **keywords):
    made = forgery.forge(server.ca, f"forged-{id(keywords)}",
                         ["spiffe://berbagi.example/server/main"], **{
                             "signer": "server", "usage": [forgery.SERVER],
                             "dns": ["localhost", "127.0.0.1"], **keywords})
    return made.cert.read_bytes(), made.key.read_bytes()


def long_chain(server):
    """No client takes so much in a handshake; nothing is wrong with the files."""
    ca = (server.ca.folder / "server" / "cert.pem").read_bytes()
    put_pair(server, server.first.cert.read_bytes() + 300 * ca, server.first.key.read_bytes())


BROKEN = {
    "certificate of another key": (
        lambda s: files.copy(s.ca.issue("server/main").cert, s.files.cert), "not the key"),
    "half a certificate": (
        lambda s: s.files.cert.write_bytes(s.first.cert.read_bytes()[:300]), "server.pem"),
    "no key": (lambda s: s.files.key.unlink(), "server.key"),
    "key that others may read": (lambda s: s.files.key.chmod(0o644), "chmod 0600"),
    "certificate of an agency": (
        lambda s: put_pair(s, s.ca.identity(REGENCY).cert.read_bytes(),
                           s.ca.identity(REGENCY).key.read_bytes()), "/agency/"),
    "expired": (lambda s: put_pair(s, *forged_server(
        s, not_before=forgery.now(-7200), not_after=forgery.now(-3600))), "ended at"),
    "not valid yet": (lambda s: put_pair(s, *forged_server(
        s, not_before=forgery.now(3600), not_after=forgery.now(7200))), "valid only from"),
    "weak key": (lambda s: put_pair(s, *forged_server(s, key=forgery.short_key())), "RSA 1024"),
    "host name lost": (lambda s: put_pair(s, *forged_server(s, dns=["localhost"])), "127.0.0.1"),
    "signed by the agencies' CA": (
        lambda s: put_pair(s, *forged_server(s, signer="agency")), "chain does not hold"),
    "bundle without its CA": (
        lambda s: files.copy(s.ca.folder / "root" / "cert.pem", s.bundle), "CRL"),
    "bundle that is none": (lambda s: files.put(s.bundle, b"nothing\n"), "ca.pem"),
    "lists that are none": (lambda s: files.put(s.crl, b"nothing\n"), "crl.pem"),
    "lists of some CAs": (
        lambda s: files.copy(s.ca.folder / "crl" / "root.pem", s.crl), "no CRL of"),
    "no lists": (lambda s: s.crl.unlink(), "crl.pem"),
    "chain that no client takes": (long_chain, "handshake"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_set_that_fails_a_check_changes_nothing_and_says_why(standing, case):
    server, (break_it, words) = standing, BROKEN[case]
    stream = server.ex.subscribe(MINISTRY, start=v1.Start(now=True))
    assert stream.opened
    number, said = server.metric('reloads_total{result="refused"}'), server.ex.log.stat().st_size

    break_it(server)
    refusal = refused(server.reload, dry_run=True)
    assert (refusal.code, refusal.reason) == (PRECONDITION, "CERTIFICATES_REFUSED")
    assert words in refusal.message

    wait_until(lambda: server.metric("reload_refused") == 1, what="the set refused")
    assert server.metric('reloads_total{result="refused"}') > number
    assert server.warned(words) and server.warned("those before them are in force")
    with open(server.ex.log, encoding="utf-8") as log:
        log.seek(said)
        assert any("server.reload_refused" in line and words in line for line in log)
    assert served(server) == server.first.serial and not stream.ended

    mend(server)
    wait_until(lambda: server.metric("reload_refused") == 0, what="the set mended")
    assert not server.warned("refused") and not stream.ended
    stream.cancel()


def test_a_dry_run_tells_what_a_reload_does(server):
    """The authority of agencies is withdrawn. The files are looked at all the time, so the dry run may
    come before or after; only before has it somebody to count."""
    stream = server.ex.subscribe(REGENCY, start=v1.Start(now=True))
    assert stream.opened
    assert server.reload(dry_run=True).streams_cut == 0
    assert server.metric('reloads_total{result="taken"}') == 0
    kept = ("root", "operator", "server")
    files.put(server.crl, b"".join(
        (server.ca.folder / "crl" / f"{kind}.pem").read_bytes() for kind in kept))
    files.put(server.bundle, b"".join(
        (server.ca.folder / kind / "cert.pem").read_bytes() for kind in kept))

    told = server.reload(dry_run=True)

    assert told.authorities == 3
    assert told.streams_cut == 1 or server.metric('reloads_total{result="taken"}') == 1
    assert stream.wait_end().reason == "BAD_CERTIFICATE"
    assert server.metric('streams_cut_total{reason="BAD_CERTIFICATE"}') == 1


def test_the_command_line_says_why_a_set_is_refused(standing, tmp_path):
    admin = User(standing.ex, "operator/admin", tmp_path / "home")
    files.put(standing.crl, b"nothing\n")
    for option in ("--dry-run", "--output=table"):
        done = admin.run("operator", option, "reload")
        assert done.code == 1 and "CERTIFICATES_REFUSED" in done.err and "crl.pem" in done.err
    assert "those before them are in force" in admin.run("status").out
    mend(standing)
    wait_until(lambda: standing.metric("reload_refused") == 0)
    done = admin.run("operator", "--dry-run", "reload")
    assert done.code == 0 and done.out.startswith("would be in force:")
