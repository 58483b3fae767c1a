/* Pseudonyms: the exchange's own "w_" for a NIK, and what each reader below IDENTIFIED gets instead
 * of a reference. HMAC-SHA-256 under one key, Crockford base 32, first 20 characters (100 bits).
 * Losing the key ends linkage, so it is backed up apart from the data. Immutable; any thread. */
#ifndef BERBAGI_PSEUDONYM_H
#define BERBAGI_PSEUDONYM_H

#include "error.h"
#include "text.h"

struct bp_pseudonyms;

/* Reads the 32-byte key file (0600, 64 hexadecimal digits), or makes it when may_create and it is
 * missing. BP_ENOENT; BP_EPERM: others may read or write it, or it is no regular file (BP_EIO: a
 * symbolic link); BP_EINVAL: no key. */
BP_MUST_USE bp_status bp_pseudonyms_open(const char *path, bool may_create,
                                         struct bp_pseudonyms **out, struct bp_err *err);
void bp_pseudonyms_close(struct bp_pseudonyms *p); /* NULL allowed; wipes */

/* Names the key without telling anything of it; never 0. Stored with every record. */
uint32_t bp_pseudonyms_key_id(const struct bp_pseudonyms *p);

#define BP_SUBJECT_CHARS 22
/* "w_" and 20 characters for 16 digits; NUL behind. */
void bp_pseudonym_of_nik(const struct bp_pseudonyms *p, struct bp_str nik,
                         char out[BP_SUBJECT_CHARS + 1]);

/* The form of a reference for one reader (its agency id), as redact.h's bp_reader_forms.reference
 * wants it: "w_" becomes "p_", another single letter and '_' is kept before 20 characters, all else
 * becomes a UUID. Returns its length, at most 36; 0 if it does not fit in size bytes. A NUL follows
 * where there is room. */
size_t bp_pseudonym_for_reader(const struct bp_pseudonyms *p, struct bp_str reader,
                               struct bp_str original, char *out, size_t size);

#endif
