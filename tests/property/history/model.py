"""The reference: what the exchange must have done, kept so simple that it can be read.

    Ledger     the log, and what becomes of an event that is sent
    Epoch      a policy version and a day, and when they may have been in force
    Follower   what one open stream was told, held against both
    Places     where a durable subscription may stand

Whoever publishes does so with the world standing still but for open streams, so that every outcome
and position is known beforehand. What a stream is told cannot be timed: each event is judged by the
epochs that may have been in force between the moment it was sent to the exchange and that of its
delivery, and the grounds told with it name one of them.
"""

import itertools
import math
from typing import NamedTuple

from contract import v1
from oracle import AGGREGATE, IDENTIFIED, KINDS, is_within
from views import coarse, facts_of, payload_of

STORED, DUPLICATE, REJECTED, CONFLICT, ABORTED = range(1, 6)  # PublishResult.Outcome
# A batch is judged before it is sent and told of after it has come: "within one second", and more
# for a busy machine.
LATE = 4.0


class Wrong(AssertionError):
    """The exchange and the model differ."""


def expect(holds, what, *facts):
    if not holds:
        raise Wrong(f"{what}: " + "; ".join(str(fact)[:600] for fact in facts))


class Entry(NamedTuple):
    """One stored event."""

    event: v1.Event  # as stored
    sender: str
    day: str  # recorded on
    sent_at: float
    facts: object


class Epoch:
    def __init__(self, oracle, version, day, began):
        self.oracle, self.version, self.day = oracle, version, day
        self.began, self.ended = began, math.inf

    def sight(self, reader, entry):
        return self.oracle.see(reader, entry.event.type, entry.facts._replace(today=self.day))

    def sees_anything(self, reader):
        return self.oracle.sees_anything(reader, self.day)


class Ledger:
    def __init__(self):
        self.log = []
        self.ids = {}  # (source, id) -> (position, content)
        self.pseudonyms = {}  # nik -> w_
        self._times = {}  # position -> recorded_at, as somebody was told

    def recorded(self, position, at_ns):
        expect(self._times.setdefault(position, at_ns) == at_ns, "one time for all", position)

    def check_times(self):
        times = [at for _, at in sorted(self._times.items())]
        expect(times == sorted(times), "time in the log never goes back")

    def content(self, event):
        """What makes a retry the same: all but the trace, the subject by its pseudonym."""
        plain = v1.Event()
        plain.CopyFrom(event)
        plain.traceparent = ""
        plain.subject = self.pseudonyms.get(event.subject, event.subject)
        return plain.SerializeToString(deterministic=True)

    def outcomes(self, epoch, sender, events, all_or_nothing=False):
        """The set of right outcomes for each event of a request."""
        now, taken = [], dict(self.ids)
        for event in events:
            may = self._outcome(epoch, sender, event, taken)
            if may == {STORED}:
                taken[event.source, event.id] = (0, self.content(event))
            now.append(may)
        if all_or_nothing and any(may & {REJECTED, CONFLICT} for may in now):
            new = [{ABORTED} if may == {STORED} else may for may in now]
            # A repetition of what was given up has nothing to be a duplicate of.
            now = [may if (event.source, event.id) in self.ids or not may & {DUPLICATE} else
                   {ABORTED, DUPLICATE} for may, event in zip(new, events)]
        return now

    def _outcome(self, epoch, sender, event, taken):
        oracle = epoch.oracle
        if not oracle.is_over(sender, event.source):
            return {REJECTED}
        is_sound, is_permitted = self._judge(epoch, sender, event)
        if (event.source, event.id) in taken:
            same = taken[event.source, event.id][1] == self.content(event)
            if oracle.agencies[event.source].suspended:
                return {REJECTED, DUPLICATE if same else CONFLICT}
            if same:
                return {DUPLICATE}
            return {CONFLICT} if is_sound and is_permitted else {CONFLICT, REJECTED}
        return {STORED} if is_sound and is_permitted else {REJECTED}

    @staticmethod
    def _judge(epoch, sender, event):
        if event.type not in KINDS:
            return False, False
        kind, payload = KINDS[event.type], payload_of(event)
        fields = sum(1 << i for i, field in enumerate(kind.fields) if getattr(payload, field.name))
        is_sound = all(getattr(payload, field.name) for field in kind.fields if field.rules.required)
        verdict = epoch.oracle.publish(sender, event.source, event.type,
                                       facts_of(event, epoch.day, epoch.day), fields,
                                       event.subject.startswith("nik:"))
        return is_sound, verdict.permitted

    def store(self, epoch, sender, event, result, sent_at):
        """Takes a result STORED; event becomes what is stored."""
        expect(result.position == len(self.log) + 1, "positions are given in order, without a gap",
               result.position, len(self.log))
        if event.subject.startswith("nik:"):
            known = self.pseudonyms.setdefault(event.subject, result.subject)
            expect(known == result.subject, "one pseudonym for one number", known, result.subject)
        self.ids[event.source, event.id] = (result.position, self.content(event))
        stored = v1.Event()
        stored.CopyFrom(event)
        stored.subject = result.subject
        self.log.append(Entry(stored, sender, epoch.day, sent_at,
                              facts_of(stored, epoch.day, epoch.day)))

    def position(self, event):
        return self.ids[event.source, event.id][0]


def wants(filter, sight, event):
    """A filter looks at the reader's view."""
    if filter is None:
        return True
    if filter.types and not any(event.type == one or (
            one.endswith(".*") and event.type.startswith(one[:-1])) for one in filter.types):
        return False
    region = event.region if sight.level == IDENTIFIED else (
        coarse(event.region) if sight.level >= AGGREGATE else "")
    return not filter.regions or any(region and is_within(region, one) for one in filter.regions)


