/* Text that is borrowed: a pointer and a length, not terminated. Whoever made it says how long it
 * lives. All functions are pure and safe on any thread. */
#ifndef BERBAGI_TEXT_H
#define BERBAGI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bp_str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;      /* bytes */
};

/* For printf("%.*s", BP_STR_ARGS(s)). */
#define BP_STR_ARGS(s) (int)(s).n, (s).n != 0 ? (s).p : ""
#define BP_STR(literal) ((struct bp_str){"" literal, sizeof(literal) - 1})

static inline struct bp_str bp_str(const char *text) /* NULL is empty */
{
    return (struct bp_str){text, text != NULL ? strlen(text) : 0};
}

static inline struct bp_str bp_str_of(const void *p, size_t n)
{
    return (struct bp_str){(const char *)p, n};
}

static inline bool bp_str_eq(struct bp_str a, struct bp_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool bp_str_is(struct bp_str a, const char *text)
{
    return bp_str_eq(a, bp_str(text));
}

bool bp_str_starts(struct bp_str s, struct bp_str prefix);
int bp_str_cmp(struct bp_str a, struct bp_str b); /* by bytes, then by length */

/* Copies s and a NUL to out; false and out is "" if it does not fit in size bytes. */
bool bp_str_copy(char *out, size_t size, struct bp_str s);

/* A terminated heap copy, to be freed; NULL when out of memory. */
char *bp_str_dup(struct bp_str s);

/* Well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms) without NUL. */
bool bp_utf8_is_valid(struct bp_str s);

/* 1 to most bytes of printable ASCII (0x20 to 0x7E). */
bool bp_ascii_is_printable(struct bp_str s, size_t most);

/* A decimal number without sign or blanks. False on anything else and on overflow. */
bool bp_parse_u64(struct bp_str s, uint64_t *out);

/* An optional minus and a decimal number. */
bool bp_parse_i64(struct bp_str s, int64_t *out);

/* "ADDR:PORT" or "[ADDR]:PORT": a port of 0 to 65535, an address that may be empty. What is set is
 * borrowed from text. */
bool bp_address_split(struct bp_str text, struct bp_str *host, unsigned *port);

/* The grammar of agency ids: ^[a-z0-9]+(\.[a-z0-9-]+)+$, at most 64 bytes. */
bool bp_agency_id_is_valid(struct bp_str s);

/* The kind of an agency id: what stands before its first dot. */
struct bp_str bp_agency_kind(struct bp_str id);

#endif
