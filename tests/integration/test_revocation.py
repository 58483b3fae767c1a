"""Revoked: within a second of the list being put in place no call and no stream of that certificate is
left, on whatever connection, and nobody else notices. Without sound lists nobody is let in."""

import datetime
import socket
import ssl
import subprocess
import threading
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import exchange
import files
import h2
import policies
import probes
from contract import Service, health, refused, v1
from exchange import event, wait_until

REGENCY, MINISTRY = "kab.18.07", "kl.kp2mi"
FETCH = "/berbagi.v1.SubscriberService/Fetch"
DENIED, UNAVAILABLE = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE
KINDS = ("root", "agency", "operator", "server")


class Guarded:
    """An exchange that obeys lists in files of its own, by a CA of its own."""

    def __init__(self, folder, *options, crl=True):
        self.ca = exchange.Ca(folder / "ca")
        self.crl = folder / "crl.pem"
        if crl:
            files.copy(self.ca.crl, self.crl)
        self.ex = exchange.Exchange(self.ca, folder / "exchange", "--crl", self.crl, "--http",
                                    "127.0.0.1:0", *options)

    def list(self, kind, seconds=3600, signer=None, begins=-60):
        """An empty list of a CA, good for so many seconds."""
        issuer = x509.load_pem_x509_certificate(
            (self.ca.folder / kind / "cert.pem").read_bytes())
        key = serialization.load_pem_private_key(
            (self.ca.folder / (signer or kind) / "key.pem").read_bytes(), None)
        now = datetime.datetime.utcnow()
        made = (x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
                .last_update(now + datetime.timedelta(seconds=begins))
                .next_update(now + datetime.timedelta(seconds=seconds))
                .sign(key, hashes.SHA256()))
        return made.public_bytes(serialization.Encoding.PEM)

    def lists(self, **replaced):
        return b"".join(replaced.get(kind, self.list(kind)) for kind in KINDS)


@pytest.fixture
def guarded(tmp_path):
    made = Guarded(tmp_path)
    with made.ex:
        made.ex.apply(policies.from_folder())
        yield made


def connect(guarded, identity):
    """A TLS connection that made no call yet, and what it takes to resume it."""
    context = ssl.create_default_context(cafile=guarded.ca.bundle)
    context.load_cert_chain(identity.cert, identity.key)
    context.set_alpn_protocols(["h2"])
    host, _, port = guarded.ex.address.rpartition(":")
    return context.wrap_socket(socket.create_connection((host, int(port)), 10),
                               server_hostname="localhost")


def speak(connection, **keywords):
    """The gRPC code of one call on a connection."""
    connection.sendall(h2.call(FETCH, **keywords))
    received = b""
    while h2.status(received) is None:
        more = connection.recv(65536)
        assert more, "closed without a status"
        received += more
    return h2.status(received)


def watch_end(stream):
    """A list that will hold when the stream ended."""
    ended = []
    threading.Thread(target=lambda: (stream.wait_end(), ended.append(time.monotonic())),
                     daemon=True).start()
    return ended


def test_a_list_put_in_place_ends_calls_and_streams_within_a_second(guarded):
    ex = guarded.ex
    ex.store(REGENCY, event("worker.registered"))
    theirs = [ex.subscribe(REGENCY).wait_through(1) for _ in range(3)]
    others = [ex.subscribe(MINISTRY).wait_through(1), ex.subscribe("kab.35.09")]
    assert all(stream.opened for stream in others)
    earlier = connect(guarded, ex.ca.identity(REGENCY))
    assert speak(earlier) == 0
    ended = [watch_end(stream) for stream in theirs]
    guarded.ca.revoke(REGENCY)

    files.copy(guarded.ca.crl, guarded.crl)
    in_place = time.monotonic()
    wait_until(lambda: all(ended), deadline=5)

    assert max(at for (at,) in ended) - in_place < 1.0
    for stream in theirs:
        assert (stream.refusal.code, stream.refusal.reason) == (DENIED, "CERTIFICATE_REVOKED")
    # On the connection that was open before, on a new one; not with another certificate of theirs.
    with earlier:
        assert speak(earlier, stream=3, opening=False) == DENIED.value[0]
    refusal = refused(ex.fetch, REGENCY)
    assert (refusal.code, refusal.reason) == (DENIED, "CERTIFICATE_REVOKED")
    with connect(guarded, ex.ca.issue(REGENCY)) as renewed:
        assert speak(renewed) == 0
    # Others notice nothing.
    (position,) = ex.store(MINISTRY, event("case.opened"))
    others[0].wait_through(position)
    assert not any(stream.ended for stream in others)
    counted = probes.metrics(ex)
    assert counted['berbagi_streams_cut_total{reason="CERTIFICATE_REVOKED"}'] == 3
    assert counted['berbagi_streams_cut_total{reason="other"}'] == 0


