"""What any gRPC client may rely on: status and details, health, reflection, calls that do not exist."""

import re
import threading
import uuid

import grpc
import pytest
from google.protobuf import descriptor_pb2

import exchange
from contract import (
    FILES, POOL, TYPES, Refusal, Service, health, message_class, reflection, refused, v1)
from exchange import event

KP2MI = "kl.kp2mi"
SERVICES = {"berbagi.v1.PublisherService", "berbagi.v1.SubscriberService",
            "berbagi.v1.PolicyService", "berbagi.v1.OperatorService", "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection"}
REASONS = dict(line.split()[:2] for line in exchange.run("berbagid", "--reasons")
               .stdout.splitlines() if re.match(r"[A-Z_]+ ", line))


# Errors


def anything(ex, path, request=b"", name=KP2MI):
    return refused(ex.channel(name).unary_unary(path), request, timeout=20)


@pytest.mark.parametrize("path", [
    "/berbagi.v1.PublisherService/Nothing", "/berbagi.v1.NothingService/Publish",
    "/berbagi.v1.PublisherService/publish", "/nothing", "/",
    "/berbagi.v1.PublisherService/Publish/", "/" + "x" * 5000])
def test_a_method_that_does_not_exist_is_unimplemented(ex, path):
    for name in (KP2MI, "operator/admin"):
        refusal = anything(ex, path, name=name)
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")


def test_the_list_of_reasons_tells_code_and_meaning():
    codes = {code.name for code in grpc.StatusCode}
    assert len(REASONS) > 20 and set(REASONS.values()) <= codes
    for line in exchange.run("berbagid", "--reasons").stdout.splitlines():
        assert len(line.split()) >= 4


