"""Policies drawn at random, so that what the sample never uses is decided too: field lists, regions,
countries, AGGREGATE to all sides, suspended agencies and agreements, prefixes, single days.

    crowded(rng, sample)   few agencies and types, many grants between them: unions and ceilings
    shaken(rng, sample)    the sample with many of its grants, ceilings and agreements changed
    overlaid(rng, sample)  several grants in force everywhere for each type: views of many forms
"""

import datetime

from contract import v1
from oracle import KINDS, Agency

LEVELS = (v1.LEVEL_PUBLIC, v1.LEVEL_AGGREGATE, v1.LEVEL_PSEUDONYMOUS, v1.LEVEL_IDENTIFIED)
SPECIFIC = (v1.SPECIFIC_KIND_HEALTH, v1.SPECIFIC_KIND_BIOMETRIC, v1.SPECIFIC_KIND_CRIMINAL,
            v1.SPECIFIC_KIND_CHILD, v1.SPECIFIC_KIND_FINANCE)
BASES = ("UU 18/2017 art. 41", "UU 18/2017 art. 42", "UU 14/2008")
COUNTRIES = ("TW", "MY", "KH", "HK", "JP")
REGIONS = ("18", "18.07", "18.07.15", "35", "35.09", "31", "53.06", "64.74", "12.07.28.2004")
FIRST_DAY = datetime.date(2025, 11, 1)


def crowded(rng, sample):
    draw = _Draw(rng, sample)
    policy = v1.Policy(agencies=sample.agencies, operators=sample.operators)
    draw.suspend(policy)
    names = rng.sample(draw.names, 12) + rng.sample(draw.kinds, 3)
    counts = [kind for kind in KINDS.values() if kind.is_aggregate]
    types = rng.sample(sorted(KINDS.values(), key=lambda kind: kind.name), 9) + counts
    for number in range(8):
        agreement = policy.agreements.add(id=f"law-{number}" if number < 2 else f"mou-{number}",
                                          title="Drawn", parties=draw.names[:2])
        draw.term(agreement, has_end=number >= 2)
        for _ in range(60):
            draw.grant(agreement.grants.add(), rng.choice(names), rng.choice(types))
    draw.ceilings(policy, names, {kind.group for kind in types})
    return policy


def shaken(rng, sample):
    draw = _Draw(rng, sample)
    policy = v1.Policy()
    policy.CopyFrom(sample)
    draw.suspend(policy)
    for agreement in policy.agreements:
        if agreement.valid_to and rng.random() < 0.5:
            draw.term(agreement, has_end=True)
        for grant in agreement.grants:
            if rng.random() < 0.3:
                draw.change(grant)
    for row in policy.ceilings:
        if row.level and rng.random() < 0.2:
            draw.limit(row)
    return policy


def overlaid(rng, sample):
    draw = _Draw(rng, sample)
    policy = v1.Policy(agencies=sample.agencies, operators=sample.operators)
    law = policy.agreements.add(id="law-0", title="Drawn", parties=draw.names[:2],
                                signed_on="2017-11-22", valid_from="2017-11-22",
                                status=v1.Agreement.STATUS_IN_FORCE)
    for name in rng.sample(draw.names, 10):
        for kind in KINDS.values():
            for _ in range(rng.randrange(1, 4)):
                grant = law.grants.add(grantee=name, events=kind.name, legal_basis=BASES[0],
                                       purpose=rng.choice(sorted(kind.purposes)),
                                       direction=v1.Grant.DIRECTION_SUBSCRIBE)
                draw.change(grant)
                for field in ("regions", "countries", "events_from"):
                    grant.ClearField(field)
                grant.scope = v1.Grant.SCOPE_NATIONAL
        for group in sorted({kind.group for kind in KINDS.values()}):
            policy.ceilings.add(audience=name, group=group, level=v1.LEVEL_IDENTIFIED,
                                specific=SPECIFIC, scope=v1.Grant.SCOPE_NATIONAL)
    return policy


def without(policy, places):
    """Takes out the grants that a refusal named: ["agreements[3].grants[12].scope", …]."""
    doomed = set()
    for place in places:
        parts = place.split(".")
        if len(parts) < 2 or not parts[1].startswith("grants["):
            raise AssertionError(f"a drawn policy is refused at {place}")
        doomed.add((int(parts[0][len("agreements["):-1]), int(parts[1][len("grants["):-1])))
    for agreement, grant in sorted(doomed, reverse=True):
        del policy.agreements[agreement].grants[grant]
    return len(doomed)


