/* The journal: the truth, an append-only log. A write-ahead file makes it durable, an LMDB
 * environment keeps it, both in DIR/journal. Written by the sequencer alone; read by anybody through
 * short read transactions. LMDB's types stay inside. */
#ifndef BERBAGI_JOURNAL_H
#define BERBAGI_JOURNAL_H

#include "clock.h"
#include "record.h"

struct bp_journal;

struct bp_journal_config {
    const char *dir;       /* the environment's own folder (DATA/journal), made if missing, 0700 */
    uint64_t map_bytes;    /* 0 = 1 TiB of address space */
    unsigned most_readers; /* read transactions at once; 0 = 510 */
    const struct bp_clock *clock;
    /* of the write-ahead log; 0 = 3 segments of 4 MiB, made of zeros when the folder is new */
    unsigned log_segments;
    uint64_t log_segment_bytes; /* whole blocks of 4,096; at least two */
    /* when what is durable is applied to the store: after so many bytes (0 = 512 KiB) or so long (0 =
     * 200 ms) */
    size_t most_tail_bytes;
    unsigned most_tail_ms;
};

/* Opens or creates; holds a lock file so that a second server is refused (BP_EEXIST). BP_EIO: not
 * writable, a network file system; BP_EVERSION: written by another version; BP_ECORRUPT: the last
 * entries fail their check, or the write-ahead log is not whole. A new log gets a random log id and its first entry. */
BP_MUST_USE bp_status bp_journal_open(const struct bp_journal_config *config,
                                      struct bp_journal **out, struct bp_err *err);
void bp_journal_close(struct bp_journal *j); /* NULL allowed */

/* Newest durable position (0: none), and the other facts of the log. Any thread. */
uint64_t bp_journal_head(const struct bp_journal *j);
uint64_t bp_journal_first(
    const struct bp_journal *j); /* oldest position kept; head + 1 when there is none */
struct bp_log_id bp_journal_log_id(const struct bp_journal *j);
uint64_t bp_journal_policy_version(const struct bp_journal *j); /* in force; 0: none yet */
uint64_t bp_journal_newest_version(const struct bp_journal *j); /* in force, once or never */
uint64_t
bp_journal_last_number(const struct bp_journal *j); /* of the newest durable entry of any kind */

/* --- reading: one transaction, used and ended on the thread that began it, never across a wait ---
 */

struct bp_journal_reader;
/* BP_EAGAIN: too many at once; BP_EIO: the journal is shut after a failure it has not come back
 * from yet. */
BP_MUST_USE bp_status bp_journal_read_begin(struct bp_journal *j, struct bp_journal_reader **out);
void bp_journal_read_end(struct bp_journal_reader *r); /* NULL allowed */

/* The event at this position, then each next one. What *out points to lives until the next entry is
 * read through the same reader, or until it ends, here as with all that follow. BP_ENOENT: not there
 * (beyond the head of this transaction, or pruned). BP_ECORRUPT: its check fails;
 * out->routing.position alone is set, and the place moves on with the next call. read_next before any
 * read_at begins with the first event. */
BP_MUST_USE bp_status bp_journal_read_at(struct bp_journal_reader *r, uint64_t position,
                                         struct bp_record *out);
BP_MUST_USE bp_status bp_journal_read_next(struct bp_journal_reader *r, struct bp_record *out);

/* Any entry by its number; the first control entry with a number above this (from 0: the log's
 * beginning). BP_ENOENT, BP_ECORRUPT (out->number alone is set). */
BP_MUST_USE bp_status bp_journal_read_entry(struct bp_journal_reader *r, uint64_t number,
                                            struct bp_entry *out);
BP_MUST_USE bp_status bp_journal_read_control(struct bp_journal_reader *r, uint64_t after_number,
                                              struct bp_entry *out);

/* The bytes of any entry (record.h), checked; *position of an event, 0 of another. BP_ENOENT,
 * BP_ECORRUPT, BP_EVERSION. */
BP_MUST_USE bp_status bp_journal_read_stored(struct bp_journal_reader *r, uint64_t number,
                                             struct bp_str *stored, uint64_t *position);

/* The newest position recorded before this time (0: none): where a reader of everything since then
 * starts behind. */
BP_MUST_USE bp_status bp_journal_position_before(struct bp_journal *j, int64_t recorded_at_ns,
                                                 uint64_t *position);

struct bp_policy_entry {
    uint64_t version;
    uint64_t replaces; /* the version in force when it was sent */
    int64_t applied_at_ns;
    char actor[80];         /* who sent it; cut to fit */
    bool is_proposal;       /* it needed an approval */
    int64_t approved_at_ns; /* 0: it has none */
    char approver[80];      /* "": none */
};

/* Appends the content of the policy version in force to content (NULL: not wanted) and tells its
 * version, who applied it and when; version 0: there is none. BP_ECORRUPT, BP_EIO, BP_ENOMEM; what
 * was appended is to be thrown away then. Any thread. */
BP_MUST_USE bp_status bp_journal_policy(struct bp_journal *j, struct bp_policy_entry *entry,
                                        struct bp_buf *content);
/* The same of any version, proposed ones too. BP_ENOENT. */
BP_MUST_USE bp_status bp_journal_policy_at(struct bp_journal *j, uint64_t version,
                                           struct bp_policy_entry *entry, struct bp_buf *content);

/* Bytes the journal holds, and bytes free on its file system. Any thread. */
uint64_t bp_journal_disk_bytes(const struct bp_journal *j);
/* Free to users without privileges, as of statvfs(2). BP_EIO. */
BP_MUST_USE bp_status bp_journal_disk_free(const struct bp_journal *j, uint64_t *bytes);

#endif
