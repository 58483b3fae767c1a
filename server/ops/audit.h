/* The audit record: who had a worker's NIK turned into a pseudonym, when and how often, who changed
 * the policy, and what operators did to certificates and connections. JSON Lines, a file for each day of Asia/Jakarta (DIR/2026-03-12.jsonl), only
 * ever appended to; never a NIK, a pseudonym or anything of an event. A chain goes through the lines
 * (audit_chain.h). A thread of its own writes all that waits and flushes once. */
#ifndef BERBAGI_AUDIT_H
#define BERBAGI_AUDIT_H

#include "clock.h"
#include "error.h"
#include "mailbox.h"

struct bp_audit;

enum bp_audit_kind {
    BP_AUDIT_RESOLVE,        /* count subjects of one request */
    BP_AUDIT_POLICY_APPLIED, /* version */
    BP_AUDIT_POLICY_PROPOSED,
    BP_AUDIT_POLICY_APPROVED,
    BP_AUDIT_CERTIFICATES, /* about: "taken" or "refused"; count: calls cut */
    BP_AUDIT_DISCONNECT,   /* about: whom; count: connections */
    BP_AUDIT_BACKUP,       /* count: the newest position when it began */
};

/* Filled by who writes it, and kept alive until done. */
struct bp_audit_record {
    struct bp_mail mail; /* first */
    enum bp_audit_kind kind;
    int64_t time_ns;
    const char *who;    /* "kab.18.07", "operator/dewi" */
    const char *serial; /* of the certificate */
    uint64_t count;    /* of RESOLVE: subjects; of a policy: the version; of others as said above */
    const char *about; /* without quotes and backslashes; NULL where the kind has none */
    bool is_dry_run;
    /* On the audit thread, when the line is on disk, or could not be brought there (BP_ENOSPC,
     * BP_EIO): then nothing of it is left in the file. */
    void (*done)(struct bp_audit_record *record, bp_status st);
};

/* Makes the folder (0700) if it is missing, and starts the thread. BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_audit_open(const char *dir, struct bp_audit **out, struct bp_err *err);
/* Writes what waits, then ends the thread. NULL allowed. */
void bp_audit_close(struct bp_audit *a);

/* False, and done is not called: it is closing, or too much waits. Any thread; never blocks. */
bool bp_audit_write(struct bp_audit *a, struct bp_audit_record *record);

/* Tells what was resolved on a day, line by line; lines that are none are passed over, and where the
 * chain is broken is logged. A day without a file has none. BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_audit_read_resolves(const char *dir, bp_day day,
                                             void (*each)(void *context, struct bp_str who,
                                                          uint64_t count),
                                             void *context, struct bp_err *err);

#endif
