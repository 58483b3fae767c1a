"""Who is connected, and how an operator ends it."""

import socket
import ssl

import grpc
import pytest
from cryptography import x509

import exchange
import h2
import policies
import probes
from contract import refused, v1
from exchange import wait_until
from user import User

REGENCY, MINISTRY = "kab.18.07", "kl.kp2mi"
DENIED, UNAVAILABLE = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def shared(ca, tmp_path_factory):
    folder = tmp_path_factory.mktemp("operated")
    with exchange.Exchange(ca, folder, "--http", "127.0.0.1:0") as running:
        running.apply(policies.from_folder())
        yield running


def connections(ex, who="operator/admin", **keywords):
    return ex.operator(who).ListConnections(v1.ListConnectionsRequest(**keywords), timeout=20)


def of(ex, identity):
    return [one for one in connections(ex).connections if one.identity == identity]


def disconnect(ex, who="operator/admin", **whom):
    return ex.operator(who).Disconnect(v1.DisconnectRequest(**whom), timeout=20)


def certificate(ex, name):
    return x509.load_pem_x509_certificate(ex.ca.identity(name).cert.read_bytes())


def raw(ex, name, address=None):
    """A connection that this test holds, after one call."""
    identity = ex.ca.identity(name)
    context = ssl.create_default_context(cafile=ex.ca.bundle)
    context.load_cert_chain(identity.cert, identity.key)
    context.set_alpn_protocols(["h2"])
    context.check_hostname = False
    host, _, port = (address or ex.address).rpartition(":")
    made = context.wrap_socket(socket.create_connection((host, int(port)), 10))
    made.sendall(h2.call("/berbagi.v1.SubscriberService/Fetch"))
    received = b""
    while h2.status(received) is None:
        received += made.recv(65536)
    return made


def test_who_is_connected_is_told_with_certificate_and_calls(ex):
    streams = [ex.subscribe(REGENCY) for _ in range(2)]
    assert all(stream.opened for stream in streams)
    (told,) = of(ex, f"agency/{REGENCY}")
    made = certificate(ex, REGENCY)
    assert told.certificate_serial == ex.ca.identity(REGENCY).serial
    assert told.certificate_not_after.ToDatetime() == made.not_valid_after
    assert told.streams == 2 and told.peer.startswith("ipv4:127.0.0.1:")
    assert told.connected_at.seconds > 0
    (asking,) = of(ex, "operator/admin")
    assert asking.streams == 1


def test_an_idle_connection_is_told_until_it_is_closed(ex):
    ex.fetch(MINISTRY)
    (told,) = of(ex, f"agency/{MINISTRY}")
    assert told.streams == 0
    ex.channel(MINISTRY).close()
    wait_until(lambda: not of(ex, f"agency/{MINISTRY}"), what="the connection gone")


@pytest.mark.parametrize("listen, host, peer", [
    ("[::1]:0", "::1", "ipv6:%5B::1%5D:"), ("[::]:0", "127.0.0.1", "ipv4:127.0.0.1:")])
def test_ipv6_connections_are_told_and_closed_alike(make_exchange, listen, host, peer):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    ex = make_exchange(None, "--listen", listen)
    port = ex.address.rpartition(":")[2]
    ex.address = f"localhost:{port}"  # a name of the certificate
    ex.apply(policies.from_folder())
    with raw(ex, MINISTRY, f"{host}:{port}") as connection:
        (told,) = of(ex, f"agency/{MINISTRY}")
        assert told.peer.startswith(peer) and told.streams == 0
        assert disconnect(ex, peer=told.peer).connections == 1
        connection.settimeout(10)
        while connection.recv(65536):
            pass


def test_pages_tell_every_connection_once(ex):
    names = [REGENCY, MINISTRY, "kab.35.09", "kl.komdigi"]
    for name in names:
        ex.fetch(name)
    told, token = [], ""
    while True:
        page = connections(ex, page_size=2, page_token=token)
        assert len(page.connections) <= 2
        told += [one.identity for one in page.connections]
        token = page.next_page_token
        if not token:
            break
    assert [name for name in told if name.startswith("agency/")] == [
        f"agency/{name}" for name in names]
    refusal = refused(connections, ex, page_token="x")
    assert refusal.code == INVALID


