"""What a subscriber is promised: everything it may see, in order, once, from where it left off."""

import concurrent.futures
import shutil
import time
import uuid

import grpc
import pytest

import policies
import samples
from contract import Service, refused, v1
from exchange import Stream, event, wait_until

KP2MI = "kl.kp2mi"
REGENCY = "kab.18.07"
REGISTERED = "worker.registered"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
OUT_OF_RANGE = grpc.StatusCode.OUT_OF_RANGE


def name():
    """A subscription nobody else uses."""
    return "s-" + uuid.uuid4().hex[:12]


def registrations(ex, count):
    """Stores that many events in one request; their positions."""
    return ex.store(REGENCY, *(event(REGISTERED) for _ in range(count)))


def behind(position):
    return v1.Start(after_position=position)


def subscriptions(ex, caller=KP2MI, **keywords):
    answer = ex.subscriber(caller).ListSubscriptions(
        v1.ListSubscriptionsRequest(**keywords), timeout=20)
    return {subscription.name: subscription for subscription in answer.subscriptions}


def acknowledged(ex, subscription, agency=KP2MI):
    """Where a subscription resumes: opened and left again."""
    stream = ex.subscribe(agency, subscription=subscription)
    position = stream.opened.after_position
    stream.half_close()
    assert stream.wait_end() is None
    return position


def leave(stream, position=None):
    if position is not None:
        stream.acknowledge(position)
    stream.half_close()
    assert stream.wait_end() is None


# The place and the order


def test_opened_tells_place_head_first_and_log(ex):
    positions = registrations(ex, 3)
    opened = ex.subscribe(KP2MI, start=behind(positions[0])).opened
    assert opened.after_position == positions[0]
    assert opened.head_position == positions[2]
    assert opened.first_position == 1
    assert opened.log_id and opened.log_id == ex.fetch(KP2MI).log_id


def test_without_a_name_delivery_starts_at_the_beginning(ex):
    (position,) = registrations(ex, 1)
    stream = ex.subscribe(KP2MI).wait_through(position)
    assert stream.opened.after_position == 0
    assert stream.positions[0] == 1


def test_deliveries_come_in_the_order_of_the_log_each_once(ex):
    head = ex.head()
    positions = registrations(ex, 700)
    stream = ex.subscribe(KP2MI, start=behind(head)).wait_through(positions[-1])
    assert stream.positions == positions
    batches = [r.batch for r in stream.responses if r.WhichOneof("kind") == "batch"]
    for batch in batches:
        assert 0 < len(batch.deliveries) <= 500
        assert batch.through_position >= batch.deliveries[-1].position


def test_max_batch_bounds_every_response(ex):
    head = ex.head()
    positions = registrations(ex, 25)
    stream = ex.subscribe(KP2MI, start=behind(head), max_batch=7).wait_through(positions[-1])
    sizes = [len(r.batch.deliveries) for r in stream.responses if r.WhichOneof("kind") == "batch"]
    assert max(sizes) <= 7 and sum(sizes) == 25


def test_through_position_reaches_the_head_where_nothing_is_for_the_reader(ex):
    positions = registrations(ex, 20)
    stream = ex.subscribe("kab.35.09", bookmark_interval_ms=1000,
                          filter=v1.Filter(types=[REGISTERED])).wait_through(positions[-1])
    assert all(delivery.event.region.startswith("35.09") for delivery in stream.deliveries)


def test_events_are_delivered_live_after_catching_up(ex):
    head = ex.head()
    (first,) = registrations(ex, 1)
    stream = ex.subscribe(KP2MI, start=behind(head)).wait_through(first)
    rest = [registrations(ex, 2) for _ in range(5)]
    stream.wait_through(rest[-1][-1])
    assert stream.positions == [first] + sum(rest, [])


def test_a_bookmark_moves_the_place_of_a_stream_with_nothing_to_say(ex):
    head = ex.head()
    stream = ex.subscribe(KP2MI, start=v1.Start(now=True), bookmark_interval_ms=1000)
    stream.wait(lambda s: s.through >= head)
    bookmarks = [r.bookmark for r in stream.responses if r.WhichOneof("kind") == "bookmark"]
    assert bookmarks[-1].through_position == bookmarks[-1].head_position == head
    assert abs(bookmarks[-1].server_time.seconds - time.time()) < 60


