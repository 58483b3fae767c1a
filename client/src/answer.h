/* A PublishResponse as the plain structs of berbagi.h. Holds the message that they point into. */
#ifndef BERBAGI_ANSWER_H
#define BERBAGI_ANSWER_H

#include "berbagi/v1/exchange.pb-c.h"
#include "client_internal.h"

struct bp_answer {
    Berbagi__V1__PublishResponse *message;
    struct berbagi_result *results;
    struct berbagi_violation *violations; /* of all results, one behind the other */
};

/* Takes the bytes of a response to a request of n events. The answer before is freed.
 * BERBAGI_EPROTOCOL: malformed, or not one result for each event; BERBAGI_ENOMEM. */
berbagi_status bp_answer_decode(struct bp_answer *a, struct bp_str bytes, size_t n,
                                struct berbagi_error *error);
void bp_answer_fini(struct bp_answer *a); /* zeroed is empty */

#endif
