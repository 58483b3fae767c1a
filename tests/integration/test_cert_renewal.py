"""The life of an agency's certificate without a visit to the security team: asked for once, renewed over the network
ever after, refused when it should be."""

import datetime
import os
import shlex
import signal
import subprocess

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import exchange
import forgery
import policies
import renewal
import rows
from contract import ROOT, refused
from exchange import BIN, run, wait_until
from faults import Faults
from renewal import AGENCY, Holder, Office, RenewalServer, request
from user import User

SPIFFE = "spiffe://berbagi.example"
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
KILL_AT = BIN.parent / "tests" / "unit" / "ca" / "libkill_at.so"


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("office") / "ca")


@pytest.fixture(scope="module")
def service(office):
    """Bounds that no test here meets by chance."""
    with RenewalServer(office, "--per-agency", 1000) as running:
        yield running


_agencies = iter(renewal.AGENCIES)


@pytest.fixture
def holder(office, service, tmp_path):
    """An agency that no other test asks as: each may ask ten times at once."""
    return Holder(office, tmp_path / "home", service, next(_agencies)).enrol()


def forged(office, name, *, of=AGENCY, begun=-1, ends=1):
    """A certificate that the office's CA never signed, from and until so many hours from now."""
    return forgery.forge(office, name, [f"{SPIFFE}/agency/{of}"], not_before=forgery.now(begun * 3600),
                         not_after=forgery.now(ends * 3600))


# The holder's side


def test_request_install_and_status_tell_what_there_is(office, tmp_path):
    holder = Holder(office, tmp_path / "home")
    done = holder.cert("status")
    assert done.code == 1 and "identity.pem" in done.err and done.out == "", done
    holder.enrol()
    done = holder.cert("status")
    facts = dict(line.split(None, 1) for line in done.out.splitlines())
    assert done.code == 0 and done.err == ""
    assert facts["identity"] == f"agency {AGENCY}" and facts["trust-domain"] == "berbagi.example"
    assert facts["serial"] == holder.serial and facts["left"] == "89 days"
    assert "warning" not in facts and "request-waits" not in facts
    assert {path.name for path in holder.home.iterdir()} == {
        "identity.pem", "ca.pem", "request.csr", "answer.pem"}


@pytest.mark.parametrize("begun, ends, code, word", [
    (-60, 40, 0, ""), (-68, 32, 3, "renew it"), (-99, -1, 1, "ended at"), (1, 100, 1, "only from")])
def test_status_is_a_check_for_monitoring(office, tmp_path, begun, ends, code, word):
    """Good, good but due, over, not yet."""
    holder = Holder(office, tmp_path / "home")
    forged(office, f"aged{begun}", begun=begun, ends=ends).put_into(holder.identity.cert)
    done = holder.cert("status")
    assert done.code == code and word in done.out + done.err, done


def test_a_certificate_for_something_else_is_not_installed(office, holder, tmp_path):
    before = holder.identity.cert.read_bytes()
    assert holder.cert("request", "--agency", holder.name, "--csr", tmp_path / "csr").code == 0
    others = Holder(office, tmp_path / "other", name="kab.35.29").enrol().identity
    for answer, word in ((others.cert, "not for the key"), (tmp_path / "csr", "no certificate"),
                         (office.bundle, "not for the key"), (tmp_path / "none", "none")):
        done = holder.cert("install", answer)
        assert done.code == 1 and word in done.err and done.err.count("\n") == 1, done
    assert holder.identity.cert.read_bytes() == before
    done = holder.cert("request", "--agency", "kab.35.29")
    assert done.code == 1 and "waits" in done.err and done.out == "", done


def test_key_and_certificate_of_two_files_become_one(office, tmp_path):
    holder = Holder(office, tmp_path / "home")
    two = forged(office, "two")
    done = holder.cert("install", "--with-key", two.key, two.cert)
    assert done.code == 0 and holder.cert("status").code == 0, done
    done = holder.cert("renew", "--key", two.key, "--renewal-server", "127.0.0.1:1")
    assert done.code == 2 and "--with-key" in done.err, done


# The renewal service, asked by our client


def test_renew_puts_a_new_certificate_for_a_new_key_in_place(office, holder):
    before, old_key = holder.certificate, holder.key.private_numbers()
    done = holder.cert("renew")
    assert done.code == 0 and f"agency {holder.name} until" in done.err and done.out == "", done
    after = holder.certificate
    assert after.serial_number != before.serial_number
    assert holder.key.private_numbers() != old_key
    assert after.public_key().public_numbers() == holder.key.public_key().public_numbers()
    names = after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [holder.uri]
    assert after.not_valid_after - before.not_valid_after < datetime.timedelta(minutes=10)
    assert holder.identity.cert.stat().st_mode & 0o7777 == 0o600
    assert not (holder.home / "identity.pem.request").exists()
    act = [act for act in office.acts() if f"renew {holder.serial}" in act][-1]
    assert f"agency/{holder.name}" in act and "asked from ipv4:127.0.0.1:" in act, act


