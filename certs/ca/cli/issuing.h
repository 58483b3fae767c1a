/* Signing a certificate for somebody: what sign and issue share. One thread. */
#ifndef BERBAGI_ISSUING_H
#define BERBAGI_ISSUING_H

#include "authority.h"
#include "subject.h"

/* Checks the request, signs, enters the certificate into the ledger and commits, and writes it with
 * its issuing CA's behind it as PEM to path, or to standard output if that is NULL. */
BP_MUST_USE bp_status bp_issue(struct bp_authority *a, const struct bp_subject *s,
                               X509_REQ *request, unsigned days, const char *path,
                               struct bp_err *err);

/* The writing alone. */
BP_MUST_USE bp_status bp_pem_write(const struct bp_buf *pem, const char *path, struct bp_err *err);

/* --days, or the profile's default. */
unsigned bp_days_wanted(const struct bp_options *o, const struct bp_subject *s);

#define BP_OPTION_DAYS                                                                             \
    {                                                                                              \
        .key = "days", .type = BP_OPTION_NUMBER, .operand = "N", .least = 1, .most = 397,          \
        .help =                                                                                    \
            "How long it is valid; without this 90 for agencies and servers, 30 for operators."    \
    }

#endif
