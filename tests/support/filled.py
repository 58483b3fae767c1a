"""Events of any type with every field of envelope and payload filled, each value like no other.

A value that turns up where it should not can so be traced to its event and field. Everything is drawn
from rng: the same seed fills the same.
"""

import datetime
import time
import uuid

import samples
from contract import TYPES, v1

_FORMAT = {value.number: value.name[len("FORMAT_"):] for value in
           v1.FieldRules.DESCRIPTOR.fields_by_name["format"].enum_type.values}
# What stands before the 20 characters of a reference, by the end of the field's name.
_PREFIXES = {"parent_subject_ref": "w", "child_ref": "c", "employer_ref": "e",
             "village_officer_ref": "o", "suspect_ref": "s"}
# A field that no schema knows: 20000, of bytes.
_UNKNOWN_TAG = b"\x82\xe2\x09"
COUNTRIES = ("TW", "MY", "KH", "HK", "JP", "SA")


class Filler:
    def __init__(self, rng, agencies):
        self.rng, self.agencies = rng, agencies
        self._villages = [agency for agency in agencies
                          if agency.startswith(("desa.", "kel."))] or agencies
        self._serial = 0
        self._values = {name[len("_"):]: getattr(self, name) for name in dir(self)
                        if name[1:].isupper() or name == "_SHA256"}

    # Envelope

    def event(self, type, region, with_unknown=False, **envelope):
        """An event of that type; with_unknown: also with a payload field that no schema knows."""
        event = v1.Event(
            id=self._uuid(), type=type, region=region, destination=self.rng.choice(COUNTRIES),
            correlation_id=self._token("corr-"), causation_id=self._uuid(),
            traceparent=f"00-{self._hex(32)}-{self._hex(16)}-01", schema_version=1)
        if TYPES[type].rules.about_person:
            event.subject = self.reference("w")
        for name, given in envelope.items():
            setattr(event, name, given)
        event.occurred_at.FromSeconds(int(time.time()) - self.rng.randrange(60, 10_000_000))
        event.data = self.payload(type).SerializeToString()
        if with_unknown:
            event.data += _UNKNOWN_TAG + b"\x14" + self._token("unknown-", 12).encode()
        return event

    def payload(self, type):
        kind = TYPES[type]
        values = {name: self._field(field) for name, field in kind.fields.items()}
        values.update(self._move(kind))
        return kind.message(**values)

    def _move(self, kind):
        """A pair of statuses that the type may report."""
        moves = [move.partition(":")[2].partition(">") for move in kind.rules.transitions
                 if move.startswith("worker:")]
        if not moves or "previous_status" not in kind.fields:
            return {}
        before, _, after = self.rng.choice(moves)
        return {"worker_status": f"WORKER_STATUS_{after}",
                "previous_status": 0 if before == "NONE" else f"WORKER_STATUS_{before}"}

    # Values

    def _field(self, field):
        descriptor, rules = field.descriptor, field.rules
        if descriptor.label == descriptor.LABEL_REPEATED:
            return [self._one(descriptor, rules) for _ in range(2)]
        return self._one(descriptor, rules)

    def _one(self, descriptor, rules):
        if descriptor.enum_type is not None:
            return self.rng.choice(descriptor.enum_type.values[1:]).number
        if descriptor.cpp_type != descriptor.CPPTYPE_STRING:
            # Small counts, now and then: they are hidden from some.
            return self.rng.randrange(1, 5) if self.rng.random() < 0.2 else (
                self.rng.randrange(1000, 1 << 30))
        if rules.pseudonym:
            return self.reference(_PREFIXES[descriptor.name]) if (
                descriptor.name in _PREFIXES) else self._uuid()
        if rules.format:
            return self._values[_FORMAT[rules.format]]()
        return self._token(descriptor.name + "-", 8)[-(rules.max_bytes or 256):]

    def _token(self, prefix, n=10):
        return prefix + "".join(self.rng.choices("abcdefghjkmnpqrstvwxyz", k=n))

    def _hex(self, n):
        return f"{self.rng.getrandbits(4 * n):0{n}x}"

    def _uuid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def reference(self, prefix):
        self._serial += 1
        return prefix + samples.subject(f"{self.rng.random()} {self._serial}")[1:]

    def village(self):
        return f"18.07.{self.rng.randrange(1, 25):02}.2{self.rng.randrange(1, 1000):03}"

    def nik(self):
        self._serial += 1
        born = f"{self.rng.randrange(1, 29):02}{self.rng.randrange(1, 13):02}90"
        return samples.nik(1 + self._serial % 9999, female=self.rng.random() < 0.5, born=born)

    # One for each Format, under its name

    def _NIK(self):
        return self.nik()

    def _REGION(self):
        return self.village()

    def _COUNTRY(self):
        return self.rng.choice(COUNTRIES)

    def _CURRENCY(self):
        return self.rng.choice(("TWD", "IDR", "JPY"))

    def _DATE(self):
        return str(datetime.date(1970, 1, 1) + datetime.timedelta(self.rng.randrange(20000)))

    def _PHONE(self):
        return f"+62{self.rng.randrange(10 ** 10, 10 ** 11)}"

    def _EMAIL(self):
        return self._token("", 12) + "@example.id"

    def _URL(self):
        return "https://contoh.example/" + self._token("", 12)

    def _AGENCY(self):
        """Villages more often than others: a view may have to tell their parent instead."""
        return self.rng.choice(self._villages if self.rng.random() < 0.3 else self.agencies)

    def _PASSPORT(self):
        return f"X{self.rng.randrange(10 ** 7, 10 ** 8)}"

    def _OCCUPATION(self):
        return self.rng.choice(("7212", "8342", "5131"))

    def _PERIOD(self):
        return self.rng.choice(("2026", "2026-Q1", "2026-03"))

    def _SHA256(self):
        return "sha256:" + self._hex(64)
