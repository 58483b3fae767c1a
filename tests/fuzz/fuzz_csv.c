/* CSV in and out: rows come out the same whatever the chunks they came in; a row that is read can
 * be written and is read back as the same event. Input: a byte, the size of the chunks; the name of
 * a type for all rows, or nothing, and a line feed; the text. */
#include "crc32c.h"
#include "csv_rows.h"
#include "event_csv.h"
#include "fuzz.h"

struct reading {
    struct bp_str fixed_type;
    bool is_second; /* what was written is read: nothing may be refused */
    struct bp_csv_header *header;
    struct bp_buf event; /* of the last row */
    uint32_t checksum;   /* of all cells and lines */
};

static bp_status read_text(struct reading *r, struct bp_str text, size_t chunk);

/* Writes the event and reads it again. */
static void check_round_trip(struct bp_str event)
{
    struct bp_event e;
    struct bp_csv_table *table = NULL;
    struct bp_buf text = {0};
    struct reading again = {.fixed_type = BP_STR(""), .is_second = true};
    BP_ASSERT(bp_event_parse(event, &e));
    const struct bp_event_type *type = bp_schema_type(fuzz_schema(), e.type);
    BP_ASSERT(type != NULL);
    BP_ASSERT(bp_csv_table_create(fuzz_schema(), &type, 1, &table, NULL) == BP_OK);
    bp_csv_write_header(table, &text);
    BP_ASSERT(bp_event_to_csv(table, &e, NULL, &text));
    BP_ASSERT(read_text(&again, bp_buf_str(&text), text.n) == BP_OK);
    BP_ASSERT(bp_str_eq(bp_buf_str(&again.event), event));
    bp_csv_table_destroy(table);
    bp_buf_fini(&again.event);
    bp_buf_fini(&text);
}

static bp_status take_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                          struct bp_err *err)
{
    struct reading *r = context;
    struct bp_violations v = {.n = 0};
    r->checksum = bp_crc32c(r->checksum, &line, sizeof(line));
    for (size_t i = 0; i < n; i++) {
        r->checksum = bp_crc32c(r->checksum, &cells[i].n, sizeof(cells[i].n));
        r->checksum = bp_crc32c(r->checksum, cells[i].p, cells[i].n);
    }
    if (r->header == NULL)
        return bp_csv_header_parse(fuzz_schema(), r->fixed_type, cells, n, &r->header, err);
    bp_buf_clear(&r->event);
    bool is_read = bp_event_from_csv(r->header, cells, n, &r->event, &v);
    BP_ASSERT(is_read == (v.n == 0));
    BP_ASSERT(is_read || !r->is_second);
    if (is_read && !r->is_second)
        check_round_trip(bp_buf_str(&r->event));
    return BP_OK;
}

static bp_status read_text(struct reading *r, struct bp_str text, size_t chunk)
{
    struct bp_csv_rows *rows = NULL;
    bp_status st = bp_csv_rows_create(take_row, r, &rows, NULL);
    BP_ASSERT(st == BP_OK);
    for (size_t at = 0; st == BP_OK && at < text.n; at += chunk)
        st = bp_csv_rows_feed(rows, text.p + at, text.n - at < chunk ? text.n - at : chunk, NULL);
    if (st == BP_OK)
        st = bp_csv_rows_finish(rows, NULL);
    bp_csv_rows_destroy(rows);
    bp_csv_header_destroy(r->header);
    r->header = NULL;
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    size_t chunk = fuzz_take_byte(&in) + 1u;
    struct bp_str fixed_type = fuzz_take_line(&in);
    struct bp_str text = fuzz_rest(&in);
    struct reading in_chunks = {.fixed_type = fixed_type}, at_once = {.fixed_type = fixed_type};
    bp_status st = read_text(&in_chunks, text, chunk);
    BP_ASSERT(read_text(&at_once, text, text.n + 1) == st);
    BP_ASSERT(in_chunks.checksum == at_once.checksum);
    bp_buf_fini(&in_chunks.event);
    bp_buf_fini(&at_once.event);
    return 0;
}
