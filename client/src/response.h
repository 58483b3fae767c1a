/* What a SubscribeResponse or FetchResponse says, as the plain struct of berbagi.h: walked on the
 * wire, so that events stay the bytes they came as. The arrays are kept and used again. */
#ifndef BERBAGI_RESPONSE_H
#define BERBAGI_RESPONSE_H

#include "client_internal.h"

struct bp_response {
    struct berbagi_response public;
    struct bp_buf deliveries; /* of struct berbagi_delivery */
    struct bp_buf ids;        /* of uint32_t: the grounds of all deliveries */
    struct bp_buf grounds;    /* of struct berbagi_ground */
    struct bp_buf fields; /* of struct berbagi_str: hidden and coarsened fields of all grounds */
};

void bp_response_fini(struct bp_response *r); /* zeroed is empty */

/* r->public points into message until the next call. Deliveries up to drop_through are left out.
 * BERBAGI_EPROTOCOL: malformed; BERBAGI_ENOMEM. */
berbagi_status bp_response_decode(struct bp_response *r, struct bp_str message,
                                  uint64_t drop_through, struct berbagi_error *error);
berbagi_status bp_response_decode_page(struct bp_response *r, struct bp_str message,
                                       struct berbagi_error *error);

#endif
