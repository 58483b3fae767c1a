/* The write-ahead log: a few segments of fixed size in a folder, written in turn and used again
 * once the store holds what stands in them. One write and one flush for each batch.
 *
 * A batch is a frame (frame.h) that begins on a block of its own, so that no write touches a block
 * with something durable in it. A segment is not cleared before it is used again: what is left in
 * it has lower numbers. */
#ifndef BERBAGI_WAL_H
#define BERBAGI_WAL_H

#include "commit_log.h"
#include "frame.h"

struct bp_wal_config {
    const char *dir; /* made if missing, 0700 */
    struct bp_frame_seal seal;
    unsigned segments;      /* as many as there shall be; more are used if they are there */
    uint64_t segment_bytes; /* of those to be made; whole blocks */
    unsigned needed; /* as many were in use when it was not closed in order: without one of them
                        acknowledged entries may be lost. 0: nothing in it counts, and the key is a
                        new one, so that nothing will */
};

/* Opens the segments and makes those that are missing, or as many as the disk takes (*segments in
 * all, 0 too: then every batch is told BP_ETOOLARGE). Replay is to follow where some are needed.
 * BP_ECORRUPT: a segment that is needed is missing or damaged, or one is of another log;
 * BP_EVERSION, BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_wal_open(const struct bp_wal_config *config, struct bp_commit_log **out,
                                  unsigned *segments, struct bp_err *err);

/* As replay, but changes nothing in the log, which is closed afterwards: for looking at that of a
 * stopped server. Opened with no more segments than are needed, none is made. */
BP_MUST_USE bp_status bp_wal_look(struct bp_commit_log *log, uint64_t after,
                                  bp_status (*each)(void *context, struct bp_batch *batch),
                                  void *context, struct bp_err *err);

#endif
