/* Going over to a link made with renewed certificate files: when to, and how often to try again.
 * The owner puts the new link in the place of the old one, keeps that aside until the new one has
 * answered, and takes it back if it ends before: files that the exchange does not take cost
 * nothing. Shared by publishers and subscriptions. */
#ifndef BERBAGI_MOVE_H
#define BERBAGI_MOVE_H

#include "link.h"

struct bp_move {
    int64_t look_ms;           /* a point of bp_client_now_ms: not before */
    int64_t unusable_since_ms; /* of changed files; 0: they are not */
    uint32_t failures;         /* in a row */
};

/* Have the files changed since link was made with them? Looks about once a second, and warns of the
 * certificate's end on the way. */
bool bp_move_is_due(struct bp_move *m, struct berbagi_client *client, const struct bp_link *link);

/* Makes the new link. False: the files cannot be used, which is told where it lasts. */
bool bp_move_begin(struct bp_move *m, struct berbagi_client *client, const char *path,
                   struct bp_link **out);

/* The new link answered. */
void bp_move_done(struct bp_move *m);

/* The new link ended with why before it answered: tells, and waits before it is tried again. True:
 * the old link must end first, because the exchange allows no more at once. */
bool bp_move_failed(struct bp_move *m, struct berbagi_client *client,
                    const struct berbagi_error *why);

#endif
