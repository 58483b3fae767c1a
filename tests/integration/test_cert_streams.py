"""A push or subscription that runs for months: its certificate is renewed under way, and nobody restarts anything."""

import signal

import pytest

import exchange
import forgery
import policies
import rows
from exchange import event, wait_until
from user import User

REGENCY, MINISTRY = "kab.18.07", "kl.kp2mi"
SPIFFE = "spiffe://berbagi.example/agency"


@pytest.fixture
def revoking(tmp_path):
    """An exchange that obeys the revocation lists of a CA of its own."""
    ca = exchange.Ca(tmp_path / "ca")
    with exchange.Exchange(ca, tmp_path / "exchange", "--crl", ca.crl) as running:
        running.apply(policies.from_folder())
        yield running


class Renewed(User):
    """A user whose one certificate file is replaced while its programs run."""

    def __init__(self, ex, name, home):
        self.held = ex.ca.issue(name)
        home.mkdir()
        super().__init__(ex, name, home, self.held.put_into(home / "identity.pem"))

    def renew(self, by=None):
        """Puts a new certificate in place; the one before is returned."""
        before, self.held = self.held, by or self.ex.ca.issue(self.name)
        self.held.put_into(self.home / "identity.pem")
        return before

    def withdraw(self, old):
        """Revokes the certificate that was renewed and tells the exchange: what still stands on it is cut."""
        self.ex.ca.revoke_one(old)
        self.ex.reload()


@pytest.mark.parametrize("withdrawn", ["when_all_went_over", "at_once"])
def test_a_subscription_and_a_push_outlive_renewals_and_withdrawals(revoking, tmp_path, withdrawn):
    ex = revoking
    reader, writer = Renewed(ex, MINISTRY, tmp_path / "reader"), Renewed(ex, REGENCY, tmp_path / "w")
    ids = []
    with reader.start("subscribe", "inbox") as inbox, reader.start("subscribe") as unnamed, \
            writer.start("push", "--format", "jsonl", "-", stdin=-1) as push:

        def push_some(count):
            for row in rows.registrations(count, first=len(ids) + 1):
                ids.append(f"row-{len(ids)}")
                push.feed(rows.as_jsonl([row], id=ids[-1]))

        push_some(5)
        inbox.wait_lines(5)
        for _ in range(2):
            before = [(running, running.sockets) for running in (inbox, unnamed, push)]
            old = reader.renew(), writer.renew()
            push_some(20)  # goes on while they change
            for running, connections in before:
                if withdrawn == "when_all_went_over":
                    running.wait_moved(connections, lambda: push_some(1))
            for user, held in zip((reader, writer), old):
                user.withdraw(held)
            push_some(20)
            for reading in (inbox, unnamed):
                reading.wait_lines(len(ids))
        push.stdin.close()
        pushed = push.done()
        for reading in (inbox, unnamed):
            reading.signal(signal.SIGTERM)
            assert reading.end() == 0
            assert withdrawn == "at_once" or reading.words == "", reading.words
            assert [found["id"] for found in reading.events] == ids
    stored, duplicate, *others = pushed.counts
    assert pushed.code == 0 and [stored + duplicate, *others] == [len(ids), 0, 0], pushed
    assert withdrawn == "at_once" or duplicate == 0


class Believing(Renewed):
    """One whose bundle holds the CAs of another site as well."""

    def __init__(self, ex, other, name, home):
        super().__init__(ex, name, home)
        self.bundle = home / "both.pem"
        self.bundle.write_bytes(ex.ca.bundle.read_bytes() + other.bundle.read_bytes())

    def connection(self):
        return [*super().connection()[:-1], str(self.bundle)]


def test_what_the_exchange_does_not_take_leaves_the_connection_there_was(revoking, tmp_path):
    ex, other = revoking, exchange.Ca(tmp_path / "other")
    reader, writer = (Believing(ex, other, name, tmp_path / name) for name in (MINISTRY, REGENCY))
    ids = []
    with reader.start("subscribe", "inbox") as inbox, \
            writer.start("push", "--format", "jsonl", "-", stdin=-1) as push:

        def push_one():
            ids.append(f"row-{len(ids)}")
            push.feed(rows.as_jsonl(rows.registrations(1, first=len(ids)), id=ids[-1]))
            return push.words and inbox.words

        push_one()
        inbox.wait_lines(1)
        for user in (reader, writer):
            user.renew(other.issue(user.name))
        wait_until(push_one, what="both to say that their new certificates are not taken")
        push_one()
        push.stdin.close()
        pushed = push.done()
        inbox.wait_lines(len(ids))
        inbox.signal(signal.SIGTERM)
        assert inbox.end() == 0 and [found["id"] for found in inbox.events] == ids
    assert pushed.code == 0 and sum(pushed.counts) == len(ids) and pushed.counts[2:] == [0, 0], pushed
    for words in (inbox.words, pushed.err):
        assert "does not take the renewed certificate" in words, words
        assert "going on with the earlier one" in words


def test_what_cannot_be_used_changes_nothing(revoking, tmp_path):
    """A certificate of a CA that is not believed, then of another agency: the stream there was goes on."""
    ex = revoking
    reader = Renewed(ex, MINISTRY, tmp_path / "reader")
    with reader.start("subscribe", "inbox") as inbox:
        for by in (exchange.Ca(tmp_path / "other").issue(MINISTRY),
                   ex.ca.issue(REGENCY)):
            reader.renew(by)
            (position,) = ex.store(REGENCY, event("worker.registered"))
            inbox.wait_lines(position)
        inbox.wait_words("going on with the earlier ones")
        (position,) = ex.store(REGENCY, event("worker.registered"))
        inbox.wait_lines(position)
        inbox.signal(signal.SIGTERM)
        assert inbox.end() == 0, inbox.words
        assert [found["position"] for found in inbox.events] == list(range(1, position + 1))


def test_a_certificate_with_a_third_of_its_life_left_is_warned_of_once(ex, tmp_path):
    ending = forgery.forge(ex.ca, "ending", [f"{SPIFFE}/{MINISTRY}"],
                           not_before=forgery.now(-68 * 3600), not_after=forgery.now(32 * 3600))
    done = User(ex, MINISTRY, tmp_path / "home", ending).run("subscribe", "--until-head")
    assert done.code == 0 and done.err.count("renew it") == 1, done
    assert f"the certificate of {MINISTRY} ends at" in done.err and "in 31 h" in done.err, done

    early = forgery.forge(ex.ca, "early", [f"{SPIFFE}/{MINISTRY}"],
                          not_before=forgery.now(-65 * 3600), not_after=forgery.now(35 * 3600))
    done = User(ex, MINISTRY, tmp_path / "home", early).run("subscribe", "--until-head")
    assert done.code == 0 and done.err == "", done
