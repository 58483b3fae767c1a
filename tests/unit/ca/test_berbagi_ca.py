"""berbagi-ca: what it makes, signs, revokes and tells."""

import ipaddress
import json
import os
import stat
import subprocess
import unittest
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import CRLEntryExtensionOID, ExtendedKeyUsageOID, ExtensionOID

from ca_case import DOMAIN, INIT, CaTest, extension, spiffe


class Init(CaTest):
    def test_init_makes_a_root_and_an_issuing_ca_for_each_kind(self):
        self.init()

        root, *issuing = self.certs("ca/ca.pem")
        self.assertEqual(extension(root, ExtensionOID.BASIC_CONSTRAINTS),
                         x509.BasicConstraints(ca=True, path_length=1))
        self.assertEqual(len(issuing), 3)
        policies = set()
        for ca, kind in zip(issuing, ("agency", "operator", "server")):
            root.public_key().verify(ca.signature, ca.tbs_certificate_bytes,
                                     ec.ECDSA(ca.signature_hash_algorithm))
            self.assertEqual(extension(ca, ExtensionOID.BASIC_CONSTRAINTS),
                             x509.BasicConstraints(ca=True, path_length=0))
            self.assertTrue(extension(ca, ExtensionOID.KEY_USAGE).crl_sign)
            usage = (ExtendedKeyUsageOID.SERVER_AUTH if kind == "server"
                     else ExtendedKeyUsageOID.CLIENT_AUTH)
            self.assertEqual(list(extension(ca, ExtensionOID.EXTENDED_KEY_USAGE)), [usage])
            constraints = ca.extensions.get_extension_for_oid(ExtensionOID.NAME_CONSTRAINTS)
            self.assertTrue(constraints.critical)
            self.assertEqual(constraints.value.permitted_subtrees[0].value, DOMAIN)
            self.assertIsInstance(ca.public_key().curve, ec.SECP256R1)
            policies.add(extension(ca, ExtensionOID.CERTIFICATE_POLICIES)[0].policy_identifier)
        self.assertEqual(len(policies), 3)

    def test_init_lifetimes_are_ten_and_five_years(self):
        self.init()
        root, *issuing = self.certs("ca/ca.pem")
        self.assertEqual((root.not_valid_after - root.not_valid_before).days, 3652)
        for ca in issuing:
            self.assertEqual((ca.not_valid_after - ca.not_valid_before).days, 1826)

    def test_init_crls_are_signed_and_due_in_a_week(self):
        self.init()
        by_subject = {ca.subject: ca for ca in self.certs("ca/ca.pem")}
        for name, days in (("root", 90), ("agency", 7), ("operator", 7), ("server", 7)):
            crl = self.crl(f"ca/crl/{name}.pem")
            self.assertTrue(crl.is_signature_valid(by_subject[crl.issuer].public_key()))
            self.assertEqual(crl.next_update - crl.last_update, timedelta(days=days))
        with open(self.path("ca/crl.pem"), "rb") as f:
            self.assertEqual(f.read().count(b"BEGIN X509 CRL"), 4)

    def test_init_again_is_refused_and_changes_nothing(self):
        self.init()
        before = self.snapshot()
        self.refuse("there already", *INIT)
        self.assertEqual(self.snapshot(), before)

    def test_init_on_a_folder_with_something_in_it_is_refused_and_leaves_no_trace(self):
        os.mkdir(self.path("ca"))
        with open(self.path("ca/note"), "w"):
            pass
        self.refuse("not empty", *INIT)
        self.assertEqual(os.listdir(self.dir), ["ca"])
        self.assertEqual(os.listdir(self.path("ca")), ["note"])

    def test_init_on_an_empty_folder_works(self):
        os.mkdir(self.path("ca"))
        self.run_ca(*INIT, "--dir=ca/")
        self.assertEqual(len(self.certs("ca/ca.pem")), 4)

    def test_init_bad_trust_domain_is_bad_usage(self):
        for name in ("", "Berbagi", "a..b", "a b", "x" * 65):
            self.refuse("trust-domain", "init", "--dir", "ca", f"--trust-domain={name}", code=2)
        self.assertEqual(os.listdir(self.dir), [])

    def test_no_private_key_is_readable_by_another_user(self):
        os.umask(0)
        self.addCleanup(os.umask, 0o022)
        self.init()
        self.agency()
        for step in ("prepare", "activate"):
            self.run_ca("rollover", "--dir", "ca", step, "root")
        self.run_ca("passphrase", "--dir", "ca", "--no-passphrase")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("ca")).st_mode), 0o700)
        self.assertEqual(self.check_keys_are_private(), 9)


