"""The CA's keys may be in a PKCS#11 token: here SoftHSM's, as a hardware module's would be."""

import os
import subprocess
import unittest

from ca_case import INIT, CaTest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "13572468"
BOTH = {"pin-fd": PIN, "root-pin-fd": PIN}
NAMES = ("root", "agency", "operator", "server")


class Token(CaTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("tokens"))
        with open(self.path("softhsm2.conf"), "w") as f:
            f.write(f"directories.tokendir = {self.path('tokens')}\nobjectstore.backend = file\n")
        self.tool("softhsm2-util", "--init-token", "--free", "--label", "Berbagi", "--pin", PIN,
                  "--so-pin", PIN)

    def environment(self, **more):
        return super().environment(SOFTHSM2_CONF=self.path("softhsm2.conf"), **more)

    def tool(self, *command):
        subprocess.run(command, cwd=self.dir, check=True, capture_output=True,
                       env=self.environment())

    def put_key(self, name, *kind):
        kind = kind or ("EC", "ec_paramgen_curve:P-256")
        self.tool("openssl", "genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1], "-out", "t.pem")
        self.tool("softhsm2-util", "--import", "t.pem", "--token", "Berbagi", "--label", name,
                  "--id", name.encode().hex(), "--pin", PIN)
        os.remove(self.path("t.pem"))

    def uri(self, name, token="Berbagi", module=MODULE):
        return f"pkcs11:token={token};object={name}?module-path={module}"

    def init_with(self, *names, **changes):
        keys = [f"--key={name}={changes.get(name, self.uri(name))}" for name in names]
        return (*INIT, "--development", *keys)

    def issue(self, name="cert.pem"):
        return ("issue", "--dir", "ca", "--agency", "kab.18.07", "--key", "key.pem", "--out", name)

    def test_all_keys_in_a_token_sign_and_stand_in_no_file(self):
        for name in NAMES:
            self.put_key(name)
        self.run_ca(*self.init_with(*NAMES), secrets=BOTH)
        self.run_ca(*self.issue(), secrets={"pin-fd": PIN})
        self.run_ca("revoke", "--dir", "ca", "--agency", "kab.18.07", secrets=BOTH)
        self.assertEqual(len(self.crl("ca/crl/agency.pem")), 1)
        self.run_ca(*self.issue("new.pem"), secrets={"pin-fd": PIN})
        self.tool("openssl", "verify", "-x509_strict", "-CAfile", "ca/ca.pem", "-CRLfile",
                  "ca/crl.pem", "-crl_check_all", "new.pem")
        self.assertEqual([file for _, _, files in os.walk(self.path("ca")) for file in files
                          if file == "key.pem"], [])
        self.assertIn(self.uri("agency"), self.run_ca("rollover", "--dir", "ca").stdout)

    def test_rollover_moves_a_ca_from_a_file_into_a_token(self):
        self.put_key("agency.2", "RSA", "rsa_keygen_bits:3072")
        self.run_ca(*INIT, "--development")
        self.run_ca("rollover", "--dir", "ca", "prepare", "agency", "--key",
                    f"agency={self.uri('agency.2')}", secrets={"pin-fd": PIN})
        self.run_ca("rollover", "--dir", "ca", "activate", "agency", secrets={"pin-fd": PIN})
        self.run_ca(*self.issue(), secrets={"pin-fd": PIN})
        self.assertFalse(os.path.exists(self.path("ca/agency.2/key.pem")))
        self.tool("openssl", "verify", "-CAfile", "ca/ca.pem", "-CRLfile", "ca/crl.pem",
                  "-crl_check_all", "cert.pem")

    def test_what_is_wrong_is_said_in_one_sentence_and_leaves_nothing(self):
        self.put_key("agency")
        self.put_key("weak", "RSA", "rsa_keygen_bits:2048")
        for words, uri in (("object not found", self.uri("nothing")),
                           ("object not found", self.uri("agency", token="Other")),
                           ("its key is RSA 2048", self.uri("weak")),
                           ("No such file", self.uri("agency", module="/nowhere.so"))):
            self.refuse(words, *self.init_with("agency", agency=uri), secrets=BOTH)
        self.refuse("PIN incorrect", *self.init_with("agency"), secrets={"pin-fd": "000000"})
        self.refuse("--pin-fd is needed", *self.init_with("agency"))
        self.assertFalse(os.path.exists(self.path("ca")))

    def test_missing_engine_is_said_in_words(self):
        done = self.run_ca(*self.init_with("agency"), secrets=BOTH, code=1,
                           OPENSSL_ENGINES=self.dir)
        self.assertIn("libengine-pkcs11-openssl", done.stderr)

    def test_pin_in_the_uri_is_refused(self):
        for uri in (self.uri("agency") + "&pin-value=1234", self.uri("agency") + "&pin-source=f",
                    "file:key.pem", "pkcs11:" + "x" * 256, ""):
            self.refuse("key", *self.init_with("agency", agency=uri), code=2)
        self.refuse("CA=URI", *INIT, "--key", "other=" + self.uri("x"), code=2)
        self.refuse("named twice", *self.init_with("agency", "agency"), code=2)


if __name__ == "__main__":
    unittest.main()
