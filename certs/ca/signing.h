/* Signing a certificate for somebody: what sign, issue and renew share. One thread. */
#ifndef BERBAGI_SIGNING_H
#define BERBAGI_SIGNING_H

#include "authority.h"
#include "subject.h"

struct bp_signed {
    struct bp_buf pem; /* the certificate, its issuing CA's behind it */
    char serial[48];
    int64_t not_after_s;
};

/* Checks the request and the registry, signs with the CA of the subject's kind and enters the
 * certificate; the caller records the act and commits. days 0: as the profile has it. BP_EINVAL:
 * the request is refused; BP_EPERM: the agency is not in the registry; else the CA is at fault. */
BP_MUST_USE bp_status bp_sign(struct bp_authority *a, const struct bp_subject *s, X509_REQ *request,
                              unsigned days, struct bp_signed *out, struct bp_err *err);
void bp_signed_fini(struct bp_signed *s); /* a zeroed one allowed */

/* Appends a certificate of the ledger and its issuing CA's as bp_sign gave them. */
BP_MUST_USE bp_status bp_signed_export(const struct bp_authority *a, const struct bp_record *r,
                                       struct bp_buf *out, struct bp_err *err);

#endif
