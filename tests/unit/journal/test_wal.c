/* The write-ahead log by itself: frames torn, lost, stale, flipped and forged; writes and flushes
 * that fail. Calls of pwrite(2), fdatasync(2) and fsync(2) end here (the linker's --wrap). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32c.h"
#include "file.h"
#include "journal_support.h"
#include "wal.h"

#define SECTOR 512u
#define SEGMENTS 3u
#define MOST_BATCHES 512u

static const struct bp_frame_seal our_seal = {.log_id = {.bytes = "log of the tests"},
                                              .key = 0x1badcafe};

/* --- writes and flushes that fail --- */

static struct {
    unsigned writes, flushes; /* so far */
    unsigned failing;         /* the how-manyeth of both together fails; 0: none */
    int code;
    bool loses; /* what a failed call should have written is not there */
    bool has_fired;
    int fd; /* of the last write */
    off_t at;
    _Alignas(BP_BLOCK_BYTES) uint8_t before[1u << 20];
    size_t n;
} disk;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

static bool fails_now(void)
{
    if (disk.failing == 0 || disk.writes + disk.flushes != disk.failing)
        return false;
    disk.has_fired = true;
    errno = disk.code;
    return true;
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    disk.writes++;
    if (fails_now()) {
        if (!disk.loses) /* half of it */
            (void)__real_pwrite(fd, p, n / 2 / SECTOR * SECTOR, at);
        errno = disk.code;
        return -1;
    }
    disk.fd = fd;
    disk.at = at;
    disk.n = n <= sizeof(disk.before) ? n : 0;
    if (disk.n != 0 && pread(fd, disk.before, n, at) != (ssize_t)n)
        disk.n = 0;
    return __real_pwrite(fd, p, n, at);
}

int __wrap_fdatasync(int fd)
{
    disk.flushes++;
    (void)fd;
    if (!fails_now())
        return 0;
    if (disk.loses && disk.n != 0)
        assert_int_equal(__real_pwrite(disk.fd, disk.before, disk.n, disk.at), disk.n);
    errno = disk.code;
    return -1;
}

int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

static void disk_fails(unsigned nth, int code, bool loses)
{
    disk.writes = disk.flushes = 0;
    disk.failing = nth;
    disk.code = code;
    disk.loses = loses;
    disk.has_fired = false;
}

/* --- a log and what came out of it --- */

struct fixture {
    char *dir;
    char *wal;
    struct bp_commit_log *log;
    uint64_t first[MOST_BATCHES]; /* of the batches that replay handed over */
    size_t entries[MOST_BATCHES];
    size_t n;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->dir = temp_dir();
    f->wal = in_dir(f->dir, "wal");
    disk_fails(0, 0, false);
    *state = f;
    return 0;
}

static void shut(struct fixture *f)
{
    if (f->log != NULL)
        f->log->close(f->log);
    f->log = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    shut(f);
    free(f->wal);
    temp_dir_remove(f->dir);
    free(f);
    return 0;
}

static void text_of(uint64_t number, size_t n, char *out)
{
    char text[40];
    int length = snprintf(text, sizeof(text), "entry %llu;", (unsigned long long)number);
    for (size_t i = 0; i < n; i++)
        out[i] = text[i % (size_t)length];
}

static size_t size_of(uint64_t number, size_t entries)
{
    return entries == 1 ? 300 : 700 + (size_t)number % 300;
}

static void expect_batch(const struct bp_batch *b)
{
    for (uint64_t number = b->first; number <= bp_batch_last(b); number++) {
        struct bp_str entry = bp_batch_get(b, number);
        char text[1000];
        assert_int_equal(entry.n, size_of(number, b->entries));
        text_of(number, entry.n, text);
        assert_memory_equal(entry.p, text, entry.n);
    }
}

static bp_status note_batch(void *context, struct bp_batch *b)
{
    struct fixture *f = context;
    assert_true(f->n < MOST_BATCHES);
    expect_batch(b);
    f->first[f->n] = b->first;
    f->entries[f->n++] = b->entries;
    return BP_OK;
}

