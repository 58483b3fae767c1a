"""Every certificate that must not get in, shown by two clients nobody here wrote: openssl s_client,
which says at what stage it is turned away, and grpcio, as an agency's program would."""

import os
import select
import subprocess
import time
import uuid

import grpc
import pytest

import exchange
import forgery
import h2
import policies
import probes
from contract import Service, refused, v1

REGENCY = "kab.18.07"
AGENCY = f"spiffe://berbagi.example/agency/{REGENCY}"
OPERATOR = "spiffe://berbagi.example/operator/admin"
FETCH = "/berbagi.v1.SubscriberService/Fetch"


@pytest.fixture(scope="module")
def guarded(ca, tmp_path_factory):
    """Told which CA may make agencies and which operators; obeys revocation lists."""
    options = ["--http", "127.0.0.1:0", "--crl", ca.crl, 
               "--agency-ca", ca.folder / "issuers" / "agency.pem",
               "--operator-ca", ca.folder / "issuers" / "operator.pem"]
    with exchange.Exchange(ca, tmp_path_factory.mktemp("guarded"), *options) as running:
        running.apply(policies.from_folder())
        yield running


def forged(ex, *uris, **keywords):
    return forgery.forge(ex.ca, uuid.uuid4().hex, uris or [AGENCY], **keywords)


def with_key(kind):
    return lambda ex, folder: forged(ex, key=forgery.KEYS[kind]())


def revoked(ex, folder):
    identity = ex.ca.issue("kab.35.09")
    ex.ca.revoke_one(identity)
    exchange.wait_until(lambda: "revoked=1" in ex.log.read_text(), what="the list in force")
    return identity


def of_another_ca(ex, folder):
    return exchange.Ca(folder / "other").identity(REGENCY)


# What each is, and where it is turned away: in the handshake (what the server counts it as; gRPC closes
# the connection without an alert), or at its call, by reason.
NONE, UNTRUSTED = "tls_no_certificate", "tls_untrusted_certificate"
CALL = "BAD_CERTIFICATE"
REFUSED = {
    "no certificate": (lambda ex, folder: None, NONE),
    "of another CA": (of_another_ca, UNTRUSTED),
    "expired": (lambda ex, folder: forged(
        ex, not_before=forgery.now(-86400), not_after=forgery.now(-60)), UNTRUSTED),
    "not valid yet": (lambda ex, folder: forged(ex, not_before=forgery.now(3600)), UNTRUSTED),
    "for servers": (lambda ex, folder: forged(ex, usage=[forgery.SERVER]), UNTRUSTED),
    "a server's own": (lambda ex, folder: ex.ca.identity("server/main"), UNTRUSTED),
    "without a use": (lambda ex, folder: forged(ex, usage=[]), CALL),
    "not for signatures": (lambda ex, folder: forged(ex, may_sign=False), UNTRUSTED),
    "a CA's": (lambda ex, folder: forged(ex, is_ca=True), CALL),
    "revoked": (revoked, "CERTIFICATE_REVOKED"),
    "operator signed by the agencies' CA": (lambda ex, folder: forged(ex, OPERATOR), CALL),
    "agency signed by the operators' CA": (
        lambda ex, folder: forged(ex, AGENCY, signer="operator"), CALL),
    "agency signed by the servers' CA": (
        lambda ex, folder: forged(ex, AGENCY, signer="server"), UNTRUSTED),
    "agency signed by the root": (lambda ex, folder: forged(ex, AGENCY, signer="root"), CALL),
    "no name": (lambda ex, folder: forgery.forge(ex.ca, uuid.uuid4().hex, []), CALL),
    "host name alone": (
        lambda ex, folder: forgery.forge(ex.ca, uuid.uuid4().hex, [], dns=[REGENCY]), CALL),
    "two names": (lambda ex, folder: forged(ex, AGENCY, OPERATOR), CALL),
    "one name twice": (lambda ex, folder: forged(ex, AGENCY, AGENCY), CALL),
    "no SPIFFE name": (
        lambda ex, folder: forged(ex, f"https://berbagi.example/agency/{REGENCY}"), CALL),
    "of another trust domain": (
        lambda ex, folder: forged(ex, f"spiffe://other.example/agency/{REGENCY}"), UNTRUSTED),
    "of an unknown path": (
        lambda ex, folder: forged(ex, f"spiffe://berbagi.example/ministry/{REGENCY}"), CALL),
    "with a port": (
        lambda ex, folder: forged(ex, f"spiffe://berbagi.example:443/agency/{REGENCY}"), CALL),
    "an id against the grammar": (
        lambda ex, folder: forged(ex, "spiffe://berbagi.example/agency/KAB.18.07"), CALL),
    "an id with more behind it": (lambda ex, folder: forged(ex, AGENCY + "/x"), CALL),
    "RSA of 2048 bits": (with_key("RSA 2048"), CALL),
    "P-521": (with_key("P-521"), CALL),
    "Ed448": (with_key("Ed448"), CALL),
}


