#!/usr/bin/env python3
"""Writes v1/*.proto from tables of event types, as the first version of the files was made.

The .proto files are the source now and are edited by hand; this script stands here to tell how each column became an option, and
to make files for a site that keeps its own event types in such tables.

    generate.py TABLES [OUT]

TABLES is a folder with these CSV files (columns in parentheses; list items are separated by "|", yes marks what is true):

    event_groups.csv  (event_group, event_type): a file for each group, in this order
    event_types.csv   (event_type, version, title_en, title_id, basis, purposes, about_person, addressee_field, machine, aggregate)
    fields.csv        (event_type, number, name, proto_type, meaning, example, rule, data_class, direct_identifier, free_text,
                      coarsen, pseudonym, required, format, max_bytes)
    statuses.csv      (machine, number, status, term_id, meaning)
    transitions.csv   (machine, from_status, to_status, event_type)
"""
import csv
import pathlib
import re
import sys
import textwrap

NUMBERS = {"uint32", "uint64", "int32", "int64"}
SCALARS = NUMBERS | {"string", "bytes", "bool"}
WIDTH = 110

ENUM_COMMENTS = {
    "Channel": "By which way a complaint came.",
    "CheckResult": "What the village found when it compared the candidate with its own records.",
    "ComplaintCategory": "What a complaint or case is about.",
    "CountryPolicy": "Whether workers may be placed in a country.",
    "Decision": "What the labour office decided on a candidate.",
    "DocumentStatus": "Where one paper of a candidate stands.",
    "EducationLevel": "Highest schooling finished.",
    "EmploymentChange": "What changed in a worker's employment.",
    "Fitness": "Result of a health or psychology exam.",
    "KurStatus": "Where a KUR credit stands.",
    "MaritalStatus": "As in the civil registry.",
    "RepatriationKind": "Why the state brings a worker home.",
    "TrainingResult": "How a training ended.",
    "Sex": "Sex as registered.",
    "YesNo": "Instead of a bool where the value is about a person: an absent bool would tell its value. UNSPECIFIED = not known.",
    "PlacementScheme": "By which way a worker is placed; OWN_COMPANY is a company placing its own staff (UKPS).",
    "Sector": "FORMAL: the employer is a legal entity; INFORMAL: a household.",
    "SkillLevel": "Level of skill that a post asks or a certificate proves.",
    "ProceduralFlag": "Whether a worker went by the procedure of the law.",
    "DocumentKind": "The eight papers of article 13 of UU 18/2017, and others asked for.",
    "WorkerStatus": "States of the machine worker, from interest to return.",
    "CaseStatus": "States of the machine case: a complaint or protection case.",
    "ContentStatus": "States of the machine content: a fake vacancy and its removal.",
    "RepatriationStatus": "States of the machine repatriation: a return run by the state.",
    "AgreementStatus": "States of the machine agreement: an MoU or PKS.",
}


def rows(folder, name):
    with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def camel(type_name):
    return "".join(part.capitalize() for part in re.split(r"[._]", type_name))


def upper_snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def words(camel_name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", camel_name).capitalize()


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def comment(text, indent=""):
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}// ", subsequent_indent=f"{indent}// ",
                         break_long_words=False, break_on_hyphens=False)


def listed_values(text):
    """"LOW, MEDIUM, HIGH" and "FEMALE or MALE (...)" → their capital words; [] for prose."""
    text = re.sub(r"\([^)]*\)", "", text).strip()
    values = [v.strip() for v in re.split(r",| or ", text)]
    return values if all(re.fullmatch(r"[A-Z][A-Z0-9_]*", v) for v in values) else []


def enums_of(fields, statuses):
    """Name → list of (value, comment), of every enum that a field has."""
    enums = {"YesNo": [("YES", ""), ("NO", "")]}
    for field in fields:
        name = field["proto_type"].removeprefix("repeated ")
        if name in SCALARS or "." in name or name in enums:
            continue
        machine = name.removesuffix("Status").lower()
        states = [s for s in statuses if s["machine"] == machine] if name.endswith("Status") else []
        if states:
            states.sort(key=lambda s: int(s["number"]))
            values = [(s["status"], f'{s["term_id"]}: {s["meaning"][0].lower()}{s["meaning"][1:]}') for s in states]
            assert [int(s["number"]) for s in states] == list(range(1, len(states) + 1)), name
        else:
            values = [(v, "") for f in fields if f["proto_type"] == name
                      for v in listed_values(f["meaning"]) or listed_values(f["rule"])]
            values = list(dict.fromkeys(values))
        assert values, name
        enums[name] = values
    return enums


def field_comment(field, enums):
    meaning, rule, example = field["meaning"], field["rule"], field["example"]
    kind = field["proto_type"]
    if kind in enums and listed_values(meaning):
        meaning = field["name"].replace("_", " ").capitalize()
    if kind in enums and listed_values(rule):
        rule = ""
    if rule == "enum text":
        meaning = f"One of {meaning}"
    rule = re.sub(r"^enum( text)?(; )?", "", rule)
    rule = re.sub(r"^date\b", "YYYY-MM-DD", rule)
    rule = re.sub(r"(digits) in occupations\.csv", r"\1", rule)
    rule = re.sub(r"(; | )?(\(?PPKK in regions|id in agreements)\.csv\)?", "", rule)
    if kind == "string":
        rule = re.sub(r"^(\d+-\d+|up to \d+)(?=$|;)", r"\1 characters", rule)
    text = f"{meaning}: {rule}" if rule else meaning
    if kind not in enums and example not in ("", "-"):
        text += f"; e.g. {example}"
    return text.rstrip(".") + "."


