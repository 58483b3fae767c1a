/* The renewal server put together: the CA's key unlocked, the listener, its certificate and lists,
 * which are taken anew when their files change. */
#ifndef BERBAGI_SERVE_H
#define BERBAGI_SERVE_H

#include "credentials.h"
#include "renewals.h"

struct bp_serve;

struct bp_serve_config {
    const char *dir, *listen;
    const char *cert, *key; /* key NULL: in cert */
    struct bp_online_policy policy;
    unsigned most_an_hour;
    struct bp_keyring *keys;
};

/* What comes before any thread, and may ask for a passphrase: opens the CA and unlocks the key that
 * signs for agencies. *trust_domain is to be freed. BP_EPERM: the root's key lies in the folder, which
 * is no place for it on a machine that listens (a CA for development aside). */
BP_MUST_USE bp_status bp_serve_unlock(const char *dir, struct bp_keyring *keys, char **trust_domain,
                                      struct bp_err *err);

/* Serves. Signals are blocked by now. config's texts and trust_domain are borrowed. */
BP_MUST_USE bp_status bp_serve_start(const struct bp_serve_config *config, const char *trust_domain,
                                     struct bp_serve **out, struct bp_err *err);
const char *bp_serve_address(const struct bp_serve *s); /* "127.0.0.1:7444" */
void bp_serve_reload(struct bp_serve *s);               /* any thread */
void bp_serve_stop(struct bp_serve *s);                 /* NULL and half-built allowed */

#endif
