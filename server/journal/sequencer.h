/* The one door for change: a thread that takes all that waits, decides duplicates and conflicts,
 * gives positions and times, commits once and answers. What is answered with BP_OK is on disk.
 *
 * Ids are decided against a struct bp_id_index, which the index layer provides, so that the journal
 * knows nothing of it. */
#ifndef BERBAGI_SEQUENCER_H
#define BERBAGI_SEQUENCER_H

#include "fair_queue.h"
#include "id_map.h"
#include "journal.h"
#include "mailbox.h"

/* What is asked of one id, and answered. */
struct bp_id_lookup {
    struct bp_id_key key;
    /* BP_OK: taken, by this position and content. BP_ENOENT: free. BP_EAGAIN: not known yet, the
     * index is being rebuilt (never a false "free"). BP_EIO, BP_ECORRUPT, BP_ENOMEM: it cannot
     * tell. */
    bp_status status;
    uint64_t position;
    struct bp_content_digest content;
    bool is_stored; /* the index's own */
};

/* Which ids are taken. Implemented by index/. */
struct bp_id_index {
    void *context;
    /* Answers n lookups whose keys are set. Sees every event committed before the call, indexed or
     * not. Cheaper for many together. Any thread. */
    void (*find)(void *context, struct bp_id_lookup *lookups, size_t n);
    /* n events were committed; called in order of position on the sequencer's thread, after the
     * commit. */
    void (*committed)(void *context, const struct bp_id_entry *entries, size_t n);
    /* Room for n more ids that are not indexed yet? false: publishing is answered BP_EAGAIN. */
    bool (*has_room)(void *context, size_t n);
};

enum bp_outcome {
    BP_OUTCOME_NONE,
    BP_OUTCOME_STORED,
    BP_OUTCOME_DUPLICATE,
    BP_OUTCOME_CONFLICT,
    BP_OUTCOME_ABORTED
};

/* One event to be stored. The submitter fills the first part and keeps everything alive until done.
 */
struct bp_proposal {
    struct bp_id_key id;
    struct bp_content_digest content;
    struct bp_record record; /* number, position, log id, recorded_at, parts are the sequencer's */
    bool skip; /* decided by the submitter (rejected): outcome stays NONE; with all_or_nothing it
                  aborts the others */
    /* the answer */
    enum bp_outcome outcome;
    uint64_t position; /* of STORED and DUPLICATE; 0 otherwise */
};

/* Keeps order where several submissions of one stream are on their way: once one of them fails as a
 * whole, those submitted behind it are answered with the same status and nothing of them is stored.
 * The sequencer's while any of them is; the stream sets it back to BP_OK when all have returned. */
struct bp_fence {
    bp_status broken;
};

struct bp_submission {
    struct bp_mail mail; /* bytes: what it counts against the bound, and of its flow's turn */
    struct bp_proposal *proposals;
    size_t n;
    bool all_or_nothing;
    uint64_t policy_version; /* under which it was judged */
    struct bp_fence *fence;  /* NULL: it stands alone */
    struct bp_flow *flow;    /* whose turn it takes: the agency's, the sequencer's until done; NULL:
                                one for all such. All of a stream have the same. */
    void *context;           /* the submitter's */
    /* Called on the sequencer's thread when all is decided and durable; must not block. Duplicates
     * and conflicts are told with BP_OK. BP_ECONFLICT: the policy version in force is another;
     * judge again. BP_ENOSPC: disk full or its reserve reached, nothing stored. BP_EIO: the commit
     * failed, outcome unknown; or an earlier one did and nothing is taken. BP_EAGAIN: the index is
     * behind. BP_EINVAL: a record has no stored form (record.h). BP_ENOMEM. Outcomes are NONE with
     * all of these, and nothing is stored with all but BP_EIO. */
    void (*done)(struct bp_submission *submission, bp_status st);
    /* the sequencer's */
    bp_status status;
    bool waits; /* for the commit of its group */
};

/* What is done with a policy version. */
enum bp_policy_act {
    BP_POLICY_APPLY,   /* a new version, in force at once */
    BP_POLICY_PROPOSE, /* a new version that waits for an approval */
    BP_POLICY_APPROVE, /* puts a proposed one in force */
};

