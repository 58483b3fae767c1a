/* A request that waits for its certificate: the new key and the request, in one file beside the
 * identity's, "<identity>.request", mode 0600, replaced whole or not at all. One thread. */
#ifndef BERBAGI_PENDING_H
#define BERBAGI_PENDING_H

#include "certificate.h"
#include "subject.h"

struct bp_pending {
    EVP_PKEY *key;
    X509_REQ *request;
};

/* BP_ENOENT: none waits; BP_EPERM: others can reach the file; BP_EINVAL: damaged. */
BP_MUST_USE bp_status bp_pending_load(const char *identity, struct bp_pending *out,
                                      struct bp_err *err);

/* Makes a new key (P-256) and a request for s, and saves both in the place of what waits. */
BP_MUST_USE bp_status bp_pending_make(const char *identity, const struct bp_subject *s,
                                      struct bp_pending *out, struct bp_err *err);

/* It is well if none waits. */
BP_MUST_USE bp_status bp_pending_remove(const char *identity, struct bp_err *err);

void bp_pending_fini(struct bp_pending *p); /* a zeroed one allowed */

#endif
