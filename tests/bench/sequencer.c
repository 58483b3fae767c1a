/* The sequencer alone, without gRPC: events a second, each request answered when it is on disk, from
 * the first one until the index has caught up with the last. Requests are made before the clock
 * starts.
 *
 *     sequencer floor FOLDER EVENTS [DATA_BYTES]   by size of request
 *     sequencer scale FOLDER EVENTS [DATA_BYTES]   by the number of events stored before
 *
 * FOLDER must not exist; it is left for a look, and to be removed. */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "digest.h"
#include "file.h"
#include "index.h"

#define CHUNK 100000 /* events made, then stored */
#define WINDOW 32    /* requests at once with the sequencer */
#define BATCH_MOST 1000

struct request {
    struct bp_submission submission; /* first */
    struct bp_buf bytes;             /* events, one behind the other */
    struct bench *bench;
};

struct bench {
    struct bp_journal *journal;
    struct bp_index *index;
    struct bp_sequencer *sequencer;
    size_t data_bytes;
    uint64_t next_id;
    pthread_mutex_t lock; /* guards in_flight */
    pthread_cond_t answered;
    size_t in_flight;
    struct request *requests;      /* of a chunk */
    struct bp_proposal *proposals; /* theirs */
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(bp_status st, const char *what, const struct bp_err *err)
{
    if (st == BP_OK)
        return;
    (void)fprintf(stderr, "%s: %s %s\n", what, bp_status_name(st), err != NULL ? err->text : "");
    exit(1);
}

static void answered(struct bp_submission *submission, bp_status st)
{
    struct bench *b = ((struct request *)submission)->bench;
    check(st, "publish", NULL);
    (void)pthread_mutex_lock(&b->lock);
    b->in_flight--;
    (void)pthread_cond_signal(&b->answered);
    (void)pthread_mutex_unlock(&b->lock);
}

/* Waits until no more than this many requests are unanswered. */
static void wait_for(struct bench *b, size_t most)
{
    (void)pthread_mutex_lock(&b->lock);
    while (b->in_flight > most)
        (void)pthread_cond_wait(&b->answered, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

static void submit(struct bench *b, struct request *r)
{
    (void)pthread_mutex_lock(&b->lock);
    b->in_flight++;
    (void)pthread_mutex_unlock(&b->lock);
    if (!bp_sequencer_submit(b->sequencer, &r->submission))
        check(BP_EAGAIN, "submit", NULL);
}

static void content_of(const struct bp_record *record, struct bp_content_digest *out)
{
    uint8_t digest[BP_SHA256_BYTES];
    bp_sha256(record->event.p, record->event.n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
}

static bool digest_of(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    (void)context;
    content_of(record, out);
    return true;
}

static void add_event(struct request *r, struct bp_proposal *p)
{
    struct bench *b = r->bench;
    char id[40];
    uint8_t *at = r->bytes.p + r->bytes.n;
    int n = snprintf(id, sizeof(id), "%036llu", (unsigned long long)++b->next_id);
    size_t length = (size_t)snprintf((char *)at, 200,
                                     "\x0a%c%s\x12\x12"
                                     "departure.recorded\x1a\x09kab.18.07\x22\x16w_%020llu",
                                     n, id, (unsigned long long)(b->next_id / 3));
    at[length] = 0x7a;
    at[length + 1] = (uint8_t)(b->data_bytes & 0x7f) | 0x80;
    at[length + 2] = (uint8_t)(b->data_bytes >> 7);
    memset(at + length + 3, 'd', b->data_bytes);
    size_t size = length + 3 + b->data_bytes;
    r->bytes.n += size;
    *p = (struct bp_proposal){0};
    p->record.event = bp_str_of(at, size);
    p->record.routing.type = bp_str_of(at + 40, 18);
    p->record.routing.source = bp_str_of(at + 60, 9);
    p->record.routing.subject = bp_str_of(at + 71, 22);
    bp_id_key_make(p->record.routing.source, bp_str_of(id, (size_t)n), &p->id);
    content_of(&p->record, &p->content);
}

static void make_request(struct request *r, struct bp_proposal *proposals, size_t n)
{
    bp_buf_clear(&r->bytes);
    if (bp_buf_reserve(&r->bytes, n * (r->bench->data_bytes + 256)) == NULL)
        check(BP_ENOMEM, "requests", NULL);
    r->submission = (struct bp_submission){.proposals = proposals, .n = n, .done = answered};
    for (size_t i = 0; i < n; i++)
        add_event(r, &proposals[i]);
    r->submission.mail.bytes = r->bytes.n;
}

struct cost {
    double wall_s, cpu_s;
};

static double cpu_seconds(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Makes `events` (a chunk at most), then stores them with so many requests at once. */
static struct cost store(struct bench *b, size_t events, size_t batch, size_t window)
{
    size_t n = (events + batch - 1) / batch;
    for (size_t i = 0; i < n; i++) {
        size_t first = i * batch;
        b->requests[i].bench = b;
        make_request(&b->requests[i], b->proposals + first,
                     events - first < batch ? events - first : batch);
    }
    struct cost cost = {-seconds(), -cpu_seconds()};
    for (size_t i = 0; i < n; i++) {
        wait_for(b, window - 1);
        submit(b, &b->requests[i]);
    }
    wait_for(b, 0);
    check(bp_index_catch_up(b->index), "index", NULL);
    cost.wall_s += seconds();
    cost.cpu_s += cpu_seconds();
    return cost;
}

static struct cost store_many(struct bench *b, uint64_t events, size_t batch)
{
    struct cost all = {0, 0};
    for (uint64_t sent = 0; sent < events; sent += CHUNK) {
        size_t n = events - sent < CHUNK ? (size_t)(events - sent) : CHUNK;
        struct cost cost = store(b, n, batch, batch == 1 ? 1 : WINDOW);
        all.wall_s += cost.wall_s;
        all.cpu_s += cost.cpu_s;
    }
    return all;
}

static void run_floor(struct bench *b, uint64_t events)
{
    static const size_t batches[] = {1, 64, BATCH_MOST};
    (void)printf("%8s %12s %12s %12s %10s\n", "batch", "events", "events/s", "CPU us each",
                 "bytes each");
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        size_t batch = batches[i];
        uint64_t n = batch == 1 ? events / 100 + 1 : batch == 64 ? events / 4 + 1 : events;
        uint64_t before = bp_journal_disk_bytes(b->journal);
        struct cost cost = store_many(b, n, batch);
        (void)printf("%8zu %12llu %12.0f %12.2f %10.0f\n", batch, (unsigned long long)n,
                     (double)n / cost.wall_s, cost.cpu_s * 1e6 / (double)n,
                     (double)(bp_journal_disk_bytes(b->journal) - before) / (double)n);
        (void)fflush(stdout);
    }
}

/* What an event costs on the way to 10^5 events, to 10^6 and so on: over the second half of each, so
 * that what is done now and then has its share. */
static void run_scale(struct bench *b, uint64_t events)
{
    double first = 0;
    (void)printf("%12s %12s %12s %12s %12s\n", "stored", "events/s", "us each", "CPU us each",
                 "to the first");
    for (uint64_t stored = 0, next = CHUNK; next <= events; stored = next, next *= 10) {
        uint64_t half = next / 2;
        (void)store_many(b, half - stored, BATCH_MOST);
        struct cost cost = store_many(b, next - half, BATCH_MOST);
        double each_us = cost.wall_s * 1e6 / (double)(next - half);
        first = first != 0 ? first : each_us;
        (void)printf("%12llu %12.0f %12.2f %12.2f %11.0f%%\n", (unsigned long long)next,
                     1e6 / each_us, each_us, cost.cpu_s * 1e6 / (double)(next - half),
                     100 * each_us / first);
        (void)fflush(stdout);
    }
}

static void bench_open(struct bench *b, const char *dir)
{
    struct bp_err err = {{0}};
    char *journal = bp_path_join(dir, "journal"), *index = bp_path_join(dir, "index");
    check(bp_dir_make(dir, 0700, &err), "folder", &err);
    struct bp_journal_config journal_config = {.dir = journal, .clock = &bp_system_clock};
    check(bp_journal_open(&journal_config, &b->journal, &err), "journal", &err);
    struct bp_index_config index_config = {
        .dir = index, .journal = b->journal, .digest_of = digest_of};
    check(bp_index_open(&index_config, &b->index, &err), "index", &err);
    struct bp_sequencer_config config = {
        .journal = b->journal, .ids = bp_index_ids(b->index), .clock = &bp_system_clock};
    check(bp_sequencer_start(&config, &b->sequencer, &err), "sequencer", &err);
    free(journal);
    free(index);
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->answered, NULL);
    b->requests = calloc(CHUNK, sizeof(*b->requests));
    b->proposals = calloc(CHUNK, sizeof(*b->proposals));
    if (b->requests == NULL || b->proposals == NULL)
        check(BP_ENOMEM, "requests", NULL);
}

static void bench_close(struct bench *b)
{
    bp_sequencer_stop(b->sequencer);
    bp_index_close(b->index);
    bp_journal_close(b->journal);
    for (size_t i = 0; i < CHUNK; i++)
        bp_buf_fini(&b->requests[i].bytes);
    free(b->requests);
    free(b->proposals);
}

static uint64_t number_of(const char *text, uint64_t otherwise, uint64_t most)
{
    uint64_t n = otherwise;
    if (text != NULL && (!bp_parse_u64(bp_str(text), &n) || n == 0 || n > most)) {
        (void)fprintf(stderr, "%s: not a number from 1 to %llu\n", text, (unsigned long long)most);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    bool is_scale = argc > 1 && strcmp(argv[1], "scale") == 0;
    if (argc < 4 || argc > 5 || (!is_scale && strcmp(argv[1], "floor") != 0)) {
        (void)fprintf(stderr, "usage: %s floor|scale FOLDER EVENTS [DATA_BYTES]\n", argv[0]);
        return 2;
    }
    uint64_t events = number_of(argv[3], 0, UINT64_C(1) << 32);
    b.data_bytes = (size_t)number_of(argc > 4 ? argv[4] : NULL, 200, 16000);
    bench_open(&b, argv[2]);
    if (is_scale)
        run_scale(&b, events);
    else
        run_floor(&b, events);
    bench_close(&b);
    return 0;
}
