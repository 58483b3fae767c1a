"""Never a byte too much: what every agency gets of events of every type, with every field filled, is
what the oracle (tests/property/policy) decides from the texts, and no other value is in the bytes.

The seed is printed where a test fails; BERBAGI_SEED sets it.
"""

import collections
import datetime
import os
import pathlib
import random
import re
import sys

import grpc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "property" / "policy"))

import drawn_policy  # noqa: E402
import policies  # noqa: E402
from contract import TYPES, Refusal, v1  # noqa: E402
from filled import Filler  # noqa: E402
from oracle import (AGGREGATE, COARSE, FULL, IDENTIFIED, KINDS, PSEUDONYMOUS,  # noqa: E402
                    REWRITTEN, VILLAGES, WITHHELD, Facts, Oracle)

SEED = int(os.environ.get("BERBAGI_SEED", random.SystemRandom().randrange(1 << 32)))
EACH = 6  # events of each type
JAKARTA = datetime.timezone(datetime.timedelta(hours=7))
SOURCES = ("kl.kp2mi", "kab.18.07", "desa.18.07.15.2006", "kel.64.74.01.1003",
           "perwakilan.tw.taipei")
REGIONS = ("", "18", "18.07", "31", "35.09", "35.13.01", "64.74.01.1003", "53.06")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUBJECT = re.compile(r"p_[0-9A-HJKMNP-TV-Z]{20}")


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
                self.stored[result.position] = (self._as_stored(event), sender)

    def _event(self, type, source):
        region = self.rng.choice(REGIONS + (self.filler.village(),) * 4)
        event = self.filler.event(type, region, with_unknown=self.rng.random() < 0.2,
                                  source=source)
        if "nik" in KINDS[type].names:
            event.subject = "nik:" + payload_of(event).nik
        elif event.subject and self.rng.random() < 0.2:
            event.subject = "nik:" + self.filler.nik()
        return event

    @staticmethod
    def _as_stored(event):
        kind = KINDS[event.type]
        if kind.addressee_field:
            event.addressed_to = getattr(payload_of(event), kind.addressee_field)
        return event

    def facts(self, event, day):
        kind, payload = KINDS[event.type], payload_of(event)
        small = kind.is_aggregate and any(
            isinstance(getattr(payload, field.name), int) and field.descriptor.enum_type is None
            and 1 <= getattr(payload, field.name) <= 4 for field in kind.fields)
        return Facts(event.region, event.destination, event.addressed_to, small, day, day)


def payload_of(event):
    return TYPES[event.type].message.FromString(event.data)


