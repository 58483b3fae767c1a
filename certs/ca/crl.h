/* The CRLs of a CA folder, made from its ledger. One thread. */
#ifndef BERBAGI_CRL_H
#define BERBAGI_CRL_H

#include "authority.h"

#define BP_CRL_DAYS 7
#define BP_ROOT_CRL_DAYS 90

/* The lists of one run: made inside the ledger's transaction, written after its commit. */
struct bp_crls {
    struct bp_buf pem[BP_CAS]; /* empty: the root's key is elsewhere, its last list stands */
};

/* Makes a list for each CA: all its revoked certificates that are not over, next update in so many
 * days (of the root: root_days). The root's is left out if its key is not in the folder; BP_ENOENT
 * if another key is not. */
BP_MUST_USE bp_status bp_crls_make(struct bp_authority *a, unsigned days, unsigned root_days,
                                   struct bp_crls *out, struct bp_err *err);

/* Writes crl/NAME.pem for each and then crl.pem, all in one. dir: of the CA. */
BP_MUST_USE bp_status bp_crls_write(const char *dir, const struct bp_crls *crls,
                                    struct bp_err *err);
/* When the root's list in the folder is due to be replaced. */
BP_MUST_USE bp_status bp_crl_root_due(const char *dir, int64_t *due_ns, struct bp_err *err);
void bp_crls_fini(struct bp_crls *crls);

#endif