struct bp_policy_submission {
    struct bp_mail mail;
    enum bp_policy_act act;
    struct bp_str content; /* serialized Policy of a new version */
    struct bp_str actor;
    uint64_t expected_version; /* in force; of an approval also the one that the proposal was meant
                                  to replace */
    uint64_t version; /* of a new version: the number it shall have, 0 = the one that follows the
                         newest; then, and in the answer, the number it has */
    /* As above. BP_ECONFLICT: another version is in force, or the number is taken. BP_ETOOLARGE:
     * over 64 MiB. BP_ENOENT: no version of this number waits for an approval. */
    void (*done)(struct bp_policy_submission *submission, bp_status st);
    /* the sequencer's */
    bp_status status;
};

struct bp_sequencer;
struct bp_sequencer_config {
    struct bp_journal *journal;
    const struct bp_id_index *ids;
    size_t most_waiting_bytes;   /* of submissions not answered yet; 0 = 64 MiB */
    uint64_t disk_reserve_bytes; /* below it events are answered BP_ENOSPC; policy and
                                    acknowledgements go on */
    const struct bp_clock *clock;
    /* The head moved or a policy was committed, on the sequencer's thread, after done of all in the
     * group. */
    void (*on_head)(void *context, uint64_t head);
    void *context;
};

BP_MUST_USE bp_status bp_sequencer_start(const struct bp_sequencer_config *config,
                                         struct bp_sequencer **out, struct bp_err *err);
/* Finishes what waits, writes the rows that are dirty, then ends the thread; what done of a row is
 * left is called here. NULL allowed. */
void bp_sequencer_stop(struct bp_sequencer *s);

/* Takes the submission and those linked behind it by mail.next, all or none. False: too much waits
 * (what is larger than the bound enters when nothing does), or it is stopping; done is not called.
 * Any thread; never blocks. Flows take turns, by bytes; policies have a mailbox of their own and go
 * first. */
bool bp_sequencer_submit(struct bp_sequencer *s, struct bp_submission *submission);
bool bp_sequencer_submit_policy(struct bp_sequencer *s, struct bp_policy_submission *submission);

/* --- durable subscriptions: a row for each in the journal's environment. The table in memory is
 * what counts at once; rows are written within half a second, in batches, and at once where done is
 * given. Putting one wakes no reader. --- */

#define BP_SUBSCRIPTION_NAME_MAX 64
struct bp_subscription {
    char agency[65];
    char name[BP_SUBSCRIPTION_NAME_MAX + 1];
    uint64_t acknowledged_position;
    int64_t last_active_ns;
    int64_t created_ns;
    struct bp_str filter; /* serialized Filter, at most 64 KiB */
};

/* Stores the row (whole). done, NULL allowed, is called on the applier's thread when it is
 * durable (BP_ENOSPC, BP_EIO: not yet; it is tried again). The content is copied. BP_EINVAL: no
 * agency or name; BP_ETOOLARGE: filter; BP_ECLOSED: stopping; BP_ENOMEM. Any thread, as with all
 * below; done is called only where BP_OK was returned. */
BP_MUST_USE bp_status bp_sequencer_put_subscription(struct bp_sequencer *s,
                                                    const struct bp_subscription *row,
                                                    void (*done)(void *context, bp_status st),
                                                    void *context);
/* BP_ENOENT: there is none. */
BP_MUST_USE bp_status bp_sequencer_delete_subscription(struct bp_sequencer *s, const char *agency,
                                                       const char *name,
                                                       void (*done)(void *context, bp_status st),
                                                       void *context);

/* The row as of the last put, durable or not; filter goes to filter (NULL: not wanted). BP_ENOENT.
 * Any thread. */
BP_MUST_USE bp_status bp_sequencer_get_subscription(struct bp_sequencer *s, const char *agency,
                                                    const char *name, struct bp_subscription *out,
                                                    struct bp_buf *filter);
/* Rows of an agency (NULL: of all) behind (after_agency, after_name; NULL: from the first) in
 * order, as of the last put; calls each until it returns false, with no lock held. Filter is
 * borrowed for the call. BP_OK, BP_ENOMEM. Any thread. */
BP_MUST_USE bp_status bp_sequencer_list_subscriptions(
    struct bp_sequencer *s, const char *agency, const char *after_agency, const char *after_name,
    bool (*each)(void *context, const struct bp_subscription *row), void *context);

/* What is wrong now, for health and status: BP_OK, BP_ENOSPC (full or below the reserve), BP_EIO (a
 * commit failed and recovery did not help yet; it is tried again every second). Any thread. */
bp_status bp_sequencer_health(const struct bp_sequencer *s);

#endif