class Reader:
    """What one agency got, held against what it should get."""

    def __init__(self, world, agency):
        self.world, self.agency, self.oracle = world, agency, world.oracle
        self.forms = {}  # original reference -> this reader's form of it
        self.shown = set()  # every text that the oracle lets it see
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
            sight = self.oracle.see(self.agency, event.type, self.world.facts(event, today))
            delivery, grounds = self.deliveries.pop(position, (None, None))
            where = f"seed {SEED}: {self.agency} at {position}, {event.type} of {event.source}"
            assert (delivery is None) == (sight is None), where
            if sight is not None:
                self._check_delivery(event, sender, sight, delivery, where)
                self._check_grounds(sight, delivery, grounds, where)
        assert not self.deliveries, "delivered what was not published"

    def _check_delivery(self, event, sender, sight, delivery, where):
        assert delivery.published_by == self._publisher(event, sender, sight), where
        expected = self._envelope(event, sight, delivery.event, where)
        expected.data = self._payload(event, sight, delivery.event, where)
        self.shown |= texts_of(expected)
        assert delivery.event == expected, (where, sight.forms)
        assert delivery.event.data == expected.data, (where, payload_of(delivery.event))

    def _check_grounds(self, sight, delivery, grounds, where):
        """Each ground of it is told, with what its view hides and coarsens, set or not."""
        told = [grounds[number] for number in delivery.grounds]
        assert frozenset(map(ground_of, told)) == sight.grounds, where
        names = KINDS[delivery.event.type].names
        for ground in told:
            assert set(ground.hidden_fields) == {
                name for name, form in zip(names, sight.forms) if form == WITHHELD}, where
            assert set(ground.coarsened_fields) == {
                name for name, form in zip(names, sight.forms) if form == COARSE}, where
            assert ground.policy_version == self.world.ex.version, where

    def _agency(self, agency, is_identified):
        return agency if is_identified else self.oracle.public_id(agency)

    def _publisher(self, event, sender, sight):
        identified = sight.level == IDENTIFIED
        source = self._agency(event.source, identified)
        sender = self._agency(sender, identified)
        return sender if sender != source else ""

    def _envelope(self, event, sight, got, where):
        """By class and kind first; what is identified_only at IDENTIFIED alone."""
        if sight.level == IDENTIFIED:
            expected = v1.Event()
            expected.CopyFrom(event)
            addressee = KINDS[event.type].addressee_field
            if addressee:
                i = KINDS[event.type].names.index(addressee)
                told = self._agency(event.addressed_to, sight.is_identified(i))
                expected.addressed_to = "" if sight.forms[i] == WITHHELD else told
            return expected
        expected = v1.Event(type=event.type, source=self._agency(event.source, False),
                            destination=event.destination, occurred_at=event.occurred_at,
                            schema_version=event.schema_version)
        expected.id = self._form(event.id, got.id, where)
        if sight.level >= PSEUDONYMOUS and event.subject:
            expected.subject = self._form(event.subject, got.subject, where)
        if sight.level >= AGGREGATE:
            expected.region = coarse(event.region)
        return expected

    def _payload(self, event, sight, got, where):
        if sight.level == IDENTIFIED and sight.unknown_fields and set(sight.forms) == {FULL}:
            return event.data
        payload, delivered = payload_of(event), payload_of(got)
        kind = KINDS[event.type]
        for i, field in enumerate(kind.fields):
            value, form = getattr(payload, field.name), sight.forms[i]
            if form == WITHHELD or not value:
                payload.ClearField(field.name)
            elif form == COARSE:
                setattr(payload, field.name, coarse(value))
            elif form == REWRITTEN:
                self._rewrite(payload, delivered, field.name, where)
            elif field.rules.format == v1.FORMAT_AGENCY and not isinstance(value, str):
                value[:] = [self._agency(one, sight.is_identified(i)) for one in value]
            elif field.rules.format == v1.FORMAT_AGENCY:
                setattr(payload, field.name, self._agency(value, sight.is_identified(i)))
        if not sight.unknown_fields:
            payload.DiscardUnknownFields()
        return payload.SerializeToString()

    def _rewrite(self, payload, delivered, name, where):
        value, got = getattr(payload, name), getattr(delivered, name)
        if isinstance(value, str):
            setattr(payload, name, self._form(value, got, f"{where} {name}"))
        else:
            assert len(value) == len(got), (where, name)
            value[:] = [self._form(one, its, where) for one, its in zip(value, got)]

    def _form(self, original, got, where):
        """Always the same for the same original, and of the right shape."""
        if original not in self.forms:
            prefix = original[:2] if original[1] == "_" else ""
            shape = re.compile(f"{prefix}[0-9A-HJKMNP-TV-Z]{{20}}") if prefix else UUID
            shape = SUBJECT if prefix == "w_" else shape
            assert shape.fullmatch(got) and got != original, (where, got)
            self.forms[original] = got
        return self.forms[original]


def ground_of(ground):
    end = ""
    if ground.HasField("valid_to"):  # exclusive: the moment after the last day
        last = datetime.datetime.fromtimestamp(ground.valid_to.seconds - 1, JAKARTA)
        assert (last.hour, last.minute, last.second) == (23, 59, 59)
        end = str(last.date())
    return (ground.agreement, ground.purpose, ground.legal_basis, end, ground.event_type)


def coarse(value):
    """A village cut to its district, a day to its year."""
    if "-" in value:
        return value[:4]
    return ".".join(value.split(".")[:3])


def texts_of(event):
    """Every text of an event and its payload that is long enough to be told from others."""
    found = [event.id, event.subject, event.source, event.region, event.correlation_id,
             event.causation_id, event.traceparent, event.addressed_to]
    payload = payload_of(event)
    for descriptor, value in payload.ListFields():
        found += value if not isinstance(value, (int, str)) else [value]
    unknown = event.data.rpartition(b"unknown-")[1:]
    found.append(b"".join(unknown).decode() if unknown[0] else "")
    return {text for text in found if isinstance(text, str) and len(text) >= 8}


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
        hidden = (everything | villages) - reader.shown - others
        leaked = {text for text in hidden if text.encode() in reader.raw
                  and not any(text in other for other in reader.shown)}
        assert not leaked, (SEED, agency, leaked)
        for original, form in reader.forms.items():
            assert readers.setdefault(form, (agency, original)) == (agency, original), SEED
        world.ex.disconnect()


@pytest.mark.parametrize("name", POLICIES)
def test_every_agency_gets_what_the_oracle_decides_and_not_a_byte_more(make_exchange, name):
    rng = random.Random(f"{SEED}/{name}")
    check_all(World(make_exchange, POLICIES[name](rng), rng))