def test_every_ground_is_told_once_and_before_its_first_delivery(ex):
    head = ex.head()
    (one,) = registrations(ex, 1)
    stream = ex.subscribe(KP2MI, start=behind(head)).wait_through(one)
    ex.store(REGENCY, event("worker.verified"))
    stream.wait_through(ex.store(REGENCY, event(REGISTERED))[0])
    told = []
    for response in stream.responses:
        told += [ground.id for ground in response.grounds]
        for delivery in response.batch.deliveries:
            assert delivery.grounds and set(delivery.grounds) <= set(told)
    assert len(told) == len(set(told))


def test_a_client_with_the_usual_limits_receives_the_largest_events(ex):
    """gRPC clients refuse messages over 4 MiB unless told otherwise."""
    head = ex.head()
    payload = samples.payload(REGISTERED).SerializeToString()
    large = payload + b"\xfa\x3e\xf0\xfe\x03" + b"x" * 65392
    positions = sum((ex.store(REGENCY, *(event(REGISTERED, data=large) for _ in range(50)))
                     for _ in range(2)), [])
    agency = ex.ca.identity(KP2MI)
    credentials = grpc.ssl_channel_credentials(
        ex.ca.bundle.read_bytes(), agency.key.read_bytes(), agency.cert.read_bytes())
    with grpc.secure_channel(ex.address, credentials) as channel:
        subscriber = Service(channel, "berbagi.v1.SubscriberService", raw=True)
        stream = Stream(subscriber.Subscribe, start=behind(head))
        assert stream.wait_through(positions[-1]).positions == positions
        stream.half_close()
        assert stream.wait_end() is None
        seen = []
        while head < positions[-1]:
            page = v1.FetchResponse.FromString(subscriber.Fetch(
                v1.FetchRequest(after_position=head, max_events=1000), timeout=20))
            seen += [delivery.position for delivery in page.batch.deliveries]
            assert page.batch.through_position > head
            head = page.batch.through_position
        assert seen == positions


def test_a_reader_that_does_not_read_keeps_nobody_waiting(ex):
    head = ex.head()
    payload = samples.payload(REGISTERED).SerializeToString()
    stalled = ex.subscriber(KP2MI).Subscribe(iter([v1.SubscribeRequest(
        open=v1.SubscribeRequest.Open(start=behind(head)))]), timeout=60)
    large = payload + b"\xfa\x3e\xc0\xb8\x02" + b"x" * 40000
    for _ in range(5):
        last = ex.store(REGENCY, *(event(REGISTERED, data=large) for _ in range(90)))[-1]
    stream = ex.subscribe(KP2MI, start=behind(head)).wait_through(last)
    assert len(stream.positions) == 450
    stalled.cancel()


# Where to start


def test_now_starts_behind_the_head(ex):
    registrations(ex, 2)
    head = ex.head()
    stream = ex.subscribe(KP2MI, start=v1.Start(now=True))
    assert stream.opened.after_position == head
    positions = registrations(ex, 1)
    assert stream.wait_through(positions[0]).positions == positions


def test_since_starts_at_the_first_event_recorded_then(ex):
    head = ex.head()
    positions = [registrations(ex, 1)[0] for _ in range(3)]
    times = [d.recorded_at for d in ex.fetch_all(KP2MI, head)[0]]
    stream = ex.subscribe(KP2MI, start=v1.Start(since=times[1])).wait_through(positions[2])
    assert stream.positions == positions[1:]
    assert stream.opened.after_position == positions[0]
    long_ago = v1.Start()
    long_ago.since.FromSeconds(1)
    assert ex.subscribe(KP2MI, start=long_ago).opened.after_position == 0


@pytest.mark.parametrize("start", ["now", "since", "after_position", "beginning"])
def test_a_start_that_is_given_becomes_the_stored_place_before_opened(ex, start):
    positions = registrations(ex, 2)
    subscription = name()
    leave(ex.subscribe(KP2MI, subscription=subscription).wait_through(positions[1]), positions[0])
    given = v1.Start()
    if start == "since":
        given.since.GetCurrentTime()
    else:
        setattr(given, start, positions[1] - 1 if start == "after_position" else True)
    place = ex.subscribe(KP2MI, subscription=subscription, start=given).opened.after_position
    assert place == {"after_position": positions[1] - 1, "beginning": 0}.get(start, positions[1])
    assert subscriptions(ex)[subscription].acknowledged_position == place
    assert acknowledged(ex, subscription) == place


