"""Security officer: each rule that a policy may break is told by file and line, before anything is sent."""

import pytest

import exchange

AGENCIES = """agencies:
  - {id: kl.kp2mi, region: ID}
  - {id: kl.kemlu, region: ID}
  - {id: prov.18, region: "18"}
  - {id: kab.18.07, region: "18.07", parent: prov.18}
  - {id: perwakilan.tw.taipei, region: ID, parent: kl.kemlu, host_countries: [TW]}
"""
CEILINGS = """ceilings:
  - audience: kab
    limits: [{groups: [registration], level: PSEUDONYMOUS, scope: OWN}]
  - audience: kl
    limits: [{groups: [registration, job_info], level: IDENTIFIED, scope: NATIONAL}]
"""
OPERATORS = "operators:\n  - {name: admin, roles: [POLICY]}\n"
AGREEMENT = """id: m1
title: "A MoU"
parties: [kl.kp2mi, kab.18.07]
signed_on: "2026-01-01"
valid_from: "2026-01-01"
valid_to: "2026-12-31"
status: IN_FORCE
grants:
  - grantees: [kab.18.07]
    direction: SUBSCRIBE
    events: [worker.registered]
    scope: OWN
    level: PSEUDONYMOUS
    purpose: placement
    legal_basis: "law"
"""
M1, M2 = "agreements/m1.yaml", "agreements/m2.yaml"
RENEWED = AGREEMENT.replace("id: m1", "id: m2").replace('valid_from: "2026-01-01"', 'valid_from: "2026-06-01"')


def files():
    """A sound folder, file by file."""
    return {"agencies.yaml": AGENCIES, "ceilings.yaml": CEILINGS, "operators.yaml": OPERATORS, M1: AGREEMENT}


def check(tmp_path, folder):
    for name, text in folder.items():
        file = tmp_path / "policy" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return exchange.run("berbagi", "policy", "check", tmp_path / "policy", env={"HOME": "/nonexistent"})


def test_the_folder_that_is_spoilt_below_is_sound(tmp_path):
    done = check(tmp_path, files())
    assert done.returncode == 0 and "warning" not in done.stderr, done


ERRORS = {  # rule: file, what, by what, line, words
    "unknown agency": (M1, "grantees: [kab.18.07]", "grantees: [kab.18.08]", 9, "kab.18.08"),
    "unknown type": (M1, "worker.registered", "worker.registred", 11, "worker.registred"),
    "unknown field": (M1, "    scope: OWN", "    scope: OWN\n    only_fields: [shoe_size]", 13, "shoe_size"),
    "unknown region": (M1, "scope: OWN", 'scope: REGIONS\n    regions: ["18.99"]', 13, "18.99"),
    "unknown country": (M1, "scope: OWN", "scope: COUNTRY\n    countries: [XX]", 13, "XX"),
    "unknown country of a mission": ("agencies.yaml", "[TW]", "[XX]", 6, "XX"),
    "never applies: begins behind the end":
        (M1, "    purpose:", '    events_from: "2027-01-01"\n    purpose:', 14, "2027-01-01"),
    "never applies: addressed to nobody": (M1, "scope: OWN", "scope: ADDRESSED", 12, "addressed"),
    "no end": (M1, 'valid_to: "2026-12-31"\n', "", 1, "without an end"),
    "an end that is empty": (M1, 'valid_to: "2026-12-31"', 'valid_to: ""', 6, "without an end"),
    "parents in a circle": ("agencies.yaml", '{id: prov.18, region: "18"}',
                            '{id: prov.18, region: "18", parent: kab.18.07}', 4, "circle"),
    "OWN of a national agency": (M1, "grantees: [kab.18.07]", "grantees: [kl.kp2mi]", 12, "kl.kp2mi"),
    "nobody could change it": ("operators.yaml", "[POLICY]", "[VIEWER]", 2, "nobody could change"),
    "nobody could approve it": ("operators.yaml", "operators:", "approvals_required: 1\noperators:", 3,
                                "nobody could approve"),
}


@pytest.mark.parametrize("rule", ERRORS)
def test_a_broken_rule_is_named_by_file_and_line(tmp_path, rule):
    name, what, by, line, words = ERRORS[rule]
    folder = files()
    assert what in folder[name]
    folder[name] = folder[name].replace(what, by, 1)

    done = check(tmp_path, folder)

    errors = [text for text in done.stderr.splitlines() if " warning: " not in text]
    assert done.returncode == 1 and errors[0].startswith(f"berbagi: {tmp_path / 'policy' / name}:{line}: "), done
    assert words in errors[0], errors


WARNINGS = {
    "a grant above its ceiling": (M1, AGREEMENT.replace("PSEUDONYMOUS", "IDENTIFIED"), 13, "ceiling"),
    "overlapping agreements of the same parties": (M2, RENEWED, 5, "m1"),
}


@pytest.mark.parametrize("rule", WARNINGS)
def test_what_may_be_a_mistake_is_warned_of_by_file_and_line(tmp_path, rule):
    name, text, line, words = WARNINGS[rule]

    done = check(tmp_path, {**files(), name: text})

    warnings = [text for text in done.stderr.splitlines() if " warning: " in text]
    assert done.returncode == 0 and len(warnings) >= 1, done
    assert warnings[0].startswith(f"berbagi: {tmp_path / 'policy' / name}:{line}: "), warnings
    assert words in warnings[0], warnings