static bp_status try_open(struct fixture *f, const struct bp_frame_seal *seal, unsigned needed,
                          struct bp_err *err)
{
    struct bp_wal_config config = {.dir = f->wal,
                                   .seal = *seal,
                                   .segments = SEGMENTS,
                                   .segment_bytes = SEGMENT_BYTES,
                                   .needed = needed};
    unsigned segments;
    bp_status st = bp_wal_open(&config, &f->log, &segments, err);
    if (st == BP_OK)
        assert_int_equal(segments, SEGMENTS);
    return st;
}

static void open_new(struct fixture *f)
{
    assert_int_equal(try_open(f, &our_seal, 0, NULL), BP_OK);
}

static bp_status replay(struct fixture *f, uint64_t after, struct bp_err *err)
{
    f->n = 0;
    return f->log->replay(f->log, after, note_batch, f, err);
}

/* As after a crash. */
static bp_status reopen(struct fixture *f, uint64_t after, struct bp_err *err)
{
    shut(f);
    assert_int_equal(try_open(f, &our_seal, SEGMENTS, err), BP_OK);
    return replay(f, after, err);
}

static struct bp_batch *batch_of(uint64_t first, size_t entries)
{
    struct bp_batch *b = bp_batch_create(first);
    assert_non_null(b);
    for (uint64_t number = first; number < first + entries; number++) {
        uint8_t *place;
        size_t n = size_of(number, entries);
        assert_int_equal(bp_batch_add(b, n, NULL, &place), BP_OK);
        text_of(number, n, (char *)place);
    }
    return b;
}

static bp_status try_put(struct fixture *f, uint64_t first, size_t entries)
{
    struct bp_batch *b = batch_of(first, entries);
    bp_status st = f->log->append(f->log, b);
    if (st == BP_OK)
        st = f->log->durable(f->log);
    bp_batch_unref(b);
    return st;
}

static void put(struct fixture *f, uint64_t first, size_t entries)
{
    assert_int_equal(try_put(f, first, entries), BP_OK);
}

static void expect_replayed(const struct fixture *f, uint64_t after, size_t batches, uint64_t last)
{
    assert_int_equal(f->n, batches);
    for (size_t i = 0; i < f->n; i++) {
        assert_int_equal(f->first[i], after + 1);
        after += f->entries[i];
    }
    assert_int_equal(after, last);
}

/* --- a segment's bytes --- */

static char *segment(const struct fixture *f, unsigned i)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%02u", i);
    return in_dir(f->wal, name);
}

static struct bp_buf read_segment(const struct fixture *f, unsigned i)
{
    struct bp_buf bytes = {0};
    char *path = segment(f, i);
    assert_int_equal(bp_file_read(path, 1u << 30, &bytes, NULL), BP_OK);
    free(path);
    return bytes;
}

static void write_segment(const struct fixture *f, unsigned i, const void *p, size_t at, size_t n)
{
    char *path = segment(f, i);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(__real_pwrite(fd, p, n, (off_t)at), n);
    assert_int_equal(close(fd), 0);
    free(path);
}

static void flip(const struct fixture *f, unsigned i, size_t at)
{
    struct bp_buf bytes = read_segment(f, i);
    uint8_t other = bytes.p[at] ^ 0x10;
    write_segment(f, i, &other, at, 1);
    bp_buf_fini(&bytes);
}

/* --- what is whole --- */

static void test_wal_batches_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    put(f, 1, 1);
    put(f, 2, 30);
    put(f, 32, 1);

    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 3, 32);

    put(f, 33, 5);
    assert_int_equal(reopen(f, 1, NULL), BP_OK);
    expect_replayed(f, 1, 3, 37);
    assert_int_equal(reopen(f, 37, NULL), BP_OK);
    expect_replayed(f, 37, 0, 37);
}

