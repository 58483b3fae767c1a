/* One bidirectional stream over a connection of its own, and the only place that waits on gRPC. A
 * link is made, used until it ends and thrown away; making the next one is its owner's business.
 * One thread at a time. */
#ifndef BERBAGI_LINK_H
#define BERBAGI_LINK_H

#include "client_internal.h"

struct bp_link;

enum bp_link_event {
    LINK_NOTHING,  /* the time is over */
    LINK_WRITABLE, /* what was written has left */
    LINK_MESSAGE,  /* bp_link_message */
    LINK_ENDED,    /* bp_link_error tells how; last event */
};

/* Begins to connect; path is static. What goes wrong with the connection comes as LINK_ENDED.
 * BERBAGI_ELOCAL, BERBAGI_ENOMEM. */
berbagi_status bp_link_open(struct berbagi_client *client, const char *path, struct bp_link **out,
                            struct berbagi_error *error);
/* Have the credential files changed since this link was made with them? Looks at the files. */
bool bp_link_is_outdated(const struct bp_link *l);
/* Cancels and waits until gRPC lets go. NULL allowed. */
void bp_link_close(struct bp_link *l);

/* May a message be written now? False while one is under way, after the half-close and after the
 * end. */
bool bp_link_is_writable(const struct bp_link *l);
/* Copies n parts, one behind the other, and sends them as one message; only when writable. */
void bp_link_write(struct bp_link *l, const struct bp_str *parts, size_t n);
/* Nothing more will be written; only when writable. */
void bp_link_half_close(struct bp_link *l);

/* Waits for the next event until this point of bp_client_now_ms (INT64_MAX: without end; past: what
 * is there). */
enum bp_link_event bp_link_next(struct bp_link *l, int64_t until_ms);

/* The message of LINK_MESSAGE; borrowed until the next bp_link_next. */
struct bp_str bp_link_message(const struct bp_link *l);

/* How it ended; code 0: orderly. After LINK_ENDED. */
const struct berbagi_error *bp_link_error(const struct bp_link *l);

/* Ends a link that is silent for too long: the next event is LINK_ENDED with these words and
 * UNAVAILABLE. */
void bp_link_give_up(struct bp_link *l, const char *words);

#endif
