/* A call of one request and many messages, over a link of its own. Not tried again: what came stays
 * with the caller, who knows whether half of it is of use. */
#ifndef BERBAGI_STREAMED_H
#define BERBAGI_STREAMED_H

#include "link.h"

struct bp_streamed {
    const char *path; /* static */
    const struct bp_buf *request;
    int silence_ms; /* that may pass between two messages */
    /* A message; what it returns other than BERBAGI_OK ends the call with that. */
    berbagi_status (*message)(void *context, struct bp_str bytes, struct berbagi_error *error);
    void *context;
};

/* BERBAGI_OK: the exchange ended the call in good order. BERBAGI_EREFUSED, BERBAGI_EUNREACHABLE,
 * BERBAGI_ELOCAL, BERBAGI_ENOMEM. */
berbagi_status bp_client_streamed(struct berbagi_client *client, const struct bp_streamed *call,
                                  struct berbagi_error *error);

#endif
