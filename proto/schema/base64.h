/* Base 64 (RFC 4648, section 4: with padding, + and /). Pure; any thread. */
#ifndef BERBAGI_BASE64_H
#define BERBAGI_BASE64_H

#include "buffer.h"

void bp_base64_encode(struct bp_str bytes, struct bp_buf *out); /* appends */

/* Appends the bytes that text stands for. False, and what was appended is not to be used, if it is
 * not canonical: a character outside the alphabet, missing padding, bits set in what is padding. */
bool bp_base64_decode(struct bp_str text, struct bp_buf *out);

#endif
