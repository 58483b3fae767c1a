"""A CA is replaced in steps, and at each step openssl finds with the bundle what servers and clients would find."""

import os
import subprocess
import unittest

from cryptography.x509.oid import ExtensionOID

from ca_case import CaTest, extension


class Rollover(CaTest):
    def setUp(self):
        super().setUp()
        self.init()

    def step(self, *arguments):
        return self.run_ca("rollover", "--dir", "ca", *arguments)

    def states(self):
        lines = self.step().stdout.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def is_trusted(self, name):
        """As a server judges: by the bundle and its lists, whatever stands behind the certificate in its file."""
        done = subprocess.run(["openssl", "verify", "-CAfile", "ca/ca.pem", "-CRLfile", "ca/crl.pem",
                               "-crl_check_all", name], cwd=self.dir, capture_output=True)
        return done.returncode == 0

    def renew(self, old, new):
        self.run_ca("renew", "--dir", "ca", "--cert", old, "--csr", "req.pem", "--out", new)
        return self.certs(new)[0]


class Issuing(Rollover):
    def test_old_and_new_count_together_until_the_old_is_withdrawn(self):
        old = self.agency(out="old.pem")
        self.step("prepare", "agency")
        self.assertEqual(self.states()["agency.2"], "prepared")
        self.assertEqual(len(self.certs("ca/ca.pem")), 5)
        self.assertEqual(len(self.certs("ca/issuers/agency.pem")), 2)
        self.assertEqual(len(self.certs("ca/issuers/operator.pem")), 1)
        self.assertEqual(self.renew("old.pem", "still-old.pem").issuer, old.issuer)

        self.step("activate", "agency")
        self.assertEqual(self.states()["agency"], "outgoing")
        new = self.renew("old.pem", "new.pem")
        self.assertNotEqual(new.issuer, old.issuer)
        self.assertTrue(self.is_trusted("old.pem"))
        self.assertTrue(self.is_trusted("new.pem"))

        self.refuse("2 certificates", "rollover", "--dir", "ca", "withdraw", "agency")
        self.step("withdraw", "agency", "--cut-off")
        self.assertEqual(self.states()["agency"], "withdrawn")
        self.assertFalse(self.is_trusted("old.pem"))
        self.assertTrue(self.is_trusted("new.pem"))
        self.assertEqual(len(self.certs("ca/ca.pem")), 4)
        self.assertEqual(self.certs("ca/issuers/agency.pem"), self.certs("ca/agency.2/cert.pem"))
        self.assertFalse(os.path.exists(self.path("ca/crl/agency.pem")))
        self.refuse("its CA is withdrawn", "renew", "--dir", "ca", "--cert", "old.pem", "--csr",
                    "req.pem")

    def test_withdraw_needs_no_force_when_all_are_renewed_and_revoked(self):
        serial = f"{self.agency().serial_number:032x}"
        self.step("prepare", "agency")
        self.step("activate", "agency")
        self.renew("cert.pem", "new.pem")
        left = self.run_ca("list", "--dir", "ca", "--ca", "agency").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in left], [serial])
        self.run_ca("revoke", "--dir", "ca", serial, "--reason", "superseded")
        self.step("withdraw", "agency")

    def test_revoking_reaches_the_list_of_the_outgoing_ca(self):
        old = self.agency(out="old.pem")
        self.step("prepare", "agency")
        self.step("activate", "agency")
        self.renew("old.pem", "new.pem")
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07")
        self.assertEqual([entry.serial_number for entry in self.crl("ca/crl/agency.pem")],
                         [old.serial_number])
        self.assertEqual([entry.serial_number for entry in self.crl("ca/crl/agency.2.pem")],
                         [self.certs("new.pem")[0].serial_number])
        self.assertFalse(self.is_trusted("old.pem"))
        self.assertFalse(self.is_trusted("new.pem"))

    def test_new_ca_is_for_the_same_kind_alone(self):
        self.step("prepare", "agency")
        old, new = self.certs("ca/agency/cert.pem")[0], self.certs("ca/agency.2/cert.pem")[0]
        for oid in (ExtensionOID.CERTIFICATE_POLICIES, ExtensionOID.NAME_CONSTRAINTS,
                    ExtensionOID.EXTENDED_KEY_USAGE, ExtensionOID.BASIC_CONSTRAINTS):
            self.assertEqual(extension(old, oid), extension(new, oid))
        self.assertNotEqual(old.public_key().public_numbers(), new.public_key().public_numbers())

    def test_steps_out_of_order_are_refused_and_change_nothing(self):
        before = self.snapshot()
        for name in ("activate", "abandon"):
            self.refuse("no agency CA is prepared", "rollover", "--dir", "ca", name, "agency")
        self.refuse("no agency CA is outgoing", "rollover", "--dir", "ca", "withdraw", "agency")
        for words, arguments in (("a step is", ("begin", "agency")), ("of which CA", ("prepare",)),
                                 ("of which CA", ("prepare", "kab.18.07"))):
            self.refuse(words, "rollover", "--dir", "ca", *arguments, code=2)
        self.assertEqual(self.snapshot(), before)
        self.step("prepare", "agency")
        self.refuse("agency.2 is prepared", "rollover", "--dir", "ca", "prepare", "agency")
        self.refuse("agency.2 is prepared", "rollover", "--dir", "ca", "prepare", "root")
        self.step("prepare", "server")

    def test_abandoned_ca_leaves_no_trace_outside(self):
        bundle = self.certs("ca/ca.pem")
        self.step("prepare", "agency")
        self.step("abandon", "agency")
        self.assertEqual(self.certs("ca/ca.pem"), bundle)
        self.assertEqual(self.states(), {"root": "signing", "agency": "signing",
                                         "operator": "signing", "server": "signing",
                                         "agency.2": "withdrawn"})
        self.step("prepare", "agency")
        self.assertEqual(self.states()["agency.3"], "prepared")

    def test_each_step_needs_the_keys_it_uses(self):
        for name in ("root", "operator"):
            os.makedirs(self.path(f"safe/{name}"))
            os.rename(self.path(f"ca/{name}/key.pem"), self.path(f"safe/{name}/key.pem"))
        self.refuse("needs the key", "rollover", "--dir", "ca", "prepare", "agency")
        self.step("prepare", "agency", "--keys", "safe")
        self.step("activate", "agency")
        self.step("withdraw", "agency")


