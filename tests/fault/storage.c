#include "storage.h"

#include <stdio.h>

#include "digest.h"
#include "file.h"

#define SOURCE "kab.18.07"
#define TYPE "village.monitoring.recorded"
#define MAP_BYTES (UINT64_C(1) << 30)

/* --- opening and closing --- */

static bool digest_of(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    uint8_t digest[BP_SHA256_BYTES];
    (void)context;
    bp_sha256(record->event.p, record->event.n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
    return true;
}

static bp_status open_journal(struct storage *s, struct bp_err *err)
{
    struct bp_journal_config config = {.dir = s->journal_dir,
                                       .map_bytes = MAP_BYTES,
                                       .log_segments = 3,
                                       .log_segment_bytes = 128u << 10,
                                       .most_tail_bytes = 64u << 10,
                                       .most_tail_ms = 20};
    return bp_journal_open(&config, &s->journal, err);
}

static bp_status open_index(struct storage *s, struct bp_err *err)
{
    struct bp_index_config config = {.dir = s->index_dir,
                                     .journal = s->journal,
                                     .most_pending = 100000,
                                     .map_bytes = MAP_BYTES,
                                     .digest_of = digest_of};
    return bp_index_open(&config, &s->index, err);
}

static bp_status open_door(struct storage *s, struct bp_err *err)
{
    struct bp_sequencer_config config = {.journal = s->journal, .ids = bp_index_ids(s->index)};
    return bp_sequencer_start(&config, &s->sequencer, err);
}

bp_status storage_open(struct storage *s, const char *dir, struct bp_err *err)
{
    bp_status st = BP_ENOMEM;
    *s = (struct storage){.journal_dir = bp_path_join(dir, "journal"),
                          .index_dir = bp_path_join(dir, "index")};
    if (s->journal_dir == NULL || s->index_dir == NULL)
        (void)bp_fail(err, st, "storage: out of memory");
    else if ((st = open_journal(s, err)) == BP_OK && (st = open_index(s, err)) == BP_OK)
        st = open_door(s, err);
    if (st != BP_OK)
        storage_close(s);
    return st;
}

void storage_close(struct storage *s)
{
    bp_sequencer_stop(s->sequencer);
    bp_index_close(s->index);
    bp_journal_close(s->journal);
    free(s->journal_dir);
    free(s->index_dir);
    *s = (struct storage){0};
}

/* --- an answer that somebody waits for --- */

struct answer {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t came;
    bool is_there;
    bp_status status;
};

#define NO_ANSWER                                                                                  \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER                        \
    }

static void answer_give(struct answer *a, bp_status st)
{
    (void)pthread_mutex_lock(&a->lock);
    a->status = st;
    a->is_there = true;
    (void)pthread_cond_signal(&a->came);
    (void)pthread_mutex_unlock(&a->lock);
}

static bp_status answer_wait(struct answer *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (!a->is_there)
        (void)pthread_cond_wait(&a->came, &a->lock);
    (void)pthread_mutex_unlock(&a->lock);
    return a->status;
}

/* --- events --- */

struct event {
    struct bp_buf bytes;
    struct bp_str id, type, source;
};

static struct bp_str add_field(struct bp_buf *b, unsigned number, const void *p, size_t n)
{
    size_t left = n;
    bp_buf_add_byte(b, (uint8_t)(number << 3 | 2));
    for (; left >= 0x80; left >>= 7)
        bp_buf_add_byte(b, (uint8_t)(left | 0x80));
    bp_buf_add_byte(b, (uint8_t)left);
    bp_buf_add_str(b, bp_str_of(p, n));
    return b->failed ? (struct bp_str){0} : bp_str_of(b->p + b->n - n, n);
}

/* The bytes of data follow from the id: what is read back can be told from what was sent. */
static void fill_data(struct bp_str id, uint8_t *data, size_t n)
{
    uint32_t state = (uint32_t)id.n;
    for (size_t i = 0; i < id.n; i++)
        state = state * 31 + (uint8_t)id.p[i];
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint8_t)(state >> 24);
    }
}

static void add_data(struct bp_buf *b, struct bp_str id, size_t n)
{
    uint8_t *data = malloc(n);
    if (data == NULL) {
        b->failed = true;
        return;
    }
    fill_data(id, data, n);
    (void)add_field(b, 15, data, n);
    free(data);
}

/* False: out of memory. */
static bool event_init(struct event *e, struct bp_proposal *p, const char *id, size_t bytes)
{
    *e = (struct event){0};
    if (bp_buf_reserve(&e->bytes, bytes + 200) == NULL) /* so that texts stay where they are */
        return false;
    e->id = add_field(&e->bytes, 1, id, strlen(id));
    e->type = add_field(&e->bytes, 2, TYPE, strlen(TYPE));
    e->source = add_field(&e->bytes, 3, SOURCE, strlen(SOURCE));
    if (bytes != 0)
        add_data(&e->bytes, e->id, bytes);
    if (e->bytes.failed)
        return false;
    struct bp_record *r = &p->record;
    r->event = bp_buf_str(&e->bytes);
    r->entry.actor = r->routing.source = e->source;
    r->routing.type = e->type;
    bp_id_key_make(e->source, e->id, &p->id);
    (void)digest_of(NULL, r, &p->content);
    return true;
}

