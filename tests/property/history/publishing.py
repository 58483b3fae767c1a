"""Publishers: every outcome and position is known before it is told."""

import concurrent.futures
import time

import grpc

from contract import Refusal, v1
from model import ABORTED, DUPLICATE, REJECTED, STORED, expect
from oracle import KINDS
from views import as_stored, payload_of
from world import REGIONS, SENDERS


class Publishing:
    def __init__(self, run):
        self.run = run
        self.sent = []  # (sender, event) to send again

    def _event(self):
        sender = self.run.rng.choice(SENDERS)
        source = sender
        if sender == "kab.18.07" and self.run.rng.random() < 0.2:
            source = "desa.18.07.15.2006"
        elif self.run.rng.random() < 0.03:
            source = self.run.rng.choice(SENDERS)
        type = self.run.rng.choice(self.run.world.types).name
        event = self.run.filler.event(type, self.run.rng.choice(REGIONS), source=source)
        if "nik" in KINDS[type].names:
            event.subject = "nik:" + payload_of(event).nik
        elif event.subject and self.run.rng.random() < 0.2:
            event.subject = "nik:" + self.run.filler.nik()
        return sender, as_stored(event)

    def _batch(self):
        """Events for one sender: new ones, old ones again, with other content, or unsound."""
        sender, first = self._event()
        events = [first]
        for _ in range(self.run.rng.choice((0, 0, 1, 3, 8))):
            other, event = self._event()
            if other == sender:
                events.append(event)
        if self.sent and self.run.rng.random() < 0.3:
            sender, old = self.run.rng.choice(self.sent)
            events = [event for event in events if event.source == sender]
            events.append(self._again(old))
        if self.run.rng.random() < 0.05:
            events.append(self._again(events[0]))
        if self.run.rng.random() < 0.05:
            events.append(self._unsound(events[0]))
        self.run.rng.shuffle(events)
        return sender, events

    def _again(self, old):
        event = v1.Event()
        event.CopyFrom(old)
        chance = self.run.rng.random()
        if chance < 0.2:
            event.traceparent = f"00-{self.run.rng.getrandbits(128):032x}-{1:016x}-00"
        elif chance < 0.4:
            event.correlation_id = f"other-{self.run.rng.random()}"
        elif chance < 0.5 and event.subject in self.run.ledger.pseudonyms:
            event.subject = self.run.ledger.pseudonyms[event.subject]
        return event

    def _unsound(self, event):
        spoilt = v1.Event()
        spoilt.CopyFrom(event)
        spoilt.id = f"unsound-{self.run.rng.random()}"
        spoilt.type = "no.such.type" if self.run.rng.random() < 0.5 else event.type
        spoilt.data = b""
        return spoilt

    def publish(self):
        sender, events = self._batch()
        all_or_nothing = self.run.rng.random() < 0.15
        dry_run = self.run.rng.random() < 0.05
        self._publish(sender, events, all_or_nothing, dry_run)

    def _publish(self, sender, events, all_or_nothing=False, dry_run=False):
        epoch = self.run.epochs[-1]
        sent_at = time.monotonic()
        try:
            results = self.run.ex.publish(sender, events, all_or_nothing=all_or_nothing,
                                      dry_run=dry_run).results
        except grpc.RpcError as error:
            self._refused_as_suspended(sender, error)
            return
        expect(not epoch.oracle.agencies[sender].suspended, "a suspended agency sends nothing", sender)
        self._take(epoch, sender, events, results, sent_at, all_or_nothing, dry_run)

    def _take(self, epoch, sender, events, results, sent_at, all_or_nothing=False, dry_run=False):
        right = self.run.ledger.outcomes(epoch, sender, events, all_or_nothing)
        expect(len(results) == len(events), "one result for each event")
        for event, result, outcomes in zip(events, results, right):
            expect(result.outcome in outcomes, "its outcome", result, outcomes, sender, event)
            self.run.counts["event: " + v1.PublishResult.Outcome.Name(result.outcome)[8:]] += 1
            if result.outcome == STORED and not dry_run:
                self.run.ledger.store(epoch, sender, event, result, sent_at)
                if self.run.rng.random() < 0.2:
                    self.sent = (self.sent + [(sender, event)])[-200:]
            elif result.outcome == DUPLICATE and not dry_run:
                expect(result.position == self.run.ledger.position(event), "the first one's position",
                       result, event)
            elif result.outcome in (REJECTED, ABORTED):
                expect(result.position == 0, "no position", result)

    def _refused_as_suspended(self, agency, error):
        refusal = Refusal(error)
        expect(refusal.reason == "AGENCY_SUSPENDED"
               and self.run.epochs[-1].oracle.agencies[agency].suspended, "taken", agency, refusal)

    def publish_together(self, restarted=None):
        """Several at once, unary and in streams. With restarted the server dies in the middle, and
        that is called when it is dead."""
        kill = restarted is not None
        epoch = self.run.epochs[-1]
        crowd = [(sender, [self._own(sender) for _ in range(self.run.rng.randrange(1, 16))])
                 for sender in SENDERS if not epoch.oracle.agencies[sender].suspended]
        sent_at = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(len(crowd) or 1) as pool:
            tasks = [pool.submit(self._send, sender, events, self.run.rng.random() < 0.5)
                     for sender, events in crowd]
            if kill:
                time.sleep(self.run.rng.random() * 0.02)
                self.run.ex.process.kill()
            answers = [task.result() for task in tasks]
        told = [(sender, event, result) for (sender, events), results in zip(crowd, answers)
                for event, result in zip(events, results)]
        if kill:
            restarted()
            told += self._ask_again(crowd, answers)
        self._take_together(epoch, told, sent_at, kill)

    def _own(self, sender):
        while True:
            other, event = self._event()
            if other == sender:
                return event

    def _send(self, sender, events, is_stream):
        """Results of the events that were answered."""
        results = []
        requests = [v1.PublishRequest(events=events[i:i + 7]) for i in range(0, len(events), 7)]
        publisher = self.run.ex.publisher(sender)
        try:
            if is_stream:
                for response in publisher.PublishStream(iter(requests), timeout=30):
                    results += response.results
            else:
                for request in requests:
                    results += publisher.Publish(request, timeout=30).results
        except grpc.RpcError as error:
            expect(error.code() == grpc.StatusCode.UNAVAILABLE, "nothing but the kill",
                   Refusal(error))
        return results

    def _ask_again(self, crowd, answers):
        """What got no answer is sent again; a DUPLICATE of it was stored before the kill."""
        told = []
        for (sender, events), results in zip(crowd, answers):
            rest = events[len(results):]
            for i in range(0, len(rest), 7):
                again = self.run.ex.publish(sender, rest[i:i + 7]).results
                told += [(sender, event, result) for event, result in zip(rest[i:i + 7], again)]
        return told

    def _take_together(self, epoch, told, sent_at, kill):
        """In the order of their positions each must be what it would be alone."""
        new = []
        for sender, event, result in told:
            was_known = (event.source, event.id) in self.run.ledger.ids
            if kill and result.outcome == DUPLICATE and not was_known:
                result.outcome = STORED
            if result.outcome == STORED:
                new.append((sender, event, result))
            else:
                self._take(epoch, sender, [event], [result], sent_at)
        for sender, event, result in sorted(new, key=lambda one: one[2].position):
            self._take(epoch, sender, [event], [result], sent_at)
