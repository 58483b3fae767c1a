"""Who may tell what, and who may see what of it: decided a second time, from the texts alone.

Written from the domain's sections on fields, agencies and agreements and from the comments of
annotations.proto, event.proto and policy.proto, without a look at the exchange's own code, and kept so
plain that it can be read beside them. It decides; it knows nothing of storing, sending or compiling.

    oracle = Oracle(policy)                       # a berbagi.v1.Policy
    oracle.see("kab.18.07", "worker.registered", facts)       # a Sight, or None: not delivered
    oracle.publish("kab.18.07", "desa.…", type, facts, fields, resolves)    # a Verdict

Days are texts, YYYY-MM-DD: their order is that of time. A set of fields is a number whose bit i stands
for the type's i-th field by field number.
"""

import datetime
from typing import NamedTuple

from contract import TYPES, v1

PUBLIC, AGGREGATE, PSEUDONYMOUS, IDENTIFIED = 1, 2, 3, 4
WITHHELD, REWRITTEN, COARSE, FULL = 0, 1, 2, 3  # the better form is the higher number
NEVER = "9999-99-99"
VILLAGES = ("desa", "kel")


class Facts(NamedTuple):
    """What rights look at in one event, and the day they are judged on."""

    region: str  # "" = the whole country
    destination: str
    addressed_to: str
    small_count: bool
    today: str
    recorded_on: str


class Ground(NamedTuple):
    agreement: str
    purpose: str
    legal_basis: str
    valid_to: str
    type: str


class Sight:
    """What one reader gets of one event."""

    def __init__(self, level, forms, identified, unknown_fields, grounds):
        self.level = level  # of the envelope
        self.forms = forms  # of each payload field, by number
        self.identified = identified  # fields that a right of IDENTIFIED gives
        self.unknown_fields = unknown_fields
        self.grounds = grounds

    def is_identified(self, i):
        """Else a village agency in the field is told as its parent."""
        return self.identified >> i & 1 == 1

    def fields(self, form):
        return sum(1 << i for i, mine in enumerate(self.forms) if mine == form)


class Verdict(NamedTuple):
    """field: what a refusal is about: source, type, place, subject or data."""

    permitted: bool
    field: str
    barred: int
    ground: tuple  # agreement, purpose and legal basis it is stored under


class Kind:
    """An event type, as far as rights look at it."""

    def __init__(self, name, described):
        rules = described.rules
        self.name = name
        self.group = rules.group
        self.purposes = set(rules.purposes)
        self.is_aggregate = rules.aggregate
        self.addressee_field = rules.addressee_field
        self.fields = sorted(described.fields.values(), key=lambda f: f.descriptor.number)
        self.names = [field.name for field in self.fields]
        self.specific = {field.rules.specific_kind for field in self.fields} - {0}
        self.all_fields = (1 << len(self.fields)) - 1

    def matches(self, pattern):
        return pattern in ("*", self.name) or (
            pattern.endswith(".*") and self.name.startswith(pattern[:-1]))

    def view(self, level, specific, only, never):
        """The form of each field that one grant gives."""
        return [self._form(field, level, specific)
                if (not only or field.name in only) and field.name not in never else WITHHELD
                for field in self.fields]

    def _form(self, field, level, specific):
        rules = field.rules
        least = {v1.DATA_CLASS_PUBLIC: PUBLIC, v1.DATA_CLASS_RESTRICTED: AGGREGATE,
                 v1.DATA_CLASS_PERSONAL: PSEUDONYMOUS, v1.DATA_CLASS_SPECIFIC: PSEUDONYMOUS}
        if level < least[rules.data_class]:
            return WITHHELD
        if rules.data_class == v1.DATA_CLASS_SPECIFIC and rules.specific_kind not in specific:
            return WITHHELD
        if level == IDENTIFIED:
            return FULL
        if rules.coarsen:
            return COARSE
        if rules.direct_identifier or rules.free_text:
            return WITHHELD
        return REWRITTEN if rules.pseudonym else FULL


KINDS = {name: Kind(name, described) for name, described in TYPES.items()}