def test_stored_starts_a_new_subscription_at_the_beginning(ex):
    registrations(ex, 1)
    stream = ex.subscribe(KP2MI, subscription=name(), start=v1.Start(stored=True))
    assert stream.opened.after_position == 0
    assert ex.subscribe(KP2MI, subscription=name()).opened.after_position == 0


@pytest.mark.parametrize("start, reason", [
    ({"after_position": 1 << 40}, "POSITION_AHEAD"),
    ({"after_position": (1 << 64) - 1}, "POSITION_AHEAD"),
    ({"after_position": 0, "log_id": "another"}, "LOG_CHANGED"),
    ({"now": True, "log_id": "0" * 32}, "LOG_CHANGED"),
    ({"stored": True, "log_id": "0" * 32}, "LOG_CHANGED"),
])
def test_a_place_that_is_not_in_this_log_is_out_of_range(ex, start, reason):
    refusal = ex.subscribe(KP2MI, start=v1.Start(**start)).wait_end()
    assert (refusal.code, refusal.reason) == (OUT_OF_RANGE, reason)
    if "after_position" in start:
        start = {key: value for key, value in start.items()}
        refusal = refused(ex.fetch, KP2MI, **start)
        assert (refusal.code, refusal.reason) == (OUT_OF_RANGE, reason)


def test_the_head_itself_is_a_place_and_one_more_is_not(ex):
    head = ex.head()
    assert ex.subscribe(KP2MI, start=behind(head)).opened.after_position == head
    assert ex.subscribe(KP2MI, start=behind(head + 1)).wait_end().reason == "POSITION_AHEAD"
    log = ex.fetch(KP2MI).log_id
    assert ex.subscribe(KP2MI, start=v1.Start(log_id=log, after_position=head)).opened.log_id == log


def test_a_refused_start_leaves_the_stored_place(ex):
    positions = registrations(ex, 1)
    subscription = name()
    leave(ex.subscribe(KP2MI, subscription=subscription).wait_through(positions[0]), positions[0])
    for start in (behind(1 << 40), v1.Start(log_id="another", beginning=True)):
        assert ex.subscribe(KP2MI, subscription=subscription, start=start).wait_end()
    assert acknowledged(ex, subscription) == positions[0]


# Durable subscriptions


def test_a_durable_subscription_resumes_behind_its_acknowledgement(ex):
    head = ex.head()
    positions = registrations(ex, 6)
    subscription = name()
    stream = ex.subscribe(KP2MI, subscription=subscription, start=behind(head))
    leave(stream.wait_through(positions[-1]), positions[3])
    again = ex.subscribe(KP2MI, subscription=subscription).wait_through(positions[-1])
    assert again.opened.after_position == positions[3]
    assert again.positions == positions[4:]


def test_an_acknowledgement_is_kept_over_a_restart_and_a_kill(make_exchange):
    ex = make_exchange(policies.from_folder())
    positions = registrations(ex, 6)
    leave(ex.subscribe(KP2MI, subscription="left").wait_through(6), 2)
    ex.restart()
    assert acknowledged(ex, "left") == 2
    stream = ex.subscribe(KP2MI, subscription="cut", bookmark_interval_ms=1000)
    stream.wait_through(6)
    stream.acknowledge(4)
    # "Durable within a second": bookmarks, a second apart, are the clock.
    stream.wait(lambda s: sum(r.WhichOneof("kind") == "bookmark" for r in s.responses) >= 2)
    ex.kill()
    ex.start()
    assert acknowledged(ex, "cut") == 4
    assert acknowledged(ex, "left") == 2
    assert ex.fetch_all(KP2MI)[0][-1].position == positions[-1]


def test_half_closing_makes_acknowledgements_durable_at_once(make_exchange):
    ex = make_exchange(policies.from_folder())
    registrations(ex, 3)
    leave(ex.subscribe(KP2MI, subscription="mine").wait_through(3), 3)
    ex.restart(kill=True)
    assert acknowledged(ex, "mine") == 3


