"""A CA in a folder of its own, driven as a security officer does; what it makes is read by a library nobody here wrote
(python3-cryptography). BERBAGI_CA names the program, KILL_AT the library that kills it."""

import hashlib
import os
import stat
import subprocess
import tempfile
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROGRAM, KILL_AT = (os.path.abspath(os.environ[name]) for name in ("BERBAGI_CA", "KILL_AT"))
DOMAIN = "berbagi.example"


def spiffe(path):
    return x509.UniformResourceIdentifier(f"spiffe://{DOMAIN}/{path}")


def extension(cert, oid):
    return cert.extensions.get_extension_for_oid(oid).value


INIT = ("init", "--dir", "ca", "--trust-domain", DOMAIN, "--no-passphrase")


class CaTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def path(self, name):
        return os.path.join(self.dir, name)

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], **more}

    def run_ca(self, *arguments, code=0, secrets=None, **environment):
        """secrets: by option ("passphrase-fd"), what is to be read from a descriptor of its own. There is no terminal.
        code: the one it must end with, or several."""
        pipes = {option: self.pipe_with(text) for option, text in (secrets or {}).items()}
        try:
            done = subprocess.run(
                [PROGRAM, *arguments, *(f"--{option}={fd}" for option, fd in pipes.items())],
                cwd=self.dir, capture_output=True, text=True, env=self.environment(**environment),
                pass_fds=list(pipes.values()), start_new_session=True)
        finally:
            for fd in pipes.values():
                os.close(fd)
        self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,), done.stderr)
        return done

    @staticmethod
    def pipe_with(text):
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as f:
            f.write(text + "\n")
        return reading

    def refuse(self, words, *arguments, code=1, secrets=None):
        done = self.run_ca(*arguments, code=code, secrets=secrets)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def init(self, *more):
        with open(self.path("agencies.yaml"), "w") as f:
            f.write("agencies:\n  - id: kab.18.07\n  - id: kl.kp2mi\n")
        self.run_ca(*INIT, "--registry", "agencies.yaml", *more)
        os.remove(self.path("agencies.yaml"))

    def certs(self, name):
        with open(self.path(name), "rb") as f:
            parts = f.read().split(b"-----END CERTIFICATE-----\n")[:-1]
        return [x509.load_pem_x509_certificate(p + b"-----END CERTIFICATE-----\n") for p in parts]

    def crl(self, name):
        with open(self.path(name), "rb") as f:
            return x509.load_pem_x509_crl(f.read())

    def agency(self, name="kab.18.07", out="cert.pem"):
        self.run_ca("request", "--agency", name, "--key", "key.pem", "--csr", "req.pem")
        self.run_ca("sign", "--dir", "ca", "--csr", "req.pem", "--agency", name, "--out", out)
        return self.certs(out)[0]

    def write_csr(self, name, names, key=None, spoil=False):
        """A request of somebody who does not use our program."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        pem = builder.sign(key, hashes.SHA256())
        data = bytearray(pem.public_bytes(serialization.Encoding.DER))
        if spoil:
            data[-1] ^= 1
            pem = x509.load_der_x509_csr(bytes(data))
        with open(self.path(name), "wb") as f:
            f.write(pem.public_bytes(serialization.Encoding.PEM))

    def check_keys_are_private(self):
        """Walks everything there is: each private key is its owner's alone. How many there are."""
        keys = 0
        for folder, _, files in os.walk(self.dir):
            for file in files:
                path = os.path.join(folder, file)
                with open(path, "rb") as f:
                    is_key = b"PRIVATE KEY" in f.read()
                if is_key or file.endswith(".mdb"):
                    self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)
                keys += is_key
        return keys

    def digests(self):
        """Of every file outside the ledger."""
        found = {}
        for folder, _, files in os.walk(self.path("ca")):
            for file in files:
                if not file.endswith(".mdb"):
                    path = os.path.join(folder, file)
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, self.dir)] = hashlib.sha256(f.read()).hexdigest()
        return found

    def snapshot(self):
        return self.digests(), self.run_ca("list", "--dir", "ca").stdout
