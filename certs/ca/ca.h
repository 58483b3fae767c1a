/* The four CAs of a site: the root, which signs the other three and nothing else, and one issuing
 * CA for each kind of identity. Words that every part of berbagi-ca shares. */
#ifndef BERBAGI_CA_H
#define BERBAGI_CA_H

#include "identity.h"

/* The first three stand for their kind of identity and have its number. */
enum bp_ca {
    BP_CA_AGENCY = BP_IDENTITY_AGENCY,
    BP_CA_OPERATOR = BP_IDENTITY_OPERATOR,
    BP_CA_SERVER = BP_IDENTITY_SERVER,
    BP_CA_ROOT,
};
#define BP_CAS 4

#define BP_SERIAL_BYTES 16
#define BP_DAY_S INT64_C(86400)

/* "agency", "operator", "server", "root": names of folders and files too. Static storage. */
const char *bp_ca_name(enum bp_ca ca);

/* Parses 32 hexadecimal digits. */
bool bp_serial_parse(struct bp_str text, uint8_t out[BP_SERIAL_BYTES]);

/* Positive, 128 bits wide, random in all but the two first bits, which are 01: always the same
 * length. */
void bp_serial_make(uint8_t out[BP_SERIAL_BYTES]);

/* Reasons of RFC 5280 that a person may give: "unspecified", "key-compromise", ... */
#define BP_REASON_WORDS                                                                            \
    "unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, cessation"
bool bp_reason_parse(struct bp_str word, uint8_t *code);
const char *bp_reason_name(uint8_t code);

/* Seconds since 1970. */
int64_t bp_now_s(void);

#endif
