"""A real exchange under test: berbagid with a data folder, a port and certificates of its own.

    ca = Ca(folder)                          a development CA; certificates are made on demand
    with Exchange(ca, folder) as ex:         started, empty
        ex.apply(policies.from_folder())     as operator admin
        ex.publish("kab.18.07", [event])     one Publish call
        stream = ex.subscribe("kl.kp2mi")    an open Subscribe call, read in the background
        stream.wait(lambda s: len(s.deliveries) == 1)

Binaries come from the folder BERBAGI_BIN (build/release/bin without it).
"""

import contextlib
import itertools
import os
import pathlib
import select
import signal
import subprocess
import threading
import time
import uuid

import grpc
from cryptography import x509

import samples
from contract import ROOT, Refusal, Service, v1

BIN = pathlib.Path(os.environ.get("BERBAGI_BIN", ROOT / "build" / "release" / "bin")).resolve()
DEADLINE = 20.0


def wait_until(condition, deadline=DEADLINE, what="condition"):
    """Asks again and again until condition() is true, and returns what it gave."""
    end = time.monotonic() + deadline
    pause = 0.002
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def binary(name):
    return str(BIN / name)


def is_sanitized():
    """Do the programs carry a sanitizer, which takes memory and address space for itself?"""
    program = pathlib.Path(binary("berbagid")).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def run(name, *arguments, **keywords):
    """Runs one of the programs to its end and returns its CompletedProcess, output as text."""
    return subprocess.run([binary(name), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **keywords)


class Identity:
    """Files of one certificate: cert, key. key None: it stands in cert."""

    def __init__(self, cert, key=None):
        self.cert, self.key = pathlib.Path(cert), key and pathlib.Path(key)

    @property
    def serial(self):
        """As berbagi-ca prints it."""
        return f"{x509.load_pem_x509_certificate(self.cert.read_bytes()).serial_number:032x}"

    def put_into(self, path):
        """Certificate and key in one file that is replaced whole, as berbagi keeps them: its Identity."""
        path = pathlib.Path(path)
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self.key.read_bytes() + self.cert.read_bytes())
        new.rename(path)
        return Identity(path)