class Sign(CaTest):
    def test_agency_certificate_has_its_uri_alone(self):
        self.init()
        cert = self.agency()
        self.assertEqual(list(extension(cert, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)),
                         [spiffe("agency/kab.18.07")])
        self.assertEqual(list(extension(cert, ExtensionOID.EXTENDED_KEY_USAGE)),
                         [ExtendedKeyUsageOID.CLIENT_AUTH])
        self.assertFalse(extension(cert, ExtensionOID.BASIC_CONSTRAINTS).ca)
        self.assertEqual((cert.not_valid_after - cert.not_valid_before).days, 90)
        self.assertEqual(cert.serial_number.bit_length(), 127)
        self.assertEqual(self.certs("cert.pem")[1].subject, cert.issuer)

    def test_operator_and_server_follow_their_profiles(self):
        self.init()
        self.run_ca("request", "--operator", "dewi", "--key", "o.key", "--csr", "o.csr")
        self.run_ca("sign", "--dir", "ca", "--csr", "o.csr", "--operator", "dewi", "--out", "o.pem")
        hosts = ["--dns", "localhost", "--dns", "127.0.0.1", "--dns", "::1"]
        self.run_ca("request", "--server", "one", *hosts, "--key", "s.key", "--csr", "s.csr")
        self.run_ca("sign", "--dir", "ca", "--csr", "s.csr", "--server", "one", *hosts, "--out",
                    "s.pem", "--days", "10")

        operator, server = self.certs("o.pem")[0], self.certs("s.pem")[0]
        self.assertEqual(list(extension(operator, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)),
                         [spiffe("operator/dewi")])
        self.assertEqual((operator.not_valid_after - operator.not_valid_before).days, 30)
        self.assertEqual(list(extension(server, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)),
                         [spiffe("server/one"), x509.DNSName("localhost"),
                          x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                          x509.IPAddress(ipaddress.ip_address("::1"))])
        self.assertEqual(list(extension(server, ExtensionOID.EXTENDED_KEY_USAGE)),
                         [ExtendedKeyUsageOID.SERVER_AUTH])
        self.assertEqual((server.not_valid_after - server.not_valid_before).days, 10)
        self.assertNotEqual(operator.issuer, server.issuer)

    def test_serials_differ(self):
        self.init()
        self.assertEqual(len({self.agency().serial_number for _ in range(5)}), 5)

    def test_openssl_agrees_with_chain_crl_and_policy(self):
        self.init()
        self.agency()
        policy = extension(self.certs("cert.pem")[0], ExtensionOID.CERTIFICATE_POLICIES)[0]
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                   "ca/ca.pem", "-CRLfile", "ca/crl.pem", "-crl_check_all", "-policy_check",
                   "-explicit_policy", "-policy", policy.policy_identifier.dotted_string]
        subprocess.run([*command, "cert.pem"], cwd=self.dir, check=True, capture_output=True)

    def test_request_for_another_identity_is_refused(self):
        self.init()
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "req.pem")
        sign = ("sign", "--dir", "ca", "--csr", "req.pem", "--out", "cert.pem")
        before = self.snapshot()
        self.refuse("asks for agency kab.18.07, not for agency kl.kp2mi", *sign, "--agency",
                    "kl.kp2mi")
        self.refuse("not for operator dewi", *sign, "--operator", "dewi")
        self.assertEqual(self.snapshot(), before)
        self.assertFalse(os.path.exists(self.path("cert.pem")))

    def test_requests_that_ask_for_too_much_or_too_little_are_refused(self):
        self.init()
        own = spiffe("agency/kab.18.07")
        cases = (
            ("no subject alternative name", None),
            ("no URI", [x509.DNSName("localhost")]),
            ("more than one URI", [own, spiffe("agency/kl.kp2mi")]),
            ("does not give", [own, x509.DNSName("localhost")]),
            ("trust domain", [x509.UniformResourceIdentifier("spiffe://x.example/agency/kab.18.07")]),
            ("no spiffe", [x509.UniformResourceIdentifier(f"http://{DOMAIN}/agency/kab.18.07")]),
        )
        for words, names in cases:
            self.write_csr("req.pem", names)
            self.refuse(words, "sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07")

    def test_server_request_must_name_the_same_hosts(self):
        self.init()
        self.run_ca("request", "--server", "one", "--dns", "a.example", "--key", "k", "--csr", "c")
        sign = ("sign", "--dir", "ca", "--csr", "c", "--server", "one")
        self.refuse("does not give", *sign, "--dns", "b.example")
        self.refuse("does not ask for every", *sign, "--dns", "a.example", "--dns", "b.example")
        self.refuse("--server needs --dns", *sign, code=2)

    def test_weak_keys_are_refused(self):
        self.init()
        for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP224R1())):
            self.write_csr("req.pem", [spiffe("agency/kab.18.07")], key)
            self.refuse("its key is", "sign", "--dir", "ca", "--csr", "req.pem", "--agency",
                        "kab.18.07")

    def test_request_without_proof_of_possession_is_refused(self):
        self.init()
        self.write_csr("req.pem", [spiffe("agency/kab.18.07")], spoil=True)
        self.refuse("no proof", "sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07")

    def test_what_is_no_request_is_refused(self):
        self.init()
        with open(self.path("req.pem"), "w") as f:
            f.write("x")
        self.refuse("no certificate request", "sign", "--dir", "ca", "--csr", "req.pem", "--agency",
                    "kab.18.07")
        self.refuse("absent.pem", "sign", "--dir", "ca", "--csr", "absent.pem", "--agency",
                    "kab.18.07")

    def test_request_uses_the_key_that_is_there(self):
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "a.pem")
        with open(self.path("key.pem"), "rb") as f:
            before = f.read()
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "b.pem")
        with open(self.path("key.pem"), "rb") as f:
            self.assertEqual(f.read(), before)
        os.chmod(self.path("key.pem"), 0o644)
        self.refuse("chmod 0600", "request", "--agency", "kab.18.07", "--key", "key.pem")

    def test_certificate_goes_to_standard_output_and_can_be_exported_again(self):
        self.init()
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "req.pem")
        signed = self.run_ca("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07").stdout
        serial = self.run_ca("list", "--dir", "ca", "--agency", "kab.18.07").stdout.split()[0]
        self.assertEqual(self.run_ca("export", "--dir", "ca", serial).stdout, signed)

    def test_issue_is_for_a_development_ca_alone(self):
        self.init()
        issue = ("--agency", "kab.18.07", "--key", "key.pem", "--out", "cert.pem")
        self.refuse("init --development", "issue", "--dir", "ca", *issue)
        self.assertFalse(os.path.exists(self.path("key.pem")))
        self.run_ca(*INIT, "--dir=dev", "--development")
        self.run_ca("issue", "--dir", "dev", *issue)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key.pem")).st_mode), 0o600)
        self.assertEqual(len(self.certs("cert.pem")), 2)


