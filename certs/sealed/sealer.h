/* Writes a sealed file, piece by piece. One thread at a time. */
#ifndef BERBAGI_SEALER_H
#define BERBAGI_SEALER_H

#include "sealed_piece.h"

struct bp_sealer;

/* A sealer for whom the certificate in this file (PEM) is of, with a key of its own for one file;
 * appends the header to out. BP_EINVAL: no certificate, or one with a key that is weak or can't be
 * encrypted for (Ed25519); BP_ENOENT, BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_sealer_create(const char *recipient_path, struct bp_buf *out,
                                       struct bp_sealer **sealer, struct bp_err *err);
void bp_sealer_destroy(struct bp_sealer *s); /* NULL allowed */

/* Appends the next page; nothing follows the last. BP_ETOOLARGE: over BP_SEALED_PAGE_MAX;
 * BP_EIO: OpenSSL failed; BP_ENOMEM. */
BP_MUST_USE bp_status bp_sealer_page(struct bp_sealer *s, struct bp_str content, bool is_last,
                                     struct bp_buf *out);

#endif
