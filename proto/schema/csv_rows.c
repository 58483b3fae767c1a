/* libcsv does the cutting; around it stands what it does not tell: lines. Input is handed to it in
 * pieces that end with a line end, so that a row which is still open behind a piece can only be
 * inside quotes, and the line on which the last cell began is where its quote was opened. The first
 * line is held back until it is whole, because it decides the separator. */
#include "csv_rows.h"

#include <csv.h>
#include <inttypes.h>

#include "buffer.h"

struct bp_csv_rows {
    bp_csv_row_fn row;
    void *context;
    struct csv_parser parser;
    bool has_separator; /* the first line was seen, the parser runs */
    struct bp_buf held; /* the input up to then */
    bp_status status;   /* the first failure, for ever */
    struct bp_err *err; /* of the call that runs */

    uint64_t line; /* being read, from 1 */
    bool after_cr; /* a LF now belongs to the line end before */
    size_t cells_before_line;
    uint64_t quote_line; /* where the cell that is open across lines began */

    uint64_t row_line;
    size_t row_bytes; /* 0 = no row begun */
    struct bp_buf text;
    size_t n;
    size_t ends[BP_CSV_CELLS_MAX]; /* of each cell in text */
    struct bp_str cells[BP_CSV_CELLS_MAX];
};

static int is_no_space(unsigned char c)
{
    (void)c;
    return 0;
}

bp_status bp_csv_rows_create(bp_csv_row_fn row, void *context, struct bp_csv_rows **out,
                             struct bp_err *err)
{
    struct bp_csv_rows *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return bp_fail(err, BP_ENOMEM, "reading CSV: out of memory");
    /* csv_init fails on a null pointer alone. */
    (void)csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&r->parser, is_no_space);
    csv_set_blk_size(&r->parser, 4096);
    r->row = row;
    r->context = context;
    r->line = 1;
    *out = r;
    return BP_OK;
}

void bp_csv_rows_destroy(struct bp_csv_rows *r)
{
    if (r == NULL)
        return;
    csv_free(&r->parser);
    bp_buf_fini(&r->held);
    bp_buf_fini(&r->text);
    free(r);
}

/* The first failure stays; what libcsv still calls back after it changes nothing. */
static void fail_at(struct bp_csv_rows *r, bp_status st, uint64_t line, const char *words)
{
    if (r->status == BP_OK)
        r->status = bp_fail(r->err, st, "line %" PRIu64 ": %s", line, words);
}

static void take_cell(void *p, size_t n, void *context)
{
    struct bp_csv_rows *r = context;
    if (r->n == BP_CSV_CELLS_MAX) {
        fail_at(r, BP_ETOOLARGE, r->row_line, "the row has more than 1024 cells");
        return;
    }
    bp_buf_add(&r->text, p, n);
    r->ends[r->n++] = r->text.n;
}

static void give_row(struct bp_csv_rows *r)
{
    size_t start = 0;
    for (size_t i = 0; i < r->n; i++) {
        r->cells[i] = bp_str_of(r->text.p + start, r->ends[i] - start);
        start = r->ends[i];
    }
    r->status = r->row(r->context, r->row_line, r->cells, r->n, r->err);
}

static void end_row(int terminator, void *context)
{
    struct bp_csv_rows *r = context;
    (void)terminator;
    if (r->status == BP_OK && r->text.failed)
        r->status = bp_fail(r->err, BP_ENOMEM, "reading CSV: out of memory");
    if (r->status == BP_OK && r->text.n != 0)
        give_row(r);
    bp_buf_clear(&r->text);
    r->n = 0;
    r->row_bytes = 0;
    r->cells_before_line = 0;
}

/* Did the cell that is open now begin on this line? */
static bool is_cell_of_this_line(const struct bp_csv_rows *r)
{
    return r->n > r->cells_before_line || r->row_line == r->line;
}

static void end_line(struct bp_csv_rows *r, uint8_t last)
{
    if (r->row_bytes != 0 && is_cell_of_this_line(r))
        r->quote_line = r->line;
    r->cells_before_line = r->n;
    r->line++;
    r->after_cr = last == '\r';
}

static void parse(struct bp_csv_rows *r, const uint8_t *p, size_t n)
{
    if (csv_parse(&r->parser, p, n, take_cell, end_row, r) == n)
        return;
    if (csv_error(&r->parser) == CSV_EPARSE)
        fail_at(r, BP_EINVAL, r->line,
                "a quote stands where none may: a cell that holds one is put in quotes, with the "
                "quotes inside doubled, and nothing stands beside them");
    else if (r->status == BP_OK)
        r->status = bp_fail(r->err, BP_ENOMEM, "reading CSV: out of memory");
}

static bool is_line_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