class Revoke(CaTest):
    def test_revoked_agency_is_on_the_list_of_its_ca_with_the_reason(self):
        self.init()
        cert = self.agency()
        self.run_ca("revoke", "--dir", "ca", f"{cert.serial_number:032x}", "--reason",
                    "key-compromise")
        crl = self.crl("ca/crl/agency.pem")
        entry = crl.get_revoked_certificate_by_serial_number(cert.serial_number)
        reason = entry.extensions.get_extension_for_oid(CRLEntryExtensionOID.CRL_REASON)
        self.assertEqual(reason.value.reason, x509.ReasonFlags.key_compromise)
        self.assertEqual(len(self.crl("ca/crl/operator.pem")), 0)

    def test_all_of_an_agency_and_of_no_other(self):
        self.init()
        ours = [self.agency("kab.18.07").serial_number for _ in range(3)]
        other = self.agency("kl.kp2mi").serial_number
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07")
        revoked = {entry.serial_number for entry in self.crl("ca/crl/agency.pem")}
        self.assertEqual(revoked, set(ours))
        self.assertNotIn(other, revoked)
        self.refuse("no certificate", "revoke", "--dir", "ca", "--agency", "kab.18.07")

    def test_twice_unknown_and_malformed_are_refused(self):
        self.init()
        serial = f"{self.agency().serial_number:032x}"
        self.run_ca("revoke", "--dir", "ca", serial)
        self.refuse("already", "revoke", "--dir", "ca", serial)
        self.refuse("no certificate", "revoke", "--dir", "ca", "0" * 32)
        self.refuse("hexadecimal", "revoke", "--dir", "ca", "x", code=2)
        self.refuse("either", "revoke", "--dir", "ca", code=2)
        self.refuse("--reason", "revoke", "--dir", "ca", serial, "--reason", "x", code=2)

    def test_crl_numbers_rise(self):
        self.init()
        numbers = []
        for _ in range(3):
            self.run_ca("crl", "--dir", "ca", "--days", "3")
            numbers.append(extension(self.crl("ca/crl/agency.pem"), ExtensionOID.CRL_NUMBER).crl_number)
        self.assertEqual(numbers, [2, 3, 4])

    def test_root_key_kept_elsewhere_leaves_its_list_and_bars_revoking_a_ca(self):
        self.init()
        agency_ca = self.certs("ca/agency/cert.pem")[0]
        serial = f"{agency_ca.serial_number:032x}"
        os.rename(self.path("ca/root/key.pem"), self.path("root-key.pem"))
        before = self.crl("ca/crl/root.pem")
        self.assertIn("root: its key is not at hand", self.run_ca("crl", "--dir", "ca").stderr)
        self.assertEqual(self.crl("ca/crl/root.pem"), before)
        self.refuse("needs the key of the CA root", "revoke", "--dir", "ca", serial)
        os.rename(self.path("root-key.pem"), self.path("ca/root/key.pem"))
        self.run_ca("revoke", "--dir", "ca", serial)
        root_crl = self.crl("ca/crl/root.pem")
        self.assertIsNotNone(root_crl.get_revoked_certificate_by_serial_number(agency_ca.serial_number))

    def test_revoked_ca_signs_nothing_more_until_it_is_replaced(self):
        self.init()
        cert = self.agency()
        serial = f"{self.certs('ca/agency/cert.pem')[0].serial_number:032x}"
        self.run_ca("revoke", "--dir", "ca", serial, "--reason", "ca-compromise")
        self.assertIn("revoked by", self.run_ca("inspect", "--ca", "ca/ca.pem", "--crl", "ca/crl.pem",
                                                "cert.pem", code=1).stdout)
        self.refuse("the CA agency is revoked", "sign", "--dir", "ca", "--csr", "req.pem",
                    "--agency", "kab.18.07")
        self.run_ca("rollover", "--dir", "ca", "prepare", "agency")
        self.run_ca("rollover", "--dir", "ca", "activate", "agency")
        self.assertNotEqual(self.agency().issuer, cert.issuer)

    def test_list_of_a_ca_whose_key_is_elsewhere_stands_until_it_is_due(self):
        self.init()
        self.agency()
        os.makedirs(self.path("safe/agency"))
        os.rename(self.path("ca/agency/key.pem"), self.path("safe/agency/key.pem"))
        before = self.crl("ca/crl/agency.pem")
        self.assertIn("agency: its key is not at hand", self.run_ca("crl", "--dir", "ca").stderr)
        self.assertEqual(self.crl("ca/crl/agency.pem"), before)
        self.refuse("needs the key of the CA agency", "revoke", "--dir", "ca", "--agency",
                    "kab.18.07")
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07", "--keys", "safe")
        self.assertEqual(len(self.crl("ca/crl/agency.pem")), 1)
        self.run_ca("crl", "--dir", "ca", "--days", "1", "--keys", "safe")
        self.refuse("must be renewed before", "crl", "--dir", "ca")

    def test_revoking_an_agency_leaves_the_root_alone(self):
        self.init()
        self.agency()
        before = self.crl("ca/crl/root.pem")
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07")
        self.assertEqual(self.crl("ca/crl/root.pem"), before)