def test_the_log_is_the_same_after_a_restart(make_exchange):
    ex = make_exchange(policies.from_folder())
    registrations(ex, 3)
    before = ex.fetch_all(KP2MI)
    log = ex.fetch(KP2MI).log_id
    for kill in (False, True):
        ex.restart(kill=kill)
        assert ex.fetch(KP2MI).log_id == log
        assert ex.fetch_all(KP2MI) == before
    assert registrations(ex, 1) == [4]


def test_a_deleted_index_is_rebuilt_while_reading_goes_on(make_exchange):
    ex = make_exchange(policies.from_folder())
    events = [event(REGISTERED) for _ in range(100)]
    ex.store(REGENCY, *events)
    ex.stop()
    shutil.rmtree(ex.data / "index")
    ex.start()
    assert len(ex.fetch_all(KP2MI)[0]) == 100

    def indexed():
        status = ex.operator().GetStatus(v1.GetStatusRequest())
        return status.indexed_position == status.head_position

    wait_until(indexed)
    results = ex.publish(REGENCY, events).results
    assert [(r.outcome, r.position) for r in results] == [
        (v1.PublishResult.OUTCOME_DUPLICATE, position) for position in range(1, 101)]


def test_a_lower_acknowledgement_is_ignored(ex):
    head = ex.head()
    positions = registrations(ex, 5)
    subscription = name()
    stream = ex.subscribe(KP2MI, subscription=subscription, start=behind(head))
    stream.wait_through(positions[-1])
    for position in (positions[3], positions[1], positions[3]):
        stream.acknowledge(position)
    leave(stream)
    assert acknowledged(ex, subscription) == positions[3]


def test_an_acknowledgement_of_what_was_not_sent_is_refused(ex):
    head = ex.head()
    positions = registrations(ex, 3)
    subscription = name()
    stream = ex.subscribe(KP2MI, subscription=subscription, start=behind(head))
    stream.wait_through(positions[-1])
    stream.acknowledge(positions[0])
    stream.acknowledge(1 << 40)
    assert stream.wait_end().code == INVALID
    assert acknowledged(ex, subscription) in (head, positions[0])


def test_a_second_stream_of_the_name_takes_over(ex):
    head = ex.head()
    positions = registrations(ex, 3)
    subscription = name()
    first = ex.subscribe(KP2MI, subscription=subscription, start=behind(head))
    first.wait_through(positions[-1])
    second = ex.subscribe(KP2MI, subscription=subscription)
    assert second.opened.after_position == head
    refusal = first.wait_end()
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "TAKEN_OVER")
    first.acknowledge(positions[2])
    leave(second.wait_through(positions[-1]), positions[1])
    assert acknowledged(ex, subscription) == positions[1]


def test_the_same_name_of_two_agencies_is_two_subscriptions(ex):
    (position,) = registrations(ex, 1)
    subscription = name()
    ours = ex.subscribe(KP2MI, subscription=subscription).wait_through(position)
    theirs = ex.subscribe(REGENCY, subscription=subscription).wait_through(position)
    leave(ours, position)
    leave(theirs)
    assert acknowledged(ex, subscription) == position
    assert acknowledged(ex, subscription, REGENCY) == 0


def test_two_streams_without_a_name_do_not_meet(ex):
    (position,) = registrations(ex, 1)
    streams = [ex.subscribe(KP2MI, start=behind(position - 1)) for _ in range(3)]
    for stream in streams:
        assert stream.wait_through(position).positions == [position]
        assert not stream.ended


def test_max_unacknowledged_holds_back_until_acknowledged(ex):
    head = ex.head()
    positions = registrations(ex, 10)
    stream = ex.subscribe(KP2MI, subscription=name(), start=behind(head), max_unacknowledged=3,
                          bookmark_interval_ms=1000)
    for done in (3, 6, 9, 10):
        stream.wait(lambda s: len(s.deliveries) >= done)
        if done == 3:
            # A bookmark comes while the stream holds back; its place stays in front of what waits.
            stream.wait(lambda s: s.responses[-1].WhichOneof("kind") == "bookmark")
            assert stream.through == positions[2]
        assert stream.positions == positions[:done]
        stream.acknowledge(stream.positions[-1])
    leave(stream)


def test_half_closing_ends_a_stream_without_a_name_well(ex):
    leave(ex.subscribe(KP2MI).wait_through(ex.head()))