class Spoken:
    """What s_client came to: has_verified (the server), and code of gRPC, None where it was cut off."""

    def __init__(self, ex, identity, *options, path=FETCH):
        command = ["openssl", "s_client", "-connect", ex.address, "-CAfile", ex.ca.bundle,
                   "-verify_return_error", "-alpn", "h2", "-quiet", *options]
        if identity is not None:
            command += ["-cert", identity.cert, "-cert_chain", identity.cert,
                        "-key", identity.key]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        try:
            self.code = self._call(path)
        finally:
            self.process.kill()
            words = self.process.communicate()[1].decode(errors="replace")
        self.has_verified = "verify return:1" in words and "verify error" not in words
        self.words = words

    def _call(self, path):
        received, end = b"", time.monotonic() + exchange.DEADLINE
        self.process.stdin.write(h2.call(path))
        self.process.stdin.flush()
        while time.monotonic() < end and h2.status(received) is None:
            if not select.select([self.process.stdout], [], [], 1)[0]:
                continue
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            received += more
        return h2.status(received)


def by_grpcio(ex, identity):
    credentials = grpc.ssl_channel_credentials(
        ex.ca.bundle.read_bytes(), identity and identity.key.read_bytes(),
        identity and identity.cert.read_bytes())
    with grpc.secure_channel(ex.address, credentials) as channel:
        return Service(channel, "berbagi.v1.SubscriberService").Fetch(
            v1.FetchRequest(max_events=1), timeout=20)


def counted(ex):
    """{result: number} of berbagi_handshakes_total."""
    return {name.split('"')[1]: value for name, value in probes.metrics(ex).items()
            if name.startswith("berbagi_handshakes_total")}


@pytest.mark.parametrize("kind", ["as berbagi-ca makes it", "P-384", "Ed25519", "RSA 3072"])
def test_a_sound_certificate_is_let_in(guarded, kind):
    identity = forged(guarded, key=forgery.KEYS.get(kind, lambda: None)())
    before = counted(guarded)

    spoken = Spoken(guarded, identity)
    assert spoken.has_verified and spoken.code == 0, spoken.words
    if kind != "Ed25519":  # the BoringSSL of grpcio signs with none
        assert by_grpcio(guarded, identity).log_id

    assert counted(guarded)["accepted"] == before["accepted"] + (1 if kind == "Ed25519" else 2)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_with_a_certificate_keeps_it_out(guarded, tmp_path, case):
    make, expected = REFUSED[case]
    identity = make(guarded, tmp_path)
    before = counted(guarded)

    spoken = Spoken(guarded, identity)
    refusal = refused(by_grpcio, guarded, identity)

    assert spoken.has_verified, spoken.words
    if expected in (NONE, UNTRUSTED):
        assert spoken.code is None
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, None)
    else:
        assert spoken.code == refusal.code.value[0]
        assert refusal.reason == expected
    after = counted(guarded)
    changed = {result for result in after if after[result] != before[result]}
    assert changed == {expected} and after[expected] >= before[expected] + 2