bool storage_event_is_sound(const struct bp_record *r)
{
    struct event e;
    struct bp_proposal ignored = {.position = 0};
    char id[64];
    size_t envelope = r->routing.id.n + strlen(TYPE) + strlen(SOURCE) + 6, bytes = 0;
    if (!bp_str_copy(id, sizeof(id), r->routing.id) || r->event.n < envelope)
        return false;
    size_t rest =
        r->event.n - envelope; /* of the data, with its tag and its length in 1 to 3 bytes */
    if (rest != 0)
        bytes = rest - 2 - (rest > 129) - (rest > 16386);
    bool is_same = event_init(&e, &ignored, id, bytes) && bp_str_eq(bp_buf_str(&e.bytes), r->event);
    bp_buf_fini(&e.bytes);
    return is_same;
}

struct request {
    struct bp_submission submission; /* first */
    struct answer answer;
    struct event events[STORAGE_EVENTS_MAX];
    struct bp_proposal proposals[STORAGE_EVENTS_MAX];
};

static void published(struct bp_submission *submission, bp_status st)
{
    answer_give(&((struct request *)submission)->answer, st);
}

static bp_status request_fill(struct request *r, const char *prefix, unsigned first, size_t n,
                              size_t bytes)
{
    for (size_t i = 0; i < n; i++) {
        char id[48];
        (void)snprintf(id, sizeof(id), "%s-%u", prefix, first + (unsigned)i);
        if (!event_init(&r->events[i], &r->proposals[i], id, bytes))
            return BP_ENOMEM;
    }
    return BP_OK;
}

static bp_status request_run(struct storage *s, struct request *r, size_t n, size_t bytes)
{
    r->submission = (struct bp_submission){.mail = {.bytes = n * (bytes + 200)},
                                           .proposals = r->proposals,
                                           .n = n,
                                           .policy_version = bp_journal_policy_version(s->journal),
                                           .done = published};
    return bp_sequencer_submit(s->sequencer, &r->submission) ? answer_wait(&r->answer) : BP_EAGAIN;
}

bp_status storage_publish(struct storage *s, const char *prefix, unsigned first, size_t n,
                          size_t bytes, uint64_t positions[])
{
    bp_status st;
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return BP_ENOMEM;
    r->answer = (struct answer)NO_ANSWER;
    if ((st = request_fill(r, prefix, first, n, bytes)) == BP_OK)
        st = request_run(s, r, n, bytes);
    for (size_t i = 0; i < n && st == BP_OK; i++) {
        positions[i] = r->proposals[i].position;
        if (r->proposals[i].outcome == BP_OUTCOME_CONFLICT)
            st = BP_ECONFLICT;
    }
    for (size_t i = 0; i < n; i++)
        bp_buf_fini(&r->events[i].bytes);
    free(r);
    return st;
}

/* --- policies and places --- */

struct policy_request {
    struct bp_policy_submission submission; /* first */
    struct answer answer;
};

static void applied(struct bp_policy_submission *submission, bp_status st)
{
    answer_give(&((struct policy_request *)submission)->answer, st);
}

bp_status storage_apply(struct storage *s, size_t bytes, uint64_t *version)
{
    char *content = calloc(1, bytes);
    if (content == NULL)
        return BP_ENOMEM;
    struct policy_request r = {
        .submission = {.mail = {.bytes = bytes},
                       .content = bp_str_of(content, bytes),
                       .actor = BP_STR("operator/admin"),
                       .expected_version = bp_journal_policy_version(s->journal),
                       .done = applied},
        .answer = NO_ANSWER,
    };
    bp_status st = bp_sequencer_submit_policy(s->sequencer, &r.submission) ? answer_wait(&r.answer)
                                                                           : BP_EAGAIN;
    *version = r.submission.version;
    free(content);
    return st;
}

static void row_written(void *context, bp_status st)
{
    answer_give(context, st);
}

bp_status storage_acknowledge(struct storage *s, const char *name, uint64_t position)
{
    struct answer answer = NO_ANSWER;
    struct bp_subscription row = {.agency = "kl.kp2mi", .acknowledged_position = position};
    (void)bp_str_copy(row.name, sizeof(row.name), bp_str(name));
    bp_status st = bp_sequencer_put_subscription(s->sequencer, &row, row_written, &answer);
    return st == BP_OK ? answer_wait(&answer) : st;
}