static void test_wal_commit_is_one_write_and_one_flush(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    disk_fails(0, 0, false);

    for (uint64_t i = 1; i <= 10; i++)
        put(f, i, 1);

    assert_int_equal(disk.writes, 10);
    assert_int_equal(disk.flushes, 10);
}

static void test_wal_without_room_says_so_until_it_is_trimmed(void **state)
{
    struct fixture *f = *state;
    uint64_t number = 1;
    bp_status st;
    open_new(f);
    assert_int_equal(try_put(f, number, 200), BP_ETOOLARGE); /* more than a segment */

    while ((st = try_put(f, number, 1)) == BP_OK)
        number++;

    assert_int_equal(st, BP_ETOOLARGE);
    assert_int_equal(number - 1, SEGMENTS * (SEGMENT_BYTES / BP_BLOCK_BYTES - 1));
    f->log->trim(f->log, 1);
    assert_int_equal(try_put(f, number, 1), BP_ETOOLARGE);
    f->log->trim(f->log, SEGMENT_BYTES / BP_BLOCK_BYTES - 1);
    put(f, number, 1);
    assert_int_equal(reopen(f, number - 20, NULL), BP_OK);
    expect_replayed(f, number - 20, 20, number);
}

static void test_wal_used_again_and_again_forgets_what_was_trimmed(void **state)
{
    struct fixture *f = *state;
    uint64_t number = 1;
    open_new(f);
    for (unsigned round = 0; round < 400; round++) {
        size_t entries = 1 + round * 7 % 40;
        put(f, number, entries);
        number += entries;
        if (number > 20)
            f->log->trim(f->log, number - 20);
        if (round % 16 == 0) {
            assert_int_equal(reopen(f, number - 1 - entries, NULL), BP_OK);
            expect_replayed(f, number - 1 - entries, 1, number - 1);
        }
    }
}

/* --- torn and lost --- */

/* Two sound frames and a third one of several blocks; the bytes of the segment without and with the
 * third. Before that the segments are filled, so that stale frames stand where the new ones do. */
struct torn {
    struct bp_buf without, with;
    size_t at, end; /* of the third frame */
    uint64_t last;  /* number of the second frame's last entry */
};

static void torn_init(struct torn *t, struct fixture *f, bool over_stale_frames)
{
    uint64_t number = 1;
    open_new(f);
    if (over_stale_frames) {
        while (try_put(f, number, 1) == BP_OK)
            number++;
        f->log->trim(f->log, number - 1);
    }
    put(f, number, 1);
    put(f, number + 1, 12);
    t->last = number + 12;
    t->without = read_segment(f, 0);
    put(f, t->last + 1, 14);
    t->with = read_segment(f, 0);
    t->at = (1 + 1 + 3) * BP_BLOCK_BYTES; /* facts, the frame of one, the frame of twelve */
    t->end = t->at + 4 * BP_BLOCK_BYTES;
    assert_memory_equal(t->with.p, t->without.p, t->at);
    assert_memory_not_equal(t->with.p + t->at, t->without.p + t->at, SECTOR);
    assert_memory_equal(t->with.p + t->end, t->without.p + t->end, t->with.n - t->end);
}

/* Where the third frame's payload ends. */
static size_t torn_used(const struct torn *t)
{
    size_t used = t->at + BP_BATCH_HEADER_BYTES;
    for (uint64_t number = t->last + 1; number <= t->last + 14; number++)
        used += 4 + size_of(number, 14);
    return used;
}

static void torn_fini(struct torn *t)
{
    bp_buf_fini(&t->without);
    bp_buf_fini(&t->with);
}

/* The segment stands as it does now: the third frame is forgotten, its place is taken by another,
 * and it does not come back although all of it turns up on the disk after all, but for its first
 * block. */
