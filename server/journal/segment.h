/* One file of the write-ahead log: of fixed size, every block of it written once with zeros, so that
 * a write takes no space and a flush no change of the file's own facts. Written around the page
 * cache where the file system allows it, which spares a copy and lets what is read after a failed
 * flush come from the disk. The first block says what the file is; it is written once.
 *
 * All that is written goes through these few calls of pwrite(2) and fdatasync(2); nothing is
 * mapped. Addresses, offsets and lengths are whole blocks. */
#ifndef BERBAGI_SEGMENT_H
#define BERBAGI_SEGMENT_H

#include "record.h"

/* Makes the file anew, of so many bytes, durable with its name. BP_ENOSPC: it is removed again. */
BP_MUST_USE bp_status bp_segment_create(const char *path, const struct bp_log_id *log_id,
                                        uint64_t bytes, int *fd, struct bp_err *err);
/* *bytes: its size. BP_ENOENT; BP_ECORRUPT: it is none, or it was cut; BP_ECONFLICT: it belongs to
 * another log; BP_EVERSION. */
BP_MUST_USE bp_status bp_segment_open(const char *path, const struct bp_log_id *log_id,
                                      uint64_t *bytes, int *fd, struct bp_err *err);

/* BP_ENOSPC, BP_EIO: some of it may be written. */
BP_MUST_USE bp_status bp_segment_write(int fd, uint64_t at, const uint8_t *p, size_t n);
/* BP_EIO: what was written since the last flush may be on disk or not, and only writing it again
 * helps. */
BP_MUST_USE bp_status bp_segment_flush(int fd);
BP_MUST_USE bp_status bp_segment_read(int fd, uint64_t at, uint8_t *p, size_t n);

#endif
