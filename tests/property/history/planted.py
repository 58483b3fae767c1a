"""Faults planted in what the exchange said, before the model hears of it: each must be found.

A model that finds nothing proves nothing.
"""

from contract import v1
from model import Follower, Places
from publishing import Publishing


def _lose(rng, deliveries, through):
    """An event that is left out."""
    if len(deliveries) > 0:
        deliveries.pop(rng.randrange(len(deliveries)))
        return True
    return False


def _repeat(rng, deliveries, through):
    if deliveries:
        deliveries.append(deliveries[-1])
    return bool(deliveries)


def _swap(rng, deliveries, through):
    if len(deliveries) > 1:
        deliveries[0], deliveries[1] = deliveries[1], deliveries[0]
    return len(deliveries) > 1


def _another(rng, deliveries, through):
    """The bytes of another event."""
    if len(deliveries) > 1:
        deliveries[0].event.data = deliveries[1].event.data + b"\x08\x01"
    return len(deliveries) > 1


def _field(rng, deliveries, through):
    """One field more than the view has."""
    for one in deliveries:
        if not one.event.traceparent:
            one.event.traceparent = f"00-{1:032x}-{1:016x}-01"
            return True
    return False


def _place(rng, deliveries, through):
    """The place of the delivery before."""
    if deliveries:
        deliveries[-1].position -= 1
    return bool(deliveries)


def _ground(rng, deliveries, through):
    if deliveries and len(deliveries[0].grounds) > 1:
        del deliveries[0].grounds[0]
        return True
    return False


IN_DELIVERIES = {"lost": _lose, "twice": _repeat, "out of order": _swap, "other bytes": _another,
                 "a field too much": _field, "a wrong position": _place, "a ground untold": _ground}


def in_deliveries(rng, fault):
    """Plants it once; the function that undoes the patch, and whether it was planted."""
    planted, told = [], Follower.told

    def spoilt(self, deliveries, through, grounds, at):
        deliveries = list(deliveries)
        if not planted and rng.random() < 0.05 and fault(rng, deliveries, through):
            planted.append(through)
        told(self, deliveries, through, grounds, at)

    Follower.told = spoilt
    return planted, lambda: setattr(Follower, "told", told)


def _stored_again(result):
    if result.outcome == v1.PublishResult.OUTCOME_DUPLICATE:
        result.outcome = v1.PublishResult.OUTCOME_STORED
        return True
    return False


def _refused(result):
    if result.outcome == v1.PublishResult.OUTCOME_STORED:
        result.outcome, result.position = v1.PublishResult.OUTCOME_REJECTED, 0
        return True
    return False


def _let_in(result):
    if result.outcome in (v1.PublishResult.OUTCOME_REJECTED, v1.PublishResult.OUTCOME_CONFLICT):
        result.outcome = v1.PublishResult.OUTCOME_DUPLICATE
        return True
    return False


def _gap(result):
    if result.outcome == v1.PublishResult.OUTCOME_STORED and result.position:
        result.position += 1
        return True
    return False


IN_ANSWERS = {"stored again": _stored_again, "a sound event refused": _refused,
              "an unsound event let in": _let_in, "a gap": _gap}


def in_answers(rng, fault):
    planted, take = [], Publishing._take

    def spoilt(self, epoch, sender, events, results, *more):
        if not planted and rng.random() < 0.2:
            planted.extend(result.position for result in results[:1] if fault(result))
        take(self, epoch, sender, events, results, *more)

    Publishing._take = spoilt
    return planted, lambda: setattr(Publishing, "_take", take)


def lost_acknowledgement(rng):
    """A subscription that stands where it never was told to stand."""
    planted, stands = [], Places.stands

    def spoilt(self, position):
        if not planted and len(self.now) == 1 and self.now[0] > 0:
            planted.append(position)
            position -= 1
        stands(self, position)

    Places.stands = spoilt
    return planted, lambda: setattr(Places, "stands", stands)


def wrong_reason(rng):
    """A stream that ends for another reason than the model's."""
    planted, ends = [], Follower.ends

    def spoilt(self):
        reasons = ends(self)
        if reasons and not planted:
            planted.append(reasons)
            return {"RIGHT_WITHDRAWN", "AGREEMENT_ENDED", "AGENCY_SUSPENDED"} - reasons
        return reasons

    Follower.ends = spoilt
    return planted, lambda: setattr(Follower, "ends", ends)


FAULTS = {
    **{name: lambda rng, f=fault: in_deliveries(rng, f) for name, fault in IN_DELIVERIES.items()},
    **{name: lambda rng, f=fault: in_answers(rng, f) for name, fault in IN_ANSWERS.items()},
    "an acknowledgement forgotten": lost_acknowledgement,
    "a wrong reason": wrong_reason,
}
