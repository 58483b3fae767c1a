/* The certificates in force, and how others take their place: when the files change, when somebody
 * asks (SIGHUP, ReloadCertificates). A thread of its own loads the files, checks them
 * (bp_credentials_load, and that no host name gets lost), proves what is new of certificate, key
 * and bundle by a handshake (bp_rpc_prove) and hands them to the queue's thread, which swaps. A set
 * that fails any of it changes nothing and is tried again when a file changes, or within a minute.
 */
#ifndef BERBAGI_ROTATION_H
#define BERBAGI_ROTATION_H

#include "mailbox.h"
#include "rpc.h"

struct bp_rotation;

/* What there is to say about a set. */
struct bp_rotation_facts {
    char serial[48]; /* of the server's certificate */
    int64_t not_after_ns;
    int64_t crl_next_update_ns; /* INT64_MAX: revocation is not checked */
    size_t authorities, revoked;
};

struct bp_rotation_state {
    struct bp_rotation_facts facts; /* of the set in force */
    int64_t taken_ns;               /* since when it is */
    int64_t refused_ns;             /* the files in place were refused then; 0: they are in force */
    struct bp_err refused;          /* and why */
    struct bp_err lists;            /* why nobody is let in: a revocation list; empty: they are */
};

/* A question from outside, alive until done. */
struct bp_rotation_request {
    struct bp_mail mail; /* first */
    bool dry_run;        /* nothing changes */
    /* On the rotation's thread. st BP_OK: facts are those of the files in place, in force now unless
     * dry_run, and cut calls were ended (would be). Else err says why they were refused; BP_ECLOSED:
     * the server is stopping. */
    void (*done)(struct bp_rotation_request *request);
    bp_status st;
    struct bp_err err;
    struct bp_rotation_facts facts;
    unsigned cut;
};

/* Loads and proves the first set, where revocation lists alone may be at fault; then nobody is let
 * in until they are mended. files are borrowed. After bp_rpc_init. */
BP_MUST_USE bp_status bp_rotation_create(const struct bp_credential_files *files,
                                         const struct bp_clock *clock, struct bp_rotation **out,
                                         struct bp_err *err);
/* The first set; valid until start. */
const struct bp_credentials *bp_rotation_credentials(const struct bp_rotation *r);
/* Starts the thread. rpc is started already and borrowed until stop. */
BP_MUST_USE bp_status bp_rotation_start(struct bp_rotation *r, struct bp_rpc_server *rpc,
                                        struct bp_err *err);
/* Answers what waits and ends the thread; before rpc stops. NULL allowed. */
void bp_rotation_stop(struct bp_rotation *r);
void bp_rotation_destroy(struct bp_rotation *r); /* stopped, and rpc destroyed; NULL allowed */

/* False, and done is not called: it is stopping. Any thread. */
bool bp_rotation_ask(struct bp_rotation *r, struct bp_rotation_request *request);
/* The same without an answer: what comes of it is logged. Any thread. */
void bp_rotation_reload(struct bp_rotation *r);

/* Any thread. */
void bp_rotation_state(struct bp_rotation *r, struct bp_rotation_state *out);

#endif