class Ca:
    """A development CA in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.bundle = self.folder / "ca.pem"
        self.crl = self.folder / "crl.pem"
        self._identities = {}
        self._lock = threading.Lock()
        done = run("berbagi-ca", "init", "--dir", self.folder, "--trust-domain",
                   "berbagi.example", "--development", "--no-passphrase")
        assert done.returncode == 0, done.stderr

    def identity(self, name):
        """Certificate of "kab.18.07", "operator/admin" or "server/main", made when first asked."""
        with self._lock:
            if name not in self._identities:
                self._identities[name] = self.issue(name)
            return self._identities[name]

    def issue(self, name, *options):
        """A new certificate and key for that name."""
        kind, _, word = name.rpartition("/")
        kind = kind or "agency"
        stem = f"{kind}-{word}-{uuid.uuid4().hex[:8]}"
        identity = Identity(self.folder.parent / f"{stem}.pem", self.folder.parent / f"{stem}.key")
        if kind == "server":
            options += ("--dns", "localhost", "--dns", "127.0.0.1")
        done = run("berbagi-ca", "issue", "--dir", self.folder, f"--{kind}", word,
                   "--key", identity.key, "--out", identity.cert, *options)
        assert done.returncode == 0, done.stderr
        return identity

    def renew(self, name):
        with self._lock:
            self._identities[name] = self.issue(name)

    def revoke(self, name):
        kind, _, word = name.rpartition("/")
        self._revoke(f"--{kind or 'agency'}", word)

    def revoke_one(self, identity):
        """That one certificate, not all of its name."""
        self._revoke(identity.serial)

    def _revoke(self, *which):
        done = run("berbagi-ca", "revoke", "--dir", self.folder, *which)
        assert done.returncode == 0, done.stderr


class Exchange:
    """One berbagid. Starts at once; close() stops it and asserts that it stopped in good order.

    server and bundle: files of its own, for tests that replace them."""

    def __init__(self, ca, folder, *options, start=True, server=None, bundle=None):
        self.ca = ca
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log = self.folder / "berbagid.log"
        self.options = list(options)
        self.server = server or ca.identity("server/main")
        self.bundle = bundle or ca.bundle
        self.environment = {}  # what the server's has besides
        self.address = None
        self.process = None
        self.version = 0
        self._channels = {}
        self._streams = []
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # The process

    def command(self, listen="127.0.0.1:0"):
        return [binary("berbagid"), "--data", str(self.data), "--listen", listen,
                "--cert", str(self.server.cert), "--key", str(self.server.key),
                "--ca", str(self.bundle), "--operator", "admin", *map(str, self.options)]

    def start(self):
        """Starts the server, on the same port as before if it ran before."""
        log = open(self.log, "ab")
        with contextlib.closing(log):
            self.process = subprocess.Popen(self.command(self.address or "127.0.0.1:0"),
                                            stdout=subprocess.PIPE, stderr=log,
                                            env={**os.environ, **self.environment})
        self.address = self._ready_line().partition(" ")[2].strip()

    def _ready_line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("ready "):
            raise AssertionError(f"no ready line but {line!r}: {self.log.read_text()[-2000:]}")
        return line

    def stop(self):
        """SIGTERM and the end of it; the exit code is returned."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """kill -9."""
        return self._end(signal.SIGKILL)

    def _end(self, how):
        self.disconnect()
        self.process.send_signal(how)
        code = self.process.wait(DEADLINE + 10)
        self.process.stdout.close()
        return code

    def restart(self, kill=False):
        if kill:
            self.kill()
        else:
            assert self.stop() == 0, self.log.read_text()[-2000:]
        self.start()

    def reload(self):
        """SIGHUP: certificates and CRLs are read again."""
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"exit {code}: {self.log.read_text()[-2000:]}"
        elif self.process is not None:
            assert self.process.returncode in (0, -signal.SIGKILL), self.log.read_text()[-2000:]

    # Connections

    def channel(self, name, identity=None):
        """A channel of an agency ("kab.18.07") or an operator ("operator/admin"), kept open."""
        if identity is not None:
            return self._connect(identity)
        if name not in self._channels:
            self._channels[name] = self._connect(self.ca.identity(name))
        return self._channels[name]

    def _connect(self, identity):
        credentials = grpc.ssl_channel_credentials(
            self.ca.bundle.read_bytes(),
            identity and identity.key.read_bytes(), identity and identity.cert.read_bytes())
        return grpc.secure_channel(self.address, credentials, options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", 64 << 20),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 50)])

    def disconnect(self):
        for stream in self._streams:
            stream.cancel()
        for channel in self._channels.values():
            channel.close()
        self._streams = []
        self._channels = {}

    def renew(self, name):
        """A new certificate for that name, and connections with it from now on."""
        self.ca.renew(name)
        channel = self._channels.pop(name, None)
        if channel is not None:
            channel.close()

    def publisher(self, name, raw=False):
        return Service(self.channel(name), "berbagi.v1.PublisherService", raw)

    def subscriber(self, name, raw=False):
        return Service(self.channel(name), "berbagi.v1.SubscriberService", raw)

    def policy(self, name="operator/admin", raw=False):
        return Service(self.channel(name), "berbagi.v1.PolicyService", raw)

    def operator(self, name="operator/admin", raw=False):
        return Service(self.channel(name), "berbagi.v1.OperatorService", raw)

    # Calls

    def apply(self, policy, **keywords):
        """Applies a policy as the version that follows; the ApplyPolicyResponse."""
        request = v1.ApplyPolicyRequest(policy=policy, expected_version=self.version, **keywords)
        response = self.policy().ApplyPolicy(request, timeout=DEADLINE)
        if not request.dry_run:
            self.version = response.version
        return response

    def publish(self, agency, events, **keywords):
        """One Publish call; the PublishResponse."""
        request = v1.PublishRequest(events=events, **keywords)
        return self.publisher(agency).Publish(request, timeout=DEADLINE)

    def store(self, agency, *events):
        """Publishes events that must all be stored; their positions."""
        results = self.publish(agency, events).results
        assert all(r.outcome == v1.PublishResult.OUTCOME_STORED for r in results), results
        return [result.position for result in results]

    def fetch(self, agency, raw=False, **keywords):
        """One Fetch call; the FetchResponse (or its bytes)."""
        keywords = {"max_events": 1000, **keywords}
        return self.subscriber(agency, raw).Fetch(v1.FetchRequest(**keywords), timeout=60)

    def fetch_all(self, agency, after=0, **keywords):
        """Deliveries to an agency behind a position up to the head, and the grounds told."""
        deliveries, grounds = [], {}
        while True:
            page = self.fetch(agency, after_position=after, **keywords)
            deliveries += page.batch.deliveries
            grounds.update({ground.id: ground for ground in page.grounds})
            after = page.batch.through_position
            if after >= page.head_position:
                return deliveries, grounds

    def subscribe(self, agency, **keywords):
        """Opens a Subscribe call (keywords are those of SubscribeRequest.Open)."""
        stream = Stream(self.subscriber(agency, raw=True).Subscribe, **keywords)
        self._streams.append(stream)
        return stream

    def head(self):
        return self.operator().GetStatus(v1.GetStatusRequest(), timeout=DEADLINE).head_position


class Stream:
    """An open Subscribe call. A thread of its own reads; wait() watches what came."""

    def __init__(self, method, **opening):
        self.responses = []
        self.times = []  # monotonic, when each came
        self.raw = []
        self.grounds = {}
        self.refusal = None
        self.ended = False
        self._changed = threading.Condition()
        self._requests = Requests()
        self.send(v1.SubscribeRequest(open=v1.SubscribeRequest.Open(**opening)))
        self._call = method(self._requests)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        refusal = None
        try:
            for raw in self._call:
                response = v1.SubscribeResponse.FromString(raw)
                with self._changed:
                    self.raw.append(raw)
                    self.times.append(time.monotonic())
                    self.responses.append(response)
                    self.grounds.update({ground.id: ground for ground in response.grounds})
                    self._changed.notify_all()
        except grpc.RpcError as error:
            refusal = Refusal(error)
        with self._changed:
            self.refusal, self.ended = refusal, True
            self._changed.notify_all()

    def send(self, request):
        self._requests.put(request)

    def acknowledge(self, position):
        self.send(v1.SubscribeRequest(acknowledge=position))

    def half_close(self):
        self._requests.close()

    def cancel(self):
        self._requests.close()
        self._call.cancel()
        self._reader.join(DEADLINE)

    def wait(self, condition, deadline=DEADLINE):
        """Waits until condition(self) holds, which is asked whenever something came."""
        with self._changed:
            done = self._changed.wait_for(lambda: condition(self), deadline)
        assert done, (f"not within {deadline} s; refusal {self.refusal}, "
                      f"responses {self.responses[-3:]}")
        return self

    def wait_end(self, deadline=DEADLINE):
        """Waits for the end: the Refusal, or None if it ended with OK."""
        self.wait(lambda s: s.ended, deadline)
        return self.refusal

    def wait_through(self, position, deadline=DEADLINE):
        """Waits until everything up to a position was delivered, or is not for this reader."""
        return self.wait(lambda s: s.through >= position, deadline)

    @property
    def opened(self):
        self.wait(lambda s: s.responses or s.ended)
        assert self.responses, self.refusal
        return self.responses[0].opened

    @property
    def deliveries(self):
        return [delivery for response in list(self.responses)
                for delivery in response.batch.deliveries]

    @property
    def positions(self):
        return [delivery.position for delivery in self.deliveries]

    @property
    def through(self):
        """The last through_position told, -1 before any."""
        for response in reversed(self.responses):
            kind = response.WhichOneof("kind")
            if kind in ("batch", "bookmark"):
                return getattr(response, kind).through_position
        return -1


class Requests:
    """The requests of a stream as an iterator that grpc reads from: a queue with an end."""

    def __init__(self):
        self._waiting = []
        self._closed = False
        self._changed = threading.Condition()

    def put(self, request):
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify()

    def __iter__(self):
        return self

    def __next__(self):
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._waiting:
                return self._waiting.pop(0)
        raise StopIteration


_serial = itertools.count(1)


def event(type, /, region="18.07", payload=None, subject=None, at=None, **envelope):
    """An event with a sound payload: what is required, and payload's fields on top.

    A type about a person gets a new w_ subject unless one is given.
    """
    built = v1.Event(type=type, region=region, **{"id": str(uuid.uuid4()), **envelope})
    if subject is None and samples.about_person(type):
        subject = samples.subject(next(_serial))
    built.subject = subject or ""
    built.occurred_at.FromSeconds(int(time.time()) - 60 if at is None else at)
    if not built.data:
        built.data = samples.payload(type, **(payload or {})).SerializeToString()
    return built