def test_automatic_renewal_is_silent_until_it_is_due(holder, tmp_path):
    before = holder.identity.cert.read_bytes()
    done = holder.cert("renew", "--auto", "--renewal-server", "127.0.0.1:1")
    assert done.code == 0 and done.out + done.err == "" and holder.identity.cert.read_bytes() == before
    # Its clock set forward, a third is left.
    faults = Faults(tmp_path, holder.home)
    faults.shift_clock(61 * 86400)
    done = holder.cert("renew", "--auto", **faults.environment)
    assert done.code == 0 and "until" in done.err and holder.identity.cert.read_bytes() != before, done


def test_without_the_service_nothing_changes_and_it_is_told_in_time(holder):
    before = holder.identity.cert.read_bytes()
    done = holder.cert("renew", "--patience", 1, "--renewal-server", "127.0.0.1:1")
    assert done.code == 1 and "renewal" in done.err and holder.identity.cert.read_bytes() == before, done
    assert holder.cert("status").code == 0
    # The key that waits is asked about again.
    assert (holder.home / "identity.pem.request").exists() and holder.cert("renew").code == 0


def test_a_renewal_killed_at_any_point_leaves_an_identity_that_works(office, holder):
    for n in range(1, 60):
        done = holder.cert("renew", LD_PRELOAD=str(KILL_AT), KILL_AT=str(n),
                           ASAN_OPTIONS="verify_asan_link_order=0,detect_leaks=0")
        assert holder.cert("status").code == 0, n
        assert not renewal.exposed_keys(holder.home), n
        if done.code == 0:
            break
    else:
        raise AssertionError("it was killed each time")
    assert n > 5 and holder.cert("renew").code == 0


def test_an_answer_that_was_lost_is_had_by_asking_again(office, service, holder):
    csr = request(holder.uri)
    first, again = (service.renew(holder.identity, csr) for _ in range(2))
    assert first.certificate == again.certificate and first.authorities.encode() == office.bundle.read_bytes()
    leaf = x509.load_pem_x509_certificate(renewal.certificates(first.certificate.encode())[0])
    assert first.not_after.seconds == leaf.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()
    third = (leaf.not_valid_after - leaf.not_valid_before) / 3
    assert abs(first.not_after.seconds - first.renew_after.seconds - third.total_seconds()) < 2
    assert any("give" in act and "again" in act for act in office.acts())


def bundle_of(pem):
    return {x509.load_pem_x509_certificate(found).serial_number for found in renewal.certificates(pem)}


def test_a_ca_that_is_replaced_comes_and_goes_with_the_renewals(tmp_path):
    office = Office(tmp_path / "ca")
    with RenewalServer(office, "--per-agency", 10) as service:
        holder = Holder(office, tmp_path / "home", service).enrol()

        def step(name):
            """One step of the rollover, and a renewal by the service that has taken it in."""
            taken = service.log.read_text().count("server.reloaded")
            office.ca("rollover", name, "agency", "--keys", office.safe, *(
                ["--cut-off"] if name == "withdraw" else []))
            if name != "activate":
                wait_until(lambda: service.log.read_text().count("server.reloaded") > taken)
            done = holder.cert("renew")
            assert done.code == 0 and done.err.count("\n") == 1, done
            return bundle_of(holder.bundle.read_bytes())

        before, issuer = bundle_of(holder.bundle.read_bytes()), holder.certificate.issuer
        prepared = step("prepare")
        assert len(prepared - before) == 1 and before < prepared
        assert holder.certificate.issuer == issuer
        assert step("activate") == prepared and holder.certificate.issuer != issuer
        withdrawn = step("withdraw")
        assert len(prepared - withdrawn) == 1 and holder.cert("status").code == 0


