"""Fixtures of the integration tests; see tests/support/exchange.py for what they give."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import exchange  # noqa: E402
import policies  # noqa: E402


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    return exchange.Ca(tmp_path_factory.mktemp("pki") / "ca")


@pytest.fixture(scope="session")
def shared(ca, tmp_path_factory):
    """One exchange for the whole file with the sample policy: use where others' events do no harm."""
    with exchange.Exchange(ca, tmp_path_factory.mktemp("shared")) as running:
        running.apply(policies.from_folder())
        yield running


@pytest.fixture
def ex(shared):
    """The shared exchange, without the connections of the test before."""
    yield shared
    shared.disconnect()


@pytest.fixture
def make_exchange(ca, tmp_path):
    """Makes exchanges of one's own, empty or with a policy; stopped after the test."""
    made = []

    def make(policy=None, *options, start=True):
        running = exchange.Exchange(ca, tmp_path / f"exchange{len(made)}", *options, start=start)
        made.append(running)
        if policy is not None:
            running.apply(policy)
        return running

    yield make
    for running in made:
        running.close()