class Renew(CaTest):
    def setUp(self):
        super().setUp()
        self.init()
        self.held = self.agency()
        self.renew = ("renew", "--dir", "ca", "--cert", "cert.pem", "--csr", "new.csr", "--out",
                      "new.pem")

    def request(self, *who):
        self.run_ca("request", *who, "--key", "new.key", "--csr", "new.csr")

    def test_renewed_certificate_is_for_the_same_identity_and_another_key(self):
        self.request("--agency", "kab.18.07")
        self.run_ca(*self.renew, "--note", "ends soon", "--as", "dewi")
        new = self.certs("new.pem")[0]
        self.assertEqual(extension(new, ExtensionOID.SUBJECT_ALTERNATIVE_NAME),
                         extension(self.held, ExtensionOID.SUBJECT_ALTERNATIVE_NAME))
        self.assertNotEqual(new.public_key().public_numbers(),
                            self.held.public_key().public_numbers())
        self.assertNotEqual(new.serial_number, self.held.serial_number)
        self.assertEqual((new.not_valid_after - new.not_valid_before).days, 90)
        act = json.loads(self.run_ca("log", "--dir", "ca", "--json").stdout.splitlines()[-1])
        self.assertTrue(act["who"].startswith("dewi ("), act)
        self.assertEqual(act["why"], "ends soon")
        self.assertEqual(act["what"], f"renew {new.serial_number:032x} agency kab.18.07, held "
                                      f"{self.held.serial_number:032x}")

    def test_the_same_key_may_be_renewed(self):
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "new.csr")
        self.run_ca(*self.renew)

    def test_request_for_somebody_else_is_refused(self):
        before = self.snapshot()
        for who in (("--agency", "kl.kp2mi"), ("--operator", "dewi")):
            self.request(*who)
            self.refuse("not for agency kab.18.07", *self.renew)
        self.write_csr("new.csr", [spiffe("agency/kab.18.07")], spoil=True)
        self.refuse("no proof", *self.renew)
        self.write_csr("new.csr", [spiffe("agency/kab.18.07")], rsa.generate_private_key(65537, 2048))
        self.refuse("its key is RSA 2048", *self.renew)
        self.assertEqual(self.snapshot(), before)

    def test_certificate_that_does_not_count_any_more_is_refused(self):
        self.request("--agency", "kab.18.07")
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07", "--reason", "key-compromise")
        self.refuse("revoked (key-compromise)", *self.renew)
        self.run_ca(*INIT, "--dir=other", "--development")
        self.run_ca("issue", "--dir", "other", "--agency", "kab.18.07", "--key", "o.key", "--out",
                    "cert.pem")
        self.refuse("no certificate with this serial", *self.renew)

    def test_agency_that_left_the_registry_is_refused_and_told_of(self):
        self.request("--agency", "kab.18.07")
        with open(self.path("agencies.yaml"), "w") as f:
            f.write("agencies: [{id: kl.kp2mi}]")
        done = self.run_ca("registry", "--dir", "ca", "agencies.yaml")
        self.assertIn("  kab.18.07\n", done.stderr)
        self.refuse("kab.18.07 is not in the registry", *self.renew)

    def test_server_keeps_its_hosts(self):
        hosts = ("--dns", "a.example", "--dns", "10.0.0.1", "--dns", "::1")
        self.run_ca("request", "--server", "one", *hosts, "--key", "s.key", "--csr", "s.csr")
        self.run_ca("sign", "--dir", "ca", "--csr", "s.csr", "--server", "one", *hosts, "--out",
                    "cert.pem")
        self.request("--server", "one", *hosts, "--dns", "b.example")
        self.refuse("a name that", *self.renew)
        self.request("--server", "one", *hosts)
        self.run_ca(*self.renew)
        self.assertEqual(extension(self.certs("new.pem")[0], ExtensionOID.SUBJECT_ALTERNATIVE_NAME),
                         extension(self.certs("cert.pem")[0], ExtensionOID.SUBJECT_ALTERNATIVE_NAME))