static void expect_third_forgotten(struct fixture *f, const struct torn *t)
{
    assert_int_equal(reopen(f, t->last - 13, NULL), BP_OK);
    expect_replayed(f, t->last - 13, 2, t->last);
    size_t behind = t->at + BP_BLOCK_BYTES;
    write_segment(f, 0, t->with.p + behind, behind, t->end - behind);
    assert_int_equal(reopen(f, t->last - 13, NULL), BP_OK);
    expect_replayed(f, t->last - 13, 2, t->last);
    put(f, t->last + 1, 1);
    assert_int_equal(reopen(f, t->last - 13, NULL), BP_OK);
    expect_replayed(f, t->last - 13, 3, t->last + 1);
}

static void tear_everywhere(struct fixture *f, bool over_stale_frames)
{
    struct torn t;
    torn_init(&t, f, over_stale_frames);
    size_t used = torn_used(&t);
    for (size_t at = t.at; at < used; at += SECTOR) { /* the first sectors came, or all but one */
        shut(f);
        write_segment(f, 0, t.with.p, 0, at);
        write_segment(f, 0, t.without.p + at, at, t.with.n - at);
        expect_third_forgotten(f, &t);
        shut(f);
        write_segment(f, 0, t.with.p, 0, t.with.n);
        write_segment(f, 0, t.without.p + at, at, SECTOR);
        expect_third_forgotten(f, &t);
    }
    torn_fini(&t);
}

static void test_wal_frame_torn_at_any_sector_is_forgotten(void **state)
{
    tear_everywhere(*state, false);
}

static void test_wal_frame_torn_over_stale_frames_is_forgotten(void **state)
{
    tear_everywhere(*state, true);
}

static void test_wal_frame_cut_at_any_byte_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, false);
    for (size_t at = t.at; at < t.at + 200; at++) {
        shut(f);
        write_segment(f, 0, t.with.p, 0, at);
        write_segment(f, 0, t.without.p + at, at, t.with.n - at);
        assert_int_equal(reopen(f, 0, NULL), BP_OK);
        expect_replayed(f, 0, 2, t.last);
    }
    torn_fini(&t);
}

static void test_wal_tail_that_never_came_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, true);
    shut(f);

    write_segment(f, 0, t.without.p, 0, t.without.n);

    expect_third_forgotten(f, &t);
    torn_fini(&t);
}

/* --- damage --- */

static void expect_refused(struct fixture *f, uint64_t after, const char *word)
{
    struct bp_err err = {{0}};
    shut(f);
    assert_int_equal(reopen(f, after, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, word));
    assert_int_equal(f->n, 0); /* nothing was handed over */
    assert_int_equal(try_put(f, 100, 1), BP_EIO);
}

/* Two bits of one byte: more than can be put right. */
static void spoil(const struct fixture *f, unsigned i, size_t at)
{
    struct bp_buf bytes = read_segment(f, i);
    uint8_t other = bytes.p[at] ^ 0x11;
    write_segment(f, i, &other, at, 1);
    bp_buf_fini(&bytes);
}

static void test_wal_harmed_before_the_newest_frame_is_refused(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, false);
    size_t second = 2 * BP_BLOCK_BYTES;

    for (size_t at = second; at < t.at - BP_BLOCK_BYTES; at += 97) {
        spoil(f, 0, at);
        expect_refused(f, 0, "acknowledged");
        spoil(f, 0, at);
    }

    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 3, t.last + 14);
    torn_fini(&t);
}

/* What no cut of power leaves, so it may have been acknowledged. */
static void test_wal_flipped_bit_of_any_frame_is_put_right(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, true);
    for (size_t at = BP_BLOCK_BYTES; at < torn_used(&t); at += at % BP_BLOCK_BYTES < 64 ? 1 : 31) {
        flip(f, 0, at);
        assert_int_equal(reopen(f, t.last - 13, NULL), BP_OK);
        expect_replayed(f, t.last - 13, 3, t.last + 14);
        if (at >= t.at) { /* the newest is written again */
            struct bp_buf now = read_segment(f, 0);
            assert_memory_equal(now.p + t.at, t.with.p + t.at, t.end - t.at);
            bp_buf_fini(&now);
        }
        write_segment(f, 0, t.with.p, 0, t.with.n);
    }
    torn_fini(&t);
}

