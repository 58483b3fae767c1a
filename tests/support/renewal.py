"""The security team's host: a CA as for production, and the renewal service it runs.

    office = Office(folder)                      a CA with a registry; the root's key elsewhere
    with RenewalServer(office) as service:       berbagi-ca serve on a free port
        holder = Holder(office, home).enrol()    an agency with `berbagi cert`: request, sign, install
        holder.cert("renew")
        service.renew(identity, csr)             the same call from Python
"""

import os
import pathlib
import re
import select
import signal
import subprocess

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contract import Service, ca_v1
from exchange import DEADLINE, Identity, binary, run
from user import Done

AGENCY = "kab.18.07"
AGENCIES = (AGENCY, "kl.kp2mi", *(f"kab.35.{number:02d}" for number in range(1, 30)))


def secret_fd(*lines):
    """A descriptor to read these lines from."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    return reading


class Office:
    """A CA kept as for production. passphrase: of its issuing keys; opening one takes half a second, so most tests do
    without."""

    def __init__(self, folder, registry=AGENCIES, passphrase=None):
        self.folder, self.passphrase = pathlib.Path(folder), passphrase
        self.bundle, self.crl = self.folder / "ca.pem", self.folder / "crl.pem"
        listed = self.folder.parent / "agencies.yaml"
        listed.write_text("agencies:\n" + "".join(
            f"  - id: {agency}\n    name: {agency}\n" for agency in registry))
        self.ca("init", "--trust-domain", "berbagi.example", "--registry", listed,
                *([] if passphrase else ["--no-passphrase"]))
        self.safe = self.folder.parent / "safe"
        (self.safe / "root").mkdir(parents=True)
        (self.folder / "root" / "key.pem").rename(self.safe / "root" / "key.pem")
        self._identities = {}
        self.server = self.identity("server/ca")

    def ca(self, command, *arguments):
        """A command of berbagi-ca on the folder, its passphrases at hand."""
        fds, options = [], []
        if self.passphrase and command in ("init", "sign", "revoke", "crl"):
            fds = [secret_fd(self.passphrase), secret_fd("the passphrase of the root")]
            options = ["--passphrase-fd", fds[0], "--root-passphrase-fd", fds[1]]
        try:
            done = run("berbagi-ca", command, "--dir", self.folder, *arguments, *options, pass_fds=fds)
        finally:
            for fd in fds:
                os.close(fd)
        assert done.returncode == 0, done.stderr
        return done

    def sign(self, csr, out, *who):
        self.ca("sign", "--csr", csr, "--out", out, *who)

    def identity(self, name):
        """Key and certificate of "server/main" or "operator/admin", made when first asked."""
        if name not in self._identities:
            kind, _, word = name.partition("/")
            key, csr, cert = (self.folder.parent / f"{kind}-{word}.{end}" for end in ("key", "csr", "pem"))
            who = (f"--{kind}", word, *(("--dns", "127.0.0.1") if kind == "server" else ()))
            made = run("berbagi-ca", "request", *who, "--key", key, "--csr", csr)
            assert made.returncode == 0, made.stderr
            self.sign(csr, cert, *who)
            self._identities[name] = Identity(cert, key)
        return self._identities[name]

    def revoke(self, serial):
        self.ca("revoke", serial, "--reason", "key-compromise")

    def acts(self):
        """What the CA has done, a line each."""
        return self.ca("log").stdout.splitlines()

    def issued(self, agency=AGENCY):
        return [line for line in self.ca("list").stdout.splitlines() if agency in line]


class RenewalServer:
    """berbagi-ca serve; close() stops it and asserts that it stopped in good order."""

    def __init__(self, office, *options, passphrase=None):
        self.office, self.options = office, options
        self.passphrase = passphrase or office.passphrase
        self.log = office.folder.parent / "serve.log"
        self.process = self.address = None

    def command(self):
        server = self.office.server
        return [binary("berbagi-ca"), "serve", "--dir", str(self.office.folder), "--listen",
                "127.0.0.1:0", "--cert", str(server.cert), "--key", str(server.key),
                *map(str, self.options)]

    def _launch(self, log):
        if self.passphrase is None:
            return subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log)
        fd = secret_fd(self.passphrase)
        try:
            return subprocess.Popen([*self.command(), "--passphrase-fd", str(fd)],
                                    stdout=subprocess.PIPE, stderr=log, pass_fds=[fd])
        finally:
            os.close(fd)

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = self._launch(log)
        readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline().decode() if readable else ""
        assert line.startswith("ready "), self.log.read_text()[-2000:]
        self.address = line.partition(" ")[2].strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        assert code == 0, self.log.read_text()[-2000:]

    def renew(self, identity, request):
        """One Renew call from Python, on a connection of its own: the RenewResponse."""
        pem = identity.cert.read_bytes()
        key = (identity.key or identity.cert).read_bytes()
        credentials = grpc.ssl_channel_credentials(self.office.bundle.read_bytes(), key,
                                                   b"".join(certificates(pem)))
        with grpc.secure_channel(self.address, credentials,
                                 options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            service = Service(channel, "berbagi.ca.v1.RenewalService")
            return service.Renew(ca_v1.RenewRequest(request=request), timeout=DEADLINE)


class Holder:
    """An agency or operator that keeps its identity with `berbagi cert`."""

    def __init__(self, office, home, service=None, name=AGENCY, kind="agency"):
        self.office, self.home, self.service = office, pathlib.Path(home), service
        self.kind, self.name = kind, name
        self.home.mkdir(parents=True, exist_ok=True)
        self.identity = Identity(self.home / "identity.pem")
        self.bundle = self.home / "ca.pem"
        self.bundle.write_bytes(office.bundle.read_bytes())

    def cert(self, *arguments, **environment):
        """berbagi cert ... to its end."""
        server = ["--renewal-server", self.service.address] if self.service else []
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith(("BERBAGI_", "XDG_"))}
        done = subprocess.run(
            [binary("berbagi"), "cert", "--cert", self.identity.cert, "--ca", self.bundle, *server,
             *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=self.home,
            env={**inherited, "HOME": str(self.home), **environment})
        return Done(done.returncode, done.stdout, done.stderr)

    def enrol(self):
        """Request here, signature at the office, installation here."""
        csr, cert = self.home / "request.csr", self.home / "answer.pem"
        who = (f"--{self.kind}", self.name)
        done = self.cert("request", *who, "--csr", csr)
        assert done.code == 0, done
        self.office.sign(csr, cert, *who)
        done = self.cert("install", cert)
        assert done.code == 0, done
        return self

    @property
    def uri(self):
        return f"spiffe://berbagi.example/{self.kind}/{self.name}"

    @property
    def serial(self):
        return f"{self.certificate.serial_number:032x}"

    @property
    def certificate(self):
        return x509.load_pem_x509_certificate(certificates(self.identity.cert.read_bytes())[0])

    @property
    def key(self):
        return serialization.load_pem_private_key(self.identity.cert.read_bytes(), None)


def certificates(pem):
    return re.findall(b"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.S)


def request(*uris, key=None):
    """A certificate request in PEM, made by a library nobody here wrote."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    if uris:
        builder = builder.add_extension(x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier(uri) for uri in uris]), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def exposed_keys(*folders):
    """Files below the folders that hold a private key and that somebody else could read."""
    found = []
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file() and b"PRIVATE KEY" in path.read_bytes() and path.stat().st_mode & 0o077:
                found.append(path)
    return found
