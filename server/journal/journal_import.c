#include "journal_import.h"

#include <inttypes.h>
#include <unistd.h>

#include "bytes.h"
#include "digest.h"
#include "folder.h"
#include "store.h"
#include "subscriptions.h"

#define COMMIT_BYTES ((size_t)16 << 20)

struct bp_journal_import {
    char *dir;
    int lock_fd;
    struct bp_store *store;
    struct bp_subscriptions subscriptions;
    size_t waiting; /* bytes put since the last commit */
    /* of the newest entry */
    uint64_t number, head, newest_version, policy_version;
    int64_t recorded_at_ns;
    enum bp_entry_kind kind;
    uint16_t part, parts;
};

static bp_status fail(const struct bp_journal_import *i, bp_status st, struct bp_err *err,
                      const char *what)
{
    return bp_fail(err, st, "%s: behind entry %" PRIu64 ": %s (%s)", i->dir, i->number, what,
                   bp_status_name(st));
}

static bp_status open_store(struct bp_journal_import *i, uint64_t map_bytes, struct bp_err *err)
{
    struct bp_store_config config = {.dir = i->dir, .map_bytes = map_bytes, .most_readers = 1};
    struct bp_store_about about;
    bool is_new = false;
    bp_status st = bp_folder_hold(i->dir, &i->lock_fd, err);
    if (st == BP_OK)
        st = bp_store_open(&config, &i->store, &about, &is_new, err);
    if (st == BP_OK && !is_new)
        st = bp_fail(err, BP_EEXIST, "%s: there is a journal already", i->dir);
    return st;
}

bp_status bp_journal_import_open(const char *dir, uint64_t map_bytes,
                                 struct bp_journal_import **out, struct bp_err *err)
{
    struct bp_journal_import *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return bp_fail(err, BP_ENOMEM, "%s: out of memory", dir);
    i->lock_fd = -1;
    bp_subscriptions_init(&i->subscriptions);
    i->dir = bp_str_dup(bp_str(dir));
    bp_status st = i->dir != NULL ? open_store(i, map_bytes, err)
                                  : bp_fail(err, BP_ENOMEM, "%s: out of memory", dir);
    if (st == BP_OK)
        *out = i;
    else
        bp_journal_import_close(i);
    return st;
}

void bp_journal_import_close(struct bp_journal_import *i)
{
    if (i == NULL)
        return;
    bp_store_close(i->store);
    if (i->lock_fd >= 0)
        (void)close(i->lock_fd);
    bp_subscriptions_fini(&i->subscriptions);
    free(i->dir);
    free(i);
}

uint64_t bp_journal_import_last_number(const struct bp_journal_import *i)
{
    return i->number;
}

uint64_t bp_journal_import_head(const struct bp_journal_import *i)
{
    return i->head;
}

/* --- entries --- */

/* Does it follow the newest one? The parts of a policy stand together. */
static const char *what_is_wrong(const struct bp_journal_import *i, const struct bp_entry *e)
{
    if (e->number != i->number + 1)
        return "an entry of another number follows";
    if (e->recorded_at_ns < i->recorded_at_ns)
        return "the next entry was recorded earlier";
    bool is_inside = i->part < i->parts;
    if (is_inside && (e->kind != i->kind || e->parts != i->parts || e->part != i->part + 1))
        return "a policy lacks a part";
    if (!is_inside && e->part != 1)
        return "a policy lacks its first part";
    return NULL;
}

/* What the journal's table of controls says of an entry that is no event. */
static bool describe(struct bp_journal_import *i, const struct bp_entry *e, struct bp_control *out)
{
    *out = (struct bp_control){.number = e->number,
                               .head_before = i->head,
                               .kind = e->kind,
                               .part = e->part,
                               .parts = e->parts};
    switch (e->kind) {
    case BP_ENTRY_POLICY:
    case BP_ENTRY_PROPOSAL:
        i->newest_version += e->part == 1;
        out->version = i->newest_version;
        if (e->kind == BP_ENTRY_POLICY)
            i->policy_version = out->version;
        return true;
    case BP_ENTRY_APPROVAL:
        if (e->content.n != 8)
            return false;
        out->version = i->policy_version = bp_get_u64((const uint8_t *)e->content.p);
        return true;
    case BP_ENTRY_LOG:
        return true;
    case BP_ENTRY_EVENT:
        break;
    }
    return false;
}

static bp_status commit_if_due(struct bp_journal_import *i, size_t more)
{
    i->waiting += more;
    if (i->waiting < COMMIT_BYTES)
        return BP_OK;
    i->waiting = 0;
    return bp_store_commit(i->store);
}