def test_a_session_resumed_is_refused_like_any(guarded, tmp_path):
    """The server gives no tickets; a client that kept its session all the same gets no further."""
    agency = guarded.ca.identity(REGENCY)
    kept = tmp_path / "session.pem"
    command = ["openssl", "s_client", "-connect", guarded.ex.address, "-CAfile",
               guarded.ca.bundle, "-alpn", "h2", "-cert", agency.cert, "-cert_chain", agency.cert,
               "-key", agency.key, "-ign_eof"]

    def call(*options):
        """What s_client says of the session, and the code of a call on it."""
        process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(h2.call(FETCH))
        process.stdin.flush()
        received = b""
        while h2.status(received) is None:
            more = process.stdout.read1(65536)
            assert more, received
            received += more
        process.kill()
        process.communicate()
        return (b"Reused, TLSv1.3" in received), h2.status(received)

    assert call("-sess_out", kept) == (False, 0)
    with connect(guarded, agency) as connection:
        assert speak(connection) == 0
        session = connection.session
    guarded.ca.revoke(REGENCY)
    files.copy(guarded.ca.crl, guarded.crl)
    wait_until(lambda: "revoked=1" in guarded.ex.log.read_text())

    again = ["-sess_in", kept] if kept.exists() else []
    assert call(*again) == (False, DENIED.value[0])
    context = connection.context
    host, _, port = guarded.ex.address.rpartition(":")
    with context.wrap_socket(socket.create_connection((host, int(port)), 10),
                             server_hostname="localhost", session=session) as resumed:
        assert not resumed.session_reused
        assert speak(resumed) == DENIED.value[0]


def test_a_list_that_runs_out_shuts_everybody_of_its_ca_out(tmp_path):
    guarded = Guarded(tmp_path, "--crl-grace", "1")
    files.put(guarded.crl, guarded.lists())
    with guarded.ex as ex:
        ex.apply(policies.from_folder())
        stream = ex.subscribe(REGENCY, start=v1.Start(now=True))
        assert stream.opened
        assert probes.ask(ex, "/readyz")[0] == 200
        files.put(guarded.crl, guarded.lists(agency=guarded.list("agency", seconds=2)))

        refusal = stream.wait_end(8)

        assert (refusal.code, refusal.reason) == (UNAVAILABLE, "REVOCATION_UNKNOWN")
        assert refused(ex.fetch, REGENCY).reason == "REVOCATION_UNKNOWN"
        status, _, words = wait_until(
            lambda: (answer := probes.ask(ex, "/readyz"))[0] == 503 and answer)
        assert "should have been replaced by" in words
        assert probes.metrics(ex)["berbagi_revocation_unknown"] == 1
        # The list of operators is current: they see what is wrong.
        assert any("should have been replaced" in warning for warning in ex.operator().GetStatus(
            v1.GetStatusRequest(), timeout=20).warnings)
        check = Service(ex.channel("operator/admin"), "grpc.health.v1.Health").Check
        for service in ("", "berbagi.v1.PublisherService", "berbagi.v1.SubscriberService"):
            wait_until(lambda name=service: check(
                health.HealthCheckRequest(service=name), timeout=20).status == 2)

        files.put(guarded.crl, guarded.lists())
        wait_until(lambda: probes.ask(ex, "/readyz")[0] == 200)
        assert ex.fetch(REGENCY).log_id


FAULTS = {
    "missing": lambda guarded: guarded.crl.unlink(missing_ok=True),
    "unsigned": lambda guarded: files.put(guarded.crl, guarded.lists(
        agency=guarded.list("agency", signer="operator"))),
    "past its next update": lambda guarded: files.put(guarded.crl, guarded.lists(
        agency=guarded.list("agency", seconds=-60, begins=-3600))),
    "of some CAs alone": lambda guarded: files.put(guarded.crl, guarded.list("agency")),
    "none at all": lambda guarded: files.put(guarded.crl, b""),
}


@pytest.fixture(scope="module")
def restarting(tmp_path_factory):
    made = Guarded(tmp_path_factory.mktemp("restarting"))
    with made.ex:
        made.ex.apply(policies.from_folder())
        yield made


@pytest.mark.parametrize("fault", FAULTS)
def test_a_start_without_sound_lists_lets_nobody_in_until_there_are(restarting, fault):
    ex = restarting.ex
    FAULTS[fault](restarting)
    ex.restart()
    for call in (lambda: ex.fetch(MINISTRY), ex.head):
        refusal = refused(call)
        assert (refusal.code, refusal.reason) == (UNAVAILABLE, "REVOCATION_UNKNOWN")
        assert refusal.retry_seconds
    status, _, words = probes.ask(ex, "/readyz")
    assert status == 503 and "nobody is let in" in words and "CRL" in words.upper()
    assert probes.ask(ex, "/healthz")[0] == 200

    files.put(restarting.crl, restarting.lists())

    wait_until(lambda: probes.ask(ex, "/readyz")[0] == 200)
    assert ex.fetch(MINISTRY).log_id
    assert probes.metrics(ex)["berbagi_revocation_unknown"] == 0


def test_lists_that_vanish_leave_those_in_memory_in_force(guarded):
    """Until they run out: a set that fails its checks changes nothing."""
    ex = guarded.ex
    guarded.ca.identity(REGENCY)
    guarded.ca.revoke(REGENCY)
    files.copy(guarded.ca.crl, guarded.crl)
    wait_until(lambda: "revoked=1" in ex.log.read_text())
    guarded.crl.unlink()
    wait_until(lambda: probes.metrics(ex)["berbagi_reload_refused"] == 1)
    assert refused(ex.fetch, REGENCY).reason == "CERTIFICATE_REVOKED"
    assert ex.fetch(MINISTRY).log_id
