/* The certificate revocation lists of a program: the newest of each CA, each checked against the CA
 * that signed it. Fails closed: a certificate whose issuer's list is missing or out of date counts
 * as barred. Filled first, then immutable; any thread. */
#ifndef BERBAGI_CRL_SET_H
#define BERBAGI_CRL_SET_H

#include "trust.h"

struct bp_crl_set;

/* trust is borrowed for the life of the set. NULL when out of memory. */
struct bp_crl_set *bp_crl_set_create(const struct bp_trust *trust, uint64_t grace_s);
void bp_crl_set_destroy(struct bp_crl_set *set); /* NULL allowed */

/* Takes all lists of a PEM text. BP_EINVAL: none in it, unreadable, not signed by a CA of the
 * bundle, no nextUpdate, out of date at now_ns, from the future, or with a critical extension
 * (partial and delta lists). */
BP_MUST_USE bp_status bp_crl_set_add(struct bp_crl_set *set, struct bp_str pem, int64_t now_ns,
                                     struct bp_err *err);

/* BP_EINVAL and its name if a CA of the bundle has no list in the set. */
BP_MUST_USE bp_status bp_crl_set_check_complete(const struct bp_crl_set *set, struct bp_err *err);

/* BP_EAUTH and its name if a list of the set is out of date at now_ns. */
BP_MUST_USE bp_status bp_crl_set_check_current(const struct bp_crl_set *set, int64_t now_ns,
                                               struct bp_err *err);

/* Looks up each certificate of the chain but the last in its issuer's list. BP_EPERM revoked,
 * BP_EAUTH list missing or out of date. */
BP_MUST_USE bp_status bp_crl_set_check(const struct bp_crl_set *set, const STACK_OF(X509) * chain,
                                       int64_t now_ns, struct bp_err *err);

/* Earliest of all lists; INT64_MAX when empty. The end is nextUpdate and the grace behind it. */
int64_t bp_crl_set_next_update_ns(const struct bp_crl_set *set);
int64_t bp_crl_set_end_ns(const struct bp_crl_set *set);

/* Entries of all lists. */
size_t bp_crl_set_revoked(const struct bp_crl_set *set);

#endif
