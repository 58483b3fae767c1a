#include "text.h"

#include <stdlib.h>

bool bp_str_starts(struct bp_str s, struct bp_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

int bp_str_cmp(struct bp_str a, struct bp_str b)
{
    size_t shared = a.n < b.n ? a.n : b.n;
    int order = shared != 0 ? memcmp(a.p, b.p, shared) : 0;
    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

bool bp_str_copy(char *out, size_t size, struct bp_str s)
{
    if (s.n >= size) {
        if (size != 0)
            out[0] = '\0';
        return false;
    }
    if (s.n != 0)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

char *bp_str_dup(struct bp_str s)
{
    char *copy = malloc(s.n + 1);
    if (copy != NULL)
        (void)bp_str_copy(copy, s.n + 1, s);
    return copy;
}

/* Length of the well-formed sequence at p, 0 if there is none; NUL counts as malformed. */
static size_t utf8_sequence(const uint8_t *p, const uint8_t *end)
{
    uint8_t lead = p[0];
    if (lead < 0x80)
        return lead != 0 ? 1 : 0;
    /* The second byte's range rules out overlong forms, surrogates and what is over U+10FFFF. */
    uint8_t least = 0x80, most = 0xBF;
    size_t n;
    if (lead >= 0xC2 && lead <= 0xDF) {
        n = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        n = 3;
        least = lead == 0xE0 ? 0xA0 : least;
        most = lead == 0xED ? 0x9F : most;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        n = 4;
        least = lead == 0xF0 ? 0x90 : least;
        most = lead == 0xF4 ? 0x8F : most;
    } else {
        return 0;
    }
    if ((size_t)(end - p) < n || p[1] < least || p[1] > most)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    }
    return n;
}

/* Eight bytes of ASCII without a NUL: almost all text is. */
static bool is_plain_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    uint64_t zero_bytes = (word - UINT64_C(0x0101010101010101)) & ~word;
    return ((word | zero_bytes) & UINT64_C(0x8080808080808080)) == 0;
}

bool bp_utf8_is_valid(struct bp_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    const uint8_t *end = s.n != 0 ? p + s.n : p;
    while (p != end) {
        if (end - p >= 8 && is_plain_word(p)) {
            p += 8;
            continue;
        }
        size_t n = utf8_sequence(p, end);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

bool bp_ascii_is_printable(struct bp_str s, size_t most)
{
    if (s.n == 0 || s.n > most)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7E)
            return false;
    }
    return true;
}

bool bp_parse_u64(struct bp_str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool bp_parse_i64(struct bp_str s, int64_t *out)
{
    bool negative = s.n != 0 && s.p[0] == '-';
    uint64_t magnitude;
    if (!bp_parse_u64(negative ? bp_str_of(s.p + 1, s.n - 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    if (!negative)
        *out = (int64_t)magnitude;
    else
        *out = magnitude == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)magnitude;
    return true;
}

bool bp_address_split(struct bp_str text, struct bp_str *host, unsigned *port)
{
    const char *colon = text.n != 0 ? memrchr(text.p, ':', text.n) : NULL;
    uint64_t number;
    if (colon == NULL)
        return false;
    struct bp_str address = bp_str_of(text.p, (size_t)(colon - text.p));
    if (!bp_parse_u64(bp_str_of(colon + 1, text.n - address.n - 1), &number) || number > 65535)
        return false;
    bool has_brackets = address.n >= 2 && address.p[0] == '[' && address.p[address.n - 1] == ']';
    if (has_brackets)
        address = bp_str_of(address.p + 1, address.n - 2);
    else if (address.n != 0 && memchr(address.p, ':', address.n) != NULL)
        return false; /* an IPv6 address without brackets: where does it end? */
    *host = address;
    *port = (unsigned)number;
    return true;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool bp_agency_id_is_valid(struct bp_str s)
{
    size_t part = 0, parts = 1;
    if (s.n == 0 || s.n > 64)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            if (part == 0)
                return false;
            part = 0;
            parts++;
        } else if (is_lower_or_digit(s.p[i]) || (s.p[i] == '-' && parts > 1)) {
            part++;
        } else {
            return false;
        }
    }
    return parts > 1 && part != 0;
}

struct bp_str bp_agency_kind(struct bp_str id)
{
    const char *dot = id.n != 0 ? memchr(id.p, '.', id.n) : NULL;
    return dot != NULL ? bp_str_of(id.p, (size_t)(dot - id.p)) : id;
}
