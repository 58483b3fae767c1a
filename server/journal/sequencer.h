/* The one door for change: a thread that takes all that waits, decides duplicates and conflicts, gives positions and times, commits once
 * and answers. What is answered with BP_OK is on disk.
 *
 * Ids are decided against a struct bp_id_index, which the index layer provides, so that the journal knows nothing of it. */
#ifndef BERBAGI_SEQUENCER_H
#define BERBAGI_SEQUENCER_H

#include "journal.h"
#include "mailbox.h"

#define BP_ID_KEY_BYTES 16
#define BP_CONTENT_DIGEST_BYTES 16

/* An id within its source, and what its content was: truncated SHA-256 of each. */
struct bp_id_key {
    uint8_t bytes[BP_ID_KEY_BYTES];
};
struct bp_content_digest {
    uint8_t bytes[BP_CONTENT_DIGEST_BYTES];
};
void bp_id_key_make(struct bp_str source, struct bp_str id, struct bp_id_key *out);

/* Which ids are taken. Implemented by index/. */
struct bp_id_index {
    void *context;
    /* BP_OK: taken, by this position and content. BP_ENOENT: free. Sees every event committed before the call, indexed or not. */
    bp_status (*find)(void *context, const struct bp_id_key *key, uint64_t *position, struct bp_content_digest *content);
    /* An event was committed; called in order of position on the sequencer's thread, after the commit. */
    void (*committed)(void *context, const struct bp_id_key *key, uint64_t position, const struct bp_content_digest *content);
    /* Room for n more ids that are not indexed yet? false: publishing is answered BP_EAGAIN. */
    bool (*has_room)(void *context, size_t n);
};

enum bp_outcome { BP_OUTCOME_NONE, BP_OUTCOME_STORED, BP_OUTCOME_DUPLICATE, BP_OUTCOME_CONFLICT, BP_OUTCOME_ABORTED };

/* One event to be stored. The submitter fills the first part and keeps everything alive until done. */
struct bp_proposal {
    struct bp_id_key id;
    struct bp_content_digest content;
    struct bp_record record; /* number, position, log id, recorded_at, parts are the sequencer's */
    bool skip;               /* decided by the submitter (rejected): outcome stays NONE; with all_or_nothing it aborts the others */
    /* the answer */
    enum bp_outcome outcome;
    uint64_t position;
};

struct bp_submission {
    struct bp_mail mail; /* bytes: what it counts against the mailbox's bound */
    struct bp_proposal *proposals;
    size_t n;
    bool all_or_nothing;
    uint64_t policy_version; /* under which it was judged */
    /* Called on the sequencer's thread when all is decided and durable; must not block. Duplicates and conflicts are told with BP_OK.
     * BP_ECONFLICT: the policy version in force is another; judge again. BP_ENOSPC: disk reserve reached, nothing stored. BP_EIO: the
     * commit failed, outcome unknown. BP_EAGAIN: the index is behind. BP_ECLOSED: stopping. */
    void (*done)(struct bp_submission *submission, bp_status st);
};

/* A new policy version. */
struct bp_policy_submission {
    struct bp_mail mail;
    struct bp_str content;    /* serialized Policy */
    struct bp_str actor;
    uint64_t expected_version;
    uint64_t version;         /* the answer: expected_version + 1 */
    /* As above. BP_ECONFLICT: another version is in force. */
    void (*done)(struct bp_policy_submission *submission, bp_status st);
};

struct bp_sequencer;
struct bp_sequencer_config {
    struct bp_journal *journal;
    const struct bp_id_index *ids;
    size_t most_waiting_bytes;      /* of the mailbox; 0 = 64 MiB */
    uint64_t disk_reserve_bytes;    /* below it events are answered BP_ENOSPC; policy and acknowledgements go on */
    const struct bp_clock *clock;
    /* The head moved or a policy was committed, on the sequencer's thread, after done of all in the group. */
    void (*on_head)(void *context, uint64_t head);
    void *context;
};

BP_MUST_USE bp_status bp_sequencer_start(const struct bp_sequencer_config *config, struct bp_sequencer **out, struct bp_err *err);
/* Finishes what waits, then ends the thread. NULL allowed. */
void bp_sequencer_stop(struct bp_sequencer *s);

/* False: the mailbox is full (or stopping); done is not called. Any thread; never blocks. */
bool bp_sequencer_submit(struct bp_sequencer *s, struct bp_submission *submission);
bool bp_sequencer_submit_policy(struct bp_sequencer *s, struct bp_policy_submission *submission);

/* --- durable subscriptions: a row for each in the journal's environment, written with the next group or within a second --- */

#define BP_SUBSCRIPTION_NAME_MAX 64
struct bp_subscription {
    char agency[65];
    char name[BP_SUBSCRIPTION_NAME_MAX + 1];
    uint64_t acknowledged_position;
    int64_t last_active_ns;
    int64_t created_ns;
    struct bp_str filter; /* serialized Filter, at most 64 KiB */
};

/* Stores the row (whole). done, NULL allowed, is called on the sequencer's thread when it is durable. The content is copied. */
BP_MUST_USE bp_status bp_sequencer_put_subscription(struct bp_sequencer *s, const struct bp_subscription *row,
                                                    void (*done)(void *context, bp_status st), void *context);
BP_MUST_USE bp_status bp_sequencer_delete_subscription(struct bp_sequencer *s, const char *agency, const char *name,
                                                       void (*done)(void *context, bp_status st), void *context);

/* The row as of the last put, durable or not; filter goes to filter (NULL: not wanted). BP_ENOENT. Any thread. */
BP_MUST_USE bp_status bp_sequencer_get_subscription(struct bp_sequencer *s, const char *agency, const char *name,
                                                    struct bp_subscription *out, struct bp_buf *filter);
/* Rows of an agency (NULL: of all) behind (after_agency, after_name) in order, as of the last put; calls each until it returns false. Filter is borrowed
 * for the call. Any thread. */
BP_MUST_USE bp_status bp_sequencer_list_subscriptions(struct bp_sequencer *s, const char *agency, const char *after_agency,
                                                      const char *after_name, bool (*each)(void *context, const struct bp_subscription *row),
                                                      void *context);

/* What is wrong now, for health and status: BP_OK, BP_ENOSPC (below the reserve), BP_EIO (a commit failed and recovery did not help). */
bp_status bp_sequencer_health(const struct bp_sequencer *s);

#endif
