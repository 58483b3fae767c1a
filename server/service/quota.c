/* Rows in a table of chains. The bucket is kept as what is missing from full, in millionths of an
 * event; more than it holds may be missing, after a request larger than the bucket. */
#include "quota.h"

#include "crc32c.h"

#define CHAINS 1024u
#define KEPT 8192u /* rows, before those with nothing to remember are looked for */
#define MICRO INT64_C(1000000)
#define REOPEN_MS 1000 /* something may have been closed by then */

struct connection {
    char address[64];
    unsigned calls;
};

struct row {
    struct row *next; /* in its chain */
    char agency[65];
    int64_t missing; /* from a full bucket, millionths of an event */
    int64_t bucket;  /* when it was last looked at */
    int64_t filled_at_ms;
    bp_day day; /* that the counts are of */
    uint64_t resolves, bytes;
    unsigned streams;
    struct connection *connections; /* with a call open */
    size_t n_connections, capacity;
};

struct bp_quotas {
    const struct bp_clock *clock;
    struct row *chains[CHAINS];
    size_t n, look_at; /* rows; when there are as many, some are forgotten */
};

struct bp_quotas *bp_quotas_create(const struct bp_clock *clock)
{
    struct bp_quotas *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    q->clock = clock;
    q->look_at = KEPT;
    return q;
}

static void row_free(struct row *r)
{
    free(r->connections);
    free(r);
}

void bp_quotas_destroy(struct bp_quotas *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < CHAINS; i++) {
        while (q->chains[i] != NULL) {
            struct row *r = q->chains[i];
            q->chains[i] = r->next;
            row_free(r);
        }
    }
    free(q);
}

/* --- rows --- */

/* Counts of another day say nothing about this one. Days never go back in a run. */
static void turn_day(struct row *r, bp_day today)
{
    if (r->day >= today)
        return;
    r->day = today;
    r->resolves = 0;
    r->bytes = 0;
}

/* A bucket is full again within a day at the latest, or its rate would be no use. */
static bool is_idle(const struct row *r, bp_day today, int64_t now_ms)
{
    return r->n_connections == 0 && (r->day < today || (r->resolves == 0 && r->bytes == 0)) &&
           (r->missing == 0 || now_ms - r->filled_at_ms > INT64_C(86400) * 1000);
}

static void forget_idle(struct bp_quotas *q)
{
    bp_day today = bp_day_in_jakarta(bp_now_ns(q->clock));
    int64_t now_ms = bp_monotonic_ms(q->clock);
    for (size_t i = 0; i < CHAINS; i++) {
        struct row **at = &q->chains[i];
        while (*at != NULL) {
            struct row *r = *at;
            if (!is_idle(r, today, now_ms)) {
                at = &r->next;
                continue;
            }
            *at = r->next;
            row_free(r);
            q->n--;
        }
    }
    q->look_at = q->n * 2 > KEPT ? q->n * 2 : KEPT;
}

static struct row **chain_of(struct bp_quotas *q, struct bp_str agency)
{
    return &q->chains[bp_crc32c(0, agency.p, agency.n) % CHAINS];
}

static struct row *find(struct bp_quotas *q, struct bp_str agency)
{
    struct row *r = *chain_of(q, agency);
    while (r != NULL && !bp_str_is(agency, r->agency))
        r = r->next;
    return r;
}

static struct row *find_or_add(struct bp_quotas *q, struct bp_str agency)
{
    struct row *r = find(q, agency);
    if (r != NULL)
        return r;
    if (q->n >= q->look_at)
        forget_idle(q);
    r = calloc(1, sizeof(*r));
    if (r == NULL || !bp_str_copy(r->agency, sizeof(r->agency), agency)) {
        free(r);
        return NULL;
    }
    struct row **chain = chain_of(q, agency);
    r->day = INT32_MIN;
    r->filled_at_ms = bp_monotonic_ms(q->clock);
    r->next = *chain;
    *chain = r;
    q->n++;
    return r;
}

static struct row *row_of_day(struct bp_quotas *q, struct bp_str agency, bp_day today)
{
    struct row *r = find_or_add(q, agency);
    if (r != NULL)
        turn_day(r, today);
    return r;
}

/* --- refusals --- */

static bool no_memory(struct bp_rpc_status *status)
{
    *status = bp_rpc_status_of(BP_ENOMEM, NULL);
    return false;
}

static bool refuse(struct bp_rpc_status *status, const char *words, int64_t retry_after_ms)
{
    *status = bp_rpc_status(BP_REASON_OVER_QUOTA, "%s", words);
    status->retry_after_ms = retry_after_ms;
    return false;
}

/* Until the day after this one begins in Jakarta. */
static bool refuse_for_today(const struct bp_quotas *q, bp_day today, struct bp_rpc_status *status,
                             const char *words)
{
    int64_t left_ms = (bp_day_start_ns(today + 1) - bp_now_ns(q->clock)) / BP_NS_PER_MS;
    return refuse(status, words, left_ms > 1000 ? left_ms : 1000);
}

/* --- events --- */

