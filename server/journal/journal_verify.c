#include "journal_verify.h"

#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "folder.h"
#include "store.h"
#include "subscriptions.h"
#include "wal.h"

struct verification {
    const struct bp_journal_verify_config *config;
    struct bp_store *store;
    struct bp_store_reader *snapshot;
    uint64_t stored;               /* the newest entry in the store */
    struct bp_batch *logged, *end; /* what stands in the write-ahead log alone, in order */
    struct bp_controls controls;
    struct bp_journal_verified out;
    /* of the newest sound entry */
    int64_t recorded_at_ns;
    enum bp_entry_kind kind;
    uint16_t part, parts; /* equal: nothing has to follow */
};

static void damaged(struct verification *v, uint64_t number, uint64_t position, const char *what)
{
    struct bp_journal_damage damage = {number, position, what};
    v->config->damaged(v->config->context, &damage);
}

/* --- one entry --- */

static bool is_control(struct verification *v, uint64_t number, struct bp_control *out)
{
    return bp_controls_after(&v->controls, number - 1, out) && out->number == number;
}

/* The position of the event with this number, were it one. */
static uint64_t position_of(struct verification *v, uint64_t number)
{
    struct bp_control next;
    if (bp_controls_after(&v->controls, number - 1, &next))
        return next.number == number ? 0 : number - (next.number - 1 - next.head_before);
    return number - bp_controls_count(&v->controls);
}

static const char *wrong_order(struct verification *v, const struct bp_entry *e)
{
    bool is_inside = v->part < v->parts;
    if (e->recorded_at_ns < v->recorded_at_ns)
        return "was recorded before the one in front of it";
    if (is_inside && (e->kind != v->kind || e->parts != v->parts || e->part != v->part + 1))
        return "stands where a part of a policy should";
    if (!is_inside && e->part != 1)
        return "is a part of a policy whose first part is missing";
    return NULL;
}

static const char *wrong_event(struct verification *v, uint64_t position, struct bp_str stored)
{
    struct bp_record r;
    if (bp_record_decode(stored, &r) != BP_OK)
        return "fails its check";
    if (position == 0)
        return "is an event where the table of control entries has none";
    if (r.routing.position != position)
        return "says that it has another position";
    v->out.events++;
    if (v->config->event != NULL)
        v->config->event(v->config->context, &r);
    return NULL;
}

static const char *wrong_control(struct verification *v, const struct bp_entry *e)
{
    struct bp_control control;
    if (!is_control(v, e->number, &control) || control.kind != e->kind || control.part != e->part ||
        control.parts != e->parts)
        return "is not what the table of control entries says";
    return NULL;
}

static bp_status get(struct verification *v, uint64_t number, struct bp_str *stored)
{
    if (number <= v->stored)
        return bp_store_get(v->snapshot, number, stored);
    struct bp_batch *b = v->logged;
    while (b != NULL && bp_batch_last(b) < number)
        b = atomic_load(&b->next);
    if (b == NULL)
        return BP_ENOENT;
    *stored = bp_batch_get(b, number);
    return BP_OK;
}

/* What is wrong with it; NULL: nothing. */
static const char *look(struct verification *v, uint64_t number, uint64_t position)
{
    struct bp_str stored;
    struct bp_entry e;
    bp_status st = get(v, number, &stored);
    if (st == BP_ENOENT)
        return "is missing";
    if (st != BP_OK)
        return "cannot be read: the file is damaged";
    if ((st = bp_entry_decode(stored, &e)) == BP_EVERSION)
        return "was written by a newer version";
    if (st != BP_OK)
        return "fails its check";
    if (e.number != number)
        return "is another entry";
    const char *wrong = wrong_order(v, &e);
    if (wrong == NULL)
        wrong = e.kind == BP_ENTRY_EVENT ? wrong_event(v, position, stored) : wrong_control(v, &e);
    v->recorded_at_ns = e.recorded_at_ns;
    v->kind = e.kind;
    v->part = e.part;
    v->parts = e.parts;
    return wrong;
}

static void look_at_all(struct verification *v)
{
    const struct bp_journal_verify_config *c = v->config;
    for (uint64_t n = c->from != 0 ? c->from : 1; n <= v->out.last; n++) {
        uint64_t position = position_of(v, n);
        c->at(c->context, n, position, v->out.last);
        const char *wrong = look(v, n, position);
        if (wrong == NULL) {
            v->out.entries++;
        } else {
            v->part = v->parts; /* what follows a damaged entry may be anything */
            damaged(v, n, position, wrong);
        }
    }
    if (v->part < v->parts)
        damaged(v, v->out.last, 0, "is not the last part of its policy, and nothing follows");
}

/* --- the whole --- */

static bp_status load_control(void *context, const struct bp_control *control)
{
    struct verification *v = context;
    bp_status st = bp_controls_reserve(&v->controls, 1);
    if (st == BP_OK)
        bp_controls_append(&v->controls, control);
    return st;
}

static bp_status look_at_row(void *context, struct bp_str key, struct bp_str row)
{
    if (!bp_subscription_row_is_sound(key, row))
        damaged(context, 0, 0, "the place of a subscription fails its check");
    return BP_OK;
}