@pytest.mark.parametrize("bad", ["Upper", "under_score", "with space", "a" * 65, "é", "dot.ted", "-/"])
def test_a_name_outside_its_alphabet_is_malformed(ex, bad):
    assert ex.subscribe(KP2MI, subscription=bad).wait_end().code == INVALID
    assert refused(ex.fetch, KP2MI, subscription=bad).code == INVALID


def test_a_name_of_64_is_one(ex):
    longest = (name() + "-" * 64)[:64]
    leave(ex.subscribe(KP2MI, subscription=longest))
    assert longest in subscriptions(ex)


@pytest.mark.parametrize("requests", [
    [v1.SubscribeRequest(acknowledge=1)],
    [v1.SubscribeRequest()],
    [v1.SubscribeRequest(open=v1.SubscribeRequest.Open())] * 2,
    [v1.SubscribeRequest(open=v1.SubscribeRequest.Open()), b"\x0a\x05ab"],
    [b"\xff"],
], ids=["acknowledge first", "nothing first", "opened twice", "garbage later", "garbage first"])
def test_requests_out_of_order_are_malformed(ex, requests):
    call = ex.subscriber(KP2MI).Subscribe(iter(requests), timeout=20)
    refusal = refused(lambda: list(call))
    assert (refusal.code, refusal.reason) == (INVALID, "MALFORMED_REQUEST")


def test_streams_end_with_unavailable_when_the_server_stops(make_exchange):
    ex = make_exchange(policies.from_folder())
    (position,) = registrations(ex, 1)
    stream = ex.subscribe(KP2MI, subscription="s").wait_through(position)
    stream.acknowledge(position)
    ex.process.terminate()
    refusal = stream.wait_end()
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert ex.process.wait(20) == 0
    ex.disconnect()
    ex.start()
    assert acknowledged(ex, "s") in (0, position)


# Filters


def mixed(ex):
    """Events of several kinds; {name: position}."""
    return dict(zip(
        ("registered", "verified", "village", "abroad", "other"),
        ex.store(REGENCY, event(REGISTERED, subject=samples.subject(900)),
                 event("worker.verified"), event(REGISTERED, region="18.07.15.2006"),
                 event(REGISTERED, destination="TW"))
        + ex.store("kab.35.09", event(REGISTERED, region="35.09"))))


FILTERS = {
    "a type": ({"types": ["worker.verified"]}, ["verified"]),
    "types below a prefix": ({"types": ["worker.*"]},
                             ["registered", "verified", "village", "abroad", "other"]),
    "two types": ({"types": ["worker.verified", REGISTERED], "regions": ["18.07.15"]}, ["village"]),
    "a region and all below it": ({"regions": ["18.07"]},
                                  ["registered", "verified", "village", "abroad"]),
    "a province": ({"regions": ["35"]}, ["other"]),
    "a village": ({"regions": ["18.07.15.2006"]}, ["village"]),
    "regions by whole parts": ({"regions": ["18.07.1", "18.0", "1", "3"]}, []),
    "a destination": ({"destinations": ["TW"]}, ["abroad"]),
    "a subject": ({"subjects": [samples.subject(900)]}, ["registered"]),
    "a source": ({"sources": ["kab.35.09"]}, ["other"]),
    "all of several": ({"types": [REGISTERED], "sources": [REGENCY], "regions": ["18.07"],
                        "destinations": ["TW", "JP"]}, ["abroad"]),
    "a type unknown": ({"types": ["no.such.type"]}, []),
    "a prefix unknown": ({"types": ["no.*", "work.*", "worker.re*", "worker*"]}, []),
    "a region unknown": ({"regions": ["99", "no region", "18.07.15.2006.1"]}, []),
    "a country unknown": ({"destinations": ["XX", "tw"]}, []),
    "a subject of another form": ({"subjects": ["p_" + "0" * 20, "nik:1807995203990001", "x"]}, []),
    "a source unknown": ({"sources": ["kab.99.99", "no agency"]}, []),
    "one known and one unknown": ({"types": ["no.such.type", "worker.verified"]}, ["verified"]),
}


@pytest.mark.parametrize("case", FILTERS)
def test_a_filter_narrows_what_policy_allows(ex, case):
    fields, wanted = FILTERS[case]
    head = ex.head()
    stored = mixed(ex)
    expected = [stored[kind] for kind in wanted]
    narrow = v1.Filter(**fields)
    deliveries, _ = ex.fetch_all(KP2MI, head, filter=narrow)
    assert [d.position for d in deliveries] == expected
    if expected:
        stream = ex.subscribe(KP2MI, start=behind(head), filter=narrow)
        assert stream.wait_through(expected[-1]).positions == expected


