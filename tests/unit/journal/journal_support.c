#include "journal_support.h"

#include <ftw.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"

char *temp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = bp_path_join(base != NULL ? base : "/tmp", "berbagi-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_dir_remove(char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(dir);
}

char *in_dir(const char *dir, const char *name)
{
    char *path = bp_path_join(dir, name);
    assert_non_null(path);
    return path;
}

static int64_t hand_now(const struct bp_clock *clock)
{
    return atomic_load(&((const struct hand_clock *)clock)->now_ns);
}

static int64_t hand_monotonic(const struct bp_clock *clock)
{
    return atomic_load(&((const struct hand_clock *)clock)->monotonic_ns);
}

void hand_clock_init(struct hand_clock *c)
{
    c->clock = (struct bp_clock){.now_ns = hand_now, .monotonic_ns = hand_monotonic};
    atomic_init(&c->now_ns, START_NS);
    atomic_init(&c->monotonic_ns, BP_NS_PER_S);
}

void hand_clock_forward(struct hand_clock *c, int64_t ms)
{
    atomic_fetch_add(&c->now_ns, ms * BP_NS_PER_MS);
    atomic_fetch_add(&c->monotonic_ns, ms * BP_NS_PER_MS);
}

static void memory_find(void *context, struct bp_id_lookup *lookups, size_t n)
{
    struct memory_ids *ids = context;
    (void)pthread_mutex_lock(&ids->lock);
    for (size_t i = 0; i < n; i++) {
        const struct bp_id_entry *e = bp_id_map_find(&ids->map, &lookups[i].key);
        lookups[i].status = e != NULL ? BP_OK : BP_ENOENT;
        lookups[i].position = e != NULL ? e->position : 0;
        lookups[i].content = e != NULL ? e->content : (struct bp_content_digest){{0}};
    }
    (void)pthread_mutex_unlock(&ids->lock);
}

static void memory_committed(void *context, const struct bp_id_entry *entries, size_t n)
{
    struct memory_ids *ids = context;
    (void)pthread_mutex_lock(&ids->lock);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bp_id_map_add(&ids->map, &entries[i]), BP_OK);
    (void)pthread_mutex_unlock(&ids->lock);
}

static bool memory_has_room(void *context, size_t n)
{
    (void)n;
    return !atomic_load(&((struct memory_ids *)context)->is_full);
}

void memory_ids_init(struct memory_ids *ids)
{
    ids->index = (struct bp_id_index){
        .context = ids,
        .find = memory_find,
        .committed = memory_committed,
        .has_room = memory_has_room,
    };
    assert_int_equal(pthread_mutex_init(&ids->lock, NULL), 0);
    bp_id_map_init(&ids->map);
    atomic_init(&ids->is_full, false);
}

void memory_ids_fini(struct memory_ids *ids)
{
    bp_id_map_fini(&ids->map);
    (void)pthread_mutex_destroy(&ids->lock);
}

static void add_field(struct bp_buf *b, unsigned number, const char *text)
{
    size_t n = strlen(text);
    if (n == 0)
        return;
    bp_buf_add_byte(b, (uint8_t)(number << 3 | 2));
    for (; n >= 0x80; n >>= 7)
        bp_buf_add_byte(b, (uint8_t)(n | 0x80));
    bp_buf_add_byte(b, (uint8_t)n);
    bp_buf_add_text(b, text);
}

static struct bp_str find_text(const struct bp_buf *b, const char *text)
{
    return bp_str_of(memmem(b->p, b->n, text, strlen(text)), strlen(text));
}

static void digest_event(struct bp_str event, struct bp_content_digest *out)
{
    uint8_t digest[BP_SHA256_BYTES];
    bp_sha256(event.p, event.n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
}

bool event_digest(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    (void)context;
    digest_event(record->event, out);
    return true;
}

void event_init(struct test_event *e, const char *id, const char *subject, const char *text)
{
    *e = (struct test_event){0};
    add_field(&e->bytes, 1, id);
    add_field(&e->bytes, 2, "departure.recorded");
    add_field(&e->bytes, 3, "kab.18.07");
    add_field(&e->bytes, 4, subject != NULL ? subject : "");
    add_field(&e->bytes, 15, text);
    assert_false(e->bytes.failed);
    struct bp_proposal *p = &e->proposal;
    bp_id_key_make(BP_STR("kab.18.07"), bp_str(id), &p->id);
    digest_event(bp_buf_str(&e->bytes), &p->content);
    p->record.event = bp_buf_str(&e->bytes);
    p->record.entry.actor = BP_STR("kab.18.07");
    p->record.routing.source = find_text(&e->bytes, "kab.18.07");
    p->record.routing.type = find_text(&e->bytes, "departure.recorded");
    p->record.routing.type_hash = 77;
    if (subject != NULL)
        p->record.routing.subject = find_text(&e->bytes, subject);
}

void event_fini(struct test_event *e)
{
    bp_buf_fini(&e->bytes);
}

static void note_head(void *context, uint64_t head)
{
    atomic_store(&((struct door *)context)->head, head);
}

static void learn_ids(struct door *d)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    assert_int_equal(bp_journal_read_begin(d->journal, &r), BP_OK);
    while (bp_journal_read_next(r, &record) != BP_ENOENT) {
        struct bp_id_entry entry = {.position = record.routing.position};
        bp_id_key_make(record.routing.source, record.routing.id, &entry.key);
        (void)event_digest(NULL, &record, &entry.content);
        memory_committed(&d->ids, &entry, 1);
    }
    bp_journal_read_end(r);
}

