"""Never a byte too much: what every agency gets of events of every type, with every field filled, is
what the oracle (tests/property/policy) decides from the texts, and no other value is in the bytes.

The seed is printed where a test fails; BERBAGI_SEED sets it.
"""

import collections
import datetime
import os
import pathlib
import random
import sys

import grpc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "property" / "policy"))

import drawn_policy  # noqa: E402
import policies  # noqa: E402
from contract import TYPES, Refusal, v1  # noqa: E402
from filled import Filler  # noqa: E402
from oracle import KINDS, VILLAGES, Oracle  # noqa: E402
from views import JAKARTA, Views, as_stored, facts_of, payload_of, texts_of  # noqa: E402

SEED = int(os.environ.get("BERBAGI_SEED", random.SystemRandom().randrange(1 << 32)))
EACH = 6  # events of each type
SOURCES = ("kl.kp2mi", "kab.18.07", "desa.18.07.15.2006", "kel.64.74.01.1003",
           "perwakilan.tw.taipei")
REGIONS = ("", "18", "18.07", "31", "35.09", "35.13.01", "64.74.01.1003", "53.06")


def grant_publishing(policy):
    """Lets the sources fill every field of every type, which changes nothing for readers."""
    for agency in policy.agencies:
        if agency.id in SOURCES or agency.id == "kab.18.07":
            agency.suspended = False
    law = policy.agreements.add(id="law-test", title="Filled by a test", parties=SOURCES[:1],
                                signed_on="2017-11-22", valid_from="2017-11-22",
                                status=v1.Agreement.STATUS_IN_FORCE)
    for source in SOURCES:
        for kind in KINDS.values():
            law.grants.add(grantee=source, direction=v1.Grant.DIRECTION_PUBLISH, events=kind.name,
                           scope=v1.Grant.SCOPE_NATIONAL, level=v1.LEVEL_IDENTIFIED,
                           specific=range(1, 6), purpose=sorted(kind.purposes)[0],
                           legal_basis="test", may_resolve=True)


class World:
    """One exchange with a policy, the oracle of that policy, and what was published."""

    def __init__(self, make_exchange, policy, rng):
        self.rng, self.policy = rng, policy
        grant_publishing(policy)
        self.oracle = Oracle(policy)
        self.ex = make_exchange(policy)
        self.filler = Filler(rng, sorted(self.oracle.agencies))
        self.stored = {}  # position -> (event as stored, who sent it)
        self._publish()

    def _publish(self):
        batches = collections.defaultdict(list)
        for type in sorted(TYPES) * EACH:
            source = self.rng.choice(SOURCES)
            sender = "kab.18.07" if source.startswith("desa.18") and self.rng.random() < 0.5 else (
                source)
            batches[sender].append(self._event(type, source))
        for sender, events in batches.items():
            for event, result in zip(events, self.ex.publish(sender, events).results):
                assert result.outcome == v1.PublishResult.OUTCOME_STORED, (event, result)
                event.subject = result.subject
                self.stored[result.position] = (as_stored(event), sender)

    def _event(self, type, source):
        region = self.rng.choice(REGIONS + (self.filler.village(),) * 4)
        event = self.filler.event(type, region, with_unknown=self.rng.random() < 0.2,
                                  source=source)
        if "nik" in KINDS[type].names:
            event.subject = "nik:" + payload_of(event).nik
        elif event.subject and self.rng.random() < 0.2:
            event.subject = "nik:" + self.filler.nik()
        return event


class Reader:
    """What one agency got, held against what it should get."""

    def __init__(self, world, agency):
        self.world, self.agency, self.oracle = world, agency, world.oracle
        self.views = Views(world.oracle)
        self.raw = b""
        self.deliveries = {}  # position -> (delivery, grounds told in its page, by id)
        after, head = 0, 1
        while after < head:
            raw = world.ex.fetch(agency, raw=True, after_position=after)
            page = v1.FetchResponse.FromString(raw)
            self.raw += raw
            told = {ground.id: ground for ground in page.grounds}
            self.deliveries.update({one.position: (one, told) for one in page.batch.deliveries})
            after, head = page.batch.through_position, page.head_position

    def check(self, today):
        for position, (event, sender) in self.world.stored.items():
            sight = self.oracle.see(self.agency, event.type, facts_of(event, today, today))
            delivery, grounds = self.deliveries.pop(position, (None, None))
            where = f"seed {SEED}: {self.agency} at {position}, {event.type} of {event.source}"
            assert (delivery is None) == (sight is None), where
            if sight is not None:
                self.views.check(event, sender, sight, delivery, where)
                self.views.check_grounds(sight, delivery, grounds, self.world.ex.version, where)
        assert not self.deliveries, "delivered what was not published"



POLICIES = {
    "sample": lambda rng: policies.from_folder(),
    "crowded": lambda rng: drawn_policy.crowded(rng, policies.from_folder()),
    "shaken": lambda rng: drawn_policy.shaken(rng, policies.from_folder()),
    "overlaid": lambda rng: drawn_policy.overlaid(rng, policies.from_folder()),
}


def check_all(world):
    everything = set().union(*(texts_of(event) for event, _ in world.stored.values()))
    villages = {agency.id for agency in world.oracle.agencies.values() if agency.kind in VILLAGES}
    others = set(world.oracle.agencies) - villages
    readers = {}  # form of a reference -> whose it is, and of what
    for agency in sorted(world.oracle.agencies):
        today = str(datetime.datetime.now(JAKARTA).date())
        try:
            reader = Reader(world, agency)
        except grpc.RpcError as error:
            assert Refusal(error).code == grpc.StatusCode.PERMISSION_DENIED
            assert not world.oracle.sees_anything(agency, today), (SEED, agency)
            continue
        reader.check(today)
        hidden = (everything | villages) - reader.views.shown - others
        leaked = {text for text in hidden if text.encode() in reader.raw
                  and not any(text in other for other in reader.views.shown)}
        assert not leaked, (SEED, agency, leaked)
        for original, form in reader.views.forms.items():
            assert readers.setdefault(form, (agency, original)) == (agency, original), SEED
        world.ex.disconnect()


@pytest.mark.parametrize("name", POLICIES)
def test_every_agency_gets_what_the_oracle_decides_and_not_a_byte_more(make_exchange, name):
    rng = random.Random(f"{SEED}/{name}")
    check_all(World(make_exchange, POLICIES[name](rng), rng))
