"""Clients that mean harm: the server keeps within its memory, serves the others meanwhile, and is well afterwards.

How long the others wait is told by tests/hostile/run; nothing here asserts a time.
"""

import threading

import pytest

import attacks
import exchange
import hostility
import policies

CONNECTION_MIB = 256


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


def test_client_that_gives_up_call_after_call_loses_its_connection(attacked):
    hostility.beside(attacked, "resets of whole requests", 1, small=True, worker=threading.Thread)
    assert "rpc.connection_closed" in attacked.log.read_text()