class Root(Rollover):
    def test_new_root_takes_three_new_issuing_cas_with_it(self):
        self.agency(out="old.pem")
        old_root = self.certs("ca/ca.pem")[0]
        self.step("prepare", "root")
        self.assertEqual(len(self.certs("ca/ca.pem")), 8)
        for step in ("activate", "withdraw"):
            self.refuse("name root" if step == "activate" else "no agency CA is outgoing",
                        "rollover", "--dir", "ca", step, "agency")
        self.step("activate", "root")
        self.renew("old.pem", "new.pem")
        self.assertTrue(self.is_trusted("old.pem"))
        self.assertTrue(self.is_trusted("new.pem"))

        os.rename(self.path("ca/root/key.pem"), self.path("root-key.pem"))
        self.run_ca("crl", "--dir", "ca")
        self.step("withdraw", "root", "--cut-off")
        self.assertFalse(self.is_trusted("old.pem"))
        self.assertTrue(self.is_trusted("new.pem"))
        bundle = self.certs("ca/ca.pem")
        self.assertEqual(len(bundle), 4)
        self.assertNotIn(old_root, bundle)
        self.assertEqual({name for name, state in self.states().items() if state == "signing"},
                         {"root.2", "agency.2", "operator.2", "server.2"})

    def test_record_of_every_step_is_kept(self):
        for step in ("prepare", "activate", "withdraw"):
            self.step(step, "root", "--note", f"drill {step}")
        acts = self.run_ca("log", "--dir", "ca").stdout.splitlines()[1:]
        self.assertEqual([act.split(": ", 1)[1] for act in acts],
                         [f"rollover {step} root: drill {step}"
                          for step in ("prepare", "activate", "withdraw")])


if __name__ == "__main__":
    unittest.main()