def test_a_star_alone_is_no_type(ex):
    head = ex.head()
    mixed(ex)
    assert not ex.fetch_all(KP2MI, head, filter=v1.Filter(types=["*"]))[0]


def test_a_filter_has_at_most_1000_entries(ex):
    most = v1.Filter(types=["no.such.type"] * 400, regions=["18.07"] * 300,
                     sources=[REGENCY] * 300)
    assert ex.subscribe(KP2MI, filter=most).opened
    assert ex.fetch(KP2MI, filter=most).log_id
    most.subjects.append(samples.subject(1))
    assert ex.subscribe(KP2MI, filter=most).wait_end().code == INVALID
    assert refused(ex.fetch, KP2MI, filter=most).code == INVALID


def test_a_changed_filter_keeps_the_place(ex):
    positions = registrations(ex, 3)
    subscription = name()
    stream = ex.subscribe(KP2MI, subscription=subscription, filter=v1.Filter(types=[REGISTERED]))
    leave(stream.wait_through(positions[-1]), positions[1])
    again = ex.subscribe(KP2MI, subscription=subscription, filter=v1.Filter(types=["worker.*"]))
    assert again.opened.after_position == positions[1]
    assert subscriptions(ex)[subscription].filter == v1.Filter(types=["worker.*"])


# Page by page


def test_fetch_pages_from_place_to_place(ex):
    head = ex.head()
    positions = registrations(ex, 7)
    seen, after = [], head
    while after < positions[-1]:
        page = ex.fetch(KP2MI, after_position=after, max_events=3)
        assert len(page.batch.deliveries) <= 3 and page.head_position == positions[-1]
        seen += [d.position for d in page.batch.deliveries]
        assert page.batch.through_position > after
        after = page.batch.through_position
    assert seen == positions


def test_fetch_gives_500_unless_told_and_never_more_than_1000(ex):
    head = ex.head()
    registrations(ex, 1000)
    registrations(ex, 100)
    for asked, given in ((0, 500), (5000, 1000), (1000, 1000)):
        page = ex.fetch(KP2MI, after_position=head, max_events=asked)
        assert len(page.batch.deliveries) == given
        assert page.batch.through_position == page.batch.deliveries[-1].position


def test_fetch_at_the_head_answers_at_once_and_empty(ex):
    head = ex.head()
    page = ex.fetch(KP2MI, after_position=head)
    assert not page.batch.deliveries and page.batch.through_position == head == page.head_position


def test_fetch_waits_for_a_first_event(ex):
    head = ex.head()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(ex.fetch, KP2MI, after_position=head, wait_ms=25000)
        wait_until(lambda: ex.operator().GetStatus(v1.GetStatusRequest()).streams >= 1)
        registrations(ex, 1)
        assert [d.position for d in page.result(15).batch.deliveries] == [head + 1]


def test_fetch_waits_only_for_what_it_may_see(ex):
    head = ex.head()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        narrow = v1.Filter(types=["worker.verified"])
        page = pool.submit(ex.fetch, KP2MI, after_position=head, wait_ms=25000, filter=narrow)
        registrations(ex, 3)
        assert not page.done()
        (position,) = ex.store(REGENCY, event("worker.verified"))
        assert [d.position for d in page.result(15).batch.deliveries] == [position]


def test_fetch_gives_up_waiting_after_the_time_named(ex):
    head = ex.head()
    page = ex.fetch(KP2MI, after_position=head, wait_ms=100)
    assert not page.batch.deliveries and page.batch.through_position == head


def test_fetch_reads_behind_the_place_of_a_subscription_and_acknowledges(ex):
    head = ex.head()
    positions = registrations(ex, 4)
    subscription = name()
    leave(ex.subscribe(KP2MI, subscription=subscription, start=behind(head)))
    for _ in range(2):  # Nothing moves by reading alone, and after_position is ignored.
        page = ex.fetch(KP2MI, subscription=subscription, max_events=2, after_position=head + 3)
        assert [d.position for d in page.batch.deliveries] == positions[:2]
    page = ex.fetch(KP2MI, subscription=subscription, acknowledge=positions[1])
    assert [d.position for d in page.batch.deliveries] == positions[2:]
    assert acknowledged(ex, subscription) == positions[1]
    assert refused(ex.fetch, KP2MI, subscription=subscription, acknowledge=1 << 40).code == INVALID
    ex.fetch(KP2MI, subscription=subscription, acknowledge=positions[0])
    assert acknowledged(ex, subscription) == positions[1]