static void test_wal_flipped_bit_of_header_and_payload_are_put_right(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, false);

    flip(f, 0, t.at + 17);
    flip(f, 0, t.at + 5000);

    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 3, t.last + 14);
    torn_fini(&t);
}

/* It cannot be told from a torn one. */
static void test_wal_harmed_newest_frame_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    torn_init(&t, f, false);

    spoil(f, 0, t.at + 5000);

    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 2, t.last);
    torn_fini(&t);
}

static void test_wal_frame_without_a_sum_is_read_and_not_mended(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    uint8_t header[BP_BATCH_HEADER_BYTES];
    torn_init(&t, f, false);
    memcpy(header, t.with.p + t.at, sizeof(header));
    memset(header + 44, 0, 8);
    bp_put_u32(header, bp_crc32c(our_seal.key, header + 4, sizeof(header) - 4));
    write_segment(f, 0, header, t.at, sizeof(header));
    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 3, t.last + 14);

    write_segment(f, 0, header, t.at, sizeof(header));
    flip(f, 0, t.at + 5000);

    assert_int_equal(reopen(f, 0, NULL), BP_OK);
    expect_replayed(f, 0, 2, t.last);
    torn_fini(&t);
}

static void test_wal_hole_before_sound_frames_is_refused(void **state)
{
    struct fixture *f = *state;
    struct torn t;
    static const uint8_t zeros[SEGMENT_BYTES];
    torn_init(&t, f, false);

    write_segment(f, 0, zeros, BP_BLOCK_BYTES, BP_BLOCK_BYTES);
    expect_refused(f, 0, "where entry 1 should stand");

    write_segment(f, 0, zeros, 2 * BP_BLOCK_BYTES, t.at - 2 * BP_BLOCK_BYTES);
    expect_refused(f, 1, "where entry 2 should stand");
    torn_fini(&t);
}

static void test_wal_whole_segment_of_zeros_before_sound_frames_is_refused(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[SEGMENT_BYTES];
    open_new(f);
    for (uint64_t i = 1; i <= 20; i++)
        put(f, i, 1);

    write_segment(f, 0, zeros, BP_BLOCK_BYTES, SEGMENT_BYTES - BP_BLOCK_BYTES);

    expect_refused(f, 0, "should stand");
    assert_int_equal(reopen(f, 15, NULL), BP_OK); /* the store has all that stood there */
    expect_replayed(f, 15, 5, 20);
}

static void test_wal_batch_that_the_store_holds_half_of_is_refused(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    put(f, 1, 10);

    expect_refused(f, 5, "where entry 6 should stand");
}

