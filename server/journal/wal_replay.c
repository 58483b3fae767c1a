/* Reading the log back. Every block that could begin a frame is looked at, in every segment, also
 * behind what is damaged: a frame was written only when the one before was durable. So the newest
 * frame may be torn, and is forgotten; a damaged or missing one with a newer one behind it is a
 * loss, and nothing is taken. One flipped bit is neither: it is put right.
 *
 * What was read may stand in the page cache alone, if a flush failed or never came. So the newest
 * frame is written once more, the header of a torn one is wiped, and both are flushed: from then on
 * what was taken is durable, and what was forgotten cannot come back. */
#include <inttypes.h>

#include "log.h"
#include "wal_internal.h"

struct found {
    struct bp_frame frame;
    unsigned segment;
    uint64_t at;
    bool is_whole;
};

struct finds {
    struct found *list;
    size_t n, capacity;
};

static bp_status note(struct finds *finds, const struct found *found)
{
    if (finds->n == finds->capacity) {
        size_t capacity = finds->capacity == 0 ? 64 : 2 * finds->capacity;
        struct found *list = realloc(finds->list, capacity * sizeof(*list));
        if (list == NULL)
            return BP_ENOMEM;
        finds->list = list;
        finds->capacity = capacity;
    }
    finds->list[finds->n++] = *found;
    return BP_OK;
}

/* Notes the frames of a segment that end above this number. */
static bp_status scan(struct bp_wal *w, unsigned i, uint64_t after, uint8_t *bytes,
                      struct finds *finds)
{
    uint64_t size = w->segments[i].bytes;
    bp_status st = BP_OK;
    struct found f = {.segment = i};
    for (f.at = BP_BLOCK_BYTES; f.at < size && st == BP_OK;) {
        uint8_t *p = bytes + f.at;
        bool is_frame = bp_frame_read(p, &w->seal, &f.frame);
        f.is_whole = is_frame && bp_frame_blocks_bytes(&f.frame) <= size - f.at &&
                     bp_frame_is_whole(&f.frame, &w->seal, p + BP_BATCH_HEADER_BYTES);
        f.is_whole = f.is_whole || bp_frame_mend(p, size - f.at, &w->seal, &f.frame);
        if ((is_frame || f.is_whole) && bp_frame_last(&f.frame) > after)
            st = note(finds, &f);
        f.at += f.is_whole ? bp_frame_blocks_bytes(&f.frame) : BP_BLOCK_BYTES;
    }
    return st;
}

static bp_status scan_all(struct bp_wal *w, uint64_t after, struct finds *finds)
{
    bp_status st = BP_OK;
    for (unsigned i = 0; i < w->n && st == BP_OK; i++) {
        uint8_t *bytes = aligned_alloc(BP_BLOCK_BYTES, w->segments[i].bytes);
        if (bytes == NULL)
            return BP_ENOMEM;
        st = bp_segment_read(w->segments[i].fd, 0, bytes, w->segments[i].bytes);
        if (st == BP_OK)
            st = scan(w, i, after, bytes, finds);
        free(bytes);
    }
    return st;
}

static int by_number(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    return a->frame.first < b->frame.first ? -1 : a->frame.first > b->frame.first;
}

/* How many of the frames, in order of number, are sound and without a gap from `after` on: all but
 * a torn last one. */
static bp_status count_sound(const struct finds *finds, uint64_t after, size_t *sound,
                             struct bp_err *err)
{
    uint64_t expected = after + 1;
    for (*sound = 0; *sound < finds->n; (*sound)++) {
        const struct found *f = &finds->list[*sound];
        if (f->frame.first != expected)
            return bp_fail(err, BP_ECORRUPT,
                           "the log goes on at entry %llu where entry %llu should stand: entries "
                           "that were acknowledged are lost",
                           (unsigned long long)f->frame.first, (unsigned long long)expected);
        if (!f->is_whole && *sound + 1 == finds->n)
            break;
        if (!f->is_whole)
            return bp_fail(err, BP_ECORRUPT,
                           "the log is damaged at entries %llu to %llu, which were acknowledged: "
                           "there are newer ones",
                           (unsigned long long)expected,
                           (unsigned long long)bp_frame_last(&f->frame));
        expected = bp_frame_last(&f->frame) + 1;
    }
    return BP_OK;
}

static bp_status read_batch(struct bp_wal *w, const struct found *f, struct bp_batch **out)
{
    size_t n = bp_frame_blocks_bytes(&f->frame);
    uint8_t *bytes = aligned_alloc(BP_BLOCK_BYTES, n);
    if (bytes == NULL)
        return BP_ENOMEM;
    struct bp_frame frame;
    bp_status st = bp_segment_read(w->segments[f->segment].fd, f->at, bytes, n);
    bool is_sound = st == BP_OK && bp_frame_read(bytes, &w->seal, &frame) &&
                    bp_frame_is_whole(&f->frame, &w->seal, bytes + BP_BATCH_HEADER_BYTES);
    if (st == BP_OK && !is_sound && !bp_frame_mend(bytes, n, &w->seal, &frame))
        st = BP_EIO; /* another than a moment ago */
    if (st == BP_OK)
        st = bp_batch_parse(f->frame.first, f->frame.entries,
                            bp_str_of(bytes + BP_BATCH_HEADER_BYTES, f->frame.bytes), out);
    if (st == BP_OK)
        (*out)->was_mended = !is_sound;
    free(bytes);
    return st;
}

