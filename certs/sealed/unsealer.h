/* Reads a sealed file with the key it is sealed for, piece by piece. One thread at a time. */
#ifndef BERBAGI_UNSEALER_H
#define BERBAGI_UNSEALER_H

#include "sealed_piece.h"

struct bp_unsealer;

/* Opens the header with the private key in this file (PEM, of the user alone). BP_EINVAL: not a
 * header; BP_EAUTH: it is sealed for another key; BP_EPERM: others can reach the file; BP_ENOENT,
 * BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_unsealer_create(const struct bp_sealed_piece *header, const char *key_path,
                                         struct bp_unsealer **out, struct bp_err *err);
void bp_unsealer_destroy(struct bp_unsealer *u); /* NULL allowed */

/* The content of the next page replaces that of out. BP_ECORRUPT: it is not the page that follows,
 * or follows the last one. */
BP_MUST_USE bp_status bp_unsealer_page(struct bp_unsealer *u, const struct bp_sealed_piece *piece,
                                       struct bp_buf *out);
bool bp_unsealer_is_complete(const struct bp_unsealer *u); /* the last page was read */

#endif