def is_within(inner, outer):
    """Regions compare by whole dotted parts."""
    return inner == outer or inner.startswith(outer + ".")


def day_after(day):
    return str(datetime.date.fromisoformat(day) + datetime.timedelta(days=1))


class Agency:
    def __init__(self, message):
        self.id = message.id
        self.kind = message.kind or message.id.split(".")[0]
        self.region = "" if message.region == "ID" else message.region
        self.parent = message.parent
        self.suspended = message.suspended
        self.hosts = frozenset(message.host_countries)

    def is_in_place(self, scope, regions, countries, facts):
        """Does a scope, of a grant for this agency or of its ceiling, take in the event?"""
        if scope == v1.Grant.SCOPE_NATIONAL:
            return True
        if scope == v1.Grant.SCOPE_OWN:
            return self.region != "" and is_within(facts.region, self.region)
        if scope == v1.Grant.SCOPE_ADDRESSED:
            return facts.addressed_to == self.id
        if scope == v1.Grant.SCOPE_COUNTRY:
            return facts.destination in (countries or self.hosts)
        if scope == v1.Grant.SCOPE_REGIONS:
            return any(is_within(facts.region, region) for region in regions)
        return False


class Right:
    """One grant, for one of the agencies it is for and one of the types it reaches."""

    def __init__(self, agency, kind, agreement, grant):
        self.agency, self.kind, self.grant = agency, kind, grant
        self.is_in_force = agreement.status == v1.Agreement.STATUS_IN_FORCE
        self.valid_from = agreement.valid_from
        self.valid_to = agreement.valid_to or NEVER
        self.level, self.specific = grant.level, frozenset(grant.specific)
        self.scope = grant.scope
        self.regions, self.countries = tuple(grant.regions), frozenset(grant.countries)
        self.events_from = grant.events_from
        self.may_resolve = grant.may_resolve
        self.top_scope = v1.Grant.SCOPE_NATIONAL
        self.hides_small_counts = False
        self.names = (agreement.id, grant.purpose, grant.legal_basis)
        self.ground = Ground(*self.names, agreement.valid_to, kind.name)

    def cut(self, ceiling):
        """Puts the right to read under its ceiling; False if nothing is left of it."""
        if ceiling is None or ceiling.level == 0:
            return False
        counts_alone = self.level == AGGREGATE
        self.level = min(self.level, ceiling.level)
        self.specific &= frozenset(ceiling.specific)
        self.top_scope = ceiling.scope
        self.hides_small_counts = self.kind.is_aggregate and (
            counts_alone or self.level == AGGREGATE)
        if self.level == AGGREGATE and not self.kind.is_aggregate:
            self.level = PUBLIC
        return True

    def settle(self):
        """Works out the view, now that level and kinds are known."""
        only, never = set(self.grant.only_fields), set(self.grant.never_fields)
        self.forms = self.kind.view(self.level, self.specific, only, never)
        self.fields = sum(1 << i for i, form in enumerate(self.forms) if form != WITHHELD)
        self.unknown_fields = (self.level == IDENTIFIED and self.kind.specific <= self.specific
                               and not only and not never)
        return self

    def is_valid(self, today):
        return self.is_in_force and self.valid_from <= today <= self.valid_to

    def is_for(self, facts):
        """Does it take in the place of the event?"""
        return self.agency.is_in_place(self.scope, self.regions, self.countries, facts)

    def shows(self, facts):
        """Does this right to read apply?"""
        agency = self.agency
        return (self.is_valid(facts.today)
                and self.is_for(facts)
                and facts.recorded_on >= self.events_from
                and (facts.addressed_to == agency.id
                     or agency.is_in_place(self.top_scope, (), (), facts))
                and not (self.hides_small_counts and facts.small_count))


