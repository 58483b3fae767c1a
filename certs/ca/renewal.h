/* A new certificate for whom a still valid one is for. One thread. */
#ifndef BERBAGI_RENEWAL_H
#define BERBAGI_RENEWAL_H

#include "signing.h"

struct bp_renewal {
    /* Of the certificate that is to be renewed: bp_identity_of_pem of what the officer was shown, or
     * of what the peer proved to hold by its TLS handshake. */
    const struct bp_identity *held;
    struct bp_str request_pem;
    unsigned days;      /* 0: as the profile has it */
    const char *actor;  /* recorded: who asked; NULL: the user at the keyboard */
    const char *reason; /* recorded: why; NULL: nobody says */
};

/* Checks that the certificate is one of this ledger, valid, not revoked, of a CA that is not
 * withdrawn, and that the request asks for exactly what it says (a server's hosts included) and
 * proves its key, old or new; then signs, records and commits: one transaction, which may wait for
 * another writer and for the disk.
 *   BP_ENOENT   it was not signed here
 *   BP_EPERM    it is revoked or over, or its agency is no longer in the registry
 *   BP_EINVAL   the request is refused
 * Anything else is the CA's own trouble. Nothing was changed unless BP_OK. */
BP_MUST_USE bp_status bp_renew(struct bp_authority *a, const struct bp_renewal *what,
                               struct bp_signed *out, struct bp_err *err);

#endif