class Registry(CaTest):
    def registry(self, text, *arguments):
        with open(self.path("agencies.yaml"), "w") as f:
            f.write(text)
        return ("registry", "--dir", "ca", "agencies.yaml", *arguments)

    def test_agency_outside_the_registry_gets_no_certificate(self):
        self.init()
        self.run_ca("request", "--agency", "kab.99.99", "--key", "k", "--csr", "c")
        sign = ("sign", "--dir", "ca", "--csr", "c", "--agency", "kab.99.99")
        before = self.snapshot()
        self.refuse("agency kab.99.99 is not in the registry", *sign)
        self.assertEqual(self.snapshot(), before)
        self.run_ca(*self.registry("agencies:\n  - id: kab.99.99\n    name: x\n"))
        self.run_ca(*sign)

    def test_without_a_registry_no_agency_gets_one_unless_for_development(self):
        self.run_ca(*INIT)
        self.run_ca("request", "--agency", "kab.18.07", "--key", "k", "--csr", "c")
        self.refuse("no registry of agencies yet", "sign", "--dir", "ca", "--csr", "c", "--agency",
                    "kab.18.07")
        self.run_ca("request", "--operator", "dewi", "--key", "o.key", "--csr", "o.csr")
        self.run_ca("sign", "--dir", "ca", "--csr", "o.csr", "--operator", "dewi")
        self.run_ca(*INIT, "--dir=dev", "--development")
        self.run_ca("issue", "--dir", "dev", "--agency", "kab.18.07", "--key", "i.key", "--out", "i")

    def test_registry_that_cannot_be_read_changes_nothing(self):
        self.init()
        before = self.snapshot()
        for text, words in (("", "no list"), ("agencies: []", "no list"), ("a: b", "no list"),
                            ("agencies:\n  - id: Kab\n", "agencies.yaml:2"),
                            ("agencies:\n  - name: x\n", "agencies.yaml:2"),
                            ("agencies:\n  - id: a.b\n  - id: a.b\n", "agencies.yaml:3"),
                            ("agencies: [", "agencies.yaml:")):
            self.refuse(words, *self.registry(text))
        self.assertEqual(self.snapshot(), before)

    def test_the_policy_that_is_shipped_is_a_registry(self):
        policy = os.path.join(os.path.dirname(__file__), "../../../deploy/policy")
        self.run_ca(*INIT, "--registry", policy)
        self.agency("kab.18.07")


