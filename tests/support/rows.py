"""Rows as a regency keeps them: registrations of synthetic workers, as CSV and as JSON Lines.

Everybody here has a NIK of district part 99, which belongs to no one, and a name that is easy to search for.
"""

import csv
import io
import json

import samples

TYPE = "worker.registered"
COLUMNS = ("time", "region", "nik", "full_name", "sex", "birth_date", "village_code", "scheme")


def registration(serial):
    """One row of the sheet; another person for each serial from 1 to 200,000."""
    day, number = divmod(serial, 9000)
    return dict(zip(COLUMNS, (
        "2026-03-12T09:15:00+07:00", "18.07.15.2006",
        samples.nik(number + 1, born=f"{day + 1:02d}0399"), f"SUPARTINAH KE-{serial}", "MALE",
        f"1999-03-{day + 1:02d}", "18.07.15.2006", "P_TO_P")))


def registrations(count, first=1):
    return [registration(serial) for serial in range(first, first + count)]


def as_csv(rows, columns=None, **dialect):
    """The sheet as CSV, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_event(row, type=TYPE, **attributes):
    """One row as a CloudEvent."""
    fields = dict(row)
    envelope = {name: fields.pop(name) for name in ("time", "region")}
    return {"specversion": "1.0", "type": type, "source": "kab.18.07", "nik": fields["nik"],
            **envelope, **attributes, "data": fields}


def as_jsonl(rows, **attributes):
    return "".join(json.dumps(as_event(row, **attributes)) + "\n" for row in rows)


def personal(rows):
    """What must never be said of these people outside the data itself."""
    return [value for row in rows for value in (row["nik"], row["full_name"])]
