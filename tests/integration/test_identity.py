"""Who is let in: the one identity of a valid certificate of the exchange's own CA, and nobody else."""

import subprocess
import uuid

import grpc
import pytest

import exchange
import forgery
import policies
from contract import Service, refused, v1
from exchange import event, wait_until

DENIED = grpc.StatusCode.PERMISSION_DENIED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
REGENCY = "kab.18.07"
SPIFFE = "spiffe://berbagi.example"


def fetch(ex, identity):
    """One Fetch with a certificate of one's own, on a connection of its own."""
    with ex.channel(None, identity) as channel:
        subscriber = Service(channel, "berbagi.v1.SubscriberService")
        return subscriber.Fetch(v1.FetchRequest(max_events=1), timeout=20)


def forged(ex, *uris, **keywords):
    return forgery.forge(ex.ca, uuid.uuid4().hex, uris, **keywords)


def turned_away(refusal):
    """No call was made: the handshake failed, or the certificate names nobody."""
    return refusal.code == UNAVAILABLE and refusal.reason is None or (
        refusal.code, refusal.reason) == (UNAUTHENTICATED, "BAD_CERTIFICATE")


def test_a_certificate_like_those_of_the_ca_is_let_in(ex):
    """The forgeries below are refused for what is wrong with them and nothing else."""
    assert fetch(ex, forged(ex, f"{SPIFFE}/agency/{REGENCY}")).log_id


# The handshake


def handshake(ex, *options):
    agency = ex.ca.identity(REGENCY)
    return subprocess.run(
        ["openssl", "s_client", "-connect", ex.address, "-CAfile", ex.ca.bundle, "-alpn", "h2",
         "-cert", agency.cert, "-cert_chain", agency.cert, "-key", agency.key, *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=20)


def test_tls_1_3_with_http_2_is_spoken(ex):
    done = handshake(ex, "-tls1_3")
    assert "TLSv1.3" in done.stdout and "ALPN protocol: h2" in done.stdout
    assert "Verify return code: 0 (ok)" in done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
def test_older_tls_is_refused(ex, version):
    done = handshake(ex, version, "-cipher", "ALL:@SECLEVEL=0")
    assert done.returncode != 0
    assert "Cipher is (NONE)" in done.stdout or "New, (NONE)" in done.stdout


def test_without_tls_nothing_is_said(ex):
    with grpc.insecure_channel(ex.address) as channel:
        refusal = refused(Service(channel, "berbagi.v1.SubscriberService").Fetch,
                          v1.FetchRequest(), timeout=20)
    assert refusal.code == UNAVAILABLE


def test_without_a_client_certificate_nobody_is_let_in(ex):
    credentials = grpc.ssl_channel_credentials(ex.ca.bundle.read_bytes())
    with grpc.secure_channel(ex.address, credentials) as channel:
        refusal = refused(Service(channel, "berbagi.v1.SubscriberService").Fetch,
                          v1.FetchRequest(), timeout=20)
    assert refusal.code == UNAVAILABLE


def test_a_certificate_of_another_ca_is_refused(ex, tmp_path):
    other = exchange.Ca(tmp_path / "other").identity(REGENCY)
    assert refused(fetch, ex, other).code == UNAVAILABLE


def test_a_client_does_not_believe_a_server_of_another_ca(ex, tmp_path):
    other = exchange.Ca(tmp_path / "other")
    agency = ex.ca.identity(REGENCY)
    credentials = grpc.ssl_channel_credentials(
        other.bundle.read_bytes(), agency.key.read_bytes(), agency.cert.read_bytes())
    with grpc.secure_channel(ex.address, credentials) as channel:
        refusal = refused(Service(channel, "berbagi.v1.SubscriberService").Fetch,
                          v1.FetchRequest(), timeout=20)
    assert refusal.code == UNAVAILABLE


@pytest.mark.parametrize("days", [
    {"not_before": forgery.now(-86400), "not_after": forgery.now(-3600)},
    {"not_before": forgery.now(3600), "not_after": forgery.now(86400)}], ids=["expired", "early"])
def test_a_certificate_outside_its_days_is_refused(ex, days):
    refusal = refused(fetch, ex, forged(ex, f"{SPIFFE}/agency/{REGENCY}", **days))
    assert turned_away(refusal) or refusal.reason == "CERTIFICATE_EXPIRED"


def test_a_stream_ends_when_its_certificate_expires(ex):
    brief = forged(ex, f"{SPIFFE}/agency/{REGENCY}", not_after=forgery.now(3))
    with ex.channel(None, brief) as channel:
        stream = exchange.Stream(Service(
            channel, "berbagi.v1.SubscriberService", raw=True).Subscribe)
        assert stream.opened.log_id
        refusal = stream.wait_end(8)
        assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, "CERTIFICATE_EXPIRED")
        refusal = refused(Service(channel, "berbagi.v1.SubscriberService").Fetch,
                          v1.FetchRequest(), timeout=20)
        assert refusal.reason == "CERTIFICATE_EXPIRED" or refusal.code == UNAVAILABLE


