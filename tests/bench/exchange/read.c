/* Reading: live, beside a publisher that keeps its pace whatever happens, and all from the
 * beginning. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

#define READ_BATCH 1000
#define PATIENCE_S 6
#define LIVE_IN_FLIGHT 64

static struct berbagi_subscription *
open_subscription(struct berbagi_client *client, const struct berbagi_subscription_options *options)
{
    struct berbagi_error error;
    struct berbagi_subscription *subscription = NULL;
    bench_check(berbagi_subscription_open(client, options, &subscription, &error), "subscription",
                &error);
    return subscription;
}

static struct berbagi_subscription *subscribe(struct berbagi_client *client,
                                              enum berbagi_start start)
{
    return open_subscription(
        client, &(struct berbagi_subscription_options){.start = start, .max_batch = READ_BATCH});
}

/* The next response that is not a heartbeat; NULL: none within timeout_ms. */
static const struct berbagi_response *next(struct berbagi_subscription *subscription,
                                           int timeout_ms)
{
    struct berbagi_error error;
    const struct berbagi_response *response;
    berbagi_status status = berbagi_subscription_next(subscription, timeout_ms, &response, &error);
    if (status == BERBAGI_AGAIN)
        return NULL;
    bench_check(status, "subscription", &error);
    return response;
}

/* --- live --- */

struct reader {
    pthread_t thread;
    struct berbagi_subscription *subscription;
    uint64_t wanted, until_ns;
    struct lat lat;
};

static void *run_reader(void *context)
{
    struct reader *r = context;
    while (r->lat.n < r->wanted && now_ns() < r->until_ns) {
        const struct berbagi_response *response = next(r->subscription, 1000);
        uint64_t now = now_ns();
        for (size_t i = 0; response != NULL && i < response->n_deliveries; i++)
            lat_add(&r->lat, now - ev_ts(bench_record(response->deliveries[i].event).p));
    }
    return NULL;
}

/* Until the exchange has answered. */
static void await_opened(struct berbagi_subscription *subscription)
{
    const struct berbagi_response *response;
    do
        response = next(subscription, -1);
    while (response == NULL || response->kind != BERBAGI_OPENED);
}

static void open_reader(struct reader *r, struct berbagi_client *client, double secs, uint64_t n)
{
    *r = (struct reader){.subscription = subscribe(client, BERBAGI_START_NOW),
                         .wanted = n,
                         .until_ns = now_ns() + (uint64_t)((secs + PATIENCE_S) * 1e9)};
    await_opened(r->subscription);
}

/* Takes the answers that are there; returns how many. */
static uint64_t take_answers(struct berbagi_publisher *publisher, int timeout_ms)
{
    struct berbagi_error error;
    const struct berbagi_answer *answer;
    uint64_t taken = 0;
    berbagi_status status;
    while ((status = berbagi_publisher_next(publisher, timeout_ms, &answer, &error)) == BERBAGI_OK)
        taken++;
    if (status != BERBAGI_AGAIN)
        bench_check(status, "answer", &error);
    return taken;
}

static void send_due(struct berbagi_publisher *publisher, uint64_t sequence, uint64_t due)
{
    struct berbagi_error error;
    uint8_t record[EV_SIZE], event[BENCH_EVENT_MAX];
    ev_make(record, sequence, due);
    const struct berbagi_str bytes = {(const char *)event, bench_event(event, record, false)};
    berbagi_status status = berbagi_publisher_send(publisher, &bytes, 1, NULL, &error);
    if (status != BERBAGI_OK)
        bench_check(status, "send", &error);
}

/* An open loop: what is due is sent, whether or not anything was answered. Returns how many were
 * acknowledged. */
static uint64_t publish_at(struct berbagi_client *client, uint64_t n, uint64_t rate, double *took)
{
    struct berbagi_error error;
    struct berbagi_publisher *publisher = NULL;
    const struct berbagi_publisher_options options = {.most_in_flight = LIVE_IN_FLIGHT};
    uint64_t base = fresh_base(), acknowledged = 0, sent = 0;
    bench_check(berbagi_publisher_open(client, &options, &publisher, &error), "publisher", &error);
    uint64_t start = now_ns() + 200000000;
    while (sent < n) {
        uint64_t due = start + sent * 1000000000 / rate;
        if (now_ns() < due)
            sleep_until(due);
        while (sent < n && (due = start + sent * 1000000000 / rate) <= now_ns() &&
               berbagi_publisher_unanswered(publisher) < LIVE_IN_FLIGHT)
            send_due(publisher, base + sent++, due);
        acknowledged += take_answers(publisher, 0);
    }
    *took = (double)(now_ns() - start) / 1e9;
    while (acknowledged < n)
        acknowledged += take_answers(publisher, 1000);
    berbagi_publisher_close(publisher);
    return acknowledged;
}

