/* The stored forms of what the ledger keeps. Encoders append to out; memory failure shows in
 * out->failed. Decoders say false to bytes of another form; what they give borrows value. */
#ifndef BERBAGI_RECORD_H
#define BERBAGI_RECORD_H

#include "buffer.h"
#include "ledger.h"

/* The value under a certificate's serial. */
void bp_record_encode(const struct bp_record *r, struct bp_buf *out);
bool bp_record_decode(const uint8_t serial[BP_SERIAL_BYTES], struct bp_str value,
                      struct bp_record *out);

/* The value under a CA's number. */
void bp_ca_record_encode(const struct bp_ca_record *r, struct bp_buf *out);
bool bp_ca_record_decode(uint32_t number, struct bp_str value, struct bp_ca_record *out);

/* The value under an act's number. */
void bp_act_encode(const struct bp_act *act, struct bp_buf *out);
bool bp_act_decode(struct bp_str value, struct bp_act *out);

#endif
