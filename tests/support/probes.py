"""The probes of an exchange that was started with --http 127.0.0.1:0."""

import http.client
import re

_SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*(?:\{[^}]*\})?) (\S+)$')


def port(ex):
    return int(re.findall(r"server\.probes_ready port=(\d+)", ex.log.read_text())[-1])


def ask(ex, path, method="GET"):
    """(status, content type, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", port(ex), timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def metrics(ex):
    """Samples of /metrics by name with labels."""
    status, _, body = ask(ex, "/metrics")
    assert status == 200, body
    found = {}
    for line in body.splitlines():
        if not line.startswith("#"):
            name, value = _SAMPLE.match(line).groups()
            assert name not in found, f"{name} twice"
            found[name] = float(value)
    return found
