"""Those who use the exchange while it is killed: publishers, subscribers, an operator.

Each keeps a log of what it was told, a list in memory and a file of JSON lines, which is all that
check.py looks at. Times are monotonic seconds.
"""

import hashlib
import json
import threading
import time

import grpc

import exchange
import samples
from contract import Refusal, v1

KIND = "village.monitoring.recorded"
OTHER_KIND = "outreach.session.held"
# A field that no schema knows, 20000 of bytes: room for as many bytes as a round wants.
_PADDING_TAG = b"\x82\xe2\x09"


class Log:
    def __init__(self, file):
        self.entries = []
        self._file = open(file, "a")
        self._lock = threading.Lock()

    def note(self, what, **facts):
        entry = {"what": what, "at": time.monotonic(), **facts}
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def take(self):
        """What was noted since this was last asked."""
        with self._lock:
            entries, self.entries = self.entries, []
        return entries


def digest(event):
    """Of all bytes of an event as it was sent, its source filled in."""
    return hashlib.sha256(event.SerializeToString(deterministic=True)).hexdigest()


def _varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def new_event(chance, agency, id):
    """Mostly small; one in a hundred takes tens of kilobytes."""
    kind = chance.choice((KIND, KIND, OTHER_KIND))
    region = agency.removeprefix("kab.") + chance.choice(("", ".15.2006"))
    event = exchange.event(kind, id=id, source=agency, region=region, at=1773300000,
                           subject=samples.subject(chance.randrange(50)) if
                           samples.about_person(kind) else None)
    size = int(chance.choice((0, 100, 300, chance.choice((0, 2000, 50_000)))))
    event.data += _PADDING_TAG + _varint(size) + chance.randbytes(size)
    return event


class Actor(threading.Thread):
    """Goes on until the server is gone."""

    def __init__(self, ex, name, log):
        super().__init__(daemon=True)
        self.ex, self.agency, self.log = ex, name, log
        self.failure = None

    def run(self):
        try:
            self.act()
        except grpc.RpcError as error:
            self.log.note("ended", code=str(error.code()), reason=Refusal(error).reason)
        except Exception as error:  # told by the main thread
            self.failure = error


class Publisher(Actor):
    """unknown: events of which no answer came in an earlier round; they go first, as a client would
    send them again."""

    def __init__(self, ex, name, log, chance, serial, unknown, is_pipelined):
        super().__init__(ex, name, log)
        self.chance, self.serial, self.is_pipelined = chance, serial, is_pipelined
        self.waiting = list(unknown)
        self.sent = {}  # without an answer yet

    def act(self):
        publisher = self.ex.publisher(self.agency)
        if self.is_pipelined:
            in_flight = []
            for response in publisher.PublishStream(self._requests(in_flight)):
                self._answered(in_flight.pop(0), response)
        while not self.is_pipelined:
            batch = self._batch()
            self._answered(batch, publisher.Publish(v1.PublishRequest(events=batch), timeout=20))

    def _requests(self, in_flight):
        while True:
            batch = self._batch()
            in_flight.append(batch)
            yield v1.PublishRequest(events=batch)
            while len(in_flight) > 3:
                time.sleep(0.0005)

    def _batch(self):
        size = self.chance.choice((1, 2, 7, 20, 60))
        batch = [self.waiting.pop(0) for _ in range(min(size, len(self.waiting)))]
        while len(batch) < size:
            batch.append(new_event(self.chance, self.agency, f"{self.agency}-{next(self.serial)}"))
        for event in batch:
            self.sent[event.id] = event
        self.log.note("sent", events=[
            (event.id, digest(event), event.type, event.region) for event in batch])
        return batch

    def _answered(self, batch, response):
        self.log.note("answered", events=[
            (event.id, v1.PublishResult.Outcome.Name(result.outcome), result.position)
            for event, result in zip(batch, response.results)])
        for event in batch:
            self.sent.pop(event.id, None)

    @property
    def unknown(self):
        return list(self.sent.values()) + self.waiting


class Subscriber(Actor):
    """A durable subscription: what came is noted first, then acknowledged, not always at once.

    Now and then it breaks off by itself, in good order or not, and comes again.
    """

    def __init__(self, ex, name, log, chance, subscription, **opening):
        super().__init__(ex, name, log)
        self.chance = chance
        self.opening = {"subscription": subscription, "bookmark_interval_ms": 1000, **opening}

    def act(self):
        while True:
            self._session()

    def _session(self):
        requests = exchange.Requests()
        requests.put(v1.SubscribeRequest(open=v1.SubscribeRequest.Open(
            max_batch=self.chance.choice((1, 10, 500)), **self.opening)))
        patience = self.chance.choice((5, 50, 1_000_000))
        calling = self.ex.subscriber(self.agency).Subscribe(requests)
        is_closed = False
        try:
            for response in calling:
                self._note(response, requests, is_closed)
                patience -= 1
                if patience <= 0 and not is_closed:
                    if self.chance.random() < 0.5:
                        break
                    requests.close()
                    is_closed = True
            else:
                self.log.note("closed")  # with OK: what was acknowledged is durable
        finally:
            requests.close()
            calling.cancel()

    def _note(self, response, requests, is_closed):
        kind = response.WhichOneof("kind")
        if kind == "opened":
            self.log.note("opened", after=response.opened.after_position,
                          head=response.opened.head_position)
            return
        part = getattr(response, kind)
        events = [(one.position, digest(one.event)) for one in part.deliveries] if (
            kind == "batch") else []
        self.log.note("received", through=part.through_position, events=events)
        if not is_closed and self.chance.random() < 0.7:
            self.log.note("acknowledged", through=part.through_position)
            requests.put(v1.SubscribeRequest(acknowledge=part.through_position))


class Fetcher(Actor):
    """Keeps its own place."""

    def __init__(self, ex, name, log, after):
        super().__init__(ex, name, log)
        self.after = after

    def act(self):
        self.log.note("opened", after=self.after, head=0)
        while True:
            page = self.ex.fetch(self.agency, after_position=self.after, wait_ms=200)
            self.after = page.batch.through_position
            self.log.note("received", through=self.after, events=[
                (one.position, digest(one.event)) for one in page.batch.deliveries])
            self.log.note("acknowledged", through=self.after)


class Officer(Actor):
    """Applies the same policy again and again, as one version after the other."""

    def __init__(self, ex, log, policy, pause):
        super().__init__(ex, "operator/admin", log)
        self.policy, self.pause = policy, pause

    def act(self):
        calls = self.ex.policy()
        version = calls.GetPolicy(v1.GetPolicyRequest(), timeout=20).version
        while True:
            self.log.note("applying", version=version + 1)
            version = calls.ApplyPolicy(v1.ApplyPolicyRequest(
                policy=self.policy, expected_version=version), timeout=20).version
            self.log.note("applied", version=version)
            time.sleep(self.pause)
