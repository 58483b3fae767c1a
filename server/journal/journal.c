/* Opening, and coming back after a failure: both read the state from the store and check its newest
 * entries. */
#include "journal_internal.h"

#include <unistd.h>

#include "digest.h"
#include "folder.h"

#define MAP_BYTES_DEFAULT (UINT64_C(1) << 40)
#define READERS_DEFAULT 510u
#define VERIFIED_AT_OPEN                                                                           \
    256u /* newest entries: more than any one commit that a crash may have cut */

static bp_status load_control(void *context, const struct bp_control *control)
{
    struct bp_controls *controls = context;
    bp_status st = bp_controls_reserve(controls, 1);
    if (st == BP_OK)
        bp_controls_append(controls, control);
    return st;
}

/* Readers may be looking at the controls that are known. Those never change, so they are the
 * beginning of what is there now, and the rest is added. */
static bp_status load_controls(struct bp_journal *j, struct bp_store_reader *snapshot)
{
    struct bp_controls fresh;
    bp_controls_init(&fresh);
    bp_status st = bp_store_each_control(snapshot, load_control, &fresh);
    size_t known = bp_controls_count(&j->controls);
    if (st == BP_OK && fresh.n < known)
        st = BP_ECORRUPT;
    for (size_t i = known; st == BP_OK && i < fresh.n; i++)
        st = load_control(&j->controls, &fresh.list[i]);
    bp_controls_fini(&fresh);
    return st;
}

static bp_status verify_newest(struct bp_journal *j, struct bp_store_reader *snapshot,
                               uint64_t last, struct bp_err *err)
{
    for (uint64_t i = 0; i < VERIFIED_AT_OPEN && i < last; i++) {
        struct bp_entry e;
        bp_status st = bp_journal_entry_at(snapshot, last - i, &e);
        if (st == BP_OK && i == 0 && memcmp(e.log_id.bytes, j->log_id.bytes, 4) != 0)
            st = BP_ECORRUPT;
        if (st != BP_OK)
            return bp_fail(err, st == BP_EVERSION ? st : BP_ECORRUPT,
                           "journal %s: entry %llu of %llu fails its check", j->dir,
                           (unsigned long long)(last - i), (unsigned long long)last);
        if (i == 0)
            j->last_recorded_ns = e.recorded_at_ns;
    }
    return BP_OK;
}

/* The oldest event kept: behind the entries that were pruned, and behind the controls that follow
 * them. */
static uint64_t first_position(struct bp_journal *j, struct bp_store_reader *snapshot)
{
    struct bp_journal_reader r = {.journal = j, .snapshot = snapshot};
    struct bp_record record;
    bp_status st = bp_journal_read_next(&r, &record);
    return st == BP_OK || st == BP_ECORRUPT ? record.routing.position : atomic_load(&j->head) + 1;
}

/* The newest event says itself that it stands at the head: the counts of entries, controls and
 * positions agree. */
static bp_status verify_head(struct bp_journal *j, struct bp_store_reader *snapshot,
                             struct bp_err *err)
{
    struct bp_journal_reader r = {.journal = j, .snapshot = snapshot};
    struct bp_record record;
    uint64_t head = atomic_load(&j->head);
    bp_status st = bp_journal_read_at(&r, head, &record);
    if (st == BP_OK || (st == BP_ENOENT && atomic_load(&j->first) > head))
        return BP_OK;
    return bp_fail(err, BP_ECORRUPT, "journal %s: no sound event at its head %llu", j->dir,
                   (unsigned long long)head);
}

static bp_status load_from(struct bp_journal *j, struct bp_store_reader *snapshot,
                           struct bp_err *err)
{
    uint64_t last = 0;
    bp_status st = bp_store_last(snapshot, &last);
    if (st == BP_OK)
        st = load_controls(j, snapshot);
    else if (st == BP_ENOENT)
        st = BP_OK;
    if (st != BP_OK)
        return bp_fail(err, st, "journal %s: cannot read its table of control entries (%s)", j->dir,
                       bp_status_name(st));
    if ((st = verify_newest(j, snapshot, last, err)) != BP_OK)
        return st;
    uint64_t controls = bp_controls_count(&j->controls);
    if (controls > last)
        return bp_fail(err, BP_ECORRUPT, "journal %s: more control entries than entries", j->dir);
    atomic_store(&j->last_number, last);
    atomic_store(&j->policy_version, bp_controls_version_in_force(&j->controls));
    atomic_store(&j->newest_version, bp_controls_newest_version(&j->controls));
    atomic_store(&j->head, last - controls);
    atomic_store(&j->first, first_position(j, snapshot));
    return verify_head(j, snapshot, err);
}

bp_status bp_journal_load(struct bp_journal *j, struct bp_err *err)
{
    struct bp_store_reader *snapshot;
    bp_status st = bp_store_read_begin(j->store, &snapshot);
    if (st != BP_OK)
        return bp_fail(err, st, "journal %s: cannot read (%s)", j->dir, bp_status_name(st));
    st = load_from(j, snapshot, err);
    bp_store_read_end(snapshot);
    return st;
}

