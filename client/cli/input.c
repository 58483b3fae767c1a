#include "input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv_rows.h"
#include "event_csv.h"
#include "event_json.h"
#include "lines.h"

#define CHUNK_BYTES (64 * 1024)

bool bp_input_format_parse(struct bp_str name, enum bp_input_format *out)
{
    if (!bp_str_is(name, "jsonl") && !bp_str_is(name, "csv"))
        return false;
    *out = bp_str_is(name, "csv") ? INPUT_CSV : INPUT_JSONL;
    return true;
}

bool bp_input_format_of(const char *path, enum bp_input_format *out)
{
    const char *name = strrchr(path, '/'), *dot;
    dot = strrchr(name != NULL ? name : path, '.');
    if (dot == NULL)
        return false;
    if (strcmp(dot, ".csv") == 0) {
        *out = INPUT_CSV;
        return true;
    }
    *out = INPUT_JSONL;
    return strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0 || strcmp(dot, ".json") == 0;
}

/* --- JSON Lines --- */

static bool is_blank(struct bp_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != ' ' && s.p[i] != '\t')
            return false;
    }
    return true;
}

static bp_status hand_on(const struct bp_input *in, uint64_t line, bool ok,
                         const struct bp_buf *event, const struct bp_violations *v,
                         struct bp_err *err)
{
    if (!ok && v->n == 0)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    return in->row(in->context, line, ok ? bp_buf_str(event) : (struct bp_str){0}, v, err);
}

static bp_status read_line(const struct bp_input *in, uint64_t line, enum bp_line kind,
                           struct bp_str text, struct bp_buf *event, struct bp_err *err)
{
    struct bp_violations v = {.n = 0};
    bool ok = false;
    bp_buf_clear(event);
    if (kind == LINE_TOO_LONG)
        bp_violation_add(&v, "", "TOO_LONG", "the line is longer than %d bytes", BP_LINE_MAX);
    else if (is_blank(text))
        return BP_OK;
    else
        ok = bp_event_from_json(in->schema, text, event, &v);
    return hand_on(in, line, ok, event, &v, err);
}

static bp_status read_jsonl(const struct bp_input *in, struct bp_source *source, struct bp_err *err)
{
    struct bp_lines lines;
    struct bp_buf event = {0};
    enum bp_line kind = LINE_NONE;
    struct bp_str text;
    bp_status st = bp_lines_init(&lines, source, err);
    while (st == BP_OK && (st = bp_lines_next(&lines, &kind, &text, err)) == BP_OK &&
           kind != LINE_NONE)
        st = read_line(in, lines.number, kind, text, &event, err);
    bp_buf_fini(&event);
    bp_lines_fini(&lines);
    return st;
}

/* --- CSV --- */

struct csv {
    const struct bp_input *in;
    struct bp_csv_header *header; /* NULL: the header row has not been read */
    struct bp_buf event;
};

static bp_status take_csv_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                              struct bp_err *err)
{
    struct csv *c = context;
    if (c->header == NULL) {
        bp_status st = bp_csv_header_parse(c->in->schema, c->in->type, cells, n, &c->header, err);
        return st == BP_OK ? BP_OK : bp_fail_in(err, st, "line %llu", (unsigned long long)line);
    }
    struct bp_violations v = {.n = 0};
    bp_buf_clear(&c->event);
    bool ok = bp_event_from_csv(c->header, cells, n, &c->event, &v);
    return hand_on(c->in, line, ok, &c->event, &v, err);
}

static bp_status read_csv(const struct bp_input *in, struct bp_source *source, struct bp_err *err)
{
    struct csv c = {.in = in};
    struct bp_csv_rows *rows = NULL;
    size_t got = 1;
    char *chunk = malloc(CHUNK_BYTES);
    bp_status st = chunk != NULL ? bp_csv_rows_create(take_csv_row, &c, &rows, err)
                                 : bp_fail(err, BP_ENOMEM, "out of memory");
    while (st == BP_OK && got > 0 &&
           (st = bp_source_read(source, chunk, CHUNK_BYTES, &got, err)) == BP_OK)
        st = bp_csv_rows_feed(rows, chunk, got, err);
    if (st == BP_OK)
        st = bp_csv_rows_finish(rows, err);
    if (st == BP_OK && c.header == NULL)
        st = bp_fail(err, BP_EINVAL, "line 1: the header row is missing");
    bp_csv_rows_destroy(rows);
    bp_csv_header_destroy(c.header);
    bp_buf_fini(&c.event);
    free(chunk);
    return st;
}

bp_status bp_input_read(const struct bp_input *in, const char *path, struct bp_err *err)
{
    enum bp_input_format format = in->format;
    if (format == INPUT_BY_NAME && !bp_input_format_of(path, &format))
        return bp_fail(err, BP_EINVAL, "%s: say by --format whether it is jsonl or csv", path);
    struct bp_source source;
    bp_status st = bp_source_open(path, &source, err);
    if (st != BP_OK)
        return st;
    source.idle = in->idle;
    source.context = in->context;
    st = format == INPUT_CSV ? read_csv(in, &source, err) : read_jsonl(in, &source, err);
    if (st == BP_EINVAL || st == BP_ETOOLARGE)
        st = bp_fail_in(err, st, "%s", source.name);
    bp_source_close(&source);
    return st;
}

/* --- counting --- */

struct counter {
    uint64_t rows;
    bool is_quoted, is_filled; /* inside a quoted cell; something stands in this row */
    bool knows_quotes;
};

static void count_bytes(struct counter *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' && !c->is_quoted) {
            c->rows += c->is_filled;
            c->is_filled = false;
        } else if (p[i] == '"' && c->knows_quotes) {
            c->is_quoted = !c->is_quoted;
            c->is_filled = true;
        } else if (p[i] != '\r') {
            c->is_filled = true;
        }
    }
}

uint64_t bp_input_count(const char *path, enum bp_input_format format)
{
    struct stat info;
    struct counter c = {.knows_quotes = format == INPUT_CSV};
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *chunk = malloc(CHUNK_BYTES);
    ssize_t n = 0;
    while (fd >= 0 && chunk != NULL && (n = read(fd, chunk, CHUNK_BYTES)) > 0)
        count_bytes(&c, chunk, (size_t)n);
    free(chunk);
    if (fd >= 0)
        (void)close(fd);
    c.rows += c.is_filled;
    return c.rows > 0 && format == INPUT_CSV ? c.rows - 1 : c.rows;
}
