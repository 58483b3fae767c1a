/* The applied state: the journal's LMDB environment and its tables (log, controls, subscriptions,
 * meta). Keeps bytes and judges nothing but their outer shape; records check themselves. One thread
 * writes at a time, any thread reads. */
#ifndef BERBAGI_STORE_H
#define BERBAGI_STORE_H

#include "buffer.h"
#include "controls.h"

struct bp_store;

struct bp_store_config {
    const char *dir; /* exists and is held by this process */
    uint64_t map_bytes;
    unsigned most_readers;
};

/* What the environment says of itself, and of the log before it. */
struct bp_store_about {
    struct bp_log_id log_id;
    int64_t created_ns;
    uint32_t log_key;      /* with which the log's checksums begin */
    uint16_t log_segments; /* that the log has, while it is open */
    bool is_log_open;      /* durable entries may stand in the log alone */
};

/* *is_new: nothing was ever stored; the caller begins the log. BP_EVERSION: another version wrote
 * it; BP_ECORRUPT: what it says of itself fails its check; BP_EIO, BP_ENOMEM, BP_ENOSPC. */
BP_MUST_USE bp_status bp_store_open(const struct bp_store_config *config, struct bp_store **out,
                                    struct bp_store_about *about, bool *is_new, struct bp_err *err);
void bp_store_close(struct bp_store *s); /* NULL allowed; no reader is left */

/* After a failure that LMDB does not come back from: drops what is being written, waits until no
 * reader is left, closes the environment and opens it anew. When it fails the store writes nothing
 * (BP_EIO) until the next call helps; what is committed is read on, if the disk still lets it be
 * read. Writer. */
BP_MUST_USE bp_status bp_store_reopen(struct bp_store *s, struct bp_err *err);

/* --- writing: one transaction, begun by the first of these, ended by commit or abort. After any
 * failure: abort. --- */

/* The number is above all others; the bytes are copied. */
BP_MUST_USE bp_status bp_store_put_entry(struct bp_store *s, uint64_t number, struct bp_str entry);
BP_MUST_USE bp_status bp_store_put_control(struct bp_store *s, const struct bp_control *control);
BP_MUST_USE bp_status bp_store_put_subscription(struct bp_store *s, struct bp_str key,
                                                struct bp_str row);
BP_MUST_USE bp_status bp_store_delete_subscription(struct bp_store *s,
                                                   struct bp_str key); /* BP_OK if there is none */
BP_MUST_USE bp_status bp_store_put_about(struct bp_store *s, const struct bp_store_about *about);
/* Counts a recovery in the table of facts: a small write that shows whether the disk takes one. */
BP_MUST_USE bp_status bp_store_put_probe(struct bp_store *s);
/* All of it durable, or, unless BP_EIO leaves it open, nothing. BP_OK where nothing was begun. */
BP_MUST_USE bp_status bp_store_commit(struct bp_store *s);
void bp_store_abort(struct bp_store *s);

/* --- reading: a snapshot, used and ended by the thread that began it --- */

struct bp_store_reader;
/* BP_EAGAIN: too many at once; BP_EIO: the store is shut after a failure. */
BP_MUST_USE bp_status bp_store_read_begin(struct bp_store *s, struct bp_store_reader **out);
void bp_store_read_end(struct bp_store_reader *r); /* NULL allowed */

/* The stored bytes of an entry, borrowed until the next one is read, or the end of the snapshot.
 * BP_ENOENT; BP_ECORRUPT: the file is damaged there; BP_ENOMEM. */
BP_MUST_USE bp_status bp_store_get(struct bp_store_reader *r, uint64_t number,
                                   struct bp_str *stored);
/* The entry with the least number above this. Quick when called in order. */
BP_MUST_USE bp_status bp_store_next(struct bp_store_reader *r, uint64_t number, uint64_t *found,
                                    struct bp_str *stored);
BP_MUST_USE bp_status bp_store_last(struct bp_store_reader *r, uint64_t *number);

/* Calls each for every row, in order of key, until it fails. */
BP_MUST_USE bp_status bp_store_each_control(struct bp_store_reader *r,
                                            bp_status (*each)(void *context,
                                                              const struct bp_control *control),
                                            void *context);
BP_MUST_USE bp_status bp_store_each_subscription(struct bp_store_reader *r,
                                                 bp_status (*each)(void *context, struct bp_str key,
                                                                   struct bp_str row),
                                                 void *context);

/* Bytes the environment takes on its file system. Any thread. */
uint64_t bp_store_disk_bytes(const struct bp_store *s);

#endif