void bench_live(double secs, uint64_t rate, size_t subscribers)
{
    struct reader *readers = calloc(subscribers, sizeof(*readers));
    uint64_t n = (uint64_t)(secs * (double)rate);
    struct lat all = {0};
    double took;
    bench_thread_for_each();
    struct berbagi_client *client = bench_client(BENCH_PUBLISHER);
    if (readers == NULL)
        die("live", "out of memory");
    for (size_t i = 0; i < subscribers; i++)
        open_reader(&readers[i], client, secs, n);
    for (size_t i = 0; i < subscribers; i++)
        (void)pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]);
    uint64_t acknowledged = publish_at(client, n, rate, &took);
    for (size_t i = 0; i < subscribers; i++) {
        (void)pthread_join(readers[i].thread, NULL);
        lat_merge(&all, &readers[i].lat);
        berbagi_subscription_close(readers[i].subscription);
    }
    out_live(acknowledged, n * subscribers, took, &all);
    free(readers);
    berbagi_close(client);
}

/* --- all from the beginning --- */

void bench_replay(const char *agency, uint64_t n)
{
    struct replay replay = {0};
    uint64_t start = now_ns();
    struct berbagi_client *client = bench_client(agency);
    struct berbagi_subscription *subscription = subscribe(client, BERBAGI_START_BEGINNING);
    while (replay.n < n) {
        const struct berbagi_response *response = next(subscription, 10000);
        if (response == NULL)
            die("replay", "nothing for ten seconds");
        for (size_t i = 0; i < response->n_deliveries; i++) {
            struct berbagi_str record = bench_record(response->deliveries[i].event);
            replay_add(&replay, record.p, record.n);
        }
    }
    replay_out(&replay, n, start);
    berbagi_subscription_close(subscription);
    berbagi_close(client);
}

/* --- few of many --- */

void bench_sparse(uint64_t n)
{
    static const char *const types[] = {"bench.marked"};
    struct berbagi_client *client = bench_client(BENCH_PUBLISHER);
    struct berbagi_subscription *subscription = open_subscription(
        client, &(struct berbagi_subscription_options){.start = BERBAGI_START_BEGINNING,
                                                       .max_batch = READ_BATCH,
                                                       .filter = {.types = types, .n_types = 1}});
    uint64_t passed = 0, through = 0;
    await_opened(subscription);
    uint64_t start = now_ns();
    while (through < n) {
        const struct berbagi_response *response = next(subscription, 10000);
        if (response == NULL)
            die("sparse", "nothing for ten seconds");
        passed += response->n_deliveries;
        through = response->through_position;
    }
    double secs = (double)(now_ns() - start) / 1e9;
    printf("{\"n\":%llu,\"passed\":%llu,\"secs\":%.4f,\"rate\":%.0f}\n", (unsigned long long)n,
           (unsigned long long)passed, secs, (double)n / secs);
    berbagi_subscription_close(subscription);
    berbagi_close(client);
}

/* --- nothing to read --- */

/* Looks after all of them for a while; returns how many heartbeats came. */
static uint64_t look_after(struct berbagi_subscription **subscriptions, size_t n, double secs)
{
    uint64_t until = now_ns() + (uint64_t)(secs * 1e9), heartbeats = 0;
    while (now_ns() < until) {
        uint64_t round = now_ns() + 1000000000;
        for (size_t i = 0; i < n; i++)
            heartbeats += next(subscriptions[i], 0) != NULL;
        sleep_until(round);
    }
    return heartbeats;
}

void bench_idle(size_t subscribers, double secs)
{
    struct berbagi_subscription **subscriptions = calloc(subscribers, sizeof(void *));
    struct berbagi_client *client = bench_client(BENCH_PUBLISHER);
    if (subscriptions == NULL)
        die("idle", "out of memory");
    for (size_t i = 0; i < subscribers; i++) {
        subscriptions[i] = subscribe(client, BERBAGI_START_NOW);
        await_opened(subscriptions[i]);
        if (i % 500 == 499) /* heartbeats of those that are open already */
            (void)look_after(subscriptions, i + 1, 0.1);
    }
    puts("open");
    (void)fflush(stdout);
    uint64_t heartbeats = look_after(subscriptions, subscribers, secs);
    printf("{\"subscribers\":%zu,\"heartbeats\":%llu}\n", subscribers,
           (unsigned long long)heartbeats);
    for (size_t i = 0; i < subscribers; i++)
        berbagi_subscription_close(subscriptions[i]);
    free(subscriptions);
    berbagi_close(client);
}