static bp_status put(struct bp_journal_import *i, const struct bp_entry *e, struct bp_str stored,
                     const struct bp_control *control)
{
    bp_status st = control == NULL ? BP_OK : bp_store_put_control(i->store, control);
    if (st == BP_OK)
        st = bp_store_put_entry(i->store, e->number, stored);
    if (st != BP_OK)
        return st;
    i->number = e->number;
    i->recorded_at_ns = e->recorded_at_ns;
    i->kind = e->kind;
    i->part = e->part;
    i->parts = e->parts;
    return commit_if_due(i, stored.n);
}

static bp_status import_event(struct bp_journal_import *i, struct bp_str stored, struct bp_err *err)
{
    struct bp_record r;
    bp_status st = bp_record_decode(stored, &r);
    if (st != BP_OK)
        return fail(i, st, err, "the next event fails its check");
    if (r.routing.position != i->head + 1)
        return fail(i, BP_ECORRUPT, err, "an event of another position follows");
    if ((st = put(i, &r.entry, stored, NULL)) != BP_OK)
        return fail(i, st, err, "cannot write");
    i->head++;
    return BP_OK;
}

bp_status bp_journal_import_entry(struct bp_journal_import *i, struct bp_str stored,
                                  struct bp_err *err)
{
    struct bp_entry e;
    struct bp_control control;
    bp_status st = bp_entry_decode(stored, &e);
    if (st != BP_OK)
        return fail(i, st, err, "the next entry fails its check");
    const char *wrong = what_is_wrong(i, &e);
    if (wrong != NULL)
        return fail(i, BP_ECORRUPT, err, wrong);
    if (e.kind == BP_ENTRY_EVENT)
        return import_event(i, stored, err);
    if (!describe(i, &e, &control))
        return fail(i, BP_ECORRUPT, err, "an entry of no known kind follows");
    st = put(i, &e, stored, &control);
    return st == BP_OK ? st : fail(i, st, err, "cannot write");
}

bp_status bp_journal_import_subscription(struct bp_journal_import *i,
                                         const struct bp_subscription *row, struct bp_err *err)
{
    bool is_first;
    bp_status st = bp_subscriptions_put(&i->subscriptions, row, 0, NULL, NULL, &is_first);
    return st == BP_OK ? st : fail(i, st, err, "a subscription cannot be kept");
}

/* --- the end --- */

/* The entry with which the log begins anew. */
static bp_status put_log(struct bp_journal_import *i, const struct bp_store_about *about)
{
    struct bp_buf stored = {0};
    struct bp_control control;
    const struct bp_entry e = {
        .kind = BP_ENTRY_LOG,
        .number = i->number + 1,
        .log_id = about->log_id,
        .recorded_at_ns =
            about->created_ns > i->recorded_at_ns ? about->created_ns : i->recorded_at_ns,
        .policy_version = i->policy_version,
        .part = 1,
        .parts = 1,
        .content = bp_str_of(about->log_id.bytes, sizeof(about->log_id.bytes)),
    };
    BP_ASSERT(describe(i, &e, &control));
    bp_status st = bp_entry_encode(&e, &stored);
    if (st == BP_OK)
        st = put(i, &e, bp_buf_str(&stored), &control);
    bp_buf_fini(&stored);
    return st;
}

static bp_status put_end(struct bp_journal_import *i, const struct bp_store_about *about)
{
    struct bp_subscription_batch batch = {0};
    bp_status st = put_log(i, about);
    if (st == BP_OK)
        st = bp_store_put_about(i->store, about);
    if (st == BP_OK)
        st = bp_subscriptions_write(&i->subscriptions, i->store, &batch);
    if (st == BP_OK)
        st = bp_store_commit(i->store);
    bp_subscriptions_written(&i->subscriptions, &batch, st, 0);
    return st;
}

bp_status bp_journal_import_finish(struct bp_journal_import *i, const struct bp_clock *clock,
                                   struct bp_log_id *log_id, struct bp_err *err)
{
    struct bp_store_about about = {.created_ns = bp_now_ns(clock)};
    if (i->part < i->parts)
        return fail(i, BP_ECORRUPT, err, "a policy lacks its last part");
    bp_random(about.log_id.bytes, sizeof(about.log_id.bytes));
    bp_status st = put_end(i, &about);
    if (st != BP_OK)
        return fail(i, st, err, "cannot write the end");
    *log_id = about.log_id;
    return BP_OK;
}
