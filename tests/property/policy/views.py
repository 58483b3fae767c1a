"""What a reader must get of an event, made from the event as it was stored and the oracle's sight of it."""

import datetime
import re

from contract import TYPES, v1
from oracle import (AGGREGATE, COARSE, FULL, IDENTIFIED, KINDS, PSEUDONYMOUS, REWRITTEN, WITHHELD,
                    Facts)

JAKARTA = datetime.timezone(datetime.timedelta(hours=7))
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUBJECT = re.compile(r"p_[0-9A-HJKMNP-TV-Z]{20}")


def payload_of(event):
    return TYPES[event.type].message.FromString(event.data)


def as_stored(event):
    """The exchange sets whom an event is addressed to."""
    kind = KINDS[event.type]
    if kind.addressee_field:
        event.addressed_to = getattr(payload_of(event), kind.addressee_field)
    return event


def facts_of(event, recorded_on, today):
    kind, payload = KINDS[event.type], payload_of(event)
    small = kind.is_aggregate and any(
        isinstance(getattr(payload, field.name), int) and field.descriptor.enum_type is None
        and 1 <= getattr(payload, field.name) <= 4 for field in kind.fields)
    return Facts(event.region, event.destination, event.addressed_to, small, today, recorded_on)


class Views:
    """One agency's deliveries, held against what it may see."""

    def __init__(self, oracle):
        self.oracle = oracle
        self.forms = {}  # original reference -> this reader's form of it
        self.shown = set()  # every text that the oracle lets it see

    def check(self, event, sender, sight, delivery, where):
        """The event as it was stored and who sent it, against its delivery."""
        assert delivery.published_by == self._publisher(event, sender, sight), where
        expected = self.envelope(event, sight, delivery.event, where)
        expected.data = self._payload(event, sight, delivery.event, where)
        self.shown |= texts_of(expected)
        assert delivery.event == expected, (where, sight.forms)
        assert delivery.event.data == expected.data, (where, payload_of(delivery.event))

    def check_grounds(self, sight, delivery, grounds, version, where):
        """Each ground of it is told, with what its view hides and coarsens, set or not."""
        told = [grounds[number] for number in delivery.grounds]
        assert frozenset(map(ground_of, told)) == sight.grounds, where
        names = KINDS[delivery.event.type].names
        for ground in told:
            assert set(ground.hidden_fields) == {
                name for name, form in zip(names, sight.forms) if form == WITHHELD}, where
            assert set(ground.coarsened_fields) == {
                name for name, form in zip(names, sight.forms) if form == COARSE}, where
            assert ground.policy_version == version, where

    def _agency(self, agency, is_identified):
        return agency if is_identified else self.oracle.public_id(agency)

    def _publisher(self, event, sender, sight):
        identified = sight.level == IDENTIFIED
        source = self._agency(event.source, identified)
        sender = self._agency(sender, identified)
        return sender if sender != source else ""

    def envelope(self, event, sight, got, where):
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