class Oracle:
    def __init__(self, policy):
        self.agencies = {message.id: Agency(message) for message in policy.agencies}
        self.agreements = policy.agreements
        self.ceilings = {(row.audience, row.group): row for row in policy.ceilings}
        # (agency, type) -> rights, in the order of the policy
        self.reading, self.publishing = {}, {}
        for agreement in policy.agreements:
            for grant in agreement.grants:
                self._add(agreement, grant)
        self._sights = {}

    def _add(self, agreement, grant):
        reads = grant.direction == v1.Grant.DIRECTION_SUBSCRIBE
        for agency in self._grantees(grant.grantee):
            for kind in self._reached(grant):
                right = Right(agency, kind, agreement, grant)
                if reads and not right.cut(self.ceiling(agency, kind.group)):
                    continue
                cells = self.reading if reads else self.publishing
                cells.setdefault((agency.id, kind.name), []).append(right.settle())

    def _grantees(self, grantee):
        """An agency, or every agency of a kind (an id has a dot, a kind has none)."""
        if grantee in self.agencies:
            return [self.agencies[grantee]]
        return [agency for agency in self.agencies.values() if agency.kind == grantee]

    @staticmethod
    def _reached(grant):
        """Types that the pattern takes in and that are meant for the purpose; AGGREGATE: counts."""
        return [kind for kind in KINDS.values()
                if kind.matches(grant.events) and grant.purpose in kind.purposes
                and (grant.level != AGGREGATE or kind.is_aggregate)]

    def ceiling(self, agency, group):
        """The row of an id beats that of its kind."""
        return self.ceilings.get((agency.id, group)) or self.ceilings.get((agency.kind, group))

    # Reading

    def see(self, reader, type, facts):
        if self.agencies[reader].suspended:
            return None
        applying = tuple(right for right in self.reading.get((reader, type), ())
                         if right.shows(facts))
        if not applying:
            return None
        sight = self._sights.get(applying)
        if sight is None:
            sight = self._sights[applying] = self._union(applying)
        return sight

    @staticmethod
    def _union(rights):
        identified = 0
        for right in rights:
            identified |= right.fields if right.level == IDENTIFIED else 0
        return Sight(max(right.level for right in rights),
                     [max(forms) for forms in zip(*(right.forms for right in rights))], identified,
                     any(right.unknown_fields for right in rights),
                     frozenset(right.ground for right in rights))

    def sees_type(self, reader, type, today):
        return not self.agencies[reader].suspended and any(
            right.is_valid(today) for right in self.reading.get((reader, type), ()))

    def sees_anything(self, reader, today):
        return any(self.sees_type(reader, type, today) for type in KINDS)

    # Publishing

    def is_over(self, agency, other):
        """Is it the other, or above it at any depth?"""
        while other and other != agency:
            other = self.agencies[other].parent
        return other == agency

    def publish(self, sender, source, type, facts, fields, resolves):
        if not self.is_over(sender, source) or (
                self.agencies[sender].suspended or self.agencies[source].suspended):
            return Verdict(False, "source", 0, None)
        valid = [right for right in self.publishing.get((source, type), ())
                 if right.is_valid(facts.today)]
        if not valid:
            return Verdict(False, "type", 0, None)
        applying = [right for right in valid if right.is_for(facts)]
        if not applying:
            return Verdict(False, "place", 0, None)
        barred = fields
        for right in applying:
            barred &= ~right.fields
        if resolves and not any(right.may_resolve for right in applying):
            return Verdict(False, "subject", barred, None)
        if barred:
            return Verdict(False, "data", barred, None)
        alone = [right for right in applying
                 if not fields & ~right.fields and (right.may_resolve or not resolves)]
        return Verdict(True, "", 0, (alone or applying)[0].names)

    def may_resolve(self, agency, today):
        return not self.agencies[agency].suspended and any(
            right.may_resolve and right.is_valid(today)
            for type in KINDS for right in self.publishing.get((agency, type), ()))

    # The registry and the calendar

    def public_id(self, agency):
        """A village would tell what the coarser region hides: its parent stands for it."""
        while agency and self.agencies[agency].kind in VILLAGES:
            agency = self.agencies[agency].parent
        return agency

    def next_change(self, today):
        """The first day after today on which an agreement in force begins or has ended."""
        days = [day for agreement in self.agreements
                if agreement.status == v1.Agreement.STATUS_IN_FORCE
                for day in (agreement.valid_from,
                            agreement.valid_to and day_after(agreement.valid_to))]
        return min((day for day in days if day > today), default="never")
