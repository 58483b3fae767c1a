/* The CRLs of a CA folder, made from its ledger. One thread. */
#ifndef BERBAGI_CRL_H
#define BERBAGI_CRL_H

#include "authority.h"

#define BP_CRL_DAYS 7
#define BP_ROOT_CRL_DAYS 90

/* Stages crl/NAME.pem for each CA that is not withdrawn, with all its revoked certificates that are
 * not over, next update in so many days (of a root: root_days), and crl.pem with all of them. The
 * last list stands where a key is not at hand, and of a root where root_days is 0. */
BP_MUST_USE bp_status bp_crls_stage(struct bp_authority *a, unsigned days, unsigned root_days,
                                    struct bp_err *err);

/* Has the list of a CA that was withdrawn removed. */
BP_MUST_USE bp_status bp_crl_remove(struct bp_authority *a, const struct bp_issuer *issuer,
                                    struct bp_err *err);

/* When the list of this CA that is in the folder is due to be replaced. */
BP_MUST_USE bp_status bp_crl_due(const struct bp_authority *a, const struct bp_issuer *issuer,
                                 int64_t *due_ns, struct bp_err *err);

#endif
