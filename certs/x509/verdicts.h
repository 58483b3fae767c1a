/* Remembers which peer certificates passed the whole check and until when that holds, because the
 * check costs two signature verifications and is asked at every call and batch. Only what passed is
 * kept: a refusal is worked out anew. A fixed number of places; a certificate that finds its place
 * taken replaces the other. Any thread. */
#ifndef BERBAGI_VERDICTS_H
#define BERBAGI_VERDICTS_H

#include "digest.h"

struct bp_verdicts;

struct bp_verdicts *bp_verdicts_create(void);    /* NULL when out of memory */
void bp_verdicts_destroy(struct bp_verdicts *v); /* NULL allowed */

/* Did the certificate with this digest pass, for a time that includes now_ns? */
bool bp_verdicts_holds(struct bp_verdicts *v, const uint8_t digest[BP_SHA256_BYTES],
                       int64_t now_ns);

/* It passed; this holds from from_ns to until_ns, both included. */
void bp_verdicts_keep(struct bp_verdicts *v, const uint8_t digest[BP_SHA256_BYTES], int64_t from_ns,
                      int64_t until_ns);

#endif
