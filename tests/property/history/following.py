"""Subscribers: streams, pages, durable places."""

import time

import grpc

import exchange
from contract import Refusal, v1
from model import Follower, Places, Wrong, expect
from world import READERS

AT_ONCE = 5.0  # "within a second", and more for a busy machine
DENIED = grpc.StatusCode.PERMISSION_DENIED
SUBSCRIPTIONS = ("nightly", "desk")
STREAMS_MAX = 10


class Open:
    """An open stream and what the model thinks of it."""

    def __init__(self, stream, follower, name, most):
        self.stream, self.follower, self.name, self.most = stream, follower, name, most
        self.acknowledged = 0  # on this stream
        self.taken = 0  # responses looked at

    @property
    def agency(self):
        return self.follower.agency


class Following:
    def __init__(self, run):
        self.run = run
        self.streams = []
        self.places = {}  # (agency, name) -> Places
        self.delivered = 0

    def _filter(self):
        chance = self.run.rng.random()
        if chance < 0.5:
            return None
        kinds = self.run.rng.sample(self.run.world.types, 4)
        types = [kind.name if self.run.rng.random() < 0.6 else kind.name.split(".")[0] + ".*"
                 for kind in kinds]
        regions = self.run.rng.sample(("18", "18.07", "35.09", "18.07.15"), 2) if chance > 0.85 else []
        return v1.Filter(types=types, regions=regions)

    def open(self):
        agency = self.run.rng.choice(READERS)
        name = self.run.rng.choice(SUBSCRIPTIONS) if self.run.rng.random() < 0.6 else ""
        if len(self.streams) >= STREAMS_MAX and not self._holder(agency, name):
            self._hang_up(self.run.rng.choice(self.streams))
        most = self.run.rng.choice((0, 0, 30)) if name else 0
        filter, start, after = self._filter(), *self._start(agency, name)
        follower = self._follow(agency, filter)
        taken = self._holder(agency, name)
        stream = self.run.ex.subscribe(
            agency, subscription=name, filter=filter, start=start, max_unacknowledged=most,
            max_batch=self.run.rng.choice((0, 3)), bookmark_interval_ms=1000)
        if self._is_refused(agency, stream):
            return
        told = stream.opened
        if taken is not None:
            self._expect_end(taken, grpc.StatusCode.ABORTED, {"TAKEN_OVER"})
            self.run.counts["takeover"] += 1
        self._check_opened(agency, name, after, told)
        follower.opened(told.after_position)
        self.streams.append(Open(stream, follower, name, most))

    def _follow(self, agency, filter):
        return Follower(agency, self.run.ledger, self.run.epochs, self.run.views[agency], filter,
                        time.monotonic())

    def _holder(self, agency, name):
        return next((opened for opened in self.streams
                     if name and opened.agency == agency and opened.name == name), None)

    def _start(self, agency, name):
        """Where to begin, and the place to be told; None: where the subscription stands."""
        head = len(self.run.ledger.log)
        choice = self.run.rng.choice(("", "stored", "beginning", "now", "after"))
        if choice == "now":
            return v1.Start(now=True), head
        if choice == "after":
            after = self.run.rng.randrange(max(0, head - 200), head + 1)
            return v1.Start(after_position=after), after
        if choice == "beginning" and head < 2000:
            return v1.Start(beginning=True), 0
        if not name:
            after = max(0, head - 100)
            return v1.Start(after_position=after), after
        return (v1.Start(stored=True) if choice == "stored" else None), None

    def _is_refused(self, agency, stream):
        epoch = self.run.epochs[-1]
        reason = ("AGENCY_SUSPENDED" if epoch.oracle.agencies[agency].suspended else
                  None if epoch.sees_anything(agency) else "NO_RIGHT")
        if reason is not None:
            refusal = stream.wait_end(AT_ONCE)
            expect(refusal is not None and refusal.reason == reason, "refused", agency, refusal, reason)
            self.run.counts["refused: " + reason] += 1
        return reason is not None

    def _check_opened(self, agency, name, after, told):
        expect(told.head_position == len(self.run.ledger.log), "the head", told)
        if not name:
            expect(told.after_position == after, "where it begins", told, after)
            return
        places = self.places.setdefault((agency, name), Places())
        if after is None:
            places.stands(told.after_position)
        else:
            expect(told.after_position == after, "where it begins", told, after)
            places.reset(after)

    def _expect_end(self, opened, code, reasons):
        refusal = opened.stream.wait_end(AT_ONCE)
        self._look(opened)
        expect(refusal is not None and refusal.code == code and refusal.reason in reasons,
               "why a stream ends", opened.agency, refusal, reasons)
        self.run.counts["end: " + refusal.reason] += 1
        self.streams.remove(opened)

    def _look(self, opened):
        """Holds what has come since against the model."""
        stream = opened.stream
        responses = stream.responses
        for i in range(opened.taken, len(responses)):
            response, at = responses[i], stream.times[i]
            kind = response.WhichOneof("kind")
            if kind != "opened":
                part = getattr(response, kind)
                deliveries = part.deliveries if kind == "batch" else ()
                self.delivered += len(deliveries)
                opened.follower.told(deliveries, part.through_position, response.grounds, at)
            opened.taken = i + 1
        if opened.most and opened.name:
            self._check_ahead(opened)

    def _check_ahead(self, opened):
        ahead = sum(1 for position in opened.stream.positions if position > opened.acknowledged)
        expect(ahead <= opened.most, "most events sent and not yet acknowledged", ahead, opened.most)

    def look(self):
        for opened in list(self.streams):
            self._look(opened)
            expect(not opened.stream.ended, "a stream goes on", opened.agency, opened.stream.refusal)

    def acknowledge(self):
        named = [opened for opened in self.streams if opened.name]
        if named:
            opened = self.run.rng.choice(named)
            self._look(opened)
            self._acknowledge(opened)

    def _acknowledge(self, opened):
        place = opened.follower.place
        if place > opened.acknowledged:
            opened.acknowledged = place
            self.places[opened.agency, opened.name].acknowledge(place)
            opened.stream.acknowledge(place)

    def close(self):
        """In good order or not."""
        if not self.streams:
            return
        opened = self.run.rng.choice(self.streams)
        if self.run.rng.random() < 0.5:
            self._hang_up(opened)
            return
        opened.stream.half_close()
        refusal = opened.stream.wait_end(AT_ONCE)
        expect(refusal is None, "an orderly end", opened.agency, refusal)
        self._look(opened)
        self.streams.remove(opened)
        if opened.name and opened.acknowledged:
            self.places[opened.agency, opened.name].durable()

    def _hang_up(self, opened):
        opened.stream.cancel()
        self._look(opened)
        self.streams.remove(opened)

    def settle(self):
        """Waits until every stream has told what it must."""
        for opened in list(self.streams):
            self._look(opened)
            due = opened.follower.last_due()
            end = time.monotonic() + exchange.DEADLINE
            while opened.follower.place < due:
                if opened.most:
                    self._acknowledge(opened)
                expect(time.monotonic() < end and not opened.stream.ended, "what is due comes",
                       opened.agency, opened.follower.place, due, opened.stream.refusal)
                time.sleep(0.001)
                self._look(opened)

    # Pages and subscriptions

    def fetch(self):
        agency = self.run.rng.choice(READERS)
        name = self.run.rng.choice(SUBSCRIPTIONS) if self.run.rng.random() < 0.3 else ""
        head = len(self.run.ledger.log)
        after = 0 if name else self.run.rng.randrange(max(0, head - 300), head + 1)
        filter = self._filter()
        follower = self._follow(agency, filter)
        taken = self._holder(agency, name)
        try:
            page = self.run.ex.fetch(agency, filter=filter, after_position=after, subscription=name,
                                 max_events=self.run.rng.choice((5, 100)))
        except grpc.RpcError as error:
            self._refused_page(agency, error)
            return
        expect(self.run.epochs[-1].sees_anything(agency), "rights", agency)
        if taken is not None:
            self._expect_end(taken, grpc.StatusCode.ABORTED, {"TAKEN_OVER"})
        self.delivered += len(page.batch.deliveries)
        if name:
            self._fetched(agency, name, page, follower)
            return
        follower.opened(after)
        follower.told(page.batch.deliveries, page.batch.through_position, page.grounds,
                      time.monotonic())

    def _fetched(self, agency, name, page, follower):
        """A page tells no beginning: it must be right from one of the places it may stand at."""
        places = self.places.setdefault((agency, name), Places())
        failures = []
        for after in dict.fromkeys(places.now):
            follower.opened(after)
            try:
                follower.told(page.batch.deliveries, page.batch.through_position, page.grounds,
                              time.monotonic())
                return
            except Wrong as error:
                failures.append(error)
        raise failures[0]

    def _refused_page(self, agency, error):
        epoch, refusal = self.run.epochs[-1], Refusal(error)
        if epoch.oracle.agencies[agency].suspended:
            expect(refusal.reason == "AGENCY_SUSPENDED", "suspended", agency, refusal)
        else:
            expect(refusal.reason == "NO_RIGHT" and not epoch.sees_anything(agency), "a page",
                   agency, refusal)

    def delete(self):
        if not self.places:
            return
        agency, name = self.run.rng.choice(sorted(self.places))
        if self._holder(agency, name) or self.run.epochs[-1].oracle.agencies[agency].suspended:
            return
        try:
            self.run.ex.subscriber(agency).DeleteSubscription(
                v1.DeleteSubscriptionRequest(name=name), timeout=exchange.DEADLINE)
        except grpc.RpcError as error:
            expect(error.code() == grpc.StatusCode.NOT_FOUND, "deleted", Refusal(error))
        del self.places[agency, name]

    # What ends streams from outside

    def rights_changed(self):
        for opened in list(self.streams):
            ends = opened.follower.ends()
            if ends:
                self._expect_end(opened, DENIED, ends)

    def revoked(self, agency):
        for opened in [one for one in self.streams if one.agency == agency]:
            self._expect_end(opened, DENIED, {"CERTIFICATE_REVOKED"})

    def server_gone(self, kill):
        """All streams end; what they were told last is judged by judge_dead()."""
        for opened in self.streams:
            refusal = opened.stream.wait_end(AT_ONCE + 5)
            expect(refusal is not None and refusal.code == grpc.StatusCode.UNAVAILABLE
                   and (refusal.reason is None or not kill and refusal.reason == "SHUTTING_DOWN"),
                   "why a stream ends", opened.agency, refusal)
            self.run.counts[f"end: {refusal.reason or 'killed'}"] += 1
        for places in self.places.values():
            places.crash() if kill else places.stop()
        dead, self.streams = self.streams, []
        return dead

    def judge(self, dead):
        for opened in dead:
            self._look(opened)
