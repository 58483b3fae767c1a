/* What the write-ahead log's files share: wal.c opens and appends, wal_replay.c reads. */
#ifndef BERBAGI_WAL_INTERNAL_H
#define BERBAGI_WAL_INTERNAL_H

#include "segment.h"
#include "wal.h"

#define BP_WAL_SEGMENTS_MAX 16u

struct bp_wal_segment {
    char *path;
    int fd;
    uint64_t bytes;
    uint64_t last; /* number of the newest entry in it; 0: of none that matters */
};

struct bp_wal {
    struct bp_commit_log log; /* first */
    struct bp_frame_seal seal;
    struct bp_wal_segment segments[BP_WAL_SEGMENTS_MAX];
    unsigned n;
    unsigned current; /* written into, from `at` on */
    uint64_t at;
    bool is_broken; /* unknown what is on disk: until replay */
    atomic_uint_fast64_t trimmed;
};

/* bp_commit_log.replay. */
BP_MUST_USE bp_status bp_wal_replay(struct bp_commit_log *log, uint64_t after,
                                    bp_status (*each)(void *context, struct bp_batch *batch),
                                    void *context, struct bp_err *err);

#endif