def field_lines(field, enums):
    data_class, _, kind = field["data_class"].partition(":")
    rules = [f"data_class: DATA_CLASS_{data_class}"]
    if kind:
        rules.append(f"specific_kind: SPECIFIC_KIND_{kind}")
    if field["required"] == "yes":
        rules.append("required: true")
    if field["format"]:
        rules.append(f'format: FORMAT_{field["format"]}')
    if field["max_bytes"]:
        rules.append(f'max_bytes: {field["max_bytes"]}')
    rules += [f"{flag}: true" for flag in ("direct_identifier", "free_text") if field[flag] == "yes"]
    if field["coarsen"]:
        rules.append(f'coarsen: COARSEN_{field["coarsen"]}')
    if field["pseudonym"] == "yes":
        rules.append("pseudonym: true")
    head = f'  {field["proto_type"]} {field["name"]} = {field["number"]} [(berbagi.v1.rules) = {{'
    lines = comment(field_comment(field, enums), "  ")
    if len(head) + len(", ".join(rules)) + 5 <= WIDTH:
        lines += [f'{head} {", ".join(rules)} }}];']
    else:
        body = textwrap.wrap(", ".join(rules), WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
        lines += [head] + body + ["  }];"]
    if field["proto_type"] in NUMBERS and field["required"] == "yes":
        # A required number may be 0, so its presence has to show on the wire. This is what `optional` means too, which
        # protoc-c does not know in proto3.
        lines = [f'  oneof {field["name"]}_given {{'] + ["  " + line for line in lines] + ["  }"]
    return lines


def message_lines(group, event, fields, transitions, enums):
    name = event["event_type"]
    title = f'{event["title_en"]} ({event["title_id"]}).'
    lines = comment(f'{title} Basis: {event["basis"]}.' if event["basis"] not in ("", "-") else title)
    lines += [f"message {camel(name)} {{", "  option (berbagi.v1.event) = {"]
    options = [("type", quote(name)), ("group", quote(group)), ("title_en", quote(event["title_en"])),
               ("title_id", quote(event["title_id"]))]
    if event["machine"]:
        options.append(("machine", quote(event["machine"])))
    if event["about_person"] == "yes":
        options.append(("about_person", "true"))
    options += [("purposes", quote(purpose)) for purpose in event["purposes"].split("|") if purpose]
    if event["addressee_field"]:
        options.append(("addressee_field", quote(event["addressee_field"])))
    options.append(("version", event["version"]))
    if event["aggregate"] == "yes":
        options.append(("aggregate", "true"))
    options += [("transitions", quote(f'{t["machine"]}:{t["from_status"]}>{t["to_status"]}'))
                for t in transitions if t["event_type"] == name]
    lines += [f"    {key}: {value}" for key, value in options] + ["  };", ""]
    for field in sorted((f for f in fields if f["event_type"] == name), key=lambda f: int(f["number"])):
        lines += field_lines(field, enums)
    return lines + ["}"]


def enum_lines(name, values):
    prefix = upper_snake(name)
    lines = comment(ENUM_COMMENTS.get(name, f"{words(name)}."))
    lines += [f"enum {name} {{", f"  {prefix}_UNSPECIFIED = 0;"]
    for number, (value, note) in enumerate(values, 1):
        line = f"  {prefix}_{value} = {number};"
        if len(line) + len(note) + 4 > WIDTH:
            lines += comment(note, "  ") + [line]
        else:
            lines.append(f"{line}  // {note}" if note else line)
    return lines + ["}"]


def write(path, imports, blocks):
    lines = ['syntax = "proto3";', "", "package berbagi.events.v1;", ""]
    lines += [f'import "{name}";' for name in imports] + ([""] if imports else [])
    path.write_text("\n".join(lines) + "\n" + "\n\n".join("\n".join(block) for block in blocks) + "\n", encoding="utf-8")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    tables = pathlib.Path(sys.argv[1])
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).parent / "v1"
    out.mkdir(parents=True, exist_ok=True)
    events = {e["event_type"]: e for e in rows(tables, "event_types")}
    fields = [f for f in rows(tables, "fields") if f["event_type"] in events]
    transitions = rows(tables, "transitions")
    enums = enums_of(fields, rows(tables, "statuses"))
    write(out / "enums.proto", [], [enum_lines(name, enums[name]) for name in sorted(enums)])

    groups = {}
    for row in rows(tables, "event_groups"):
        groups.setdefault(row["event_group"], []).append(row["event_type"])
    for group, names in groups.items():
        uses_enums = any(f["event_type"] in names and f["proto_type"] in enums for f in fields)
        imports = ["berbagi/events/v1/enums.proto"] if uses_enums else []
        write(out / f"{group}.proto", imports + ["berbagi/v1/annotations.proto"],
              [message_lines(group, events[name], fields, transitions, enums) for name in names])


if __name__ == "__main__":
    main()
