/* The stored form of a struct bp_record: the value under its serial. */
#ifndef BERBAGI_RECORD_H
#define BERBAGI_RECORD_H

#include "buffer.h"
#include "ledger.h"

/* Appends to out; memory failure shows in out->failed. */
void bp_record_encode(const struct bp_record *r, struct bp_buf *out);

/* False if the bytes are no record. out->der borrows value. */
bool bp_record_decode(const uint8_t serial[BP_SERIAL_BYTES], struct bp_str value,
                      struct bp_record *out);

#endif