def test_fetch_makes_a_subscription_that_starts_at_the_beginning(ex):
    registrations(ex, 1)
    subscription = name()
    page = ex.fetch(KP2MI, subscription=subscription, max_events=1)
    assert page.batch.deliveries[0].position == 1
    assert subscriptions(ex)[subscription].acknowledged_position == 0


def test_fetch_takes_over_an_open_stream_of_the_name(ex):
    (position,) = registrations(ex, 1)
    subscription = name()
    stream = ex.subscribe(KP2MI, subscription=subscription).wait_through(position)
    ex.fetch(KP2MI, subscription=subscription)
    refusal = stream.wait_end()
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "TAKEN_OVER")


# The list of subscriptions


def test_the_list_tells_place_lag_filter_and_connection(ex):
    positions = registrations(ex, 5)
    subscription = name()
    narrow = v1.Filter(types=[REGISTERED], regions=["18"])
    stream = ex.subscribe(KP2MI, subscription=subscription, filter=narrow)
    stream.wait_through(positions[-1])
    listed = subscriptions(ex)[subscription]
    assert (listed.agency, listed.connected, listed.filter) == (KP2MI, True, narrow)
    leave(stream, positions[2])
    listed = wait_until(lambda: (found := subscriptions(ex)[subscription])
                        and not found.connected and found)
    assert listed.acknowledged_position == positions[2]
    assert listed.lag_events == 2 == ex.head() - positions[2]
    assert abs(listed.last_active.seconds - time.time()) < 60


def test_the_list_is_the_callers_own_and_an_operators_of_any(ex):
    ours, theirs = name(), name()
    leave(ex.subscribe(KP2MI, subscription=ours))
    leave(ex.subscribe(REGENCY, subscription=theirs))
    assert theirs not in subscriptions(ex) and ours in subscriptions(ex)
    assert theirs in subscriptions(ex, REGENCY) and ours not in subscriptions(ex, REGENCY)
    assert theirs in subscriptions(ex, "operator/admin", agency=REGENCY)
    assert ours not in subscriptions(ex, "operator/admin", agency=REGENCY)
    assert theirs in subscriptions(ex, "operator/dewi", agency=REGENCY)
    refusal = refused(subscriptions, ex, KP2MI, agency=REGENCY)
    assert refusal.code in (grpc.StatusCode.PERMISSION_DENIED, INVALID)


def test_the_list_comes_in_pages(ex):
    names = {name() for _ in range(5)}
    for subscription in names:
        leave(ex.subscribe("kl.kemlu", subscription=subscription))
    listed, token, pages = [], "", 0
    while pages == 0 or token:
        answer = ex.subscriber("kl.kemlu").ListSubscriptions(
            v1.ListSubscriptionsRequest(page_size=2, page_token=token))
        assert len(answer.subscriptions) <= 2
        listed += [subscription.name for subscription in answer.subscriptions]
        token, pages = answer.next_page_token, pages + 1
        assert pages < 10
    assert len(listed) == len(set(listed)) and names <= set(listed)


def test_a_deleted_subscription_is_gone(ex):
    (position,) = registrations(ex, 1)
    subscription = name()
    delete = ex.subscriber(KP2MI).DeleteSubscription
    request = v1.DeleteSubscriptionRequest(name=subscription)
    refusal = refused(delete, request)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.NOT_FOUND, "UNKNOWN_SUBSCRIPTION")
    stream = ex.subscribe(KP2MI, subscription=subscription).wait_through(position)
    refusal = refused(delete, request)
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION, "SUBSCRIPTION_IN_USE")
    assert refused(ex.subscriber(REGENCY).DeleteSubscription, request).reason == (
        "UNKNOWN_SUBSCRIPTION")
    leave(stream, position)
    wait_until(lambda: not subscriptions(ex)[subscription].connected)
    delete(request)
    assert subscription not in subscriptions(ex)
    assert acknowledged(ex, subscription) == 0
