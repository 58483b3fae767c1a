/* The write-ahead log read back: what is handed over is the frames as they were written, in order
 * and without a gap; a batch is parsed to entries that lie in it, and written again it is the same.
 *
 * Input: the number that the store ends with (1), then frames, each on blocks of its own: a byte
 * (what is wrong with it: 1 header, 2 payload, 4 it is cut off), its first number (1), how many
 * entries it says (1), a line feed behind its payload. */
#include "bytes.h"
#include "fuzz.h"
#include "wal.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define SEGMENT_BYTES (16u * BP_BLOCK_BYTES)
enum { WRONG_HEADER = 1, WRONG_PAYLOAD = 2, CUT = 4 };

static const struct bp_frame_seal seal = {.log_id = {{1, 2, 3}}, .key = 4711};
static char folder[96];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct bp_commit_log *open_log(unsigned needed)
{
    struct bp_commit_log *log = NULL;
    unsigned segments = 0;
    struct bp_wal_config config = {.dir = folder,
                                   .seal = seal,
                                   .segments = 1,
                                   .segment_bytes = SEGMENT_BYTES,
                                   .needed = needed};
    BP_ASSERT(bp_wal_open(&config, &log, &segments, NULL) == BP_OK && segments == 1);
    return log;
}

/* The one segment, which every input is written over. */
static int segment_file(void)
{
    static int fd = -1;
    if (fd >= 0)
        return fd;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/berbagi-fuzz-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    BP_ASSERT(mkdtemp(folder) != NULL);
    (void)atexit(remove_folder);
    struct bp_commit_log *log = open_log(0);
    log->close(log);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/00", folder);
    fd = open(path, O_RDWR | O_CLOEXEC);
    BP_ASSERT(fd >= 0);
    return fd;
}

/* Puts a frame at *blocks, as the log writes one but for what is to be wrong with it. */
static void put_frame(struct fuzz_input *in, uint8_t *blocks, size_t *at)
{
    unsigned wrong = fuzz_take_byte(in);
    struct bp_batch frame = {.first = fuzz_take_byte(in), .entries = fuzz_take_byte(in)};
    struct bp_str payload = fuzz_take_line(in);
    if (*at + BP_BATCH_HEADER_BYTES + payload.n > SEGMENT_BYTES)
        return;
    frame.bytes = blocks + *at;
    frame.n = BP_BATCH_HEADER_BYTES + payload.n;
    if (payload.n != 0)
        memcpy(frame.bytes + BP_BATCH_HEADER_BYTES, payload.p, payload.n);
    bp_frame_write(&frame, &seal);
    if ((wrong & WRONG_HEADER) != 0)
        frame.bytes[8] ^= 1;
    if ((wrong & WRONG_PAYLOAD) != 0)
        frame.bytes[frame.n - 1] ^= 1;
    if ((wrong & CUT) != 0 && payload.n > 1)
        memset(frame.bytes + BP_BATCH_HEADER_BYTES + payload.n / 2, 0, payload.n - payload.n / 2);
    *at += bp_batch_blocks_bytes(&frame);
}

static void check_written_again(struct bp_batch *batch)
{
    struct bp_frame frame;
    struct bp_batch *again = NULL;
    bp_frame_write(batch, &seal);
    const uint8_t *payload = batch->bytes + BP_BATCH_HEADER_BYTES;
    BP_ASSERT(bp_frame_read(batch->bytes, &seal, &frame));
    BP_ASSERT(frame.first == batch->first && frame.entries == batch->entries);
    BP_ASSERT(bp_frame_is_whole(&frame, &seal, payload));
    BP_ASSERT(bp_batch_parse(frame.first, frame.entries, bp_str_of(payload, frame.bytes), &again) ==
              BP_OK);
    for (uint64_t number = batch->first; number <= bp_batch_last(batch); number++)
        BP_ASSERT(bp_str_eq(bp_batch_get(batch, number), bp_batch_get(again, number)));
    bp_batch_unref(again);
}

static bp_status take_batch(void *context, struct bp_batch *batch)
{
    uint64_t *last = context;
    BP_ASSERT(batch->first == *last + 1 && batch->entries != 0);
    *last = bp_batch_last(batch);
    check_written_again(batch);
    return BP_OK;
}

/* Only looking, and then as a server that starts; both see the same. */
static void check_replay(uint64_t after)
{
    struct bp_err err = {""};
    uint64_t seen = after, replayed = after;
    struct bp_commit_log *log = open_log(1);
    bp_status st = bp_wal_look(log, after, take_batch, &seen, &err);
    BP_ASSERT(st == BP_OK || (st == BP_ECORRUPT && err.text[0] != '\0'));
    log->close(log);
    log = open_log(1);
    BP_ASSERT(log->replay(log, after, take_batch, &replayed, NULL) == st);
    BP_ASSERT(st != BP_OK || seen == replayed);
    log->close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static _Alignas(BP_BLOCK_BYTES) uint8_t blocks[SEGMENT_BYTES];
    struct fuzz_input in = {p, n};
    size_t at = BP_BLOCK_BYTES; /* behind what says that it is a segment */
    int fd = segment_file();
    uint64_t after = fuzz_take_byte(&in);
    memset(blocks, 0, sizeof(blocks));
    while (in.n != 0 && at < SEGMENT_BYTES)
        put_frame(&in, blocks, &at);
    ssize_t rest = SEGMENT_BYTES - BP_BLOCK_BYTES;
    BP_ASSERT(pwrite(fd, blocks + BP_BLOCK_BYTES, (size_t)rest, BP_BLOCK_BYTES) == rest);
    check_replay(after);
    return 0;
}