def test_a_subscription_lives_through_a_renewal_and_the_end_of_the_certificate_before(tmp_path):
    office = Office(tmp_path / "ca")
    with RenewalServer(office) as service, \
            exchange.Exchange(office, tmp_path / "exchange", "--crl", office.crl) as ex:
        ex.apply(policies.from_folder())
        writer, reader = (Holder(office, tmp_path / name, service, name).enrol() for name in (AGENCY, "kl.kp2mi"))
        ministry = User(ex, reader.name, reader.home, reader.identity)
        officer = User(ex, writer.name, writer.home, writer.identity)

        def push_three(first):
            sheet = rows.as_jsonl(rows.registrations(3, first)).encode()
            assert officer.push("--format", "jsonl", "-", stdin=sheet).counts == [3, 0, 0, 0]

        with ministry.start("subscribe", "inbox") as inbox:
            push_three(1)
            inbox.wait_lines(3)
            old, connection = reader.serial, inbox.sockets
            assert reader.cert("renew").code == 0 and writer.cert("renew").code == 0
            inbox.wait_moved(connection)
            office.revoke(old)
            push_three(4)
            inbox.wait_lines(6)
            inbox.signal(signal.SIGTERM)
            assert inbox.end() == 0
            assert [found["position"] for found in inbox.events] == [1, 2, 3, 4, 5, 6]


# Refused


def malformed(service, holder, pem, word):
    refusal = refused(service.renew, holder.identity, pem)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert refusal.violations[0][0] == "request" and word in refusal.message, refusal.message


@pytest.mark.parametrize("case, word", [
    ("other", "kab.35.29"), ("operator", "operator"), ("two", "more than one"), ("none", "no subject"),
    ("domain", "trust domain"), ("weak", "RSA 2048"), ("curve", "curve"), ("text", "request"), ("large", "")])
def test_a_request_for_anything_but_the_same_identity_is_refused(service, holder, case, word):
    pem = {"other": lambda: request(f"{SPIFFE}/agency/kab.35.29"),
           "operator": lambda: request(f"{SPIFFE}/operator/{holder.name}"),
           "two": lambda: request(holder.uri, f"{SPIFFE}/agency/kab.35.29"),
           "none": lambda: request(),
           "domain": lambda: request(f"spiffe://other.example/agency/{holder.name}"),
           "weak": lambda: request(holder.uri, key=rsa.generate_private_key(65537, 2048)),
           "curve": lambda: request(holder.uri, key=ec.generate_private_key(ec.SECP256K1())),
           "text": lambda: "none", "large": lambda: "x" * 16384}[case]()
    malformed(service, holder, pem, word)


def test_the_key_must_be_a_new_one(service, holder):
    malformed(service, holder, request(holder.uri, key=holder.key), "new key")