class _Draw:
    def __init__(self, rng, sample):
        self.rng = rng
        self.agencies = {message.id: Agency(message) for message in sample.agencies}
        self.names = sorted(self.agencies)
        self.kinds = sorted({agency.kind for agency in self.agencies.values()})

    def suspend(self, policy):
        for agency in policy.agencies:
            agency.suspended = self.rng.random() < 0.08

    def term(self, agreement, has_end):
        """Short terms, so that drawn days fall on both sides of each end."""
        first = FIRST_DAY + datetime.timedelta(days=self.rng.randrange(250))
        agreement.valid_from = agreement.signed_on = str(first)
        if has_end:
            agreement.valid_to = str(first + datetime.timedelta(days=self.rng.randrange(1, 900)))
        agreement.status = self.rng.choices(
            (v1.Agreement.STATUS_IN_FORCE, v1.Agreement.STATUS_SUSPENDED,
             v1.Agreement.STATUS_TERMINATED), (8, 1, 1))[0]

    def _grantees(self, name):
        return [agency for agency in self.agencies.values() if name in (agency.id, agency.kind)]

    def _scopes(self, name, kinds):
        """Scopes that mean something for an agency or kind and for these types."""
        scopes = [v1.Grant.SCOPE_NATIONAL, v1.Grant.SCOPE_COUNTRY, v1.Grant.SCOPE_REGIONS]
        if all(agency.region for agency in self._grantees(name)):
            scopes += [v1.Grant.SCOPE_OWN] * 2
        if any(kind.addressee_field for kind in kinds):
            scopes += [v1.Grant.SCOPE_ADDRESSED] * 2
        return scopes

    def _fields(self, kinds):
        names = [name for kind in kinds for name in kind.names]
        return self.rng.sample(names, self.rng.randrange(1, len(names) + 1))

    def grant(self, grant, grantee, kind):
        """A new grant that reaches the type."""
        rng = self.rng
        family = kind.name.split(".")[0] + ".*"
        grant.grantee = grantee
        grant.events = rng.choices((kind.name, family, "*"), (6, 2, 1))[0]
        grant.direction = rng.choices(
            (v1.Grant.DIRECTION_PUBLISH, v1.Grant.DIRECTION_SUBSCRIBE), (1, 2))[0]
        grant.purpose = rng.choice(sorted(kind.purposes))
        grant.legal_basis = rng.choice(BASES)
        self.change(grant)

    def change(self, grant):
        """Draws anew how far a grant reaches."""
        rng = self.rng
        kinds = [kind for kind in KINDS.values()
                 if kind.matches(grant.events) and grant.purpose in kind.purposes]
        for field in ("regions", "countries", "specific", "only_fields", "never_fields",
                      "events_from", "may_resolve"):
            grant.ClearField(field)
        grant.level = rng.choices(LEVELS, (1, any(k.is_aggregate for k in kinds) * 2, 2, 3))[0]
        grant.specific.extend(rng.sample(SPECIFIC, rng.choice((0, 0, 1, 2, 5))))
        self._reach(grant, kinds)
        choice = rng.random()
        if choice < 0.2:
            grant.only_fields.extend(sorted(set(self._fields(kinds))))
        elif choice < 0.4:
            grant.never_fields.extend(sorted(set(self._fields(kinds))))
        if grant.direction == v1.Grant.DIRECTION_PUBLISH:
            grant.may_resolve = rng.random() < 0.3
        elif rng.random() < 0.25:
            grant.events_from = str(FIRST_DAY + datetime.timedelta(days=rng.randrange(60)))

    def _reach(self, grant, kinds):
        rng = self.rng
        grant.scope = rng.choice(self._scopes(grant.grantee, kinds))
        if grant.scope == v1.Grant.SCOPE_REGIONS:
            grant.regions.extend(rng.sample(REGIONS, rng.randrange(1, 4)))
        if grant.scope == v1.Grant.SCOPE_COUNTRY and not (
                all(agency.hosts for agency in self._grantees(grant.grantee))
                and rng.random() < 0.5):
            grant.countries.extend(rng.sample(COUNTRIES, rng.randrange(1, 4)))

    def ceilings(self, policy, names, groups):
        names = sorted({*names, *(self.agencies[name].kind for name in names if "." in name)})
        self.rng.shuffle(names)  # the order of rows must not matter
        for name in names:
            for group in sorted(groups):
                # Half of the rows of an id are left out, so that those of its kind come to bear.
                if "." not in name or self.rng.random() < 0.5:
                    self.limit(policy.ceilings.add(audience=name, group=group))

    def limit(self, row):
        """Draws a row of the ceiling anew; none at all, now and then."""
        rng = self.rng
        row.ClearField("specific")
        row.scope = rng.choice(self._ceiling_scopes(row.audience))
        if "." in row.audience and rng.random() < 0.1:
            row.level = 0
            return
        row.level = rng.choices(LEVELS, (1, 2, 3, 5))[0]
        row.specific.extend(rng.sample(SPECIFIC, rng.choice((0, 2, 4, 5))))

    def _ceiling_scopes(self, name):
        scopes = [v1.Grant.SCOPE_NATIONAL] * 4 + [v1.Grant.SCOPE_ADDRESSED]
        if all(agency.region for agency in self._grantees(name)):
            scopes += [v1.Grant.SCOPE_OWN] * 2
        if any(agency.hosts for agency in self._grantees(name)):
            scopes.append(v1.Grant.SCOPE_COUNTRY)
        return scopes
