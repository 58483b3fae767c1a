/* An id for rows that have none, made of what they say: the same row gives the same id, so that a
 * file pushed again stores nothing. It is an HMAC under a key of the user's, because short content
 * could be guessed from its plain hash. */
#ifndef BERBAGI_ROW_ID_H
#define BERBAGI_ROW_ID_H

#include "event.h"

#define BP_ROW_KEY_BYTES 32

struct bp_row_id {
    uint8_t key[BP_ROW_KEY_BYTES];
    const struct bp_schema *schema;
    struct bp_str source; /* of rows that name none: the agency of the certificate; borrowed */
    struct bp_buf payload, content; /* kept for the next row */
};

/* Reads the key file (hexadecimal, 0600), or makes it when it is missing. BP_EPERM: others may read
 * it; BP_EINVAL; BP_EIO. */
BP_MUST_USE bp_status bp_row_id_open(const char *path, const struct bp_schema *schema,
                                     struct bp_str source, struct bp_row_id *out,
                                     struct bp_err *err);
void bp_row_id_close(struct bp_row_id *r); /* wipes */

/* Gives the serialized event an id if it has none: appends it whole to out. traceparent does not
 * count as content. BP_EINVAL: malformed. */
BP_MUST_USE bp_status bp_row_id_add(struct bp_row_id *r, struct bp_str event, struct bp_buf *out,
                                    struct bp_err *err);

#endif
