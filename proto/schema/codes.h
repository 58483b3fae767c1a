/* Code lists that values are checked against, embedded at build time: regions (Kemendagri),
 * countries (ISO 3166-1), currencies (ISO 4217). Pure; any thread. */
#ifndef BERBAGI_CODES_H
#define BERBAGI_CODES_H

#include "text.h"

/* A region code as one number that orders and nests: bits 63-57 level (number of dotted parts),
 * below it the parts. 0 = none ("" or "ID", the whole country). Parts are compared whole. */
typedef uint64_t bp_region;

/* PP, PP.KK, PP.KK.CC, PP.KK.CC.NNNN: province and regency known, district and village by shape
 * (village: first digit 1 to 3). "" and "ID" give 0. False otherwise. */
bool bp_region_parse(struct bp_str code, bp_region *out);
/* The same by shape alone, without the list. */
bool bp_region_parse_shape(struct bp_str code, bp_region *out);
/* The text; returns its length (0 to 13). */
size_t bp_region_format(bp_region region, char out[14]);
unsigned bp_region_level(
    bp_region region); /* 0 country, 1 province, 2 regency or city, 3 district, 4 village */
/* Is inner outer itself or below it? Everything is within 0; 0 is within 0 alone. */
bool bp_region_within(bp_region inner, bp_region outer);
/* A village cut to its district; others unchanged. */
bp_region bp_region_to_district(bp_region region);

bool bp_country_is_known(struct bp_str alpha2);
bool bp_currency_is_known(struct bp_str alpha3);

#endif
