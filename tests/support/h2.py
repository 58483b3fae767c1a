"""gRPC by hand: the bytes of one unary call over HTTP/2, and the status in what comes back.

For peers that speak TLS and nothing above it, `openssl s_client` and Python's ssl. Headers go out as
plain literals; of what comes back gRPC's C core writes names and values plainly, so the status is
found without a decoder.
"""

import re
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
_STATUS = re.compile(rb"grpc-status(?:\x01(\d)|\x02(\d\d))")


def _frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name, value):
    return b"\x10" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def call(path, message=b"", stream=1, opening=True):
    """The bytes of a call; opening=False for a further one (stream 3, 5, ...) on the connection."""
    headers = b"".join(_header(*pair) for pair in (
        (":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
        ("content-type", "application/grpc"), ("te", "trailers")))
    body = b"\0" + struct.pack(">I", len(message)) + message
    sent = PREFACE + _frame(SETTINGS, 0, 0) if opening else b""
    return (sent + _frame(HEADERS, END_HEADERS, stream, headers)
            + _frame(DATA, END_STREAM, stream, body))


def status(received):
    """The gRPC code in the bytes that came, None while it is not there."""
    found = _STATUS.search(received)
    return found and int(found[1] or found[2])