static bp_status write_again(struct bp_wal *w, const struct found *f, struct bp_batch *batch)
{
    int fd = w->segments[f->segment].fd;
    bp_frame_write(batch, &w->seal);
    bp_status st = bp_segment_write(fd, f->at, batch->bytes, bp_batch_blocks_bytes(batch));
    return st == BP_OK ? bp_segment_flush(fd) : st;
}

static bp_status wipe(struct bp_wal *w, const struct found *f)
{
    int fd = w->segments[f->segment].fd;
    uint8_t *zeros = aligned_alloc(BP_BLOCK_BYTES, BP_BLOCK_BYTES);
    if (zeros == NULL)
        return BP_ENOMEM;
    memset(zeros, 0, BP_BLOCK_BYTES);
    bp_status st = bp_segment_write(fd, f->at, zeros, BP_BLOCK_BYTES);
    free(zeros);
    return st == BP_OK ? bp_segment_flush(fd) : st;
}

static bp_status take(struct bp_wal *w, const struct found *f, bool is_newest,
                      bp_status (*each)(void *context, struct bp_batch *batch), void *context)
{
    struct bp_batch *batch;
    bp_status st = read_batch(w, f, &batch);
    if (st != BP_OK)
        return st;
    if (batch->was_mended)
        bp_log(BP_LOG_ERROR, "journal.log_bit_flipped", "entries=%" PRIu64 "-%" PRIu64 " mended=1",
               batch->first, bp_batch_last(batch));
    if (is_newest)
        st = write_again(w, f, batch);
    if (st == BP_OK)
        st = each(context, batch);
    bp_batch_unref(batch);
    w->segments[f->segment].last = bp_frame_last(&f->frame);
    w->current = f->segment;
    w->at = f->at + bp_frame_blocks_bytes(&f->frame);
    return st;
}

/* Everything that can be refused is, before the first batch is handed over. */
static bp_status take_all(struct bp_wal *w, const struct finds *finds, size_t sound,
                          bp_status (*each)(void *context, struct bp_batch *batch), void *context)
{
    bp_status st = sound < finds->n ? wipe(w, &finds->list[sound]) : BP_OK;
    w->current = 0;
    w->at = BP_BLOCK_BYTES;
    for (unsigned i = 0; i < w->n; i++)
        w->segments[i].last = 0;
    for (size_t i = 0; i < sound && st == BP_OK; i++)
        st = take(w, &finds->list[i], i + 1 == sound, each, context);
    return st;
}

/* What stands in the log above a number; how many of the finds, in order, are sound. */
static bp_status find_sound(struct bp_wal *w, uint64_t after, struct finds *finds, size_t *sound,
                            struct bp_err *err)
{
    bp_status st = scan_all(w, after, finds);
    if (st != BP_OK)
        return bp_fail(err, st, "the log cannot be read (%s)", bp_status_name(st));
    if (finds->n != 0)
        qsort(finds->list, finds->n, sizeof(*finds->list), by_number);
    return count_sound(finds, after, sound, err);
}

bp_status bp_wal_replay(struct bp_commit_log *log, uint64_t after,
                        bp_status (*each)(void *context, struct bp_batch *batch), void *context,
                        struct bp_err *err)
{
    struct bp_wal *w = (struct bp_wal *)log;
    struct finds finds = {0};
    size_t sound = 0;
    bp_status st = find_sound(w, after, &finds, &sound, err);
    if (st == BP_OK && (st = take_all(w, &finds, sound, each, context)) != BP_OK)
        (void)bp_fail(err, st, "the log cannot be replayed (%s)", bp_status_name(st));
    free(finds.list);
    w->is_broken = st != BP_OK;
    return st;
}

bp_status bp_wal_look(struct bp_commit_log *log, uint64_t after,
                      bp_status (*each)(void *context, struct bp_batch *batch), void *context,
                      struct bp_err *err)
{
    struct bp_wal *w = (struct bp_wal *)log;
    struct finds finds = {0};
    size_t sound = 0;
    bp_status st = find_sound(w, after, &finds, &sound, err);
    BP_ASSERT(sound == 0 || finds.list != NULL);
    for (size_t i = 0; i < sound && st == BP_OK; i++) {
        struct bp_batch *batch;
        if ((st = read_batch(w, &finds.list[i], &batch)) != BP_OK) {
            (void)bp_fail(err, st, "the log cannot be read (%s)", bp_status_name(st));
            break;
        }
        st = each(context, batch);
        bp_batch_unref(batch);
    }
    free(finds.list);
    return st;
}
