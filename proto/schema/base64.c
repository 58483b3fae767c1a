/* Four characters for three bytes; the last group may be short. */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void bp_base64_encode(struct bp_str bytes, struct bp_buf *out)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    for (size_t left = bytes.n; left != 0;) {
        size_t n = left < 3 ? left : 3;
        uint32_t group = (uint32_t)p[0] << 16;
        group |= n > 1 ? (uint32_t)p[1] << 8 : 0;
        group |= n > 2 ? p[2] : 0;
        char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                        n > 1 ? alphabet[group >> 6 & 63] : '=',
                        n > 2 ? alphabet[group & 63] : '='};
        bp_buf_add(out, text, sizeof(text));
        p += n;
        left -= n;
    }
}

/* 64 if c is none of the alphabet. */
static uint32_t value_of(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (uint32_t)(at - alphabet) : 64;
}

/* Reads one group of four characters, the last `padding` of them '='. */
static bool decode_group(const char *p, unsigned padding, struct bp_buf *out)
{
    uint32_t group = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t value = i < 4 - padding ? value_of(p[i]) : 0;
        if (value == 64)
            return false;
        group = group << 6 | value;
    }
    uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
    for (unsigned i = 3 - padding; i < 3; i++) {
        if (bytes[i] != 0)
            return false;
    }
    bp_buf_add(out, bytes, 3 - padding);
    return true;
}

bool bp_base64_decode(struct bp_str text, struct bp_buf *out)
{
    if (text.n % 4 != 0)
        return false;
    for (size_t i = 0; i < text.n; i += 4) {
        unsigned padding = 0;
        if (i + 4 == text.n && text.p[i + 3] == '=')
            padding = text.p[i + 2] == '=' ? 2 : 1;
        if (!decode_group(text.p + i, padding, out))
            return false;
    }
    return true;
}
