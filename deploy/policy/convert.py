#!/usr/bin/env python3
"""Wrote this folder's first YAML files from the CSV tables of the agencies' data dictionary: convert.py CSV_FOLDER [OUT_FOLDER].

Run once; the YAML is the source now. Kept to show how each row became a line: rows of one agreement with equal settings are written as one
grant, every row of agencies.csv, agreements.csv, policies.csv and access_matrix.csv is there, and nothing else."""
import csv
import re
import sys
from pathlib import Path

PURPOSE_ORDER = ("public_information placement training protection child_protection law_enforcement repatriation empowerment "
                 "statistics voter_rights").split()


def load(folder, name):
    """The rows; the tables cite their sources as seeds, which means nothing to who reads the policy."""
    with open(folder / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for key in ("note", "title", "validity_basis"):
            if key in row:
                row[key] = re.sub(r"\bseed(s?)\b", r"source\1", row[key])
    return rows


def words(text, separator="|"):
    return [word for word in text.split(separator) if word]


def value(text):
    """A YAML scalar: plain where no reader could take it for a number, a boolean, a date or syntax."""
    if re.fullmatch(r"[A-Za-z]([A-Za-z0-9._/* -]*[A-Za-z0-9._/*-])?", text) and text.lower() not in {
            "true", "false", "null", "yes", "no", "on", "off", "y", "n"}:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def flow(items, key, indent):
    """key: [a, b, ...], folded at 120 columns."""
    lines, line = [], f"{indent}{key}: ["
    for i, item in enumerate(items):
        piece = value(item) + ("]" if i == len(items) - 1 else ",")
        if len(line) + len(piece) + 1 > 120:
            lines.append(line.rstrip())
            line = indent + "  "
        line += ("" if line.endswith(("[", "  ")) else " ") + piece
    return lines + [line]


def comment(text, indent=""):
    lines, line = [], f"{indent}#"
    for word in text.split():
        if len(line) + len(word) + 1 > 118:
            lines.append(line)
            line = f"{indent}#"
        line += " " + word
    return lines + [line]


def agencies_file(rows):
    out = ["# Who takes part. The id is <kind>.<code>, never given twice; a region is a Kemendagri code, ID = the whole country.",
           "# A parent may publish for the agencies below it, at any depth; then the rights of the child apply.", "", "agencies:"]
    for row in rows:
        out.append(f"  - id: {value(row['agency_id'])}")
        if row["note"]:
            out += comment(f"{row['name_en']}; {row['note']}", "    ")
        else:
            out += comment(row["name_en"], "    ")
        out.append(f"    name: {value(row['name_id'])}")
        out.append(f"    kind: {value(row['kind'])}")
        out.append(f"    region: {value(row['region_code'])}")
        if row["parent_agency_id"]:
            out.append(f"    parent: {value(row['parent_agency_id'])}")
        if row["host_countries"]:
            out += flow(words(row["host_countries"]), "host_countries", "    ")
    return out


def ceilings_file(rows):
    out = ["# The need-to-know ceiling: no grant to read reaches above it, whatever an agreement says. The row of an agency beats the",
           "# row of its kind; a group that is not named is not readable at all, and NONE says so where a kind's row is to be beaten.",
           "# What is addressed to the reader lies inside every scope.", "", "ceilings:"]
    audiences = {}
    for row in rows:
        audiences.setdefault(row["audience"], []).append(row)
    for audience, limits in audiences.items():
        settings = {}
        for row in limits:
            scope = "" if row["level"] == "NONE" else row["region_scope"]
            settings.setdefault((row["level"], row["specific_allowed"], scope), []).append(row["event_group"])
        out.append(f"  - audience: {value(audience)}")
        out += comment(limits[0]["scope_note"], "    ")
        out.append("    limits:")
        for (level, kinds, scope), groups in settings.items():
            out.append(f"      - level: {level}")
            if kinds:
                out += flow(words(kinds), "specific", "        ")
            if scope:
                out.append(f"        scope: {scope}")
            out += flow(groups, "groups", "        ")
    return out


def grant_lines(grantees, settings, events):
    direction, scope, level, kinds, purpose, basis, events_from, resolve = settings
    out = flow(grantees, "grantees", "    ")
    out[0] = out[0].replace("    grantees", "  - grantees", 1)
    out.append(f"    direction: {direction}")
    out += flow(events, "events", "    ")
    out += [f"    scope: {scope}", f"    level: {level}"]
    if kinds:
        out += flow(words(kinds), "specific", "    ")
    out += [f"    purpose: {purpose}", f"    legal_basis: {value(basis)}"]
    if resolve:
        out.append("    may_resolve: true")
    if events_from:
        out.append(f"    events_from: {value(events_from)}")
    return out


def grouped(rows):
    """Rows with equal settings and grantee joined by events, then grantees with equal events joined."""
    by_grantee = {}
    for row in rows:
        settings = (row["direction"].upper(), row["region_scope"], row["field_level"], row["specific_allowed"], row["purpose"],
                    row["legal_basis"], row["events_from"], row["may_resolve"])
        by_grantee.setdefault((settings, row["grantee_agency_id"]), []).append(row["event_pattern"])
    joined = {}
    for (settings, grantee), events in by_grantee.items():
        joined.setdefault((settings, tuple(events)), []).append(grantee)
    order = sorted(joined.items(), key=lambda item: (item[1], item[0][0][0] == "SUBSCRIBE", PURPOSE_ORDER.index(item[0][0][4])))
    return [(grantees, settings, events) for (settings, events), grantees in order]


def agreement_file(row, rows):
    parties = "all that hold duties by law" if row["kind"] == "law" else " and ".join(words(row["parties"], ","))
    out = comment(f"{row['title']}: {row['kind'].upper()} of {parties}.")
    for label, key in (("Term", "validity_basis"), ("Clauses in the source", "clauses_seed"),
                       ("Clauses assumed or from the news", "clauses_assumed_or_news"), ("Note", "note")):
        if row[key] and row[key] != "-":
            out += comment(f"{label}: {row[key].replace('|', ', ')}.")
    out += ["", f"id: {value(row['agreement_id'])}", f"title: {value(row['title'])}"]
    out += flow(words(row["parties"], ","), "parties", "")
    for key in ("signed_on", "valid_from", "valid_to"):
        if row[key]:
            out.append(f"{key}: {value(row[key])}")
    out.append("status: IN_FORCE")
    if rows:
        out += ["", "grants:"]
    heading = None
    for grantees, settings, events in grouped(rows):
        new = (tuple(grantees), settings[0])
        if new != heading:
            heading = new
            names = ", ".join(grantees) if len(grantees) <= 4 else f"{len(grantees)} kinds of agency"
            out += [""] + comment(f"What {names} may {'publish' if settings[0] == 'PUBLISH' else 'read'}", "  ")
        out += grant_lines(grantees, settings, list(events))
    return out


OPERATORS = ["# Who may change the policy, bar agencies and take backups. None of it is a right to the content of events.",
             "# Roles: VIEWER (status, connections), POLICY (apply policies), SECURITY (certificates, disconnect, suspend), BACKUP.", "",
             "operators:", "  - name: admin", "    roles: [VIEWER, POLICY, SECURITY]", "  - name: dewi", "    roles: [VIEWER, BACKUP]"]


def main():
    source = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent
    policies = load(source, "policies")
    files = {"agencies": agencies_file(load(source, "agencies")), "ceilings": ceilings_file(load(source, "access_matrix")),
             "operators": OPERATORS}
    for row in load(source, "agreements"):
        rows = [p for p in policies if p["agreement_id"] == row["agreement_id"]]
        files[f"agreements/{row['agreement_id']}"] = agreement_file(row, rows)
    (out / "agreements").mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (out / f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
