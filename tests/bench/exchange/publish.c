/* Publishing: a closed loop over many connections, and a file as fast as it goes. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

#define CONNS_MAX 1024
#define BULK_EVENTS 500
#define BULK_IN_FLIGHT 16

static void expect_stored(const struct berbagi_answer *answer)
{
    for (size_t i = 0; i < answer->n; i++) {
        if (answer->results[i].outcome != BERBAGI_STORED)
            die("publish", "an event was not stored");
    }
}

static struct berbagi_publisher *open_publisher(struct berbagi_client *client, size_t in_flight)
{
    struct berbagi_error error;
    struct berbagi_publisher *publisher = NULL;
    const struct berbagi_publisher_options options = {.most_in_flight = (unsigned)in_flight};
    bench_check(berbagi_publisher_open(client, &options, &publisher, &error), "publisher", &error);
    return publisher;
}

/* --- a closed loop --- */

struct connection {
    pthread_t thread;
    struct berbagi_publisher *publisher;
    size_t in_flight;
    struct lat lat;
};

static uint64_t deadline_ns, base;
static atomic_uint_fast64_t sequence;

static void send_one(struct connection *c, uint64_t now)
{
    struct berbagi_error error;
    uint8_t record[EV_SIZE], event[BENCH_EVENT_MAX];
    ev_make(record, base + atomic_fetch_add(&sequence, 1), now);
    struct berbagi_str bytes = {(const char *)event, bench_event(event, record, false)};
    bench_check(berbagi_publisher_send(c->publisher, &bytes, 1, (void *)(uintptr_t)now, &error),
                "send", &error);
}

static void take_one(struct connection *c)
{
    struct berbagi_error error;
    const struct berbagi_answer *answer;
    bench_check(berbagi_publisher_next(c->publisher, -1, &answer, &error), "answer", &error);
    expect_stored(answer);
    lat_add(&c->lat, now_ns() - (uint64_t)(uintptr_t)answer->tag);
}

static void *run_connection(void *context)
{
    struct connection *c = context;
    for (;;) {
        uint64_t now = now_ns();
        while (now < deadline_ns && berbagi_publisher_unanswered(c->publisher) < c->in_flight)
            send_one(c, now);
        if (berbagi_publisher_unanswered(c->publisher) == 0)
            return NULL;
        take_one(c);
    }
}

/* One event before the clock starts: the connection is made by it. */
static void open_connection(struct connection *c, struct berbagi_client *client, size_t in_flight)
{
    *c =
        (struct connection){.publisher = open_publisher(client, in_flight), .in_flight = in_flight};
    send_one(c, now_ns());
    take_one(c);
    c->lat.n = 0;
}

void bench_publish(double secs, size_t conns, size_t in_flight)
{
    static struct connection connections[CONNS_MAX];
    bench_thread_for_each();
    struct berbagi_client *client = bench_publishing_client();
    struct lat all = {0};
    if (conns == 0 || conns > CONNS_MAX)
        die("publish", "from 1 to 1024 connections");
    base = fresh_base();
    for (size_t i = 0; i < conns; i++)
        open_connection(&connections[i], client, in_flight > conns ? in_flight / conns : 1);
    uint64_t from = now_ns();
    deadline_ns = from + (uint64_t)(secs * 1e9);
    for (size_t i = 0; i < conns; i++)
        (void)pthread_create(&connections[i].thread, NULL, run_connection, &connections[i]);
    for (size_t i = 0; i < conns; i++) {
        (void)pthread_join(connections[i].thread, NULL);
        lat_merge(&all, &connections[i].lat);
    }
    out_lat(all.n, (double)(now_ns() - from) / 1e9, &all);
    for (size_t i = 0; i < conns; i++)
        berbagi_publisher_close(connections[i].publisher);
    berbagi_close(client);
}

/* --- a file --- */

/* Fills one request with the next events; returns how many. */
static size_t fill(const struct src *from, uint64_t at, uint64_t mark_every, uint8_t *bytes,
                   struct berbagi_str *events)
{
    uint8_t generated[EV_SIZE];
    size_t n = 0;
    for (; n < BULK_EVENTS && at + n < from->n; n++) {
        const uint8_t *record = src_get(from, at + n, generated);
        bool is_marked = mark_every != 0 && (at + n) % mark_every == 0;
        events[n] =
            (struct berbagi_str){(const char *)bytes, bench_event(bytes, record, is_marked)};
        bytes += events[n].n;
    }
    return n;
}

void bench_bulk(const struct src *from, uint64_t mark_every)
{
    static uint8_t bytes[BULK_EVENTS * BENCH_EVENT_MAX];
    static struct berbagi_str events[BULK_EVENTS];
    struct berbagi_error error;
    const struct berbagi_answer *answer;
    uint64_t start = now_ns(), sent = 0;
    struct berbagi_client *client = bench_publishing_client();
    struct berbagi_publisher *publisher = open_publisher(client, BULK_IN_FLIGHT);
    while (sent < from->n || berbagi_publisher_unanswered(publisher) != 0) {
        bool has_room = berbagi_publisher_unanswered(publisher) < BULK_IN_FLIGHT;
        if (has_room && sent < from->n) {
            size_t n = fill(from, sent, mark_every, bytes, events);
            bench_check(berbagi_publisher_send(publisher, events, n, NULL, &error), "send", &error);
            sent += n;
        }
        int timeout_ms = has_room && sent < from->n ? 0 : -1;
        berbagi_status status = berbagi_publisher_next(publisher, timeout_ms, &answer, &error);
        if (status == BERBAGI_AGAIN)
            continue;
        bench_check(status, "answer", &error);
        expect_stored(answer);
    }
    out_rate(from->n, (double)(now_ns() - start) / 1e9);
    berbagi_publisher_close(publisher);
    berbagi_close(client);
}
