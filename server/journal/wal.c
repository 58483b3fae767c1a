/* Opening and appending. A frame never crosses the end of a segment; where the rest of one is too
 * small the next is begun, if the store holds all that it was used for. */
#include <stdio.h>
#include <unistd.h>

#include "file.h"
#include "log.h"
#include "wal_internal.h"

static struct bp_wal *wal_of(struct bp_commit_log *log)
{
    return (struct bp_wal *)log;
}

/* The next segment from its beginning on. False: the store does not hold yet what is in it. */
static bool take_next_segment(struct bp_wal *w)
{
    unsigned next = (w->current + 1) % w->n;
    if (w->segments[next].last > atomic_load(&w->trimmed))
        return false;
    w->current = next;
    w->at = BP_BLOCK_BYTES;
    return true;
}

static bool has_room(struct bp_wal *w, size_t bytes)
{
    if (w->n == 0)
        return false;
    if (bytes <= w->segments[w->current].bytes - w->at)
        return true;
    unsigned next = (w->current + 1) % w->n;
    return bytes <= w->segments[next].bytes - BP_BLOCK_BYTES && take_next_segment(w);
}

static bp_status wal_append(struct bp_commit_log *log, struct bp_batch *batch)
{
    struct bp_wal *w = wal_of(log);
    size_t bytes = bp_batch_blocks_bytes(batch);
    if (w->is_broken)
        return BP_EIO;
    if (!has_room(w, bytes))
        return BP_ETOOLARGE;
    struct bp_wal_segment *segment = &w->segments[w->current];
    bp_frame_write(batch, &w->seal);
    bp_status st = bp_segment_write(segment->fd, w->at, batch->bytes, bytes);
    w->is_broken = st != BP_OK;
    w->at += bytes;
    segment->last = bp_batch_last(batch);
    return st;
}

static bp_status wal_durable(struct bp_commit_log *log)
{
    struct bp_wal *w = wal_of(log);
    bp_status st = w->is_broken ? BP_EIO : bp_segment_flush(w->segments[w->current].fd);
    w->is_broken = st != BP_OK;
    return st;
}

static void wal_trim(struct bp_commit_log *log, uint64_t through)
{
    atomic_store(&wal_of(log)->trimmed, through);
}

static uint64_t wal_disk_bytes(const struct bp_commit_log *log)
{
    const struct bp_wal *w = (const struct bp_wal *)log;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < w->n; i++)
        bytes += w->segments[i].bytes;
    return bytes;
}

static void close_file(struct bp_wal_segment *segment)
{
    if (segment->fd >= 0)
        (void)close(segment->fd);
    segment->fd = -1;
}

static bp_status wal_recover(struct bp_commit_log *log, struct bp_err *err)
{
    struct bp_wal *w = wal_of(log);
    bp_status st = BP_OK;
    w->is_broken = true;
    for (unsigned i = 0; i < w->n && st == BP_OK; i++) {
        struct bp_wal_segment *segment = &w->segments[i];
        uint64_t bytes = 0;
        close_file(segment);
        st = bp_segment_open(segment->path, &w->seal.log_id, &bytes, &segment->fd, err);
        if (st == BP_OK && bytes != segment->bytes)
            st = bp_fail(err, BP_ECORRUPT, "log segment %s: its size has changed", segment->path);
    }
    return st;
}

static void wal_close(struct bp_commit_log *log)
{
    struct bp_wal *w = wal_of(log);
    for (unsigned i = 0; i < BP_WAL_SEGMENTS_MAX; i++) {
        close_file(&w->segments[i]);
        free(w->segments[i].path);
    }
    free(w);
}

static char *segment_path(const char *dir, unsigned i)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%02u", i);
    return bp_path_join(dir, name);
}

/* Opens the i-th segment, or makes it where it is missing and may be: also in the place of one that
 * a crash left half made. */
static bp_status open_or_create(struct bp_wal *w, unsigned i, const struct bp_wal_config *config,
                                struct bp_err *err)
{
    struct bp_wal_segment *segment = &w->segments[i];
    if ((segment->path = segment_path(config->dir, i)) == NULL)
        return bp_fail(err, BP_ENOMEM, "log %s: out of memory", config->dir);
    bp_status st =
        bp_segment_open(segment->path, &config->seal.log_id, &segment->bytes, &segment->fd, err);
    bool may_be_made = i >= config->needed && i < config->segments;
    if ((st != BP_ENOENT && st != BP_ECORRUPT) || !may_be_made)
        return st;
    segment->bytes = config->segment_bytes;
    return bp_segment_create(segment->path, &config->seal.log_id, segment->bytes, &segment->fd,
                             err);
}

static bp_status open_all(struct bp_wal *w, const struct bp_wal_config *config, struct bp_err *err)
{
    bp_status st = BP_OK;
    while (w->n < BP_WAL_SEGMENTS_MAX && (st = open_or_create(w, w->n, config, err)) == BP_OK)
        w->n++;
    if (st == BP_ENOENT && w->n >= config->needed)
        return BP_OK; /* all that there are */
    if (st == BP_ENOSPC) {
        bp_log(BP_LOG_WARN, "journal.log_is_short", "segments=%u of=%u", w->n, config->segments);
        return BP_OK;
    }
    if (st == BP_ENOENT || st == BP_ECORRUPT)
        return bp_fail_in(err, BP_ECORRUPT,
                          "the log was not closed in order and a part of it cannot be had; entries "
                          "that were acknowledged may stand there");
    return st == BP_ECONFLICT ? BP_ECORRUPT : st;
}

bp_status bp_wal_open(const struct bp_wal_config *config, struct bp_commit_log **out,
                      unsigned *segments, struct bp_err *err)
{
    struct bp_wal *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return bp_fail(err, BP_ENOMEM, "log %s: out of memory", config->dir);
    w->log = (struct bp_commit_log){
        .append = wal_append,
        .durable = wal_durable,
        .replay = bp_wal_replay,
        .trim = wal_trim,
        .recover = wal_recover,
        .disk_bytes = wal_disk_bytes,
        .close = wal_close,
    };
    w->seal = config->seal;
    w->is_broken = config->needed != 0;
    w->at = BP_BLOCK_BYTES;
    for (unsigned i = 0; i < BP_WAL_SEGMENTS_MAX; i++)
        w->segments[i].fd = -1;
    bp_status st = bp_dir_make(config->dir, 0700, err);
    if (st != BP_OK || (st = open_all(w, config, err)) != BP_OK) {
        wal_close(&w->log);
        return st;
    }
    *segments = w->n;
    *out = &w->log;
    return BP_OK;
}
