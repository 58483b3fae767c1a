"""Questions to a policy, drawn where its rules have their edges.

Each question is the line that policy_answers reads, beside what the oracle decides, in the form of
the answer's line but for the numbers of grounds and grants, which are the exchange's own.
"""

import datetime

from oracle import COARSE, FULL, KINDS, REWRITTEN, Facts, day_after


def day_before(day):
    return str(datetime.date.fromisoformat(day) - datetime.timedelta(days=1))


def edges(days):
    """Each day with the ones before and after it."""
    days = {day for day in days if day}
    return sorted(days | {day_before(day) for day in days} | {day_after(day) for day in days})


class Questions:
    """All draws come from rng: the same seed asks the same."""

    def __init__(self, rng, policy, oracle):
        self.rng, self.oracle = rng, oracle
        self.agencies = sorted(oracle.agencies)
        self.types = sorted(KINDS)
        self.reading, self.publishing = sorted(oracle.reading), sorted(oracle.publishing)
        self.ancestors = {agency: [over for over in self.agencies if oracle.is_over(over, agency)]
                          for agency in self.agencies}
        grants = [grant for agreement in policy.agreements for grant in agreement.grants]
        self.days = edges({"2026-06-01"} | {day for agreement in policy.agreements
                                            for day in (agreement.valid_from, agreement.valid_to)})
        self.usual_days = ["2026-06-01", "2026-11-30"] + self.days[-1:]
        self.recorded = edges({grant.events_from for grant in grants} | {"2025-12-10"})
        self._draw_places(grants)
        self._texts = {}

    def _draw_places(self, grants):
        hosts = {country for agency in self.oracle.agencies.values() for country in agency.hosts}
        named = {country for grant in grants for country in grant.countries}
        self.countries = sorted(hosts | named | {"JP", "ID"}) + ["", ""]
        codes = {agency.region for agency in self.oracle.agencies.values()}
        codes |= {region for grant in grants for region in grant.regions}
        self.regions = sorted({near for code in codes for near in self._near(code)})
        self.near = {agency.id: sorted(self._near(agency.region))
                     for agency in self.oracle.agencies.values()}

    @staticmethod
    def _near(code):
        """The region, those above it, one below it, and others that begin with the same digits."""
        parts = code.split(".") if code else []
        found = {".".join(parts[:n]) for n in range(len(parts) + 1)}
        if 0 < len(parts) < 4:
            found.add(f"{code}.{(0, '01', '12', '2001')[len(parts)]}")
        if len(parts) > 1:
            last = parts[-1]
            found.add(".".join(parts[:-1] + [last[:-1] + str((int(last[-1]) + 1) % 9 + 1)]))
        return found

    # What is asked

    def draw(self):
        """(line, expected, kind of question)"""
        choice = self.rng.random()
        if choice < 0.6:
            return self._see()
        return self._publish() if choice < 0.99 else self._small()

    def _facts(self, agency):
        rng = self.rng
        random, choose = rng.random, rng.choice
        addressed = random()
        today = choose(self.days if random() < 0.5 else self.usual_days)
        return Facts(
            choose(self.near[agency] if random() < 0.6 else self.regions),
            choose(self.countries),
            agency if addressed < 0.4 else "" if addressed < 0.8 else choose(self.agencies),
            random() < 0.3, today,
            today if random() < 0.3 else choose(self.recorded))

    def _cell(self, cells):
        """Mostly an agency and a type between which there is any grant."""
        if cells and self.rng.random() < 0.85:
            return self.rng.choice(cells)
        return self.rng.choice(self.agencies), self.rng.choice(self.types)

    def _see(self):
        reader, type = self._cell(self.reading)
        facts = self._facts(reader)
        sight = self.oracle.see(reader, type, facts)
        line = (f"see {reader} {type} {facts.region or '-'} {facts.destination or '-'} "
                f"{facts.addressed_to or '-'} {facts.small_count:d} {facts.today} "
                f"{facts.recorded_on}")
        return line, self._sight(sight), "see"

    def _sight(self, sight):
        if sight is None:
            return "no", None
        text = self._texts.get(sight)
        if text is None:
            text = self._texts[sight] = (
                f"{sight.level} {sight.fields(FULL):x} {sight.fields(COARSE):x} "
                f"{sight.fields(REWRITTEN):x} {sight.identified:x} {sight.unknown_fields:d}", sight.grounds)
        return text

    def _publish(self):
        source, type = self._cell(self.publishing)
        choice = self.rng.random()
        sender = (source if choice < 0.6 else
                  self.rng.choice(self.ancestors[source] if choice < 0.9 else self.agencies))
        facts = self._facts(source)
        fields, resolves = self._fields(source, type), self.rng.random() < 0.2
        verdict = self.oracle.publish(sender, source, type, facts, fields, resolves)
        line = (f"publish {sender} {source} {type} {facts.region or '-'} "
                f"{facts.destination or '-'} {facts.addressed_to or '-'} {facts.small_count:d} "
                f"{facts.today} {fields:x} {resolves:d}")
        if verdict.permitted:
            return line, ("yes", verdict.ground), "publish"
        return line, (f"no {verdict.field} {verdict.barred:x}", None), "publish"

    def _fields(self, source, type):
        """None, any, or what one or several grants give, with one field more or less."""
        rights = self.oracle.publishing.get((source, type))
        whole = KINDS[type].all_fields
        choice = self.rng.random()
        if choice < 0.1 or not rights:
            return self.rng.getrandbits(64) & whole
        fields = self.rng.choice(rights).fields
        if choice < 0.4:
            fields |= self.rng.choice(rights).fields
        elif choice < 0.7:
            fields &= self.rng.getrandbits(64)
        if self.rng.random() < 0.3:
            fields ^= 1 << self.rng.randrange(whole.bit_length())
        return fields

    def _small(self):
        """The questions of one word: any right at all, the registry, the calendar."""
        rng, oracle = self.rng, self.oracle
        agency, other = rng.choice(self.agencies), rng.choice(self.agencies)
        today, type = rng.choice(self.days), rng.choice(self.types)
        if rng.random() < 0.5:
            other = rng.choice(self.ancestors[agency])
            agency, other = (agency, other) if rng.random() < 0.5 else (other, agency)
        return rng.choice([
            lambda: (f"type {agency} {type} {today}",
                     (f"{oracle.sees_type(agency, type, today):d}", None), "type"),
            lambda: (f"reader {agency} {today}",
                     (f"{oracle.sees_anything(agency, today):d}", None), "reader"),
            lambda: (f"resolve {agency} {today}",
                     (f"{oracle.may_resolve(agency, today):d}", None), "resolve"),
            lambda: (f"over {agency} {other}",
                     (f"{oracle.is_over(agency, other):d}", None), "over"),
            lambda: (f"public {agency}", (oracle.public_id(agency), None), "public"),
            lambda: (f"next {today}", (oracle.next_change(today), None), "next"),
        ])()
