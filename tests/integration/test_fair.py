"""What is judged and stored beside others: large requests keep the order of their stream, the policy of the moment binds them,
and another agency is answered while they wait."""

import itertools
import threading

import grpc
import pytest

import policies
from contract import refused, v1
from exchange import DEADLINE, event, wait_until

GREEDY, QUIET = "kab.18.07", "kab.35.09"
TYPE = "outreach.session.held"
STORED, REJECTED = v1.PublishResult.OUTCOME_STORED, v1.PublishResult.OUTCOME_REJECTED
LARGE = 1000
_numbers = itertools.count()


@pytest.fixture(scope="module")
def running(ca, tmp_path_factory):
    from exchange import Exchange

    with Exchange(ca, tmp_path_factory.mktemp("fair")) as exchange:
        yield exchange


@pytest.fixture
def ex(running):
    running.apply(policies.small())
    yield running
    running.disconnect()


def request(count, agency=GREEDY, **more):
    """Events that differ in nothing but their id, so that making them costs little."""
    made = v1.PublishRequest(events=[event(TYPE, region=agency[4:])] * count, **more)
    for one in made.events:
        one.id = f"fair-{next(_numbers)}"
    return made


class Pouring(threading.Thread):
    """A stream of large requests of the greedy agency that goes on until stop()."""

    def __init__(self, ex):
        super().__init__(daemon=True)
        self.answers, self.failure = [], None
        self._over = threading.Event()
        self._call = ex.publisher(GREEDY).PublishStream(self._requests(), timeout=60)
        self.start()

    def _requests(self):
        while not self._over.is_set():
            yield request(LARGE)

    def run(self):
        try:
            for answer in self._call:
                self.answers.append(answer)
        except grpc.RpcError as error:
            self.failure = error

    def wait_more(self):
        """Waits for the next answer."""
        seen = len(self.answers)
        self._wait(lambda: len(self.answers) > seen)

    def wait_outcome(self, outcome):
        """Waits for an answer that tells all events this."""
        self._wait(lambda: {r.outcome for r in self.answers[-1].results} == {outcome})

    def _wait(self, condition):
        wait_until(lambda: self.failure or condition(), what="answers")
        assert self.failure is None, self.failure

    def stop(self):
        self._over.set()
        self.join(DEADLINE)
        assert not self.is_alive() and self.failure is None, self.failure

    @property
    def results(self):
        return [result for answer in list(self.answers) for result in answer.results]


def test_small_requests_behind_large_ones_keep_the_order_of_their_stream(ex):
    sizes = [LARGE, 1, LARGE, 3, 1, 1, LARGE, 200, 1]
    before = ex.head()

    answers = list(ex.publisher(GREEDY).PublishStream((request(n) for n in sizes), timeout=60))

    assert [len(answer.results) for answer in answers] == sizes
    positions = [result.position for answer in answers for result in answer.results]
    assert positions == list(range(before + 1, before + 1 + sum(sizes)))


def test_another_agency_is_answered_while_much_is_on_its_way(ex):
    streams = [Pouring(ex) for _ in range(3)]
    for stream in streams:
        stream.wait_more()

    positions = [ex.store(QUIET, event(TYPE, region="35.09"))[0] for _ in range(20)]

    for stream in streams:
        stream.wait_more()
        stream.stop()
        of_stream = [result.position for result in stream.results]
        assert of_stream == sorted(of_stream)
        assert of_stream[0] < positions[0] and positions[-1] < of_stream[-1]
    assert positions == sorted(positions)


def test_all_or_nothing_is_stored_in_one_piece_while_another_agency_sends(ex):
    stream = Pouring(ex)
    stream.wait_more()

    for _ in range(3):
        results = ex.publisher(QUIET).Publish(request(LARGE, QUIET, all_or_nothing=True), timeout=60).results
        positions = [result.position for result in results]
        assert positions == list(range(positions[0], positions[0] + LARGE))

    stream.stop()


def test_a_large_request_with_a_duplicate_of_its_own_beginning_stores_that_once(ex):
    made = request(LARGE)
    made.events[-1].CopyFrom(made.events[0])

    results = ex.publisher(GREEDY).Publish(made, timeout=60).results

    assert [r.outcome for r in results] == [STORED] * (LARGE - 1) + [v1.PublishResult.OUTCOME_DUPLICATE]
    assert results[-1].position == results[0].position


def without_publishing():
    """The same policy, in which the greedy agency may publish nothing."""
    policy = policies.small()
    for grant in policy.agreements[0].grants:
        if grant.direction == v1.Grant.DIRECTION_PUBLISH:
            grant.grantee = QUIET
    return policy


def test_a_policy_that_changes_while_much_is_judged_binds_whatever_is_stored_after_it(ex):
    streams = [Pouring(ex) for _ in range(2)]
    for stream in streams:
        stream.wait_more()

    for _ in range(3):
        ex.apply(without_publishing())
        head = ex.head()
        for stream in streams:
            stream.wait_outcome(REJECTED)
        assert ex.head() == head
        ex.apply(policies.small())
        for stream in streams:
            stream.wait_outcome(STORED)

    for stream in streams:
        stream.stop()
        outcomes = [result.outcome for result in stream.results]
        assert set(outcomes) == {STORED, REJECTED}
        stored = [result.position for result in stream.results if result.outcome == STORED]
        assert stored == sorted(set(stored))
        assert max(stored) > head  # of the last version, that lets it publish again


def test_a_large_request_is_answered_before_the_failure_behind_it(ex):
    requests = [request(LARGE), request(LARGE), b"\x0a\x05ab", request(LARGE), request(1)]
    head = ex.head()
    call = ex.publisher(GREEDY).PublishStream(iter(requests), timeout=60)

    assert [len(next(call).results) for _ in range(2)] == [LARGE, LARGE]
    assert refused(lambda: list(call)).reason == "MALFORMED_REQUEST"

    assert ex.head() == head + 2 * LARGE


def test_large_requests_of_one_agency_beside_each_other_are_all_stored(ex):
    calls = [ex.publisher(GREEDY).Publish.future(request(LARGE), timeout=60) for _ in range(6)]
    positions = [[r.position for r in call.result().results] for call in calls]
    for of_call in positions:
        assert of_call == list(range(of_call[0], of_call[0] + LARGE))
    assert len({position for of_call in positions for position in of_call}) == 6 * LARGE


def test_calls_given_up_while_they_are_judged_leave_the_exchange_in_good_order(make_exchange):
    ex = make_exchange(policies.small())
    for _ in range(5):
        calls = [ex.publisher(GREEDY).PublishStream((request(LARGE) for _ in range(4)), timeout=60)
                 for _ in range(4)]
        next(calls[0])
        for call in calls:
            call.cancel()
    assert ex.store(QUIET, event(TYPE, region="35.09"))
    calls = [ex.publisher(GREEDY).PublishStream((request(LARGE) for _ in range(4)), timeout=60)
             for _ in range(4)]
    next(calls[0])
    assert ex.stop() == 0
