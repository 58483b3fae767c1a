"""A small world whose policy changes all the time: who there is, and policies drawn step by step."""

import datetime

from contract import v1
from drawn_policy import SPECIFIC, _Draw
from oracle import KINDS, day_after

SENDERS = ("kl.kp2mi", "kab.18.07", "desa.18.07.15.2006", "perwakilan.tw.taipei")
READERS = ("kl.kp2mi", "kab.18.07", "kab.35.09", "kl.komdigi", "bp3mi.18", "perwakilan.tw.taipei",
           "desa.18.07.15.2006")
WITH_LAW = ("kl.kp2mi", "kab.18.07", "desa.18.07.15.2006")  # the others stand on one agreement
NO_END = "2099-12-31"
REGIONS = ("", "18", "18.07", "18.07.15.2006", "18.07.03.2001", "35.09", "35.09.01", "31")


class World:
    """policy is what is to be applied next; step() changes it a little."""

    def __init__(self, rng, sample, today):
        self.rng, self.today = rng, today
        self.draw = _Draw(rng, sample)
        counts = [kind for kind in KINDS.values() if kind.is_aggregate]
        types = sorted(KINDS.values(), key=lambda kind: kind.name)
        self.types = rng.sample(types, 8) + counts
        self.groups = sorted({kind.group for kind in self.types})
        self.policy = v1.Policy(agencies=sample.agencies, operators=sample.operators)
        self._add_publishing()
        for reader in READERS:
            for prefix in ("law", "mou") if reader in WITH_LAW else ("mou",):
                agreement = self.policy.agreements.add(id=f"{prefix}-{reader}", title="Drawn",
                                                       parties=[reader, "kl.kp2mi"])
                agreement.valid_from = agreement.signed_on = "2025-11-01"
                agreement.valid_to = NO_END if prefix == "mou" else ""
                agreement.status = v1.Agreement.STATUS_IN_FORCE
                for _ in range(rng.randrange(2, 6)):
                    self._grant(agreement, reader)
            for group in self.groups:
                self.policy.ceilings.add(audience=reader, group=group, level=v1.LEVEL_IDENTIFIED,
                                         specific=SPECIFIC, scope=v1.Grant.SCOPE_NATIONAL)
        self.withdrawn = []  # agreements that are left out for a while

    def _add_publishing(self):
        law = self.policy.agreements.add(
            id="law-publish", title="Drawn", parties=SENDERS[:2], signed_on="2017-11-22",
            valid_from="2017-11-22", status=v1.Agreement.STATUS_IN_FORCE)
        for sender in SENDERS:
            for kind in self.types:
                law.grants.add(grantee=sender, direction=v1.Grant.DIRECTION_PUBLISH,
                               events=kind.name, scope=v1.Grant.SCOPE_NATIONAL,
                               level=v1.LEVEL_IDENTIFIED, specific=SPECIFIC,
                               purpose=sorted(kind.purposes)[0], legal_basis="test",
                               may_resolve=self.rng.random() < 0.8)

    def _agreement(self, id):
        return next(one for one in self.policy.agreements if one.id == id)

    def _grant(self, agreement, reader):
        grant = agreement.grants.add(direction=v1.Grant.DIRECTION_SUBSCRIBE)
        self.draw.grant(grant, reader, self.rng.choice(self.types))
        grant.direction = v1.Grant.DIRECTION_SUBSCRIBE
        grant.may_resolve = False
        if self.rng.random() < 0.1 and agreement.valid_to in ("", NO_END):
            grant.events_from = day_after(self.today)

    # Changes. Repairs are as frequent as harm, or soon nobody would have a right.

    def step(self, today):
        """A new policy, most of the old; how it was changed."""
        self.today = today
        if len(self.policy.agreements) < 5:
            self._repair()
            return "repair"
        change = self.rng.choices(
            (self._end, self._withdraw, self._redraw, self._more, self._limit, self._suspend,
             self._stop_publishing, self._nothing, self._repair),
            (4, 1.5, 3, 2, 2, 1, 0.5, 0.5, 5))[0]
        change()
        return change.__name__.strip("_")

    def _drawn(self):
        drawn = [one for one in self.policy.agreements if one.id != "law-publish"]
        return self.rng.choice(drawn)

    def _end(self):
        agreement = self._drawn()
        if agreement.id.startswith("mou-") and self.rng.random() < 0.6:
            last = datetime.date.fromisoformat(self.today) + datetime.timedelta(
                days=self.rng.choice((-1, 0, 0, 1)))
            agreement.valid_to = str(last)
            for grant in agreement.grants:
                grant.ClearField("events_from")
        else:
            agreement.status = self.rng.choice((v1.Agreement.STATUS_SUSPENDED,
                                                v1.Agreement.STATUS_TERMINATED))

    def _withdraw(self):
        agreement = self._drawn()
        self.withdrawn.append(v1.Agreement.FromString(agreement.SerializeToString()))
        self.policy.agreements.remove(agreement)

    def _redraw(self):
        agreement = self._drawn()
        reader = agreement.id.partition("-")[2]
        del agreement.grants[self.rng.randrange(len(agreement.grants))]
        self._grant(agreement, reader)

    def _more(self):
        agreement = self._drawn()
        if len(agreement.grants) < 8:
            self._grant(agreement, agreement.id.partition("-")[2])
        else:
            del agreement.grants[2:]

    def _limit(self):
        self.draw.limit(self.rng.choice(self.policy.ceilings))

    def _suspend(self):
        reader = self.rng.choice(READERS)
        for agency in self.policy.agencies:
            if agency.id == reader:
                agency.suspended = not agency.suspended

    def _stop_publishing(self):
        self._agreement("law-publish").status = v1.Agreement.STATUS_SUSPENDED

    def _nothing(self):
        pass

    def _repair(self):
        if self.rng.random() < 0.7:
            self.policy.agreements.extend(self.withdrawn)
            self.withdrawn = []
        for agreement in self.policy.agreements:
            if self.rng.random() < 0.7:
                agreement.status = v1.Agreement.STATUS_IN_FORCE
                agreement.valid_to = NO_END if agreement.id.startswith("mou-") else ""
        for agency in self.policy.agencies:
            agency.suspended = agency.suspended and self.rng.random() < 0.3
        for row in self.policy.ceilings:
            if self.rng.random() < 0.5:
                row.level, row.scope = v1.LEVEL_IDENTIFIED, v1.Grant.SCOPE_NATIONAL
                del row.specific[:]
                row.specific.extend(SPECIFIC)