bp_status bp_journal_recover(struct bp_journal *j, struct bp_err *err)
{
    j->log->discard(j->log);
    bp_status st = j->log->recover(j->log, err);
    return st != BP_OK ? st : bp_journal_load(j, err);
}

static bp_status begin_log(struct bp_journal *j, struct bp_err *err)
{
    struct bp_store_about about = {.created_ns = bp_now_ns(j->clock)};
    bp_random(about.log_id.bytes, sizeof(about.log_id.bytes));
    j->log_id = about.log_id;
    struct bp_group g = {0};
    bp_group_begin(&g, j);
    bp_status st = bp_store_put_about(j->store, &about);
    if (st == BP_OK)
        st = bp_group_add_log(&g);
    if (st == BP_OK)
        st = bp_group_commit(&g);
    if (st != BP_OK)
        bp_group_abort(&g);
    bp_group_fini(&g);
    return st == BP_OK ? st
                       : bp_fail(err, st, "journal %s: cannot begin the log (%s)", j->dir,
                                 bp_status_name(st));
}

static bp_status apply_replayed(void *context, const struct bp_log_slot *slot, struct bp_str bytes)
{
    struct bp_journal *j = context;
    uint8_t *place;
    bp_status st = slot->control != NULL ? bp_store_put_control(j->store, slot->control) : BP_OK;
    if (st == BP_OK && (st = bp_store_put_entry(j->store, slot->number, bytes.n, &place)) == BP_OK)
        memcpy(place, bytes.p, bytes.n);
    return st;
}

/* What the log made durable and the store does not hold yet. */
static bp_status apply_rest(struct bp_journal *j, struct bp_err *err)
{
    struct bp_store_reader *snapshot;
    uint64_t last = 0;
    bp_status st = bp_store_read_begin(j->store, &snapshot);
    if (st == BP_OK) {
        st = bp_store_last(snapshot, &last);
        bp_store_read_end(snapshot);
    }
    if (st == BP_OK || st == BP_ENOENT)
        st = j->log->replay(j->log, last, apply_replayed, j);
    if (st == BP_OK)
        st = bp_store_commit(j->store);
    else
        bp_store_abort(j->store);
    return st == BP_OK ? st
                       : bp_fail(err, st, "journal %s: cannot replay the log (%s)", j->dir,
                                 bp_status_name(st));
}

static bp_status open_store(struct bp_journal *j, const struct bp_journal_config *config,
                            struct bp_err *err)
{
    struct bp_store_config store = {
        .dir = j->dir,
        .map_bytes = config->map_bytes != 0 ? config->map_bytes : MAP_BYTES_DEFAULT,
        .most_readers = config->most_readers != 0 ? config->most_readers : READERS_DEFAULT,
    };
    struct bp_store_about about = {0};
    bool is_new = false;
    bp_status st = bp_store_open(&store, &j->store, &about, &is_new, err);
    if (st != BP_OK)
        return st;
    j->log_id = about.log_id;
    j->log = bp_commit_log_lmdb(j->store);
    if (j->log == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", j->dir);
    if (is_new)
        st = begin_log(j, err);
    if (st == BP_OK)
        st = apply_rest(j, err);
    return st;
}

bp_status bp_journal_open(const struct bp_journal_config *config, struct bp_journal **out,
                          struct bp_err *err)
{
    bp_status st;
    struct bp_journal *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
    j->lock_fd = -1;
    j->clock = config->clock != NULL ? config->clock : &bp_system_clock;
    bp_controls_init(&j->controls);
    if ((j->dir = bp_str_dup(bp_str(config->dir))) == NULL) {
        st = bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
        goto fail;
    }
    if ((st = bp_folder_hold(j->dir, &j->lock_fd, err)) != BP_OK ||
        (st = open_store(j, config, err)) != BP_OK || (st = bp_journal_load(j, err)) != BP_OK)
        goto fail;
    *out = j;
    return BP_OK;
fail:
    bp_journal_close(j);
    return st;
}

void bp_journal_close(struct bp_journal *j)
{
    if (j == NULL)
        return;
    if (j->log != NULL)
        j->log->close(j->log);
    bp_store_close(j->store);
    if (j->lock_fd >= 0)
        (void)close(j->lock_fd);
    bp_controls_fini(&j->controls);
    free(j->dir);
    free(j);
}

uint64_t bp_journal_head(const struct bp_journal *j)
{
    return atomic_load(&j->head);
}

uint64_t bp_journal_first(const struct bp_journal *j)
{
    return atomic_load(&j->first);
}

uint64_t bp_journal_policy_version(const struct bp_journal *j)
{
    return atomic_load(&j->policy_version);
}

uint64_t bp_journal_newest_version(const struct bp_journal *j)
{
    return atomic_load(&j->newest_version);
}

uint64_t bp_journal_last_number(const struct bp_journal *j)
{
    return atomic_load(&j->last_number);
}

struct bp_log_id bp_journal_log_id(const struct bp_journal *j)
{
    return j->log_id;
}

uint64_t bp_journal_disk_bytes(const struct bp_journal *j)
{
    return bp_store_disk_bytes(j->store);
}

bp_status bp_journal_disk_free(const struct bp_journal *j, uint64_t *bytes)
{
    return bp_folder_free(j->dir, bytes);
}
