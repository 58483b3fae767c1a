#include "lines.h"

#define CAPACITY (BP_LINE_MAX + 2) /* a longest line, its carriage return and line feed */

bp_status bp_lines_init(struct bp_lines *l, struct bp_source *source, struct bp_err *err)
{
    *l = (struct bp_lines){.source = source, .buffer = malloc(CAPACITY)};
    return l->buffer != NULL ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
}

void bp_lines_fini(struct bp_lines *l)
{
    free(l->buffer);
    l->buffer = NULL;
}

/* Moves what is left to the front and reads more behind it. */
static bp_status fill(struct bp_lines *l, struct bp_err *err)
{
    if (l->at > 0) {
        memmove(l->buffer, l->buffer + l->at, l->end - l->at);
        l->end -= l->at;
        l->at = 0;
    }
    size_t got = 0;
    bp_status st = bp_source_read(l->source, l->buffer + l->end, CAPACITY - l->end, &got, err);
    if (st == BP_OK) {
        l->end += got;
        l->at_end = got == 0;
    }
    return st;
}

/* Drops bytes up to and with the next line feed. */
static bp_status skip_line(struct bp_lines *l, struct bp_err *err)
{
    for (;;) {
        const char *feed = l->end > l->at ? memchr(l->buffer + l->at, '\n', l->end - l->at) : NULL;
        if (feed != NULL) {
            l->at = (size_t)(feed - l->buffer) + 1;
            return BP_OK;
        }
        l->at = l->end;
        if (l->at_end)
            return BP_OK;
        bp_status st = fill(l, err);
        if (st != BP_OK)
            return st;
    }
}

static struct bp_str trim(const struct bp_lines *l, size_t n)
{
    static const char mark[] = "\xEF\xBB\xBF";
    struct bp_str s = bp_str_of(l->buffer + l->at, n);
    if (l->number == 1 && bp_str_starts(s, bp_str(mark)))
        s = bp_str_of(s.p + 3, s.n - 3);
    if (s.n > 0 && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

/* The line of n bytes at l->at, which ends there. */
static enum bp_line take(struct bp_lines *l, size_t n, size_t feed, struct bp_str *text)
{
    l->number++;
    *text = trim(l, n);
    l->at += n + feed;
    return text->n > BP_LINE_MAX ? LINE_TOO_LONG : LINE_TEXT;
}

bp_status bp_lines_next(struct bp_lines *l, enum bp_line *kind, struct bp_str *text,
                        struct bp_err *err)
{
    size_t seen = 0; /* bytes behind at that hold no line feed */
    for (;;) {
        size_t n = l->end - l->at;
        const char *feed = n > seen ? memchr(l->buffer + l->at + seen, '\n', n - seen) : NULL;
        if (feed != NULL) {
            *kind = take(l, (size_t)(feed - l->buffer) - l->at, 1, text);
            return BP_OK;
        }
        if (l->at_end) {
            *kind = n > 0 ? take(l, n, 0, text) : LINE_NONE;
            return BP_OK;
        }
        if (n == CAPACITY) {
            l->number++;
            *kind = LINE_TOO_LONG;
            return skip_line(l, err);
        }
        seen = n;
        bp_status st = fill(l, err);
        if (st != BP_OK)
            return st;
    }
}
