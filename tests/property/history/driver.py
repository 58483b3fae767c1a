"""Random operations against a real exchange, each held against the model."""

import collections
import datetime
import time

import exchange
import policies
from contract import v1
from exchange import Exchange
from faults import Faults
from filled import Filler
from following import Following
from model import Epoch, Ledger, expect
from oracle import Oracle, day_after
from publishing import Publishing
from views import JAKARTA, Views
from world import READERS, World


class Run:
    """The exchange, its world and the model, shared by those who act."""

    def __init__(self, ca, folder, rng):
        self.rng, self.ca = rng, ca
        self.counts = collections.Counter()
        self.ex = Exchange(ca, folder / "exchange", "--crl", ca.crl, "--crl-grace", 31536000,
                           start=False)
        self.faults = Faults(folder, self.ex.data)
        self.ex.environment = self.faults.environment
        self._set_noon()
        self.world = World(rng, policies.from_folder(), self.day)
        self.ledger, self.epochs = Ledger(), []
        self.publishing, self.following = Publishing(self), Following(self)
        self.ex.start()
        self._apply()
        oracle = self.epochs[-1].oracle
        self.filler = Filler(rng, sorted(oracle.agencies))
        self.views = {reader: Views(oracle) for reader in READERS}

    def operations(self):
        """What may happen, and how often."""
        publishing, following = self.publishing, self.following
        return {
            publishing.publish: 40, publishing.publish_together: 2, following.look: 8,
            following.open: 8, following.acknowledge: 15, following.close: 5, following.fetch: 14,
            following.delete: 0.5, following.settle: 2, self.change_policy: 1.2,
            self.pass_day: 0.1, self.clock_back: 0.2, self.restart: 0.25, self.crash: 0.25,
            self.revoke: 0.15}

    # Days. The server's clock stands at noon of Jakarta at the beginning, so that no day ends unasked.

    def _set_noon(self):
        now = datetime.datetime.now(JAKARTA)
        noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
        if noon < now:
            noon += datetime.timedelta(days=1)
        self.shift = (noon - now).total_seconds()
        self.day = str(noon.date())
        self.faults.shift_clock(self.shift)

    def pass_day(self):
        self.following.settle()
        began = time.monotonic()
        self.day = day_after(self.day)
        self.shift += 86400
        self.faults.shift_clock(self.shift)
        self._new_epoch(self.epochs[-1].oracle, began)
        self.counts["day passed"] += 1

    def clock_back(self):
        """A clock set back revives no agreement, and no event is older than the one before it."""
        self.faults.shift_clock(self.shift - self.rng.choice((1, 3600)))
        self.publishing.publish()
        self.faults.shift_clock(self.shift)

    # Policies

    def _apply(self):
        began = time.monotonic()
        self.ex.apply(self.world.policy)
        self._new_epoch(Oracle(self.world.policy), began)

    def _new_epoch(self, oracle, began):
        if self.epochs:
            self.epochs[-1].ended = time.monotonic()
        self.epochs.append(Epoch(oracle, self.ex.version, self.day, began))
        self.following.rights_changed()

    def change_policy(self):
        if self.rng.random() < 0.7:
            self.following.settle()
        self.counts["policy: " + self.world.step(self.day)] += 1
        self._apply()

    # Harm

    def restart(self):
        self.following.settle()
        kill = self.rng.random() < 0.5
        if kill:
            self.ex.process.kill()
        else:
            self.ex.process.terminate()
            expect(self.ex.process.wait(20) == 0, "a stop in good order")
        self.following.judge(self._restarted(kill))
        status = self.ex.operator().GetStatus(v1.GetStatusRequest(), timeout=exchange.DEADLINE)
        expect(status.head_position == len(self.ledger.log), "the head", status)

    def crash(self):
        """Killed while publishers are at work."""
        dead = []
        self.publishing.publish_together(lambda: dead.extend(self._restarted(kill=True)))
        self.following.judge(dead)

    def _restarted(self, kill):
        self.counts["killed" if kill else "stopped"] += 1
        dead = self.following.server_gone(kill)
        self.ex.kill()
        self.ex.start()
        status = self.ex.operator().GetStatus(v1.GetStatusRequest(), timeout=exchange.DEADLINE)
        expect(status.policy_version == self.ex.version, "the policy in force", status)
        return dead

    def revoke(self):
        """A certificate is revoked: its streams end, and a new one is as good as the old."""
        agency = self.rng.choice(READERS)
        self.following.settle()
        self.ca.identity(agency)
        self.ca.revoke(agency)
        self.ex.reload()
        self.following.revoked(agency)
        self.ex.renew(agency)
        self.counts["revoked"] += 1

    def end(self):
        self.following.settle()
        self.following.look()
        self.ledger.check_times()
        self.ex.close()