def test_a_request_for_a_key_that_the_asker_lacks_is_refused(office, service, holder):
    der = bytearray(x509.load_pem_x509_csr(request(holder.uri).encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    spoilt = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    malformed(service, holder, spoilt.decode(), "proof")
    assert any(f"refuse renewal of {holder.serial}" in act for act in office.acts())


def test_operators_and_servers_do_not_renew_online(office, service, tmp_path):
    dewi = Holder(office, tmp_path / "dewi", service, "dewi", "operator").enrol()
    done = dewi.cert("renew")
    assert done.code == 1 and "WRONG_KIND" in done.err, done


def test_a_certificate_that_the_ledger_does_not_know_is_refused(office, service):
    unknown = forged(office, "unknown")
    assert refused(service.renew, unknown, request(f"{SPIFFE}/agency/{AGENCY}")).reason == "BAD_CERTIFICATE"


def test_a_certificate_that_is_over_is_not_let_in(office, service):
    over = forged(office, "over", begun=-9, ends=-1)
    assert refused(service.renew, over, request(f"{SPIFFE}/agency/{AGENCY}")).code == UNAVAILABLE


def test_a_revoked_certificate_is_refused_at_once(office, service, holder, tmp_path):
    office.revoke(holder.serial)
    refusal = refused(service.renew, holder.identity, request(holder.uri))
    assert refusal.reason == "CERTIFICATE_REVOKED"
    # Also when the new list has been taken, and by our client, which makes another key then.
    wait_until(lambda: "server.reloaded" in service.log.read_text())
    done = holder.cert("renew")
    assert done.code == 1 and "revoked" in done.err, done


def test_an_agency_that_left_the_registry_is_refused(tmp_path):
    office = Office(tmp_path / "ca")
    with RenewalServer(office) as service:
        holder = Holder(office, tmp_path / "home", service).enrol()
        left = tmp_path / "left.yaml"
        left.write_text("agencies:\n  - id: kab.35.29\n    name: another\n")
        office.ca("registry", left)
        assert refused(service.renew, holder.identity, request(holder.uri)).reason == "UNKNOWN_AGENCY"
        office.ca("registry", tmp_path / "agencies.yaml")
        assert holder.cert("renew").code == 0


def test_asking_too_often_is_refused_and_told_when_to_come_again(tmp_path):
    office = Office(tmp_path / "ca")
    with RenewalServer(office, "--per-agency", 3) as service:
        holder = Holder(office, tmp_path / "home", service).enrol()
        another = Holder(office, tmp_path / "another", service, "kab.35.29").enrol()
        assert [holder.cert("renew").code for _ in range(2)] == [0, 0]
        refusal = refused(service.renew, holder.identity, request(holder.uri))
        assert refusal.reason == "OVER_QUOTA" and 86000 < refusal.retry_seconds <= 86400
        done = holder.cert("renew", "--patience", 1)
        assert done.code == 1 and "OVER_QUOTA" in done.err, done
        assert len(office.issued()) == 3 and another.cert("renew").code == 0
        # A program gone wild is held off before it costs the CA anything.
        acts = len(office.acts())
        refusals = [refused(service.renew, holder.identity, request(holder.uri)) for _ in range(20)]
        assert {found.reason for found in refusals} == {"OVER_QUOTA"}
        assert refusals[-1].retry_seconds <= 60 and len(office.acts()) - acts < 10


# The host


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("sealed") / "ca", passphrase="the passphrase of the issuing CAs")


def does_not_start(server, word):
    server.log.write_text("")
    with pytest.raises(AssertionError, match=word):
        server.__enter__()
    assert server.process.wait(20) == 1
    server.process.stdout.close()


def test_the_service_needs_the_passphrase_of_its_key_and_no_other_key(sealed, tmp_path):
    does_not_start(RenewalServer(sealed, passphrase="another passphrase"), "passphrase")
    for kind in ("operator", "server"):
        (sealed.folder / kind / "key.pem").rename(tmp_path / f"{kind}.pem")
    with RenewalServer(sealed) as service:
        assert Holder(sealed, tmp_path / "home", service).enrol().cert("renew").code == 0


def test_the_service_does_not_start_beside_the_roots_key(tmp_path):
    office = Office(tmp_path / "ca")
    (office.safe / "root" / "key.pem").rename(office.folder / "root" / "key.pem")
    does_not_start(RenewalServer(office), "root's key")


def test_no_private_key_is_readable_by_others(office, sealed, holder, tmp_path):
    assert holder.cert("renew").code == 0
    assert not renewal.exposed_keys(office.folder, sealed.folder, holder.home)
    keys = list(sealed.folder.rglob("key.pem"))
    assert keys and all(b"ENCRYPTED" in path.read_bytes() for path in keys)
    assert sealed.folder.stat().st_mode & 0o7777 == 0o700


def command_of(unit, *replaced):
    """What a unit starts, with paths of the test in the place of its own."""
    lines = (ROOT / "deploy" / "systemd" / unit).read_text().splitlines()
    line = next(line for line in lines if line.startswith("ExecStart=")).partition("=")[2]
    for old, new in (("/usr/bin/", f"{BIN}/"), ("$$", "$"), *replaced):
        assert old in line or old == "$$"
        line = line.replace(old, str(new))
    return shlex.split(line)


def test_the_timer_renews_by_the_configuration_of_the_machine(holder, service, tmp_path):
    config = tmp_path / "client.yaml"
    config.write_text(f"cert: {holder.identity.cert}\nca: {holder.bundle}\nserver: exchange.example:7443\n"
                      f"renewal-server: {service.address}\n")
    command = command_of("berbagi-cert-renew.service", ("/etc/berbagi/client.yaml", config))
    before, faults = holder.serial, Faults(tmp_path, holder.home)
    for days, said, is_same in ((0, 0, True), (61, 1, False)):
        faults.shift_clock(days * 86400)
        done = subprocess.run(command, capture_output=True, text=True,
                              env={**os.environ, **faults.environment})
        assert done.returncode == 0 and done.stderr.count("\n") == said, done
        assert (holder.serial == before) == is_same


def test_the_unit_of_the_service_hands_it_the_sealed_passphrase(sealed, tmp_path):
    server = sealed.server.put_into(tmp_path / "server.pem")
    (tmp_path / "passphrase").write_text(f"{sealed.passphrase}\n")
    command = command_of("berbagi-ca-serve.service", ("/var/lib/berbagi-ca", sealed.folder),
                         ("/etc/berbagi-ca/server.pem", server.cert))
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={
        **os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path), "BERBAGI_CA_LISTEN": "127.0.0.1:0"})
    with started:
        assert started.stdout.readline().startswith("ready 127.0.0.1:")
        started.terminate()
        assert started.wait(20) == 0


def test_help_and_bad_usage():
    shown = run("berbagi-ca", "serve", "--help")
    assert shown.returncode == 0 and "--per-agency" in shown.stdout
    assert "serve" in run("berbagi-ca", "--help").stdout
    assert run("berbagi-ca", "serve").returncode == 2