class Follower:
    """One reader's stream, or its pages: told() takes each answer in turn."""

    def __init__(self, agency, ledger, epochs, views, filter, began):
        self.agency, self.ledger, self.epochs, self.views = agency, ledger, epochs, views
        self.filter, self.began = filter, began
        self.place = None
        self._grounds = {}
        self._due = self._seen = 0  # last position due, of those looked at, in the newest epoch
        self._due_epoch = None

    def opened(self, after):
        self.place = after

    def told(self, deliveries, through, grounds, at):
        self._grounds.update({ground.id: ground for ground in grounds})
        expect(through >= self.place, "a place never moves back", self.place, through)
        expect(through <= len(self.ledger.log), "nothing is told that is not there", through)
        came = {one.position: one for one in deliveries}
        expect(list(came) == sorted(came) and len(came) == len(deliveries), "in order, once")
        for position in range(self.place + 1, through + 1):
            self._judge(position, came.pop(position, None), at)
        expect(not came, "within its batch", list(came), self.place, through)
        self.place = through

    def _judge(self, position, delivery, at):
        entry = self.ledger.log[position - 1]
        held = self._held(max(entry.sent_at, self.began), at)
        where = f"{self.agency} at {position}, {entry.event.type} of {entry.event.source}"
        if delivery is None:
            expect(any(not self._is_due(epoch, entry) for epoch in held),
                   "every event it has a right to", where, [e.version for e in held])
            return
        told = [self._grounds[number] for number in delivery.grounds]
        versions = {ground.policy_version for ground in told}
        expect(len(versions) == 1, "grounds of one version", where, versions)
        (version,) = versions
        held = [epoch for epoch in held if epoch.version == version
                and epoch.ended + LATE >= at and self._is_due(epoch, entry)]
        expect(held, "no event it has no right to", where, version)
        self._check_view(held, version, entry, delivery, where)
        self.ledger.recorded(position, delivery.recorded_at.ToNanoseconds())

    def _held(self, since, until):
        """The epochs that may have been in force at some time in between; newest first."""
        newer = itertools.takewhile(lambda epoch: epoch.ended >= since, reversed(self.epochs))
        return [epoch for epoch in newer if epoch.began <= until]

    def _check_view(self, held, version, entry, delivery, where):
        failure = None
        for epoch in held:
            sight = epoch.sight(self.agency, entry)
            try:
                self.views.oracle = epoch.oracle
                self.views.check(entry.event, entry.sender, sight, delivery, where)
                self.views.check_grounds(sight, delivery, self._grounds, version, where)
                return
            except AssertionError as error:
                failure = error
        raise Wrong(f"the fields it may see: {failure}")

    def _is_due(self, epoch, entry):
        sight = epoch.sight(self.agency, entry)
        return sight is not None and wants(self.filter, sight, entry.event)

    def last_due(self):
        """The last position that must come, as things stand; 0: none."""
        epoch = self.epochs[-1]
        if self._due_epoch is not epoch:
            self._due_epoch, self._due, self._seen = epoch, 0, self.place
        for position in range(max(self._seen, self.place) + 1, len(self.ledger.log) + 1):
            if self._is_due(epoch, self.ledger.log[position - 1]):
                self._due = position
        self._seen = len(self.ledger.log)
        return self._due

    def ends(self):
        """Why it must end now: the reasons that would be right; none: it must not."""
        before, now = self.epochs[-2:] if len(self.epochs) > 1 else (self.epochs[-1],) * 2
        if now.oracle.agencies[self.agency].suspended:
            return {"AGENCY_SUSPENDED"}
        if now.sees_anything(self.agency):
            return set()
        return reasons_of_end(before, now, self.agency)


def reasons_of_end(before, now, agency):
    """AGREEMENT_ENDED where every agreement it stood on is over, RIGHT_WITHDRAWN where one still
    stands and grants nothing any more."""
    stood_on = {right.names[0] for kind in KINDS
                for right in before.oracle.reading.get((agency, kind), ())
                if right.is_in_force and right.valid_from <= before.day <= right.valid_to}
    standing = {agreement.id for agreement in now.oracle.agreements
                if agreement.status == v1.Agreement.STATUS_IN_FORCE
                and agreement.valid_from <= now.day <= (agreement.valid_to or "9999")}
    listed = {agreement.id for agreement in now.oracle.agreements}
    if stood_on & standing or stood_on - listed:
        return {"RIGHT_WITHDRAWN"}
    return {"AGREEMENT_ENDED"}


class Places:
    """One durable subscription: the places at which it may stand, oldest first.

    The first is the one that is known to be held; the others may have overtaken it. kept is what is
    known to be on disk, and all that came after it.
    """

    def __init__(self):
        self.now, self.kept = [0], [0]
        self._is_loaded = False  # from disk, and not told of since

    def acknowledge(self, position):
        """Sent, and some day there."""
        self.now.append(position)
        self.kept.append(position)

    def stands(self, position):
        """Told by the exchange."""
        expect(position in self.now, "the place that was acknowledged", position, self.now)
        self.now = [position]
        if self._is_loaded:
            self.kept, self._is_loaded = [position], False

    def reset(self, position):
        self.now = [position]
        self.kept = [position] if self._is_loaded else self.kept + [position]
        self._is_loaded = False

    def durable(self):
        """At the orderly end of a stream what it acknowledged is on disk."""
        self.now, self.kept = self.now[-1:], self.now[-1:]

    def stop(self):
        """An orderly stop: rows are written, but an acknowledgement may have come too late."""
        self.kept = list(self.now)
        self.crash()

    def crash(self):
        self.now, self._is_loaded = list(self.kept), True