static void check_row_size(struct bp_csv_rows *r)
{
    if (r->row_bytes > BP_CSV_ROW_MAX)
        fail_at(r, BP_ETOOLARGE, r->row_line,
                "the row is longer than 1 MiB (is a quote left open in it?)");
}

/* Takes bytes that hold a line end only as their last one. */
static void take_piece(struct bp_csv_rows *r, const uint8_t *p, size_t n)
{
    bool is_lf_of_crlf = r->after_cr && p[0] == '\n';
    r->after_cr = false;
    if (memchr(p, 0, n) != NULL) {
        fail_at(r, BP_EINVAL, r->line, "a NUL byte: this is no CSV text in UTF-8");
        return;
    }
    if (r->row_bytes == 0 && !is_line_end(p[0]))
        r->row_line = r->line;
    if (r->row_bytes != 0 || !is_line_end(p[0]))
        r->row_bytes += n;
    check_row_size(r);
    if (r->status == BP_OK)
        parse(r, p, n);
    if (is_line_end(p[n - 1]) && !is_lf_of_crlf)
        end_line(r, p[n - 1]);
}

static size_t piece_size(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_line_end(p[i]))
            return i + 1;
    }
    return n;
}

static void take_bytes(struct bp_csv_rows *r, const uint8_t *p, size_t n)
{
    while (n != 0 && r->status == BP_OK) {
        size_t piece = piece_size(p, n);
        take_piece(r, p, piece);
        p += piece;
        n -= piece;
    }
}

/* Bytes up to the end of the first line that is not empty; 0 if that end is not there yet. */
static size_t first_line_size(const uint8_t *p, size_t n)
{
    size_t start = 0;
    while (start < n && is_line_end(p[start]))
        start++;
    size_t size = piece_size(p + start, n - start);
    bool ends = size != 0 && is_line_end(p[start + size - 1]);
    return ends ? start + size : 0;
}

static unsigned char separator_of(const uint8_t *p, size_t n)
{
    size_t commas = 0, semicolons = 0;
    bool in_quotes = false;
    for (size_t i = 0; i < n; i++) {
        in_quotes ^= p[i] == '"';
        commas += !in_quotes && p[i] == ',';
        semicolons += !in_quotes && p[i] == ';';
    }
    return semicolons > commas ? ';' : CSV_COMMA;
}

static bool is_utf16(struct bp_str text)
{
    return bp_str_starts(text, BP_STR("\xFF\xFE")) || bp_str_starts(text, BP_STR("\xFE\xFF"));
}

/* The first line is there: chooses the separator and parses all that was held. */
static void begin(struct bp_csv_rows *r, size_t line_size)
{
    struct bp_str bom = BP_STR("\xEF\xBB\xBF");
    r->has_separator = true;
    if (is_utf16(bp_buf_str(&r->held))) {
        fail_at(r, BP_EINVAL, 1, "the text is UTF-16; save it as \"CSV UTF-8\"");
        return;
    }
    csv_set_delim(&r->parser, separator_of(r->held.p, line_size));
    size_t skip = bp_str_starts(bp_buf_str(&r->held), bom) ? bom.n : 0;
    if (r->held.n > skip)
        take_bytes(r, r->held.p + skip, r->held.n - skip);
    bp_buf_fini(&r->held);
}

static void hold(struct bp_csv_rows *r, const void *p, size_t n)
{
    bp_buf_add(&r->held, p, n);
    if (r->held.failed) {
        r->status = bp_fail(r->err, BP_ENOMEM, "reading CSV: out of memory");
        return;
    }
    size_t line_size = first_line_size(r->held.p, r->held.n);
    if (line_size != 0)
        begin(r, line_size);
    else if (r->held.n > BP_CSV_ROW_MAX)
        fail_at(r, BP_ETOOLARGE, 1, "the header line is longer than 1 MiB");
}

bp_status bp_csv_rows_feed(struct bp_csv_rows *r, const void *p, size_t n, struct bp_err *err)
{
    r->err = err;
    if (r->status == BP_OK && n != 0) {
        if (r->has_separator)
            take_bytes(r, p, n);
        else
            hold(r, p, n);
    }
    r->err = NULL;
    return r->status;
}

static void finish(struct bp_csv_rows *r)
{
    if (!r->has_separator && r->held.n != 0)
        begin(r, r->held.n);
    if (r->status != BP_OK || csv_fini(&r->parser, take_cell, end_row, r) == 0)
        return;
    fail_at(r, BP_EINVAL, is_cell_of_this_line(r) ? r->line : r->quote_line,
            "the quote opened here is never closed");
}

bp_status bp_csv_rows_finish(struct bp_csv_rows *r, struct bp_err *err)
{
    r->err = err;
    finish(r);
    r->err = NULL;
    return r->status;
}
