/* What each kind of certificate looks like: the one place that decides extensions and lifetimes.
 * One thread. */
#ifndef BERBAGI_PROFILE_H
#define BERBAGI_PROFILE_H

#include "authority.h"
#include "subject.h"

#define BP_ROOT_DAYS 3652    /* 10 years */
#define BP_ISSUING_DAYS 1826 /* 5 years */

/* Agency 90, operator 30, server 90. */
unsigned bp_profile_days(enum bp_identity_kind kind);

/* A self-signed root: pathLen 1, signs certificates and CRLs. */
BP_MUST_USE bp_status bp_profile_root(const char *trust_domain, EVP_PKEY *key,
                                      const uint8_t serial[BP_SERIAL_BYTES], X509 **out,
                                      struct bp_err *err);

/* An issuing CA for one kind: pathLen 0, extended key usage of that kind alone, names constrained
 * to the trust domain and to subjects of that kind, the kind's policy. */
BP_MUST_USE bp_status bp_profile_issuing(const char *trust_domain, enum bp_identity_kind kind,
                                         EVP_PKEY *key, const uint8_t serial[BP_SERIAL_BYTES],
                                         const struct bp_issuer *root, X509 **out,
                                         struct bp_err *err);

/* A certificate of somebody. It ends with its issuer if that is earlier. BP_EINVAL: the issuer's
 * own certificate is over. */
BP_MUST_USE bp_status bp_profile_leaf(const struct bp_subject *s, EVP_PKEY *key, unsigned days,
                                      const uint8_t serial[BP_SERIAL_BYTES],
                                      const struct bp_issuer *issuer, X509 **out,
                                      struct bp_err *err);

#endif
