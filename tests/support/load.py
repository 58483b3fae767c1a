"""Agencies at work: publishers and subscribers that go on through whatever is done to certificates,
and count what they notice of it.

Half are programs (`berbagi push`, `berbagi subscribe`), which take renewed files by themselves; half are
grpcio in threads, as an agency would write it: when told of a renewal, they open a new connection
and close the old one when nothing is on its way there. None of them tries anything twice, so each
failed call shows.
"""

import itertools
import json
import signal
import threading
import time

import grpc

import exchange
from contract import Refusal, Service, v1
from user import User

TYPE = "outreach.session.held"
PACE = 0.1


class Holder:
    """One agency with one certificate in a file that is replaced whole, and the bundle beside it."""

    def __init__(self, ex, name, home):
        self.ex, self.name, self.home = ex, name, home
        home.mkdir()
        self.bundle = home / "ca.pem"
        self.failures = []
        self.take_bundle()
        self.renew()

    def take_bundle(self):
        new = self.bundle.with_suffix(".new")
        new.write_bytes(self.ex.ca.bundle.read_bytes())
        new.rename(self.bundle)

    def renew(self):
        self.identity = self.ex.ca.issue(self.name)
        self.held = self.identity.put_into(self.home / "identity.pem")

    def channel(self):
        credentials = grpc.ssl_channel_credentials(
            self.bundle.read_bytes(), self.identity.key.read_bytes(),
            self.identity.cert.read_bytes())
        return grpc.secure_channel(self.ex.address, credentials, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)])

    def fail(self, words):
        self.failures.append(str(words))

    def is_refused(self):
        """Is its certificate good for no call any more?"""
        with self.channel() as channel:
            try:
                Service(channel, "berbagi.v1.SubscriberService").Fetch(
                    v1.FetchRequest(max_events=1), timeout=exchange.DEADLINE)
            except grpc.RpcError:
                return True
        return False


class Threaded(Holder):
    """One that is a thread; work() is its whole life."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join(exchange.DEADLINE)
        assert not self.thread.is_alive(), self.name


class Publisher(Threaded):
    """Unary calls, one behind the other."""

    def __init__(self, ex, name, home):
        self.stored = []
        super().__init__(ex, name, home)

    def work(self):
        identity, channel = self.identity, self.channel()
        while not self.stopping.wait(PACE):
            if identity is not self.identity:
                channel.close()
                identity, channel = self.identity, self.channel()
            try:
                self.publish(channel)
            except grpc.RpcError as error:
                self.fail(Refusal(error))
        channel.close()

    def publish(self, channel):
        event = exchange.event(TYPE, region=self.name.partition(".")[2],
                               payload={"organiser_agency_id": self.name})
        (result,) = Service(channel, "berbagi.v1.PublisherService").Publish(
            v1.PublishRequest(events=[event]), timeout=exchange.DEADLINE).results
        if result.outcome == v1.PublishResult.OUTCOME_STORED:
            self.stored.append(event.id)
        else:
            self.fail(result)


class Subscriber(Threaded):
    """A stream from the beginning on; the place is its own to keep."""

    def __init__(self, ex, name, home):
        self.ids, self.position, self.call = [], 0, None
        self.ended_at = None
        super().__init__(ex, name, home)

    def work(self):
        while not self.stopping.is_set() and self.ended_at is None:
            identity = self.identity
            with self.channel() as channel:
                self.read(channel, identity)

    def read(self, channel, identity):
        """Until the certificate is another one, or the end."""
        requests = exchange.Requests()
        requests.put(v1.SubscribeRequest(open=v1.SubscribeRequest.Open(
            start=v1.Start(after_position=self.position))))
        self.call = Service(channel, "berbagi.v1.SubscriberService").Subscribe(requests)
        try:
            for response in self.call:
                for delivery in response.batch.deliveries:
                    self.ids.append(delivery.event.id)
                    self.position = delivery.position
                if identity is not self.identity:
                    break
        except grpc.RpcError as error:
            if not self.stopping.is_set() and identity is self.identity:
                self.fail(Refusal(error))
                self.ended_at = time.monotonic()
        requests.close()
        self.call.cancel()

    def stop(self):
        self.stopping.set()
        self.call.cancel()
        super().stop()


class Program(Holder):
    """One that is a process of berbagi."""

    def run(self, *arguments, **keywords):
        user = User(self.ex, self.name, self.home, self.held)
        user.connection = self.connection
        self.running = user.start(*arguments, **keywords)

    def connection(self):
        return ["--server", self.ex.address, "--cert", str(self.held.cert), "--ca",
                str(self.bundle)]

    def end(self):
        """Its exit code and complaints are what it noticed; how far it came is none."""
        code = self.running.end()
        complaints = [line for line in self.running.words.splitlines()
                      if line.startswith("berbagi:") and " rows in " not in line]
        if code != 0 or complaints:
            self.fail(f"exit {code}: {complaints}")


class Push(Program):
    """berbagi push, fed a line at a time."""

    def __init__(self, ex, name, home):
        super().__init__(ex, name, home)
        self.sent = []
        self.stopping = threading.Event()
        self.feeder = threading.Thread(target=self.feed, daemon=True)

    def start(self):
        self.run("push", "--format", "jsonl", "-", stdin=-1)
        self.feeder.start()

    def feed(self):
        for number in itertools.count(1):
            if self.stopping.wait(PACE):
                return
            self.sent.append(f"{self.name}-{number}")
            self.running.feed(json.dumps({
                "specversion": "1.0", "type": TYPE, "source": self.name, "id": self.sent[-1],
                "time": "2026-03-12T09:15:00+07:00", "region": self.name.partition(".")[2],
                "data": {"topic": "latihan", "venue_region_code": "18.07.15.2006",
                         "session_date": "2026-03-12",
                         "organiser_agency_id": self.name}}) + "\n")

    def stop(self):
        self.stopping.set()
        self.feeder.join(exchange.DEADLINE)
        self.running.stdin.close()
        self.end()
        done = self.running.lines[-1].strip() if self.running.lines else "nothing"
        if done != f"stored {len(self.sent)}, duplicate 0, rejected 0, conflict 0":
            self.fail(f"{len(self.sent)} sent: {done}")

    @property
    def stored(self):
        return self.sent


class Subscribe(Program):
    """berbagi subscribe with a name: its place is the exchange's to keep."""

    def start(self):
        self.run("subscribe", "inbox", "--output", "jsonl")

    @property
    def ids(self):
        return [event["id"] for event in self.running.events]

    def stop(self):
        self.running.signal(signal.SIGTERM)
        self.end()
