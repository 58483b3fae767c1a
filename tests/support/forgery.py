"""Certificates that berbagi-ca would not make, signed with the keys of its CAs."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exchange import Identity

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def now(seconds=0):
    return datetime.datetime.utcnow() + datetime.timedelta(seconds=seconds)


def forge(ca, name, uris, signer="agency", usage=(CLIENT,), not_before=None, not_after=None,
          dns=(), key=None, may_sign=True, is_ca=False):
    """A certificate and key with these URI SANs, signed by the issuing CA for agencies, operators
    or servers (or "root"). Files are named for name. usage is the extended one, none if empty;
    may_sign the bit digitalSignature. Everything else is as berbagi-ca makes it."""
    issuer = x509.load_pem_x509_certificate((ca.folder / signer / "cert.pem").read_bytes())
    signing = serialization.load_pem_private_key(
        (ca.folder / signer / "key.pem").read_bytes(), None)
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "berbagi.example"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, signer),
            x509.NameAttribute(NameOID.COMMON_NAME, "forged")]))
        .issuer_name(issuer.subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or now(-3600)).not_valid_after(not_after or now(3600))
        .add_extension(x509.BasicConstraints(is_ca, None), True)
        .add_extension(x509.KeyUsage(may_sign, False, not may_sign, *[False] * 2, is_ca,
                                     *[False] * 3), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer.public_key()), False))
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), False)
    names = [x509.UniformResourceIdentifier(uri) for uri in uris]
    names += [x509.DNSName(host) for host in dns]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    if signer != "root":
        policies = issuer.extensions.get_extension_for_class(x509.CertificatePolicies).value
        builder = builder.add_extension(policies, False)
    made = builder.sign(signing, hashes.SHA256())
    identity = Identity(ca.folder.parent / f"{name}.pem", ca.folder.parent / f"{name}.key")
    identity.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM)
                              + issuer.public_bytes(serialization.Encoding.PEM))
    identity.key.write_bytes(key_pem(key))
    identity.key.chmod(0o600)
    return identity


KEYS = {
    "RSA 2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "RSA 3072": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def short_key():
    """An RSA key of 1024 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)