def test_each_connected_agency_has_a_row_of_its_certificates_end(ex):
    ex.fetch("kab.53.06")
    name = 'berbagi_certificate_not_after_seconds{agency="kab.53.06"}'
    wait_until(lambda: name in probes.metrics(ex), what="the agency's row")
    ends = certificate(ex, "kab.53.06").not_valid_after
    assert probes.metrics(ex)[name] == (ends - ends.utcfromtimestamp(0)).total_seconds()
    ex.channel("kab.53.06").close()
    wait_until(lambda: name not in probes.metrics(ex), what="the row gone")


@pytest.mark.parametrize("by", ["identity", "certificate_serial", "peer"])
def test_a_connection_is_ended_and_closed_and_may_come_again(ex, by):
    with raw(ex, REGENCY) as connection:
        stream = ex.subscribe("kab.35.09")
        other = ex.subscribe(MINISTRY)
        assert stream.opened and other.opened
        for name in (REGENCY, "kab.35.09"):
            (told,) = of(ex, f"agency/{name}")
            answer = disconnect(ex, **{by: getattr(told, by)})
            assert (answer.connections, answer.streams) == (1, 1 if name == "kab.35.09" else 0)
        refusal = stream.wait_end()
        assert (refusal.code, refusal.reason) == (UNAVAILABLE, "DISCONNECTED")
        connection.settimeout(10)
        while connection.recv(65536):
            pass  # to the end of the connection
    assert not other.ended
    assert raw(ex, REGENCY).close() is None
    again = ex.subscribe("kab.35.09")
    wait_until(lambda: again.responses or again.ended)
    lines = "".join(path.read_text() for path in (ex.data / "audit").iterdir())
    assert '"kind":"disconnected","who":"operator/admin"' in lines


def test_who_ends_its_own_connections_is_answered(ex):
    assert disconnect(ex, identity="operator/admin").connections >= 1


def test_nobody_of_that_name_is_no_error(ex):
    answer = disconnect(ex, identity="agency/kab.11.11")
    assert (answer.connections, answer.streams) == (0, 0)


@pytest.mark.parametrize("whom", [
    {}, {"identity": ""}, {"peer": 'x"y'}, {"identity": "agency/\n"}, {"peer": "x" * 101}])
def test_a_request_that_names_nobody_is_refused(ex, whom):
    refusal = refused(disconnect, ex, **whom)
    assert (refusal.code, refusal.reason) == (INVALID, "MALFORMED_REQUEST")


def test_roles_are_asked_for(ex):
    assert connections(ex, "operator/dewi").connections
    refusal = refused(disconnect, ex, "operator/dewi", identity=f"agency/{REGENCY}")
    assert (refusal.code, refusal.reason) == (DENIED, "NO_ROLE")
    for call in (connections, disconnect):
        refusal = refused(call, ex, REGENCY)
        assert (refusal.code, refusal.reason) == (DENIED, "WRONG_KIND")


def test_the_command_line_lists_and_disconnects(ex, tmp_path):
    admin = User(ex, "operator/admin", tmp_path / "home")
    stream = ex.subscribe(REGENCY)
    assert stream.opened
    done = admin.run("operator", "connections")
    assert done.code == 0 and f"agency/{REGENCY}" in done.out, done
    done = admin.run("operator", "--output", "json", "connections")
    (told,) = [one for one in done.events if one["identity"] == f"agency/{REGENCY}"]
    assert told["streams"] == 1
    done = admin.run("operator", "--serial", told["certificate_serial"], "disconnect")
    assert done.code == 0 and done.out == "connections ended: 1, calls on them: 1\n", done
    assert stream.wait_end().reason == "DISCONNECTED"
    for wrong in (["disconnect"], ["--peer", "a", "--serial", "b", "disconnect"], ["what"],
                  ["--output", "xml", "connections"], []):
        assert admin.run("operator", *wrong).code == 2
