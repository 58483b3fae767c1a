/* The CA bundle of somebody who is offered a new one over the network. Whoever offers it is not
 * believed for that: a CA is taken in only where a root that is known already vouches for it, so a
 * new root comes by hand alone. Pure; any thread. */
#ifndef BERBAGI_BUNDLE_H
#define BERBAGI_BUNDLE_H

#include "certificate.h"

struct bp_bundle {
    struct bp_buf next; /* the known and vouched-for CAs of the offer, PEM */
    struct bp_buf both; /* those, and what else was known: holds on both sides of a change */
    bool is_new;        /* next holds a CA that was not known, or lacks one that was */
    size_t n_strange;   /* CAs of the offer that nothing known vouches for; left out */
};

/* BP_EINVAL: the known bundle or the offer cannot be read. An offer without a known root changes
 * nothing. */
BP_MUST_USE bp_status bp_bundle_compare(struct bp_str known, struct bp_str offer, int64_t now_ns,
                                        struct bp_bundle *out, struct bp_err *err);
void bp_bundle_fini(struct bp_bundle *b); /* a zeroed one allowed */

#endif
