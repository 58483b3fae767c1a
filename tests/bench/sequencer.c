/* The sequencer alone, without gRPC: events a second by size of request, each request answered when
 * it is on disk, with the index filled beside it and caught up at the end.
 *
 *     sequencer FOLDER [EVENTS [DATA_BYTES]]      FOLDER must not exist; it is left for a look, and
 * to be removed
 */
#include <stdio.h>
#include <time.h>

#include "digest.h"
#include "file.h"
#include "index.h"

#define ROUND 32 /* requests made, then submitted at once */

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
    struct request requests[ROUND];
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
    if (--b->in_flight == 0)
        (void)pthread_cond_signal(&b->answered);
    (void)pthread_mutex_unlock(&b->lock);
}

/* Submits the first n requests and waits for the last answer. */
static void submit_all(struct bench *b, size_t n)
{
    b->in_flight = n;
    for (size_t i = 0; i < n; i++) {
        if (!bp_sequencer_submit(b->sequencer, &b->requests[i].submission))
            check(BP_EAGAIN, "submit", NULL);
    }
    (void)pthread_mutex_lock(&b->lock);
    while (b->in_flight != 0)
        (void)pthread_cond_wait(&b->answered, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
}

static void content_of(const struct bp_record *record, struct bp_content_digest *out)
{
    uint8_t digest[BP_SHA256_BYTES];
    bp_sha256(record->event.p, record->event.n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
}

static void digest_of(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    (void)context;
    content_of(record, out);
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

static void fill(struct request *r, size_t n)
{
    bp_buf_clear(&r->bytes);
    for (size_t i = 0; i < n; i++)
        add_event(r, &r->submission.proposals[i]);
    r->submission.n = n;
    r->submission.mail.bytes = r->bytes.n;
    r->submission.done = answered;
}

/* batch 1 goes one at a time, so that its figure is that of one flush; the others a round at a
 * time. */
static void run(struct bench *b, size_t batch, uint64_t events)
{
    size_t round = batch == 1 ? 1 : ROUND;
    double start = seconds(), storing = 0;
    uint64_t before = bp_journal_disk_bytes(b->journal), sent = 0;
    for (; sent < events; sent += round * batch) {
        for (size_t i = 0; i < round; i++)
            fill(&b->requests[i], batch);
        double from = seconds();
        submit_all(b, round);
        storing += seconds() - from;
    }
    check(bp_index_catch_up(b->index), "index", NULL);
    double whole = seconds() - start;
    uint64_t bytes = bp_journal_disk_bytes(b->journal) - before;
    (void)printf("%8zu %12llu %12.0f %12.0f %10.0f\n", batch, (unsigned long long)sent,
                 (double)sent / storing, (double)sent / whole, (double)bytes / (double)sent);
}

static void bench_open(struct bench *b, const char *dir, size_t most_batch)
{
    struct bp_err err = {{0}};
    char *journal = bp_path_join(dir, "journal"), *index = bp_path_join(dir, "index");
    struct bp_journal_config journal_config = {.dir = journal};
    check(bp_journal_open(&journal_config, &b->journal, &err), "journal", &err);
    struct bp_index_config index_config = {
        .dir = index, .journal = b->journal, .digest_of = digest_of};
    check(bp_index_open(&index_config, &b->index, &err), "index", &err);
    struct bp_sequencer_config config = {.journal = b->journal, .ids = bp_index_ids(b->index)};
    check(bp_sequencer_start(&config, &b->sequencer, &err), "sequencer", &err);
    free(journal);
    free(index);
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->answered, NULL);
    for (size_t i = 0; i < ROUND; i++) {
        struct request *r = &b->requests[i];
        r->bench = b;
        r->submission.proposals = calloc(most_batch, sizeof(struct bp_proposal));
        if (r->submission.proposals == NULL ||
            bp_buf_reserve(&r->bytes, most_batch * (b->data_bytes + 256)) == NULL)
            check(BP_ENOMEM, "requests", NULL);
    }
}

static void bench_close(struct bench *b)
{
    bp_sequencer_stop(b->sequencer);
    bp_index_close(b->index);
    bp_journal_close(b->journal);
    for (size_t i = 0; i < ROUND; i++) {
        free(b->requests[i].submission.proposals);
        bp_buf_fini(&b->requests[i].bytes);
    }
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
    static const size_t batches[] = {1, 64, 1000};
    struct bench b = {0};
    if (argc < 2 || argc > 4) {
        (void)fprintf(stderr, "usage: %s FOLDER [EVENTS [DATA_BYTES]]\n", argv[0]);
        return 2;
    }
    uint64_t events = number_of(argc > 2 ? argv[2] : NULL, 300000, UINT64_C(1) << 32);
    b.data_bytes = (size_t)number_of(argc > 3 ? argv[3] : NULL, 200, 16000);
    bench_open(&b, argv[1], batches[2]);
    (void)printf("%8s %12s %12s %12s %10s\n", "batch", "events", "stored/s", "whole/s",
                 "bytes each");
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        run(&b, batches[i],
            batches[i] == 1    ? events / 100 + 1
            : batches[i] == 64 ? events / 4 + 1
                               : events);
    bench_close(&b);
    return 0;
}
