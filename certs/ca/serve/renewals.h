/* berbagi.ca.v1.RenewalService. The queue's thread takes requests and bounds them; a thread of its
 * own opens the CA, decides and signs, one after the other, because the ledger has one writer and
 * each act waits for the disk. */
#ifndef BERBAGI_RENEWALS_H
#define BERBAGI_RENEWALS_H

#include "online.h"
#include "rpc.h"

struct bp_renewals;

struct bp_renewals_config {
    const char *dir;         /* of the CA */
    struct bp_keyring *keys; /* the worker's alone from now on */
    struct bp_online_policy policy;
    unsigned most_an_hour; /* requests looked at, of all agencies together */
    const struct bp_clock *clock;
};

/* Starts the worker and adds the method to rpc, before that starts. config is copied, what it names
 * borrowed. BP_ENOMEM, BP_EIO. */
BP_MUST_USE bp_status bp_renewals_start(const struct bp_renewals_config *config,
                                        struct bp_rpc_server *rpc, struct bp_renewals **out,
                                        struct bp_err *err);
/* After the server has stopped; what was begun is finished. NULL allowed. */
void bp_renewals_stop(struct bp_renewals *r);

#endif
