/* JSON text written straight into a buffer (RFC 8259). Pure; any thread. */
#ifndef BERBAGI_JSON_TEXT_H
#define BERBAGI_JSON_TEXT_H

#include "buffer.h"

/* Appends s in quotes, escaped. s is UTF-8; what is not would make the result no JSON. */
void bp_json_put_string(struct bp_str s, struct bp_buf *out);

#endif
