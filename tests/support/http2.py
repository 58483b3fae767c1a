"""HTTP/2 frames by hand over mutual TLS: for clients that do what no library lets them (RFC 9113, 7541)."""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CANCEL = struct.pack(">I", 8)


class Target:
    """Where to connect, and with whose certificate. May be sent to another process."""

    def __init__(self, address, bundle, identity):
        host, _, port = address.rpartition(":")
        self.endpoint = (host, int(port))
        self.bundle, self.cert, self.key = str(bundle), str(identity.cert), str(identity.key)

    def tcp(self):
        connection = socket.create_connection(self.endpoint, timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def context(self, with_certificate=True):
        context = ssl.create_default_context(cafile=self.bundle)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        if with_certificate:
            context.load_cert_chain(self.cert, self.key)
        return context

    def tls(self, context=None):
        return (context or self.context()).wrap_socket(self.tcp())

    def http2(self, context=None, settings=()):
        """A connection after both prefaces have begun; what the server sends is not read."""
        connection = self.tls(context)
        payload = b"".join(struct.pack(">HI", key, value) for key, value in settings)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, payload))
        return connection


def frame(kind, flags, stream, payload=b"", length=None):
    """length: told instead of the true one."""
    told = len(payload) if length is None else length
    return struct.pack(">I", told)[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _integer(value, bits):
    if value < (1 << bits) - 1:
        return bytes((value,))
    out, value = [(1 << bits) - 1], value - ((1 << bits) - 1)
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes((*out, value))


def header(name, value):
    """A literal header field, never indexed."""
    name, value = name.encode(), value.encode()
    return b"\x10" + _integer(len(name), 7) + name + _integer(len(value), 7) + value


def call_headers(path, *more):
    """The header block of a gRPC call."""
    fields = ((":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
              ("content-type", "application/grpc"), ("te", "trailers"), *more)
    return b"".join(header(name, value) for name, value in fields)


def open_call(stream, path, *more, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, call_headers(path, *more))


def message(content, compressed=False, length=None):
    """A gRPC message; length: told instead of the true one."""
    return bytes((compressed,)) + struct.pack(">I", len(content) if length is None else length) + content


def streams():
    """The numbers of a client's streams."""
    return iter(range(1, 1 << 31, 2))