class Words(CaTest):
    def test_list_and_log_tell_what_was_done(self):
        self.init()
        cert = self.agency()
        serial = f"{cert.serial_number:032x}"
        self.run_ca("revoke", "--dir", "ca", serial, "--reason", "superseded")
        listed = self.run_ca("list", "--dir", "ca", "--agency", "kab.18.07").stdout.splitlines()
        self.assertEqual(len(listed), 1)
        self.assertEqual(listed[0].split()[:3], [serial, "agency", "kab.18.07"])
        self.assertIn("revoked: superseded", listed[0])
        acts = [line.split()[2] for line in self.run_ca("log", "--dir", "ca").stdout.splitlines()]
        self.assertEqual(acts, ["init", "sign", "revoke"])

    def test_list_expiring_shows_what_ends_soon(self):
        self.init()
        self.agency()
        listed = ("list", "--dir", "ca", "--expiring")
        for span in ("14", "14d", "36h"):
            self.assertEqual(self.run_ca(*listed, span).stdout, "")
        for span in ("91", "91d", "2184h"):
            self.assertEqual(len(self.run_ca(*listed, span).stdout.splitlines()), 1)
        for span in ("", "0", "d", "3661", "99999999999999999999", "1w", "-1", "1.5"):
            self.refuse("--expiring", "list", "--dir", "ca", f"--expiring={span}", code=2)

    def test_list_in_json_says_the_same(self):
        self.init()
        serial = f"{self.agency().serial_number:032x}"
        self.run_ca("revoke", "--dir", "ca", serial, "--reason", "superseded")
        listed = [json.loads(line) for line in
                  self.run_ca("list", "--dir", "ca", "--json").stdout.splitlines()]
        self.assertEqual(len(listed), 4)
        [ours] = [entry for entry in listed if entry["serial"] == serial]
        self.assertEqual({key: ours[key] for key in ("kind", "name", "ca", "state", "reason")},
                         {"kind": "agency", "name": "kab.18.07", "ca": "agency",
                          "state": "revoked", "reason": "superseded"})

    def test_note_and_name_are_recorded_as_they_are_given(self):
        self.init("--as", 'dewi "d" \\', "--note", "für Übung \"1\"")
        act = json.loads(self.run_ca("log", "--dir", "ca", "--json").stdout)
        self.assertTrue(act["who"].startswith('dewi "d" \\ ('), act)
        self.assertEqual(act["why"], 'für Übung "1"')
        for bad in ("--note=a\nb", "--note=" + "x" * 401, "--as=", "--as=" + "x" * 65, "--as=\x1b[0m"):
            self.refuse(bad[:bad.index("=")], "crl", "--dir", "ca", bad, code=2)

    def test_inspect_says_what_it_can_and_what_is_wrong(self):
        self.init()
        cert = self.agency()
        trust = ("--ca", "ca/ca.pem", "--crl", "ca/crl.pem")
        good = self.run_ca("inspect", *trust, "cert.pem").stdout
        self.assertIn("identity  agency kab.18.07", good)
        self.assertIn("publish and subscribe", good)
        self.assertIn("not revoked", good)
        self.run_ca("revoke", "--dir", "ca", f"{cert.serial_number:032x}")
        self.assertIn("revoked by", self.run_ca("inspect", *trust, "cert.pem", code=1).stdout)
        self.run_ca(*INIT, "--dir=other")
        self.assertIn("chain does not hold",
                      self.run_ca("inspect", "--ca", "other/ca.pem", "cert.pem", code=1).stdout)
        self.refuse("--crl needs --ca", "inspect", "--crl", "ca/crl.pem", "cert.pem", code=2)

    def test_inspect_knows_requests_lists_and_bundles(self):
        self.init()
        serial = f"{self.agency().serial_number:032x}"
        request = self.run_ca("inspect", "req.pem").stdout
        self.assertIn("asks for  agency kab.18.07", request)
        self.assertIn("sign", request)
        self.run_ca("revoke", "--dir", "ca", serial, "--reason", "superseded")
        crl = self.run_ca("inspect", "--ca", "ca/ca.pem", "ca/crl/agency.pem").stdout
        self.assertIn("bars      1 certificate\n", crl)
        self.assertIn(f"{serial} on ", crl)
        self.assertIn("superseded", crl)
        self.assertIn("signed by a CA of the bundle", crl)
        bundle = self.run_ca("inspect", "ca/ca.pem").stdout
        for kind in ("agency", "operator", "server"):
            self.assertIn(f"certificates for /{kind}/, of 1 CA\n", bundle)

    def test_inspect_says_what_is_wrong_with_them(self):
        self.init()
        own = [spiffe("agency/kab.18.07")]
        for words, names, keywords in (
                ("no proof", own, {"spoil": True}),
                ("its key is RSA 2048", own, {"key": rsa.generate_private_key(65537, 2048)}),
                ("no URI", [x509.DNSName("localhost")], {}),
                ("no subject alternative name", None, {})):
            self.write_csr("bad.csr", names, **keywords)
            self.assertIn(words, self.run_ca("inspect", "bad.csr", code=1).stdout)
        self.run_ca(*INIT, "--dir=other")
        self.assertIn("not signed by a CA of the bundle", self.run_ca(
            "inspect", "--ca", "other/ca.pem", "ca/crl/agency.pem", code=1).stdout)
        with open(self.path("part.pem"), "wb") as part:
            for name in ("root", "agency"):
                with open(self.path(f"ca/{name}/cert.pem"), "rb") as f:
                    part.write(f.read())
        self.assertIn("no server is known", self.run_ca("inspect", "part.pem", code=1).stdout)

    def test_help_and_bad_usage(self):
        self.assertIn("Commands:", self.run_ca("--help").stdout)
        for line in self.run_ca("--help").stdout.split("Commands:\n")[1].splitlines():
            if not line:
                break
            command = line.split()[0]
            self.assertIn(f"Usage: berbagi-ca {command}", self.run_ca(command, "--help").stdout)
        self.run_ca(code=2)
        self.refuse("no command", "frobnicate", code=2)
        self.refuse("unknown option", "list", "--frobnicate", code=2)
        self.refuse("--dir", "list", code=2)
        self.refuse("operands", "list", "--dir", "ca", "x", code=2)
        self.refuse("is not the folder of a CA", "list", "--dir", "ca")

    def test_one_subject_must_be_named_well(self):
        request = ("request", "--key", "key.pem")
        self.refuse("one of", *request, code=2)
        self.refuse("only one", *request, "--agency", "kab.18.07", "--operator", "dewi", code=2)
        self.refuse("not a valid name", *request, "--agency", "kab", code=2)
        self.refuse("not a valid name", *request, "--operator", "Dewi", code=2)
        self.refuse("belongs to --server", *request, "--agency", "kab.18.07", "--dns", "x", code=2)
        for host in ("*.example", "A.example", "-a.example", "a..example", "a,URI:x", "1.2.3.4.", ""):
            self.refuse("--dns", *request, "--server", "one", f"--dns={host}", code=2)
        self.assertEqual(os.listdir(self.dir), [])


if __name__ == "__main__":
    unittest.main()