static void test_wal_segment_that_is_missing_cut_or_damaged_is_refused_when_needed(void **state)
{
    struct fixture *f = *state;
    struct bp_err err = {{0}};
    char *path;
    open_new(f);
    put(f, 1, 1);
    shut(f);
    path = segment(f, 1);

    flip(f, 1, 20);
    assert_int_equal(try_open(f, &our_seal, SEGMENTS, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, "damaged"));
    flip(f, 1, 20);
    assert_int_equal(truncate(path, SEGMENT_BYTES - BP_BLOCK_BYTES), 0);
    assert_int_equal(try_open(f, &our_seal, SEGMENTS, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, "bytes"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(try_open(f, &our_seal, SEGMENTS, &err), BP_ECORRUPT);
    assert_non_null(strstr(err.text, "acknowledged"));

    open_new(f); /* made again where nothing in it counts */
    put(f, 1, 1);
    free(path);
}

static void test_wal_of_another_log_is_refused(void **state)
{
    struct fixture *f = *state;
    struct bp_err err = {{0}};
    struct bp_frame_seal other = our_seal;
    other.log_id.bytes[0] ^= 1;
    open_new(f);
    shut(f);

    assert_int_equal(try_open(f, &other, 0, &err), BP_ECORRUPT);

    assert_non_null(strstr(err.text, "another log"));
}

static void test_wal_with_a_new_key_believes_nothing_old(void **state)
{
    struct fixture *f = *state;
    struct bp_frame_seal other = our_seal;
    other.key++;
    open_new(f);
    put(f, 1, 3);
    put(f, 4, 3);
    shut(f);
    assert_int_equal(try_open(f, &other, 0, NULL), BP_OK);
    put(f, 2, 1); /* other entries with the same numbers */

    shut(f);
    assert_int_equal(try_open(f, &other, SEGMENTS, NULL), BP_OK);
    assert_int_equal(replay(f, 1, NULL), BP_OK);

    expect_replayed(f, 1, 1, 2);
}

/* What a client sends stands in the log as it is: also something that looks like a frame with a
 * higher number, at the beginning of a block. */
static void test_wal_frame_forged_in_an_entry_is_not_believed(void **state)
{
    struct fixture *f = *state;
    struct bp_frame_seal guess = {.log_id = our_seal.log_id};
    struct bp_batch *forged = batch_of(1000, 1), *b = bp_batch_create(2);
    uint8_t *place;
    assert_non_null(b);
    bp_frame_write(forged, &guess);
    size_t before = BP_BLOCK_BYTES - BP_BATCH_HEADER_BYTES - 4;
    assert_int_equal(bp_batch_add(b, before + forged->n, NULL, &place), BP_OK);
    memset(place, 'x', before);
    memcpy(place + before, forged->bytes, forged->n);
    open_new(f);
    put(f, 1, 1);
    assert_int_equal(f->log->append(f->log, b), BP_OK);
    assert_int_equal(f->log->durable(f->log), BP_OK);
    spoil(f, 0, 2 * BP_BLOCK_BYTES + 100); /* torn, so that it is looked into */

    assert_int_equal(reopen(f, 0, NULL), BP_OK);

    expect_replayed(f, 0, 1, 1);
    bp_batch_unref(forged);
    bp_batch_unref(b);
}

/* --- calls that fail --- */

/* Puts batches until there are twenty, and comes back from each failure as the journal does: by
 * reading. What was acknowledged is there each time, and never more than one batch besides. */
static void put_twenty(struct fixture *f)
{
    uint64_t acknowledged = 0;
    for (unsigned tries = 0; acknowledged < 20; tries++) {
        assert_true(tries < 30);
        bp_status st = try_put(f, acknowledged + 1, 1);
        if (st == BP_OK) {
            acknowledged++;
            continue;
        }
        assert_true(st == (disk.code == ENOSPC ? BP_ENOSPC : BP_EIO));
        assert_int_equal(try_put(f, acknowledged + 1, 1), BP_EIO); /* not before it is known */
        do {
            assert_int_equal(f->log->recover(f->log, NULL), BP_OK);
        } while (replay(f, 0, NULL) != BP_OK);
        assert_true(f->n == acknowledged || f->n == acknowledged + 1);
        acknowledged = f->n;
    }
}

static void fail_each(struct fixture *f, int code, bool loses)
{
    bool has_fired = true;
    for (unsigned nth = 1; has_fired; nth++) {
        disk_fails(0, 0, false);
        struct bp_frame_seal seal = our_seal;
        seal.key += nth;
        assert_int_equal(try_open(f, &seal, 0, NULL), BP_OK);
        disk_fails(nth, code, loses);

        put_twenty(f);

        has_fired = disk.has_fired;
        disk_fails(0, 0, false);
        shut(f);
        assert_int_equal(try_open(f, &seal, SEGMENTS, NULL), BP_OK);
        assert_int_equal(replay(f, 0, NULL), BP_OK);
        expect_replayed(f, 0, 20, 20);
        shut(f);
    }
}

static void test_wal_after_any_failed_call_holds_what_was_acknowledged(void **state)
{
    fail_each(*state, EIO, false);
    fail_each(*state, EIO, true);
    fail_each(*state, ENOSPC, false);
}

/* A failed flush whose data stands in the page cache alone would be read back as if it were on
 * disk: it is written once more, and only then believed. */
static void test_wal_frame_read_after_a_failed_flush_is_written_again(void **state)
{
    struct fixture *f = *state;
    open_new(f);
    put(f, 1, 1);
    disk_fails(2, EIO, false); /* the flush, not the write */
    assert_int_equal(try_put(f, 2, 1), BP_EIO);
    assert_int_equal(f->log->recover(f->log, NULL), BP_OK);
    disk_fails(0, 0, false);

    assert_int_equal(replay(f, 0, NULL), BP_OK);

    expect_replayed(f, 0, 2, 2);
    assert_int_equal(disk.writes, 1);
    assert_int_equal(disk.at, 2 * BP_BLOCK_BYTES);
    assert_int_equal(disk.flushes, 1);
    for (unsigned nth = 1; nth <= 2; nth++) { /* and while that fails nothing is taken */
        disk_fails(nth, EIO, false);
        assert_int_equal(replay(f, 0, NULL), BP_EIO);
        assert_int_equal(try_put(f, 3, 1), BP_EIO);
    }
}

static void test_wal_takes_the_segments_that_a_full_disk_allows(void **state)
{
    struct fixture *f = *state;
    struct bp_wal_config config = {
        .dir = f->wal, .seal = our_seal, .segments = SEGMENTS, .segment_bytes = SEGMENT_BYTES};
    unsigned segments = 9;
    disk_fails(3, ENOSPC, false); /* a segment is two writes here */

    assert_int_equal(bp_wal_open(&config, &f->log, &segments, NULL), BP_OK);

    char *first = segment(f, 0), *second = segment(f, 1);
    assert_int_equal(segments, 1);
    assert_int_equal(access(second, F_OK), -1);
    put(f, 1, 1);
    assert_int_equal(f->log->disk_bytes(f->log), SEGMENT_BYTES);
    shut(f);
    assert_int_equal(unlink(first), 0);
    disk_fails(1, ENOSPC, false);
    assert_int_equal(bp_wal_open(&config, &f->log, &segments, NULL), BP_OK);
    assert_int_equal(segments, 0);
    assert_int_equal(try_put(f, 1, 1), BP_ETOOLARGE);
    free(first);
    free(second);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_wal_batches_come_back_in_order),
        T(test_wal_commit_is_one_write_and_one_flush),
        T(test_wal_without_room_says_so_until_it_is_trimmed),
        T(test_wal_used_again_and_again_forgets_what_was_trimmed),
        T(test_wal_frame_torn_at_any_sector_is_forgotten),
        T(test_wal_frame_torn_over_stale_frames_is_forgotten),
        T(test_wal_frame_cut_at_any_byte_is_forgotten),
        T(test_wal_tail_that_never_came_is_forgotten),
        T(test_wal_harmed_before_the_newest_frame_is_refused),
        T(test_wal_flipped_bit_of_any_frame_is_put_right),
        T(test_wal_flipped_bit_of_header_and_payload_are_put_right),
        T(test_wal_harmed_newest_frame_is_forgotten),
        T(test_wal_frame_without_a_sum_is_read_and_not_mended),
        T(test_wal_hole_before_sound_frames_is_refused),
        T(test_wal_whole_segment_of_zeros_before_sound_frames_is_refused),
        T(test_wal_batch_that_the_store_holds_half_of_is_refused),
        T(test_wal_segment_that_is_missing_cut_or_damaged_is_refused_when_needed),
        T(test_wal_of_another_log_is_refused),
        T(test_wal_with_a_new_key_believes_nothing_old),
        T(test_wal_frame_forged_in_an_entry_is_not_believed),
        T(test_wal_after_any_failed_call_holds_what_was_acknowledged),
        T(test_wal_frame_read_after_a_failed_flush_is_written_again),
        T(test_wal_takes_the_segments_that_a_full_disk_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
