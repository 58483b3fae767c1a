"""Clients that mean harm: the server keeps within its memory, serves the others meanwhile, and is well afterwards.

How long the others wait is told by tests/hostile/run; nothing here asserts a time.
"""

import contextlib
import pathlib
import threading
import time

import pytest

import attacks
import exchange
import hostility
import http2
import policies

CONNECTION_MIB = 256
SECONDS = 5  # in which an attacker brings 128 MiB, whatever else the machine does


@pytest.fixture(scope="module")
def attacked(ca, tmp_path_factory):
    options = ("--connection-memory", CONNECTION_MIB)
    with exchange.Exchange(ca, tmp_path_factory.mktemp("attacked"), *options) as running:
        running.apply(policies.from_folder())
        hostility.fill(running)
        yield running


@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_server_outlives(attacked, name):
    report = hostility.beside(attacked, name, 0.5, small=True, worker=threading.Thread)
    hostility.check_well(attacked, name, report, CONNECTION_MIB)
    assert report.times and not report.failed, report


def connects(target):
    """Does the server go on after the handshake, which TLS 1.3 ends for the client before its certificate is looked at?"""
    with contextlib.suppress(*attacks.BROKEN), contextlib.closing(target.http2()) as connection:
        return connection.recv(1) != b""
    return False


@pytest.mark.parametrize(("name", "why"), [
    ("rapid resets", "calls_given_up"),
    ("resets of whole requests", "calls_given_up"),
    ("table stuffing", "too_many_calls"),
])
def test_client_that_does_harm_is_kept_out(attacked, name, why):
    target = hostility.beside(attacked, name, 2, small=True).target
    serial = exchange.Identity(target.cert).serial
    assert f"rpc.connection_closed serial={serial} why={why}" in attacked.log.read_text()
    assert not connects(target)
    assert connects(http2.Target(attacked.address, attacked.ca.bundle, attacked.ca.issue(hostility.HOSTILE)))


def test_headers_without_end_lose_their_connection(attacked):
    hostility.beside(attacked, "endless headers", SECONDS, small=True)
    assert "rpc.connection_closed why=bytes_without_calls" in attacked.log.read_text()


def test_flood_of_calls_leaves_the_others_their_turn(attacked):
    report = hostility.beside(attacked, "rapid resets", 2, small=True)
    assert len(report.times) > 5 and not report.failed, report


def unacknowledged(port):
    """Bytes that the kernel holds for each connection of the server at this port."""
    tables = [pathlib.Path("/proc/net", name).read_text() for name in ("tcp", "tcp6")]
    fields = [line.split() for table in tables for line in table.splitlines()[1:]]
    return [int(f[4].split(":")[0], 16) for f in fields if f[3] == "01" and int(f[1].split(":")[1], 16) == port]


def test_what_a_slow_reader_does_not_take_waits_in_the_log(attacked):
    """Not in the kernel, for which it would have been encrypted while others waited."""
    target = http2.Target(attacked.address, attacked.ca.bundle, attacked.ca.issue(hostility.HOSTILE))
    until = time.monotonic() + 2
    reader = threading.Thread(target=attacks.slow_readers, args=(target, 1, until))
    reader.start()
    most = 0
    while reader.is_alive():
        most = max(most, *unacknowledged(int(attacked.address.split(":")[1])), 0)
        time.sleep(0.05)
    assert 0 < most < 1 << 20