REFUSED = {
    "unknown method": lambda ex: anything(ex, "/no.Service/Method"),
    "garbage": lambda ex: anything(ex, "/berbagi.v1.PublisherService/Publish", b"\xff\xff"),
    "too large": lambda ex: anything(
        ex, "/berbagi.v1.PublisherService/Publish", b"\xa2\x3e\x80\x80\xc0\x02" + b"x" * (5 << 20)),
    "too many": lambda ex: refused(ex.publish, KP2MI, [v1.Event()] * 1001),
    "position ahead": lambda ex: refused(ex.fetch, KP2MI, after_position=1 << 50),
    "log changed": lambda ex: refused(ex.fetch, KP2MI, log_id="another"),
    "bad name": lambda ex: refused(ex.fetch, KP2MI, subscription="NO NAME"),
    "unknown agency": lambda ex: refused(ex.fetch, "kab.99.99"),
    "wrong kind": lambda ex: refused(ex.fetch, "operator/admin"),
    "no role": lambda ex: refused(ex.policy("operator/dewi").ApplyPolicy, v1.ApplyPolicyRequest()),
    "invalid policy": lambda ex: refused(
        ex.policy().ApplyPolicy, v1.ApplyPolicyRequest(expected_version=ex.version)),
    "version mismatch": lambda ex: refused(
        ex.policy().ApplyPolicy, v1.ApplyPolicyRequest(
            expected_version=ex.version + 7,
            policy=ex.policy().GetPolicy(v1.GetPolicyRequest()).policy)),
    "unknown subscription": lambda ex: refused(
        ex.subscriber(KP2MI).DeleteSubscription, v1.DeleteSubscriptionRequest(name="none")),
    "bad page token": lambda ex: refused(
        ex.subscriber(KP2MI).ListSubscriptions, v1.ListSubscriptionsRequest(page_token="\u00e9\0")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_error_carries_a_status_with_a_reason_of_the_list(ex, case):
    refusal = REFUSED[case](ex)
    assert refusal.reason in REASONS, refusal
    assert refusal.code.name == REASONS[refusal.reason]
    assert refusal.domain
    assert refusal.status.code == refusal.code.value[0]
    assert refusal.status.message == refusal.message != ""
    for field, words in refusal.violations:
        assert field and words


MALFORMED = {
    "events": lambda ex: refused(ex.publish, KP2MI, [v1.Event()] * 1001),
    "subscription": lambda ex: refused(ex.fetch, KP2MI, subscription="NO NAME"),
    "open.subscription": lambda ex: ex.subscribe(KP2MI, subscription="NO NAME").wait_end(),
    "filter": lambda ex: refused(ex.fetch, KP2MI, filter=v1.Filter(types=["a"] * 1001)),
    "page_token": lambda ex: refused(ex.subscriber(KP2MI).ListSubscriptions,
                                     v1.ListSubscriptionsRequest(page_token="none")),
    "operators": lambda ex: refused(ex.policy().ApplyPolicy,
                                    v1.ApplyPolicyRequest(expected_version=ex.version)),
}


@pytest.mark.parametrize("field", MALFORMED)
def test_a_malformed_request_names_its_field(ex, field):
    named = [name for name, _ in MALFORMED[field](ex).violations]
    assert [name.split(".")[-1] for name in named] == [field.split(".")[-1]]


def test_no_error_repeats_what_was_sent(ex):
    secret = "SECRET" + uuid.uuid4().hex
    for refusal in (refused(ex.fetch, KP2MI, subscription=secret),
                    refused(ex.fetch, KP2MI, log_id=secret),
                    anything(ex, f"/{secret}/{secret}")):
        assert secret not in refusal.message + repr(refusal.violations)
    assert secret not in ex.log.read_text()


METHODS = [(service.full_name, method.name, method.output_type) for service in (
    POOL.FindServiceByName(name) for name in sorted(SERVICES)) for method in service.methods]
JUNK = [b"\xff" * 10, b"\x0a\xff\xff\xff\xff\x0f", b"\x08", b"\x0b", b"\x00\x00",
        b"\x0a\x80" * 2000, b"\x07abc"]


@pytest.mark.parametrize("service, method, answer", METHODS, ids=[
    f"{service.rpartition('.')[2]}.{method}" for service, method, _ in METHODS])
def test_bytes_that_are_no_message_harm_no_method(ex, service, method, answer):
    kind = POOL.FindServiceByName(service).methods_by_name[method]
    proto = descriptor_pb2.MethodDescriptorProto()
    kind.CopyToProto(proto)
    for name in (KP2MI, "operator/admin"):
        channel = ex.channel(name)
        for junk in JUNK:
            call = channel.stream_stream(f"/{service}/{method}")(iter([junk]), timeout=20)
            try:
                for response in call:
                    message_class(answer).FromString(response)
            except grpc.RpcError as error:
                refusal = Refusal(error)
                assert refusal.code != grpc.StatusCode.INTERNAL
                assert refusal.code != grpc.StatusCode.DEADLINE_EXCEEDED
                assert refusal.reason in REASONS or service.startswith("grpc."), refusal
    assert ex.process.poll() is None
    assert ex.fetch(KP2MI).log_id


def test_two_messages_in_a_call_that_takes_one_do_no_harm(ex):
    request = v1.PublishRequest(events=[event("case.opened")]).SerializeToString()
    call = ex.channel(KP2MI).stream_stream("/berbagi.v1.PublisherService/Publish")(
        iter([request, request]), timeout=20)
    try:
        assert len(list(call)) == 1
    except grpc.RpcError as error:
        assert error.code() != grpc.StatusCode.DEADLINE_EXCEEDED
    assert ex.fetch(KP2MI).log_id


def test_no_message_in_a_call_that_takes_one_is_an_error(ex):
    call = ex.channel(KP2MI).stream_stream("/berbagi.v1.SubscriberService/Fetch")(
        iter([]), timeout=20)
    refusal = refused(lambda: list(call))
    assert refusal.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED,
                            grpc.StatusCode.INTERNAL)
    assert ex.fetch(KP2MI).log_id


@pytest.mark.parametrize("name, code", [(KP2MI, grpc.StatusCode.PERMISSION_DENIED),
                                        ("operator/admin", grpc.StatusCode.INVALID_ARGUMENT)])
def test_a_policy_is_read_behind_its_callers_admission(ex, name, code):
    """An agency is refused while it has sent nothing; only an operator's end of request is waited
    for."""
    gone = threading.Event()

    def nothing():
        if name == KP2MI:
            gone.wait(20)
        yield from ()

    call = ex.channel(name).stream_unary("/berbagi.v1.PolicyService/ApplyPolicy")
    try:
        assert refused(call, nothing(), timeout=10).code == code
    finally:
        gone.set()


def test_calls_given_up_and_connections_dropped_do_no_harm(ex):
    for _ in range(20):
        stream = ex.subscribe(KP2MI)
        assert stream.opened
        stream.cancel()
        call = ex.subscriber(KP2MI).Fetch.future(
            v1.FetchRequest(after_position=ex.head(), wait_ms=20000), timeout=20)
        call.cancel()
    ex.disconnect()
    exchange.wait_until(lambda: ex.operator().GetStatus(v1.GetStatusRequest()).connections == 1)
    exchange.wait_until(lambda: ex.operator().GetStatus(v1.GetStatusRequest()).streams <= 1)


def test_a_deadline_of_the_client_is_kept(ex):
    refusal = refused(ex.subscriber(KP2MI).Fetch,
                      v1.FetchRequest(after_position=ex.head(), wait_ms=20000), timeout=0.3)
    assert refusal.code == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_not_unpacked(ex, compression):
    """A few kilobytes could become gigabytes: the exchange takes no compressed request at all."""
    large = v1.PublishRequest(events=[v1.Event(data=b"\0" * (16 << 20))])
    for request in (v1.PublishRequest(), large):
        refusal = refused(ex.publisher(KP2MI).Publish, request, timeout=20,
                          compression=compression)
        assert refusal.code == grpc.StatusCode.UNIMPLEMENTED
    assert ex.fetch(KP2MI).log_id


# Health


@pytest.mark.parametrize("service", ["", "berbagi.v1.PublisherService",
                                     "berbagi.v1.SubscriberService"])
def test_health_of_a_serving_exchange(ex, service):
    checks = Service(ex.channel(KP2MI), "grpc.health.v1.Health")
    request = health.HealthCheckRequest(service=service)
    serving = health.HealthCheckResponse.SERVING
    assert checks.Check(request, timeout=20).status == serving
    watch = checks.Watch(request, timeout=20)
    assert next(watch).status == serving
    watch.cancel()


def test_health_of_an_unknown_service(ex):
    checks = Service(ex.channel(KP2MI), "grpc.health.v1.Health")
    request = health.HealthCheckRequest(service="no.such.Service")
    assert refused(checks.Check, request, timeout=20).code == grpc.StatusCode.NOT_FOUND
    watch = checks.Watch(request, timeout=20)
    assert next(watch).status == health.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_health_is_told_while_the_server_stops(make_exchange, shared):
    ex = make_exchange(shared.policy().GetPolicy(v1.GetPolicyRequest()).policy)
    watch = Service(ex.channel(KP2MI), "grpc.health.v1.Health").Watch(
        health.HealthCheckRequest(), timeout=20)
    assert next(watch).status == health.HealthCheckResponse.SERVING
    ex.process.terminate()
    try:
        assert next(watch).status == health.HealthCheckResponse.NOT_SERVING
        list(watch)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert ex.process.wait(20) == 0


# Reflection


def reflect(ex, **request):
    stub = Service(ex.channel(KP2MI), "grpc.reflection.v1alpha.ServerReflection")
    (answer,) = stub.ServerReflectionInfo(
        iter([reflection.ServerReflectionRequest(**request)]), timeout=20)
    return answer


def test_reflection_lists_the_services(ex):
    listed = {service.name for service in reflect(ex, list_services="").list_services_response.service}
    assert SERVICES <= listed


def files(answer):
    return [descriptor_pb2.FileDescriptorProto.FromString(file) for file in
            answer.file_descriptor_response.file_descriptor_proto]


@pytest.mark.parametrize("symbol", sorted(SERVICES - {"grpc.health.v1.Health"}) + [
    "grpc.health.v1.Health", "berbagi.v1.Event", "berbagi.v1.PublisherService.Publish",
    "berbagi.v1.PublishResult.Outcome", "berbagi.v1.DataClass",
    *sorted(kind.message.DESCRIPTOR.full_name for kind in TYPES.values())])
def test_reflection_knows_every_service_and_event_type(ex, symbol):
    got = files(reflect(ex, file_containing_symbol=symbol))
    assert got
    names = set()
    for file in got:
        for element in (*file.service, *file.message_type, *file.enum_type):
            names.add(f"{file.package}.{element.name}")
    assert any(symbol == name or symbol.startswith(name + ".") for name in names)


def test_reflection_gives_the_files_as_they_are(ex):
    for file in FILES.file:
        if file.package in ("berbagi.v1", "berbagi.events.v1"):  # others are served elsewhere
            got = {f.name: f for f in files(reflect(ex, file_by_filename=file.name))}
            assert [m.name for m in got[file.name].message_type] == [
                m.name for m in file.message_type]


@pytest.mark.parametrize("request_", [
    {"file_containing_symbol": "no.such.Symbol"}, {"file_by_filename": "no/such/file.proto"},
    {"file_containing_symbol": ""}, {"file_by_filename": "../../etc/passwd"}])
def test_reflection_of_something_unknown_is_not_found(ex, request_):
    answer = reflect(ex, **request_)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_reflection_answers_in_order_on_one_stream(ex):
    stub = Service(ex.channel(KP2MI), "grpc.reflection.v1alpha.ServerReflection")
    requests = [reflection.ServerReflectionRequest(file_containing_symbol=name)
                for name in sorted(SERVICES)] * 5
    answers = list(stub.ServerReflectionInfo(iter(requests), timeout=20))
    assert [answer.original_request for answer in answers] == requests