/* --- the write-ahead log --- */

static bp_status keep(void *context, struct bp_batch *batch)
{
    struct verification *v = context;
    bp_status st = BP_OK;
    for (size_t i = 0; i < batch->n_controls && st == BP_OK; i++)
        st = load_control(v, &batch->controls[i]);
    if (st != BP_OK)
        return st;
    struct bp_batch *kept = bp_batch_ref(batch);
    if (v->end != NULL)
        atomic_store(&v->end->next, kept);
    else
        v->logged = kept;
    v->end = kept;
    v->out.last = bp_batch_last(kept);
    if (batch->was_mended)
        damaged(v, batch->first, position_of(v, batch->first),
                "its group has a flipped bit in the log, which a start puts right");
    return BP_OK;
}

/* Entries that were acknowledged and not applied when the server died. */
static bp_status read_log(struct verification *v, const struct bp_store_about *about,
                          struct bp_err *err)
{
    struct bp_commit_log *log = NULL;
    unsigned segments = 0;
    char *dir = bp_path_join(v->config->dir, "wal");
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", v->config->dir);
    struct bp_wal_config config = {.dir = dir,
                                   .seal = {.log_id = about->log_id, .key = about->log_key},
                                   .segments = about->log_segments,
                                   .needed = about->log_segments};
    bp_status st = bp_wal_open(&config, &log, &segments, err);
    if (st == BP_OK) {
        st = bp_wal_look(log, v->stored, keep, v, err);
        log->close(log);
    }
    free(dir);
    return st;
}

/* What is damaged there is told of the entry behind the last that is sound. */
static bp_status add_log(struct verification *v, const struct bp_store_about *about,
                         struct bp_err *err)
{
    struct bp_err words = {{0}};
    v->out.last = v->stored;
    bp_status st = about->is_log_open ? read_log(v, about, &words) : BP_OK;
    if (st == BP_ECORRUPT) {
        damaged(v, v->out.last + 1, position_of(v, v->out.last + 1), words.text);
        st = BP_OK;
    }
    return st == BP_OK ? st : bp_fail(err, st, "%s", words.text);
}

static bp_status verify(struct verification *v, const struct bp_store_about *about,
                        struct bp_err *err)
{
    bp_status st = bp_store_read_begin(v->store, &v->snapshot);
    if (st == BP_OK)
        st = bp_store_each_control(v->snapshot, load_control, v);
    if (st == BP_ECORRUPT) {
        damaged(v, 0, 0, "the table of control entries fails its check");
        st = BP_OK;
    }
    if (st == BP_OK && (st = bp_store_last(v->snapshot, &v->stored)) == BP_ENOENT)
        st = BP_OK;
    if (st != BP_OK)
        return bp_fail(err, st, "journal %s: cannot be read (%s)", v->config->dir,
                       bp_status_name(st));
    if ((st = add_log(v, about, err)) != BP_OK)
        return st;
    size_t controls = bp_controls_count(&v->controls);
    if (controls > v->out.last)
        return bp_fail(err, BP_ECORRUPT, "journal %s: more control entries than entries",
                       v->config->dir);
    v->out.head = v->out.last - controls;
    if (v->config->from == 0 && bp_store_each_subscription(v->snapshot, look_at_row, v) != BP_OK)
        damaged(v, 0, 0, "the table of subscriptions is damaged");
    look_at_all(v);
    return BP_OK;
}

static bp_status find_journal(const char *dir, struct bp_err *err)
{
    struct stat found;
    char *path = bp_path_join(dir, "data.mdb");
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", dir);
    bp_status st =
        stat(path, &found) == 0 ? BP_OK : bp_fail(err, BP_ENOENT, "journal %s: there is none", dir);
    free(path);
    return st;
}

static bp_status open_and_verify(struct verification *v, struct bp_err *err)
{
    const struct bp_journal_verify_config *c = v->config;
    struct bp_store_config config = {
        .dir = c->dir,
        .map_bytes = c->map_bytes,
        .most_readers = 1,
    };
    struct bp_store_about about;
    bool is_new = false;
    bp_status st = bp_store_open(&config, &v->store, &about, &is_new, err);
    if (st == BP_OK && is_new)
        st = bp_fail(err, BP_ECORRUPT, "journal %s: holds no log", c->dir);
    if (st != BP_OK)
        return st;
    v->out.log_id = about.log_id;
    return verify(v, &about, err);
}

bp_status bp_journal_verify(const struct bp_journal_verify_config *config,
                            struct bp_journal_verified *out, struct bp_err *err)
{
    struct verification v = {.config = config, .recorded_at_ns = INT64_MIN};
    int lock_fd = -1;
    bp_status st = find_journal(config->dir, err);
    if (st == BP_OK)
        st = bp_folder_hold(config->dir, &lock_fd, err);
    bp_controls_init(&v.controls);
    if (st == BP_OK)
        st = open_and_verify(&v, err);
    bp_batch_unref(v.logged);
    bp_store_read_end(v.snapshot);
    bp_store_close(v.store);
    bp_controls_fini(&v.controls);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    if (st == BP_OK)
        *out = v.out;
    return st;
}
