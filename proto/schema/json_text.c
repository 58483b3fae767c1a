/* Runs of characters that stand for themselves are copied whole: most texts are one such run. */
#include "json_text.h"

static bool stands_for_itself(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void put_escape(uint8_t c, struct bp_buf *out)
{
    static const char codes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = c != 0 ? strchr(codes, c) : NULL;
    if (at != NULL) {
        char escape[2] = {'\\', letters[at - codes]};
        bp_buf_add(out, escape, sizeof(escape));
    } else {
        bp_buf_printf(out, "\\u%04x", c);
    }
}

void bp_json_put_string(struct bp_str s, struct bp_buf *out)
{
    const uint8_t *p = (const uint8_t *)s.p;
    size_t start = 0;
    bp_buf_add_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (stands_for_itself(p[i]))
            continue;
        bp_buf_add(out, p + start, i - start);
        put_escape(p[i], out);
        start = i + 1;
    }
    if (start < s.n)
        bp_buf_add(out, p + start, s.n - start);
    bp_buf_add_byte(out, '"');
}
