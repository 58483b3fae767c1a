/* When a broken connection is made again, and when that is given up: shared by publishers and
 * subscriptions. Times are points of bp_client_now_ms. */
#ifndef BERBAGI_TRIES_H
#define BERBAGI_TRIES_H

#include "backoff.h"
#include "link.h"

struct bp_tries {
    struct bp_backoff backoff;
    bool ever_answered;
    bool is_failing;
    int64_t failing_since_ms;
    int64_t next_ms; /* not before */
};

/* The exchange answered: the next failure is a first one. */
void bp_tries_answered(struct bp_tries *t);

/* *link ended: closes it and sets it to NULL. BERBAGI_OK: try again at t->next_ms (the client's
 * notice was told); otherwise *error says why not: BERBAGI_EREFUSED, or BERBAGI_EUNREACHABLE after
 * the client's patience. What the exchange said against a certificate that has been replaced since
 * is not final, nor is the reason `excused` (NULL: none). */
berbagi_status bp_tries_lost(struct bp_tries *t, const struct berbagi_client *client,
                             struct bp_link **link, const char *excused,
                             struct berbagi_error *error);

/* Makes *link when it is time. BERBAGI_AGAIN: not before until_ms. Files that cannot be used are a
 * failed try like others once the exchange has answered, because they may be in the middle of being
 * renewed. */
berbagi_status bp_tries_connect(struct bp_tries *t, struct berbagi_client *client, const char *path,
                                int64_t until_ms, struct bp_link **link,
                                struct berbagi_error *error);

#endif
