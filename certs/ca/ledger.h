/* What a CA has done, in LMDB: every certificate it signed, every act with time, person and reason,
 * the numbers of its CRLs. One transaction for each run of a command: nothing is kept before the
 * commit, everything after it. One thread. */
#ifndef BERBAGI_LEDGER_H
#define BERBAGI_LEDGER_H

#include "ca.h"

struct bp_ledger;

/* A certificate that was signed. */
struct bp_record {
    uint8_t serial[BP_SERIAL_BYTES];
    enum bp_ca issuer; /* of the root: the certificate of an issuing CA, whose name is in name */
    char name[65];
    int64_t issued_s, not_after_s;
    int64_t revoked_s; /* 0: is not */
    uint8_t reason;
    struct bp_str der; /* borrowed until the transaction ends */
};

/* Makes the ledger in dir, which must be there and hold none. */
BP_MUST_USE bp_status bp_ledger_create(const char *dir, const char *trust_domain,
                                       bool is_development, struct bp_ledger **out,
                                       struct bp_err *err);

/* Opens it and begins the transaction. BP_ENOENT, BP_EVERSION written by a newer version, BP_EIO.
 */
BP_MUST_USE bp_status bp_ledger_open(const char *dir, bool for_writing, struct bp_ledger **out,
                                     struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_commit(struct bp_ledger *l, struct bp_err *err);
void bp_ledger_close(struct bp_ledger *l); /* NULL allowed; what was not committed is undone */

const char *bp_ledger_trust_domain(const struct bp_ledger *l);
bool bp_ledger_is_development(const struct bp_ledger *l);

/* A new record. BP_EEXIST: the serial is taken. */
BP_MUST_USE bp_status bp_ledger_add(struct bp_ledger *l, const struct bp_record *r,
                                    struct bp_err *err);
/* BP_ENOENT: no certificate has this serial; BP_ECORRUPT. */
BP_MUST_USE bp_status bp_ledger_get(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                                    struct bp_record *out, struct bp_err *err);
/* BP_ENOENT, BP_EEXIST: it is revoked already. */
BP_MUST_USE bp_status bp_ledger_revoke(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                                       uint8_t reason, struct bp_err *err);

/* Calls see for each record, by serial; ends with the first that is not BP_OK. see must not write.
 */
typedef bp_status bp_record_see(void *context, const struct bp_record *r, struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_each(struct bp_ledger *l, bp_record_see *see, void *context,
                                     struct bp_err *err);

/* Records an act: time and the person at the keyboard are added. */
BP_MUST_USE bp_status bp_ledger_note(struct bp_ledger *l, struct bp_err *err, const char *format,
                                     ...) BP_PRINTF(3, 4);
/* Calls see with each act, "TIME PERSON what was done", oldest first. */
typedef void bp_act_see(void *context, struct bp_str act);
BP_MUST_USE bp_status bp_ledger_each_act(struct bp_ledger *l, bp_act_see *see, void *context,
                                         struct bp_err *err);

/* The number of this CA's next CRL: 1, 2, 3 ... */
BP_MUST_USE bp_status bp_ledger_take_crl_number(struct bp_ledger *l, enum bp_ca ca, uint64_t *out,
                                                struct bp_err *err);

#endif