# The identity


@pytest.mark.parametrize("uris", [
    [f"{SPIFFE}/agency/{REGENCY}", f"{SPIFFE}/agency/kab.35.09"],
    [f"{SPIFFE}/agency/{REGENCY}", f"{SPIFFE}/agency/{REGENCY}"],
    [],
    [f"{SPIFFE}/agency/"],
    [f"{SPIFFE}/agency/{REGENCY}/more"],
    [f"{SPIFFE}/agency/KAB.18.07"],
    [f"{SPIFFE}/agency/kab"],
    [f"{SPIFFE}/agency/kab..18"],
    [f"{SPIFFE}/agency/{REGENCY}?as=kl.kp2mi"],
    [f"{SPIFFE}/agency/{REGENCY}#kl.kp2mi"],
    [f"spiffe://berbagi.example:443/agency/{REGENCY}"],
    [f"spiffe://user@berbagi.example/agency/{REGENCY}"],
    [f"{SPIFFE}/agency/kab%2e18.07"],
    [f"{SPIFFE}/{REGENCY}"],
    [f"{SPIFFE}/operator/admin"],
    [f"{SPIFFE}/server/main"],
    [f"https://berbagi.example/agency/{REGENCY}"],
    [f"spiffe://other.example/agency/{REGENCY}"],
    [f"spiffe://berbagi.example.evil/agency/{REGENCY}"],
    [f"spiffe://sub.berbagi.example/agency/{REGENCY}"],
    [f"{SPIFFE}/agency/" + "a" * 60 + ".bcdefg"],
], ids=lambda uris: " and ".join(uris)[-40:] or "none")
def test_a_certificate_must_name_one_agency_of_this_exchange(ex, uris):
    assert turned_away(refused(fetch, ex, forged(ex, *uris)))


def test_a_host_name_is_no_identity(ex):
    assert turned_away(refused(fetch, ex, forged(ex, dns=["kab.18.07"])))


def test_a_servers_certificate_is_no_client(ex):
    assert turned_away(refused(fetch, ex, ex.ca.identity("server/main")))
    usage = forged(ex, f"{SPIFFE}/agency/{REGENCY}", usage=[forgery.SERVER])
    assert turned_away(refused(fetch, ex, usage))


@pytest.mark.parametrize("signer, uri", [
    ("agency", "operator/admin"), ("operator", f"agency/{REGENCY}"), ("server", "operator/admin"),
    ("server", f"agency/{REGENCY}")])
def test_each_issuing_ca_signs_for_its_own_kind_alone(ex, signer, uri):
    identity = forged(ex, f"{SPIFFE}/{uri}", signer=signer)
    with ex.channel(None, identity) as channel:
        refusal = refused(Service(channel, "berbagi.v1.PolicyService").GetPolicy,
                          v1.GetPolicyRequest(), timeout=20)
    assert turned_away(refusal)


def test_a_weak_key_is_refused(ex):
    weak = forged(ex, f"{SPIFFE}/agency/{REGENCY}", key=forgery.short_key())
    assert turned_away(refused(fetch, ex, weak))


@pytest.mark.parametrize("name, reason", [
    ("kab.99.99", "UNKNOWN_AGENCY"), ("operator/nobody", "UNKNOWN_OPERATOR")])
def test_a_name_that_the_policy_does_not_know_is_refused(ex, name, reason):
    refusal = refused(ex.policy(name).GetPolicy, v1.GetPolicyRequest(), timeout=20)
    assert (refusal.code, refusal.reason) == (DENIED, reason)
    if name.startswith("kab"):
        assert refused(ex.publish, name, [event("worker.registered")]).reason == reason
        assert ex.subscribe(name).wait_end().reason == reason


AGENCY_CALLS = {
    "Publish": lambda ex, who: ex.publish(who, [event("worker.registered")]),
    "PublishStream": lambda ex, who: list(ex.publisher(who).PublishStream(
        iter([v1.PublishRequest()]), timeout=20)),
    "Fetch": lambda ex, who: ex.fetch(who),
    "Subscribe": lambda ex, who: list(ex.subscriber(who).Subscribe(iter(
        [v1.SubscribeRequest(open=v1.SubscribeRequest.Open())]), timeout=20)),
    "DeleteSubscription": lambda ex, who: ex.subscriber(who).DeleteSubscription(
        v1.DeleteSubscriptionRequest(name="a"), timeout=20),
}
OPERATOR_CALLS = {
    "GetStatus": lambda ex, who: ex.operator(who).GetStatus(v1.GetStatusRequest(), timeout=20),
    "ApplyPolicy": lambda ex, who: ex.policy(who).ApplyPolicy(
        v1.ApplyPolicyRequest(policy=policies.from_folder(), expected_version=1), timeout=20),
}


