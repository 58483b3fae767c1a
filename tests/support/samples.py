"""Sound payloads and references to persons, made from the descriptors of the event types."""

import hashlib

from contract import TYPES, v1

_OF_FORMAT = {
    "FORMAT_NIK": "1807995203990001", "FORMAT_REGION": "18.07.15.2006", "FORMAT_COUNTRY": "TW",
    "FORMAT_CURRENCY": "TWD", "FORMAT_DATE": "2026-03-12", "FORMAT_PHONE": "+6281200000000",
    "FORMAT_EMAIL": "contoh@example.id", "FORMAT_URL": "https://contoh.example/lowongan",
    "FORMAT_AGENCY": "kl.kp2mi", "FORMAT_PASSPORT": "X0000001", "FORMAT_OCCUPATION": "7212",
    "FORMAT_PERIOD": "2026-Q1", "FORMAT_SHA256": "sha256:" + "0" * 64,
}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RULES = v1.FieldRules.DESCRIPTOR


def subject(number):
    """A well-formed w_ reference, another one for each number."""
    digest = hashlib.sha256(f"subject {number}".encode()).digest()
    return "w_" + "".join(_ALPHABET[byte % 32] for byte in digest[:20])


def nik(serial=1, regency="1807", female=False, born="120399"):
    """A synthetic NIK: district part 99, which no district has."""
    day = int(born[:2]) + (40 if female else 0)
    return f"{regency}99{day:02d}{born[2:]}{serial:04d}"


def about_person(type):
    return type in TYPES and TYPES[type].rules.about_person


def value(field, mark=""):
    """A sound value of a field; mark makes strings without a format recognizable."""
    descriptor, rules = field.descriptor, field.rules
    if descriptor.enum_type is not None:
        return descriptor.enum_type.values[1].number
    if descriptor.cpp_type == descriptor.CPPTYPE_STRING:
        format = _RULES.fields_by_name["format"].enum_type.values_by_number[rules.format].name
        text = _OF_FORMAT.get(format) or f"{field.name}{mark}"[:rules.max_bytes or 256]
    elif descriptor.cpp_type == descriptor.CPPTYPE_MESSAGE:
        return {"seconds": 1767225600}
    else:
        text = 7
    return [text] if descriptor.label == descriptor.LABEL_REPEATED else text


def _move(kind):
    """The two ends of the first move of the worker's state machine that a type may report."""
    if "previous_status" not in kind.fields:
        return {}
    values = kind.fields["worker_status"].descriptor.enum_type.values_by_name
    for move in kind.rules.transitions:
        machine, _, states = move.partition(":")
        if machine == "worker":
            before, _, after = states.partition(">")
            return {"worker_status": values[f"WORKER_STATUS_{after}"].number,
                    "previous_status": 0 if before == "NONE" else
                    values[f"WORKER_STATUS_{before}"].number}
    return {}


def payload(type, everything=False, mark="", **values):
    """The payload of a type: required fields (or every field) and the values given.

    A value None leaves the field out.
    """
    kind = TYPES[type]
    chosen = {name: value(field, mark) for name, field in kind.fields.items()
              if everything or field.rules.required}
    if everything or "worker_status" in chosen:
        chosen.update(_move(kind))
    chosen.update(values)
    return kind.message(**{name: given for name, given in chosen.items() if given is not None})
