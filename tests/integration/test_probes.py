"""What a monitoring system reads: /healthz, /readyz, /metrics, and nothing else."""

import http.client
import re
import socket

import pytest

import exchange
import policies
import probes
import rows
from exchange import event, wait_until
from user import User


@pytest.fixture
def probed(make_exchange):
    return make_exchange(policies.from_folder(), "--http", "127.0.0.1:0")


@pytest.fixture(scope="module")
def watched(ca, tmp_path_factory):
    with exchange.Exchange(ca, tmp_path_factory.mktemp("watched"), "--http", "127.0.0.1:0") as running:
        running.apply(policies.from_folder())
        yield running


def test_a_server_in_good_order_is_alive_and_ready(watched):
    assert probes.ask(watched, "/healthz")[0] == 200
    assert probes.ask(watched, "/readyz")[0] == 200


def test_an_exchange_without_policy_is_alive(make_exchange):
    assert probes.ask(make_exchange(None, "--http", "127.0.0.1:0"), "/healthz")[0] == 200


def test_without_the_option_nothing_is_served(make_exchange):
    assert "probes_ready" not in make_exchange(policies.from_folder()).log.read_text()


def test_address_left_out_is_the_loopback(make_exchange):
    running = make_exchange(None, "--http", ":0")
    assert probes.ask(running, "/healthz")[0] == 200
    listening = {line.split()[1] for line in open("/proc/net/tcp").readlines()[1:]}
    assert f"0100007F:{probes.port(running):04X}" in listening
    assert f"00000000:{probes.port(running):04X}" not in listening


HELP = re.compile(r"# HELP ([a-z_][a-z0-9_]*) (\S.*)")
TYPE = re.compile(r"# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram)")
SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? '
                    r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def families(body):
    """Parses Prometheus' text format: {name: (type, {labels: value})}; every line must be of it."""
    found, helped = {}, set()
    assert body.endswith("\n")
    for line in body.splitlines():
        if match := HELP.fullmatch(line):
            assert match[1] not in helped
            helped.add(match[1])
        elif match := TYPE.fullmatch(line):
            assert match[1] not in found and match[1] in helped
            found[match[1]] = (match[2], {})
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            family = name if name in found else re.sub(r"_(bucket|sum|count)$", "", name)
            kind, samples = found[family]
            assert kind == "histogram" or name == family
            samples[name + (labels or "")] = float(value)
    assert helped == set(found)
    return found


def test_metrics_are_prometheus_text(watched):
    watched.store("kab.18.07", event("outreach.session.held"))
    status, kind, body = probes.ask(watched, "/metrics")
    assert status == 200 and kind.startswith("text/plain; version=0.0.4")
    for name, (kind, samples) in families(body).items():
        assert name.startswith("berbagi_") and samples
        assert (kind == "counter") == name.endswith("_total")
        if kind == "histogram":
            buckets = [value for key, value in samples.items() if "_bucket" in key]
            assert buckets == sorted(buckets)
            assert samples[f'{name}_bucket{{le="+Inf"}}'] == samples[f"{name}_count"]


def test_metrics_count_what_was_answered(probed, tmp_path):
    officer = User(probed, "kab.18.07", tmp_path / "officer")
    file = tmp_path / "rows.jsonl"
    file.write_text(rows.as_jsonl(rows.registrations(3)))
    officer.push(file)
    officer.push(file)
    probed.publish("kab.18.07", [event(rows.TYPE, region="35.09")])
    found = probes.metrics(probed)
    assert found['berbagi_events_total{outcome="stored"}'] == 3
    assert found['berbagi_events_total{outcome="duplicate"}'] == 3
    assert found['berbagi_events_total{outcome="rejected"}'] == 1
    assert found["berbagi_head_position"] == 3 and found["berbagi_policy_version"] == 1
    User(probed, "kl.kp2mi", tmp_path / "ministry").receive()
    wait_until(lambda: probes.metrics(probed)["berbagi_events_delivered_total"] == 3)


def test_metrics_tell_nothing_about_people(probed, tmp_path):
    officer = User(probed, "kab.18.07", tmp_path / "officer")
    file = tmp_path / "rows.jsonl"
    file.write_text(rows.as_jsonl(rows.registrations(3)))
    officer.push(file)
    body = probes.ask(probed, "/metrics")[2]
    assert not [word for word in rows.personal(rows.registrations(3)) if word in body]


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/metrics/..", "/../metrics", "//metrics",
                                  "/HEALTHZ", "/debug/pprof", "*", "/" + "x" * 8000])
def test_nothing_else_is_served(watched, path):
    status, _, body = probes.ask(watched, path)
    assert status in (400, 404, 414) and "berbagi_" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_is_taken(watched, method):
    status, _, body = probes.ask(watched, "/metrics", method)
    assert status in (400, 405, 501) and "berbagi_" not in body


def test_noise_does_it_no_harm(watched):
    """Half a request, a gRPC client, ten idle connections; the next probe is answered all the same."""
    address = ("127.0.0.1", probes.port(watched))
    idle = [socket.create_connection(address) for _ in range(10)]
    idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost:")
    idle[1].sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100))
    idle[2].sendall(bytes(range(256)) * 40)
    try:
        wait_until(lambda: answers(watched), what="an answer")
    finally:
        for connection in idle:
            connection.close()
    assert probes.ask(watched, "/healthz")[0] == 200


def answers(ex):
    try:
        return probes.ask(ex, "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False
