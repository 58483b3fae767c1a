"""Policies for tests: the YAML of deploy/policy, read here without the exchange's own reader."""

import pathlib

import yaml

from contract import ROOT, v1

SAMPLE = ROOT / "deploy" / "policy"


def from_folder(folder=SAMPLE):
    """The policy of a folder: agencies, ceilings, operators, quotas, one file for each agreement."""
    folder = pathlib.Path(folder)
    document = {"agreements": []}
    for name in ("agencies", "ceilings", "operators"):
        document.update(yaml.safe_load((folder / f"{name}.yaml").read_text()))
    if (folder / "quotas.yaml").exists():
        document.update(yaml.safe_load((folder / "quotas.yaml").read_text()))
    for file in sorted((folder / "agreements").glob("*.yaml")):
        document["agreements"].append(yaml.safe_load(file.read_text()))
    return from_document(document)


def small():
    """Two regencies, a ministry and two event types, everything at full sight."""
    return from_text((pathlib.Path(__file__).parent / "small.yaml").read_text())


def from_text(text):
    return from_document(yaml.safe_load(text))


def from_document(document):
    """One document with the keys agencies, agreements, ceilings, operators, quotas."""
    policy = v1.Policy(approvals_required=document.get("approvals_required", 0))
    for agency in document.get("agencies", []):
        policy.agencies.add(**agency)
    for agreement in document.get("agreements", []):
        _agreement(policy.agreements.add(), agreement)
    for row in document.get("ceilings", []):
        for limit in row["limits"]:
            for group in limit["groups"]:
                policy.ceilings.add(audience=row["audience"], group=group,
                                    level=_level(limit["level"]),
                                    specific=_specific(limit), scope=_scope(limit))
    for quota in document.get("quotas", []):
        policy.quotas.add(**quota)
    for operator in document.get("operators", [{"name": "admin", "roles": ["POLICY"]}]):
        policy.operators.add(name=operator["name"], roles=[
            v1.Operator.Role.Value(f"ROLE_{role}") for role in operator["roles"]])
    return policy


def _agreement(agreement, document):
    for key in ("id", "title", "signed_on", "valid_from", "valid_to"):
        if document.get(key):
            setattr(agreement, key, document[key])
    agreement.parties.extend(document.get("parties", []))
    agreement.status = v1.Agreement.Status.Value("STATUS_" + document.get("status", "IN_FORCE"))
    for grant in document.get("grants", []):
        for grantee in grant["grantees"]:
            for pattern in grant["events"]:
                _grant(agreement.grants.add(), grant, grantee, pattern)


def _grant(message, grant, grantee, pattern):
    message.grantee = grantee
    message.events = pattern
    message.direction = v1.Grant.Direction.Value(f"DIRECTION_{grant['direction']}")
    message.scope = _scope(grant)
    message.level = _level(grant["level"])
    message.specific.extend(_specific(grant))
    for key in ("purpose", "legal_basis", "may_resolve", "events_from"):
        if grant.get(key):
            setattr(message, key, grant[key])
    for key in ("regions", "countries", "only_fields", "never_fields"):
        getattr(message, key).extend(grant.get(key, []))


def _level(name):
    return 0 if name == "NONE" else getattr(v1, f"LEVEL_{name}")


def _scope(document):
    return v1.Grant.Scope.Value(f"SCOPE_{document.get('scope', 'NATIONAL')}")


def _specific(document):
    return [getattr(v1, f"SPECIFIC_KIND_{kind}") for kind in document.get("specific", [])]