static void fill(const struct bp_quotas *q, struct row *r, const struct bp_quota *bounds)
{
    int64_t bucket = (int64_t)bounds->burst_events * MICRO;
    if (bucket != r->bucket && r->missing > bucket)
        r->missing = bucket; /* a smaller bucket by a new version is empty, not in debt */
    r->bucket = bucket;
    int64_t now_ms = bp_monotonic_ms(q->clock);
    int64_t passed_ms = now_ms - r->filled_at_ms;
    int64_t most_ms = r->missing / ((int64_t)bounds->events_per_second * 1000) + 1;
    r->filled_at_ms = now_ms;
    /* What came in beyond full is lost; looked at first, so that the product stays small. */
    r->missing = passed_ms >= most_ms
                     ? 0
                     : r->missing - passed_ms * (int64_t)bounds->events_per_second * 1000;
}

/* Milliseconds until no more than `most` is missing. */
static int64_t wait_ms(const struct row *r, const struct bp_quota *bounds, int64_t most)
{
    int64_t per_ms = (int64_t)bounds->events_per_second * 1000;
    return r->missing <= most ? 0 : (r->missing - most + per_ms - 1) / per_ms;
}

bool bp_quotas_take_events(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                           size_t n, uint32_t *soon_ms, struct bp_rpc_status *status)
{
    *soon_ms = 0;
    if (bounds->events_per_second == 0)
        return true;
    struct row *r = find_or_add(q, agency);
    if (r == NULL)
        return no_memory(status);
    fill(q, r, bounds);
    int64_t wanted = (int64_t)n * MICRO;
    int64_t most_missing = wanted < r->bucket ? r->bucket - wanted : 0;
    int64_t wait = wait_ms(r, bounds, most_missing);
    if (wait > 0)
        return refuse(status, "more events than the quota allows", wait);
    r->missing += wanted;
    wait = wait_ms(r, bounds, most_missing);
    *soon_ms = wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
    return true;
}

/* --- counts of the day --- */

bool bp_quotas_take_resolves(struct bp_quotas *q, struct bp_str agency,
                             const struct bp_quota *bounds, bp_day today, uint64_t n,
                             struct bp_rpc_status *status)
{
    struct row *r = row_of_day(q, agency, today);
    if (r == NULL)
        return no_memory(status);
    uint64_t most = bounds->resolves_per_day;
    if (most != 0 && (n > most || r->resolves > most - n))
        return refuse_for_today(q, today, status,
                                "more workers named by NIK than the quota allows in a day");
    r->resolves += n;
    return true;
}

void bp_quotas_note_resolves(struct bp_quotas *q, struct bp_str agency, bp_day day, uint64_t n)
{
    struct row *r = row_of_day(q, agency, day);
    if (r != NULL && r->day == day)
        r->resolves += n;
}

bool bp_quotas_may_deliver(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                           bp_day today, struct bp_rpc_status *status)
{
    struct row *r = row_of_day(q, agency, today);
    if (r == NULL)
        return no_memory(status);
    if (bounds->delivered_bytes_per_day != 0 && r->bytes >= bounds->delivered_bytes_per_day)
        return refuse_for_today(q, today, status,
                                "no more bytes are sent today: the quota is used up");
    return true;
}

void bp_quotas_note_delivered(struct bp_quotas *q, struct bp_str agency, bp_day today,
                              uint64_t bytes)
{
    struct row *r = row_of_day(q, agency, today);
    if (r != NULL)
        r->bytes += bytes;
}

/* --- calls --- */

static struct connection *find_connection(struct row *r, struct bp_str address)
{
    for (size_t i = 0; i < r->n_connections; i++) {
        if (bp_str_is(address, r->connections[i].address))
            return &r->connections[i];
    }
    return NULL;
}

static struct connection *add_connection(struct row *r, struct bp_str address)
{
    if (r->n_connections == r->capacity) {
        size_t capacity = r->capacity == 0 ? 4 : r->capacity * 2;
        struct connection *grown = realloc(r->connections, capacity * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        r->connections = grown;
        r->capacity = capacity;
    }
    struct connection *c = &r->connections[r->n_connections];
    *c = (struct connection){.calls = 0};
    if (!bp_str_copy(c->address, sizeof(c->address), address))
        return NULL;
    r->n_connections++;
    return c;
}

bool bp_quotas_open_call(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                         struct bp_str address, bool is_stream, struct bp_rpc_status *status)
{
    struct row *r = find_or_add(q, agency);
    if (r == NULL)
        return no_memory(status);
    if (is_stream && bounds->streams != 0 && r->streams >= bounds->streams)
        return refuse(status, "more open streams than the quota allows", REOPEN_MS);
    struct connection *c = find_connection(r, address);
    if (c == NULL && bounds->connections != 0 && r->n_connections >= bounds->connections)
        return refuse(status, "more connections than the quota allows", REOPEN_MS);
    if (c == NULL && (c = add_connection(r, address)) == NULL)
        return no_memory(status);
    c->calls++;
    r->streams += is_stream;
    return true;
}

void bp_quotas_close_call(struct bp_quotas *q, struct bp_str agency, struct bp_str address,
                          bool is_stream)
{
    struct row *r = find(q, agency);
    struct connection *c = r != NULL ? find_connection(r, address) : NULL;
    BP_ASSERT(c != NULL); /* it was opened, and a row with a call is not forgotten */
    r->streams -= is_stream;
    if (--c->calls == 0)
        *c = r->connections[--r->n_connections];
}