void door_open_as(struct door *d, struct bp_journal_config config, uint64_t reserve_bytes)
{
    struct bp_err err = {{0}};
    hand_clock_init(&d->clock);
    config.clock = &d->clock.clock;
    if (bp_journal_open(&config, &d->journal, &err) != BP_OK)
        fail_msg("%s", err.text);
    memory_ids_init(&d->ids);
    learn_ids(d);
    atomic_init(&d->head, 0);
    struct bp_sequencer_config sequencer = {
        .journal = d->journal,
        .ids = &d->ids.index,
        .disk_reserve_bytes = reserve_bytes,
        .clock = &d->clock.clock,
        .on_head = note_head,
        .context = d,
    };
    if (bp_sequencer_start(&sequencer, &d->sequencer, &err) != BP_OK)
        fail_msg("%s", err.text);
}

void door_open_with(struct door *d, const char *dir, uint64_t map_bytes, uint64_t reserve_bytes)
{
    struct bp_journal_config config = {
        .dir = dir, .map_bytes = map_bytes, .log_segment_bytes = SEGMENT_BYTES};
    door_open_as(d, config, reserve_bytes);
}

void door_open(struct door *d, const char *dir)
{
    door_open_with(d, dir, MAP_BYTES, 0);
}

void door_close(struct door *d)
{
    bp_sequencer_stop(d->sequencer);
    bp_journal_close(d->journal);
    memory_ids_fini(&d->ids);
}

/* An answer that somebody waits for; the submission stands first, so that done finds it. */
struct answer {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool is_there;
    bp_status status;
};

static void answer_init(struct answer *a)
{
    *a = (struct answer){0};
    assert_int_equal(pthread_mutex_init(&a->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&a->came, NULL), 0);
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
    (void)pthread_cond_destroy(&a->came);
    (void)pthread_mutex_destroy(&a->lock);
    return a->status;
}

struct waiting_submission {
    struct bp_submission submission;
    struct answer answer;
};

static void submission_done(struct bp_submission *submission, bp_status st)
{
    answer_give(&((struct waiting_submission *)submission)->answer, st);
}

bp_status submit(struct bp_sequencer *s, struct bp_proposal *proposals, size_t n,
                 bool all_or_nothing, uint64_t version)
{
    struct waiting_submission w = {
        .submission = {.mail = {.bytes = 400 * n},
                       .proposals = proposals,
                       .n = n,
                       .all_or_nothing = all_or_nothing,
                       .policy_version = version,
                       .done = submission_done},
    };
    answer_init(&w.answer);
    assert_true(bp_sequencer_submit(s, &w.submission));
    return answer_wait(&w.answer);
}

bp_status try_publish(struct bp_sequencer *s, const char *id, const char *text,
                      enum bp_outcome *outcome, uint64_t *position)
{
    struct test_event e;
    event_init(&e, id, NULL, text);
    bp_status st = submit(s, &e.proposal, 1, false, 0);
    *outcome = e.proposal.outcome;
    if (position != NULL)
        *position = e.proposal.position;
    event_fini(&e);
    return st;
}

enum bp_outcome publish(struct bp_sequencer *s, const char *id, const char *text,
                        uint64_t *position)
{
    enum bp_outcome outcome;
    assert_int_equal(try_publish(s, id, text, &outcome, position), BP_OK);
    return outcome;
}

struct waiting_policy {
    struct bp_policy_submission submission;
    struct answer answer;
};

static void policy_done(struct bp_policy_submission *submission, bp_status st)
{
    answer_give(&((struct waiting_policy *)submission)->answer, st);
}

static bp_status submit_act(struct bp_sequencer *s, struct waiting_policy *w, uint64_t *version)
{
    w->submission.done = policy_done;
    answer_init(&w->answer);
    assert_true(bp_sequencer_submit_policy(s, &w->submission));
    bp_status st = answer_wait(&w->answer);
    if (version != NULL)
        *version = w->submission.version;
    return st;
}

bp_status submit_policy(struct bp_sequencer *s, struct bp_str content, uint64_t expected,
                        uint64_t *version)
{
    struct waiting_policy w = {.submission = {.mail = {.bytes = content.n},
                                              .content = content,
                                              .actor = BP_STR("operator/tester"),
                                              .expected_version = expected}};
    return submit_act(s, &w, version);
}

bp_status propose_policy(struct bp_sequencer *s, struct bp_str content, uint64_t expected,
                         uint64_t *version)
{
    struct waiting_policy w = {.submission = {.mail = {.bytes = content.n},
                                              .act = BP_POLICY_PROPOSE,
                                              .content = content,
                                              .actor = BP_STR("operator/tester"),
                                              .expected_version = expected}};
    return submit_act(s, &w, version);
}

bp_status approve_policy(struct bp_sequencer *s, uint64_t expected, uint64_t version)
{
    struct waiting_policy w = {.submission = {.act = BP_POLICY_APPROVE,
                                              .actor = BP_STR("operator/second"),
                                              .expected_version = expected,
                                              .version = version}};
    return submit_act(s, &w, NULL);
}

void wait_until(bool (*condition)(void *context), void *context)
{
    int64_t deadline = bp_monotonic_ms(&bp_system_clock) + 10000;
    while (!condition(context)) {
        assert_true(bp_monotonic_ms(&bp_system_clock) < deadline);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void expect_stored(struct bp_journal *j, uint64_t position, const char *text)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    assert_int_equal(bp_journal_read_begin(j, &r), BP_OK);
    assert_int_equal(bp_journal_read_at(r, position, &record), BP_OK);
    assert_int_equal(record.routing.position, position);
    size_t n = strlen(text);
    assert_true(record.event.n > n);
    assert_memory_equal(record.event.p + record.event.n - n, text, n);
    bp_journal_read_end(r);
}
