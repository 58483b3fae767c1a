"""The messages and services of the contract, compiled from the .proto files at test time.

They live in a descriptor pool of their own, so that nothing here meets the protobuf modules that the
machine may have installed. Messages and enum values are attributes of a package:

    v1.Event(id="1")  v1.LEVEL_PUBLIC  v1.PublishResult.OUTCOME_STORED  events.YES

and event types have names too: TYPES["worker.registered"].message, .rules, .fields["nik"].rules.
"""

import pathlib
import subprocess
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"


def _descriptor_set():
    sources = sorted(PROTO.glob("berbagi/**/*.proto"))
    sources += [PROTO / name for name in (
        "google/rpc/status.proto", "google/rpc/error_details.proto",
        "grpc/health/v1/health.proto", "grpc/reflection/v1alpha/reflection.proto")]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "contract.pb"
        subprocess.run(
            ["protoc", "--include_imports", f"--descriptor_set_out={out}",
             f"--proto_path={PROTO}", "--proto_path=/usr/include",
             *(str(source.relative_to(PROTO)) for source in sources)], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


FILES = _descriptor_set()
POOL = descriptor_pool.DescriptorPool()
for _file in FILES.file:
    POOL.Add(_file)
_factory = message_factory.MessageFactory(POOL)


def message_class(descriptor):
    """The class of a message; nested messages are attributes of it."""
    made = _factory.GetPrototype(descriptor)
    for nested in descriptor.nested_types:
        setattr(made, nested.name, message_class(nested))
    return made


class Package:
    """Messages and values of enums of one proto package, as attributes."""

    def __init__(self, name):
        for file in FILES.file:
            if file.package != name:
                continue
            for message in file.message_type:
                descriptor = POOL.FindMessageTypeByName(f"{name}.{message.name}")
                setattr(self, message.name, message_class(descriptor))
            for enum in file.enum_type:
                for value in enum.value:
                    setattr(self, value.name, value.number)


v1 = Package("berbagi.v1")
ca_v1 = Package("berbagi.ca.v1")
events = Package("berbagi.events.v1")
rpc = Package("google.rpc")
health = Package("grpc.health.v1")
reflection = Package("grpc.reflection.v1alpha")


class Service:
    """Stubs of one service on a channel, each a grpc multicallable named for its method.

    With raw=True responses are the bytes as they came, for looking at what is really in them.
    """

    def __init__(self, channel, name, raw=False):
        for method in POOL.FindServiceByName(name).methods:
            setattr(self, method.name, self._stub(channel, name, method, raw))

    @staticmethod
    def _stub(channel, service, method, raw):
        proto = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(proto)
        kind = ("stream" if proto.client_streaming else "unary") + "_" + (
            "stream" if proto.server_streaming else "unary")
        return getattr(channel, kind)(
            f"/{service}/{method.name}",
            request_serializer=as_bytes,
            response_deserializer=None if raw else message_class(method.output_type).FromString)


def as_bytes(message):
    """Requests may be given as messages or as the bytes that shall go out."""
    return message if isinstance(message, bytes) else message.SerializeToString()


class Refusal:
    """What a failed call told: code, reason (of ErrorInfo) and the other details."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.reason = self.domain = self.retry_seconds = None
        self.violations = []
        self.metadata = {}
        self.status = None
        trailers = dict(error.trailing_metadata() or ())
        packed = trailers.get("grpc-status-details-bin")
        if packed is None:
            return
        self.status = rpc.Status.FromString(packed)
        for detail in self.status.details:
            self._unpack(detail)

    def _unpack(self, detail):
        name = detail.type_url.rpartition("/")[2]
        value = message_class(POOL.FindMessageTypeByName(name)).FromString(detail.value)
        if name == "google.rpc.ErrorInfo":
            self.reason, self.domain = value.reason, value.domain
            self.metadata = dict(value.metadata)
        elif name == "google.rpc.BadRequest":
            self.violations = [(v.field, v.description) for v in value.field_violations]
        elif name == "google.rpc.RetryInfo":
            self.retry_seconds = value.retry_delay.seconds + value.retry_delay.nanos / 1e9

    def __repr__(self):
        return f"{self.code} {self.reason}: {self.message} {self.violations}"


def refused(call, *arguments, **keywords):
    """The Refusal of a call that must fail."""
    try:
        answer = call(*arguments, **keywords)
        if hasattr(answer, "code") and not isinstance(answer, bytes):
            list(answer)
    except grpc.RpcError as error:
        return Refusal(error)
    raise AssertionError(f"not refused: {answer!r}")


def _rules(options, extension):
    """An option of the contract, read by the pool that knows it."""
    known = message_class(POOL.FindMessageTypeByName(type(options).DESCRIPTOR.full_name))
    return known.FromString(options.SerializeToString()).Extensions[
        POOL.FindExtensionByName(extension)]


class EventType:
    """One event type: its message class, its EventRules and its fields by name."""

    def __init__(self, descriptor, proto):
        self.message = message_class(descriptor)
        self.rules = _rules(proto.options, "berbagi.v1.event")
        self.fields = {field.name: EventField(descriptor.fields_by_name[field.name], field)
                       for field in proto.field}


class EventField:
    """One field of a payload: its descriptor and its FieldRules."""

    def __init__(self, descriptor, proto):
        self.descriptor = descriptor
        self.name = descriptor.name
        self.rules = _rules(proto.options, "berbagi.v1.rules")


def _event_types():
    types = {}
    for file in FILES.file:
        if file.package == "berbagi.events.v1":
            for message in file.message_type:
                kind = EventType(
                    POOL.FindMessageTypeByName(f"{file.package}.{message.name}"), message)
                if kind.rules.type:
                    types[kind.rules.type] = kind
    return types


# "worker.registered" -> EventType
TYPES = _event_types()