@pytest.mark.parametrize("call", AGENCY_CALLS)
def test_an_operator_has_no_right_to_events(ex, call):
    for operator in ("operator/admin", "operator/dewi"):
        refusal = refused(AGENCY_CALLS[call], ex, operator)
        assert (refusal.code, refusal.reason) == (DENIED, "WRONG_KIND")


@pytest.mark.parametrize("call", OPERATOR_CALLS)
def test_an_agency_is_no_operator(ex, call):
    for agency in ("kl.kp2mi", "hub.berbagi"):
        refusal = refused(OPERATOR_CALLS[call], ex, agency)
        assert (refusal.code, refusal.reason) == (DENIED, "WRONG_KIND")


@pytest.mark.parametrize("operator", ["operator/admin", "operator/dewi"])
def test_any_role_of_an_operator_gives_the_status(ex, operator):
    assert ex.operator(operator).GetStatus(v1.GetStatusRequest()).log_id


# Revocation


@pytest.fixture
def revoking(tmp_path):
    """An exchange that obeys the revocation lists of a CA of its own."""
    ca = exchange.Ca(tmp_path / "ca")
    with exchange.Exchange(ca, tmp_path / "exchange", "--crl", ca.crl) as running:
        running.apply(policies.from_folder())
        yield running


def test_a_revoked_certificate_is_cut_within_a_second_of_the_reload(revoking):
    ex = revoking
    ex.store(REGENCY, event("worker.registered"))
    revoked = ex.subscribe(REGENCY).wait_through(1)
    others = ex.subscribe("kl.kp2mi").wait_through(1)
    ex.ca.revoke(REGENCY)
    ex.reload()
    refusal = revoked.wait_end(3)
    assert (refusal.code, refusal.reason) == (DENIED, "CERTIFICATE_REVOKED")
    # On the connection that was open before, and on a new one.
    assert refused(ex.fetch, REGENCY).reason in ("CERTIFICATE_REVOKED", None)
    refusal = refused(fetch, ex, ex.ca.identity(REGENCY))
    assert refusal.reason == "CERTIFICATE_REVOKED" or refusal.code == UNAVAILABLE
    # Others notice nothing, and a new certificate of the same agency is let in.
    (position,) = ex.store("kl.kp2mi", event("case.opened"))
    assert others.wait_through(position).positions == [1, position]
    assert fetch(ex, ex.ca.issue(REGENCY)).log_id


def test_a_certificate_revoked_before_the_start_is_refused(revoking):
    ex = revoking
    ex.ca.identity(REGENCY)
    ex.ca.revoke(REGENCY)
    ex.restart()
    refusal = refused(ex.fetch, REGENCY)
    assert refusal.reason == "CERTIFICATE_REVOKED" or refusal.code == UNAVAILABLE
    assert ex.fetch("kl.kp2mi").log_id


def test_a_list_that_is_none_changes_nothing(revoking):
    ex = revoking
    sound = ex.ca.crl.read_bytes()
    ex.ca.crl.write_bytes(b"-----BEGIN X509 CRL-----\nnone\n-----END X509 CRL-----\n")
    said = ex.log.stat().st_size
    ex.reload()
    wait_until(lambda: ex.log.stat().st_size > said)
    assert fetch(ex, ex.ca.identity(REGENCY)).log_id
    assert "crl" in ex.log.read_text()[said:].lower()
    ex.ca.crl.write_bytes(sound)
    assert ex.fetch("kl.kp2mi").log_id


def test_the_servers_certificate_is_renewed_without_a_stop(make_exchange):
    ex = make_exchange(policies.from_folder())
    before = ex.operator().GetStatus(v1.GetStatusRequest()).certificate_not_after
    stream = ex.subscribe("kl.kp2mi", start=v1.Start(now=True))
    assert stream.opened
    server, renewed = ex.ca.identity("server/main"), ex.ca.issue("server/main", "--days", "30")
    kept = server.cert.read_bytes(), server.key.read_bytes()
    server.cert.write_bytes(renewed.cert.read_bytes())
    server.key.write_bytes(renewed.key.read_bytes())
    try:
        ex.reload()
        wait_until(lambda: ex.operator().GetStatus(
            v1.GetStatusRequest()).certificate_not_after.seconds < before.seconds - 86400)
        assert fetch(ex, ex.ca.identity("kl.kp2mi")).log_id
        assert not stream.ended
    finally:
        server.cert.write_bytes(kept[0])
        server.key.write_bytes(kept[1])
