/* Opening and closing. The log stands before the store: what it made durable and the store does not
 * hold is put into the tail, from where it is read and applied like everything else. */
#include "journal_internal.h"

#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "folder.h"
#include "log.h"
#include "wal.h"

#define MAP_BYTES_DEFAULT (UINT64_C(1) << 40)
#define READERS_DEFAULT 510u
#define SEGMENTS_DEFAULT 3u
#define SEGMENT_BYTES_DEFAULT (4u << 20)

/* The first entry goes straight to the store, with what the store says of itself. */
static bp_status begin_log(struct bp_journal *j, struct bp_err *err)
{
    struct bp_group g = {0};
    j->about = (struct bp_store_about){.created_ns = bp_now_ns(j->clock)};
    bp_random(j->about.log_id.bytes, sizeof(j->about.log_id.bytes));
    bp_group_begin(&g, j);
    bp_status st = bp_group_add_log(&g);
    if (st == BP_OK)
        st = bp_store_put_about(j->store, &j->about);
    if (st == BP_OK)
        st = bp_store_put_control(j->store, &g.batch->controls[0]);
    if (st == BP_OK)
        st = bp_store_put_entry(j->store, 1, bp_batch_get(g.batch, 1));
    if (st == BP_OK)
        st = bp_store_commit(j->store);
    if (st != BP_OK)
        bp_store_abort(j->store);
    bp_group_fini(&g);
    return st == BP_OK ? st
                       : bp_fail(err, st, "journal %s: cannot begin the log (%s)", j->dir,
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
    bool is_new = false;
    bp_status st = bp_store_open(&store, &j->store, &j->about, &is_new, err);
    return st == BP_OK && is_new ? begin_log(j, err) : st;
}

/* The store has to say that durable entries may stand in the log, before one does; and it says that
 * none does when the journal is closed in order, so that the store alone is a whole journal then. */
static bp_status mark_log(struct bp_journal *j, const struct bp_store_about *about)
{
    if (about->is_log_open == j->about.is_log_open && about->log_segments == j->about.log_segments)
        return BP_OK; /* then the key is the same, too */
    bp_status st = bp_store_put_about(j->store, about);
    if (st == BP_OK)
        st = bp_store_commit(j->store);
    if (st == BP_OK)
        j->about = *about;
    else
        bp_store_abort(j->store);
    return st;
}

static bp_status open_segments(struct bp_journal *j, const struct bp_journal_config *config,
                               struct bp_store_about *about, struct bp_err *err)
{
    unsigned segments = 0;
    char *dir = bp_path_join(j->dir, "wal");
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", j->dir);
    if (!about->is_log_open)
        bp_random(&about->log_key, sizeof(about->log_key));
    struct bp_wal_config wal = {
        .dir = dir,
        .seal = {.log_id = about->log_id, .key = about->log_key},
        .segments = config->log_segments != 0 ? config->log_segments : SEGMENTS_DEFAULT,
        .segment_bytes =
            config->log_segment_bytes != 0 ? config->log_segment_bytes : SEGMENT_BYTES_DEFAULT,
        .needed = about->is_log_open ? about->log_segments : 0,
    };
    bp_status st = bp_wal_open(&wal, &j->log, &segments, err);
    about->is_log_open = true;
    about->log_segments = (uint16_t)segments;
    free(dir);
    return st;
}

static bp_status last_applied(struct bp_journal *j, uint64_t *applied, struct bp_err *err)
{
    struct bp_store_reader *r;
    bp_status st = bp_store_read_begin(j->store, &r);
    if (st == BP_OK) {
        st = bp_store_last(r, applied);
        bp_store_read_end(r);
    }
    return st == BP_OK ? st
                       : bp_fail(err, st, "journal %s: cannot read its newest entry (%s)", j->dir,
                                 bp_status_name(st));
}

/* On a full disk that cannot be marked the log is left alone, and the store makes durable what it
 * still takes. */
static bp_status open_log(struct bp_journal *j, const struct bp_journal_config *config,
                          uint64_t *applied, struct bp_err *err)
{
    struct bp_store_about about = j->about;
    bp_status st = last_applied(j, applied, err);
    if (st != BP_OK || (st = open_segments(j, config, &about, err)) != BP_OK ||
        (j->about.is_log_open && (st = bp_journal_replay(j, *applied, err)) != BP_OK))
        return st;
    j->log->trim(j->log, *applied);
    st = mark_log(j, &about);
    j->is_log_marked = st == BP_OK;
    if (st == BP_ENOSPC)
        bp_log(BP_LOG_WARN, "journal.log_unused", "status=%s", bp_status_name(st));
    return st == BP_OK || st == BP_ENOSPC
               ? BP_OK
               : bp_fail(err, st, "journal %s: cannot say that its log is open (%s)", j->dir,
                         bp_status_name(st));
}

static bp_status start_applier(struct bp_journal *j, const struct bp_journal_config *config,
                               uint64_t applied, struct bp_err *err)
{
    struct bp_applier_config applier = {
        .store = j->store,
        .log = j->log,
        .tail = &j->tail,
        .dir = j->dir,
        .applied = applied,
        .most_bytes = config->most_tail_bytes,
        .most_ms = config->most_tail_ms,
    };
    return bp_applier_start(&applier, &j->applier, err);
}

bp_status bp_journal_open(const struct bp_journal_config *config, struct bp_journal **out,
                          struct bp_err *err)
{
    bp_status st;
    uint64_t applied = 0;
    struct bp_journal *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
    j->lock_fd = -1;
    j->clock = config->clock != NULL ? config->clock : &bp_system_clock;
    bp_controls_init(&j->controls);
    bp_tail_init(&j->tail);
    if ((j->dir = bp_str_dup(bp_str(config->dir))) == NULL) {
        st = bp_fail(err, BP_ENOMEM, "journal %s: out of memory", config->dir);
        goto fail;
    }
    if ((st = bp_folder_hold(j->dir, &j->lock_fd, err)) != BP_OK ||
        (st = open_store(j, config, err)) != BP_OK ||
        (st = open_log(j, config, &applied, err)) != BP_OK ||
        (st = bp_journal_load(j, err)) != BP_OK ||
        (st = start_applier(j, config, applied, err)) != BP_OK)
        goto fail;
    *out = j;
    return BP_OK;
fail:
    bp_journal_close(j);
    return st;
}

static void close_log(struct bp_journal *j, bool is_applied)
{
    struct bp_store_about about = j->about;
    about.is_log_open = false;
    bp_status st = is_applied ? mark_log(j, &about) : BP_OK;
    if (st != BP_OK || !is_applied)
        bp_log(BP_LOG_WARN, "journal.log_left_open", "is_applied=%d status=%s", is_applied,
               bp_status_name(st));
    j->log->close(j->log);
}

void bp_journal_close(struct bp_journal *j)
{
    if (j == NULL)
        return;
    bool is_started = j->applier != NULL;
    bool is_applied = bp_applier_stop(j->applier);
    if (j->log != NULL && is_started)
        close_log(j, is_applied);
    else if (j->log != NULL)
        j->log->close(j->log);
    bp_store_close(j->store);
    if (j->lock_fd >= 0)
        (void)close(j->lock_fd);
    bp_tail_fini(&j->tail);
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
    return j->about.log_id;
}

uint64_t bp_journal_disk_bytes(const struct bp_journal *j)
{
    return bp_store_disk_bytes(j->store) + j->log->disk_bytes(j->log);
}

bp_status bp_journal_disk_free(const struct bp_journal *j, uint64_t *bytes)
{
    return bp_folder_free(j->dir, bytes);
}
