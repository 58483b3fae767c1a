/* The first block: "berbagi log\0" (12), format (4), bytes of the file (8), log id (16), CRC-32C of
 * these (4), zeros. */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "bytes.h"
#include "crc32c.h"
#include "file.h"

#define MAGIC "berbagi log"
#define FORMAT 1u
#define FACTS_BYTES 40u
#define ZEROS_BYTES (1u << 20)

static bp_status status_of(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG ? BP_ENOSPC : BP_EIO;
}

bp_status bp_segment_write(int fd, uint64_t at, const uint8_t *p, size_t n)
{
    while (n != 0) {
        ssize_t written = pwrite(fd, p, n, (off_t)at);
        if (written < 0 && errno != EINTR)
            return status_of(errno);
        if (written == 0)
            return BP_EIO;
        if (written > 0) {
            p += written;
            at += (uint64_t)written;
            n -= (size_t)written;
        }
    }
    return BP_OK;
}

bp_status bp_segment_flush(int fd)
{
    return fdatasync(fd) == 0 ? BP_OK : status_of(errno);
}

bp_status bp_segment_read(int fd, uint64_t at, uint8_t *p, size_t n)
{
    while (n != 0) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got == 0 || (got < 0 && errno != EINTR))
            return BP_EIO;
        if (got > 0) {
            p += got;
            at += (uint64_t)got;
            n -= (size_t)got;
        }
    }
    return BP_OK;
}

/* Around the page cache if the file system knows how. */
static int open_direct(const char *path, int flags)
{
    int fd = open(path, flags | O_DIRECT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 || errno != EINVAL ? fd : open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static void write_facts(uint8_t *block, const struct bp_log_id *log_id, uint64_t bytes)
{
    memcpy(block, MAGIC, sizeof(MAGIC));
    bp_put_u32(block + 12, FORMAT);
    bp_put_u64(block + 16, bytes);
    memcpy(block + 24, log_id->bytes, BP_LOG_ID_BYTES);
    bp_put_u32(block + FACTS_BYTES, bp_crc32c(0, block, FACTS_BYTES));
}

static bp_status fill(int fd, const struct bp_log_id *log_id, uint64_t bytes)
{
    bp_status st = BP_OK;
    uint8_t *zeros = aligned_alloc(BP_BLOCK_BYTES, ZEROS_BYTES);
    if (zeros == NULL)
        return BP_ENOMEM;
    memset(zeros, 0, ZEROS_BYTES);
    for (uint64_t at = 0; at < bytes && st == BP_OK; at += ZEROS_BYTES)
        st = bp_segment_write(fd, at, zeros, bytes - at < ZEROS_BYTES ? bytes - at : ZEROS_BYTES);
    write_facts(zeros, log_id, bytes);
    if (st == BP_OK)
        st = bp_segment_write(fd, 0, zeros, BP_BLOCK_BYTES);
    if (st == BP_OK && fsync(fd) != 0)
        st = status_of(errno);
    free(zeros);
    return st;
}

bp_status bp_segment_create(const char *path, const struct bp_log_id *log_id, uint64_t bytes,
                            int *fd, struct bp_err *err)
{
    int made = open_direct(path, O_RDWR | O_CREAT | O_TRUNC);
    if (made < 0)
        return bp_fail(err, status_of(errno), "log segment %s: cannot create: %s", path,
                       strerror(errno));
    bp_status st = fill(made, log_id, bytes);
    if (st != BP_OK)
        (void)bp_fail(err, st, "log segment %s: cannot be filled (%s)", path, bp_status_name(st));
    else
        st = bp_dir_flush_parent(path, err);
    if (st == BP_OK) {
        *fd = made;
        return BP_OK;
    }
    (void)close(made);
    (void)unlink(path);
    return st;
}

static bp_status check_facts(const char *path, const uint8_t *block, const struct bp_log_id *log_id,
                             uint64_t bytes, struct bp_err *err)
{
    if (memcmp(block, MAGIC, sizeof(MAGIC)) != 0 ||
        bp_get_u32(block + FACTS_BYTES) != bp_crc32c(0, block, FACTS_BYTES))
        return bp_fail(err, BP_ECORRUPT, "log segment %s: is damaged or none", path);
    if (bp_get_u32(block + 12) > FORMAT)
        return bp_fail(err, BP_EVERSION, "log segment %s: written by a newer version", path);
    if (memcmp(block + 24, log_id->bytes, BP_LOG_ID_BYTES) != 0)
        return bp_fail(err, BP_ECONFLICT, "log segment %s: belongs to another log", path);
    if (bp_get_u64(block + 16) != bytes)
        return bp_fail(err, BP_ECORRUPT, "log segment %s: is of %llu bytes, not %llu", path,
                       (unsigned long long)bytes, (unsigned long long)bp_get_u64(block + 16));
    return BP_OK;
}

static bp_status read_facts(int fd, const char *path, const struct bp_log_id *log_id,
                            uint64_t *bytes, struct bp_err *err)
{
    struct stat file;
    uint8_t *block = aligned_alloc(BP_BLOCK_BYTES, BP_BLOCK_BYTES);
    if (block == NULL)
        return bp_fail(err, BP_ENOMEM, "log segment %s: out of memory", path);
    bp_status st = fstat(fd, &file) == 0 ? BP_OK : BP_EIO;
    if (st == BP_OK && file.st_size < (off_t)BP_BLOCK_BYTES)
        memset(block, 0, BP_BLOCK_BYTES);
    else if (st == BP_OK)
        st = bp_segment_read(fd, 0, block, BP_BLOCK_BYTES);
    if (st != BP_OK)
        (void)bp_fail(err, st, "log segment %s: cannot read", path);
    else if ((st = check_facts(path, block, log_id, (uint64_t)file.st_size, err)) == BP_OK)
        *bytes = (uint64_t)file.st_size;
    free(block);
    return st;
}

bp_status bp_segment_open(const char *path, const struct bp_log_id *log_id, uint64_t *bytes,
                          int *fd, struct bp_err *err)
{
    int opened = open_direct(path, O_RDWR);
    if (opened < 0)
        return bp_fail(err, errno == ENOENT ? BP_ENOENT : BP_EIO, "log segment %s: cannot open: %s",
                       path, strerror(errno));
    bp_status st = read_facts(opened, path, log_id, bytes, err);
    if (st == BP_OK)
        *fd = opened;
    else
        (void)close(opened);
    return st;
}
