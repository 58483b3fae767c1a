"""Holds what the exchange promises against the logs of those who used it.

    An acknowledged event is there after any crash, once, at its position, with its bytes; positions
    have no gap; an unacknowledged one is there once or not at all.

    A subscriber that acknowledges what it has processed receives every event it has a right to, in
    order, at least once.
"""

from typing import NamedTuple


class Broken(AssertionError):
    """A promise was not kept."""


def expect(holds, promise, *facts):
    if not holds:
        raise Broken(f"{promise}: " + ", ".join(map(str, facts)))


class Sent(NamedTuple):
    digest: str
    type: str
    region: str


class Truth:
    """What the log of the exchange must hold, from the publishers' logs, and what it does hold."""

    def __init__(self):
        self.sent = {}  # id -> Sent
        self.acknowledged = {}  # id -> position
        self.log = []  # position - 1 -> id
        self.positions = {}  # id -> position
        self.doubles = self.unknown = 0

    def publisher_said(self, entries):
        for entry in entries:
            if entry["what"] == "sent":
                for id, *facts in entry["events"]:
                    self.sent[id] = Sent(*facts)
            elif entry["what"] == "answered":
                for answer in entry["events"]:
                    self._answered(*answer)

    def _answered(self, id, outcome, position):
        expect(outcome in ("OUTCOME_STORED", "OUTCOME_DUPLICATE"), "sound events are stored", id, outcome)
        before = self.acknowledged.setdefault(id, position)
        expect(before == position, "one position for ever", id, before, position)
        if outcome == "OUTCOME_STORED":
            expect(id not in self.positions, "an event that is there is a duplicate", id, position,
                   self.positions.get(id))
        else:
            self.doubles += 1

    def grow(self, events):
        """Takes what stands in the log behind what is known: (position, id, digest) in order."""
        for position, id, digest in events:
            expect(position == len(self.log) + 1, "positions have no gap", position, len(self.log))
            expect(id in self.sent, "nothing is there that nobody sent", id, position)
            expect(id not in self.positions, "once", id, position, self.positions.get(id))
            expect(digest == self.sent[id].digest, "with its bytes", id, position)
            self.log.append(id)
            self.positions[id] = position

    def same(self, events):
        """The whole log again, from its beginning."""
        n = 0
        for n, (position, id, digest) in enumerate(events, 1):
            expect(position == n and n <= len(self.log) and self.log[n - 1] == id
                   and digest == self.sent[id].digest, "what was there stays as it was", position, id)
        expect(n == len(self.log), "what was there stays", n, len(self.log))

    def all_there(self):
        for id, position in self.acknowledged.items():
            expect(self.positions.get(id) == position, "an acknowledged event is there, at its position",
                   id, position, self.positions.get(id))

    def of(self, position):
        return self.sent[self.log[position - 1]]


class Reader:
    """One subscriber's log against the truth. sees tells whether a Sent is for it."""

    def __init__(self, name, truth, sees):
        self.name, self.truth, self.sees = name, truth, sees
        self.through = 0  # everything up to here was received, in order
        self.acknowledged = 0  # the most it ever acknowledged
        self.durable = 0  # of that, what is on disk for certain
        self.received = 0
        self._place = self._last = 0  # in the session that is open; acknowledged in it

    def said(self, entries):
        """Everything the log holds by now has been given to truth."""
        for entry in entries:
            getattr(self, "_" + entry["what"])(entry)

    def _opened(self, entry):
        after = entry["after"]
        expect(after <= self.acknowledged, "nothing is skipped at a reconnect", self.name, after,
               self.acknowledged)
        expect(after >= self.durable, "an acknowledgement at the orderly end of a stream is durable",
               self.name, after, self.durable)
        expect(after <= self.through, "nothing is skipped", self.name, after, self.through)
        self._place = self._last = after

    def _received(self, entry):
        place, through = self._place, entry["through"]
        expect(through >= place, "a place never moves back", self.name, place, through)
        expect(through <= len(self.truth.log), "what is delivered is there after the crash", self.name,
               through, len(self.truth.log))
        due = [position for position in range(place + 1, through + 1)
               if self.sees(self.truth.of(position))]
        came = [position for position, _ in entry["events"]]
        expect(came == due, "every event it has a right to, in order", self.name,
               [p for p in due if p not in came][:5], [p for p in came if p not in due][:5])
        for position, digest in entry["events"]:
            expect(digest == self.truth.of(position).digest, "with its bytes", self.name, position)
        self.received += len(came)
        self._place = through
        self.through = max(self.through, through)

    def _acknowledged(self, entry):
        self.acknowledged = max(self.acknowledged, entry["through"])
        self._last = entry["through"]

    def _closed(self, _):
        self.durable = self._last

    def _ended(self, entry):
        expect(entry["code"] == "StatusCode.UNAVAILABLE", "a stream ends because the server is gone",
               self.name, entry)


class Versions:
    """An operator's log against the version in force after the crash."""

    def __init__(self):
        self.applied = self.tried = 0

    def said(self, entries):
        for entry in entries:
            if entry["what"] == "applied":
                self.applied = max(self.applied, entry["version"])
            elif entry["what"] == "applying":
                self.tried = max(self.tried, entry["version"])

    def in_force(self, version):
        expect(self.applied <= version <= self.tried, "a policy version that was told is in force",
               self.applied, version, self.tried)
        self.applied = version
