/* Payload validation: whatever is judged sound has a canonical form that is judged the same, and
 * comes back unchanged from JSON and from CSV. Input: the type's name and a line feed; the payload.
 */
#include "csv_rows.h"
#include "event_csv.h"
#include "event_json.h"
#include "fuzz.h"
#include "validate.h"

#define NOW_NS (INT64_C(1767225600) * INT64_C(1000000000))

static struct bp_event event_of(const struct bp_event_type *type, struct bp_str data)
{
    struct bp_event e = {.id = BP_STR("e-1"),
                         .type = type->name,
                         .source = BP_STR("kab.18.07"),
                         .region = BP_STR("18.07.15.2006"),
                         .destination = BP_STR("TW"),
                         .has_occurred_at = true,
                         .occurred_at_ns = NOW_NS - 1,
                         .data = data};
    if (type->about_person)
        e.subject = BP_STR("w_9F3KX2M7QJ4T8B6N5R1C");
    return e;
}

static bool is_sound(const struct bp_event *e, bp_fields *fields_set)
{
    struct bp_violations v = {.n = 0};
    struct bp_validation judge = {.schema = fuzz_schema(), .now_ns = NOW_NS};
    const struct bp_event_type *type = NULL;
    bool has_unknown;
    bool sound = bp_validate_event(&judge, e, &type, fields_set, &has_unknown, &v);
    BP_ASSERT(sound == (v.n == 0));
    return sound;
}

static void check_json(const struct bp_event *e)
{
    struct bp_violations v = {.n = 0};
    struct bp_buf line = {0}, event = {0};
    struct bp_event again;
    BP_ASSERT(bp_event_to_json(fuzz_schema(), e, NULL, &line));
    BP_ASSERT(bp_event_from_json(fuzz_schema(), bp_buf_str(&line), &event, &v));
    BP_ASSERT(bp_event_parse(bp_buf_str(&event), &again));
    BP_ASSERT(bp_str_eq(again.data, e->data));
    bp_buf_fini(&line);
    bp_buf_fini(&event);
}

/* --- CSV: a header and one row --- */

struct reading {
    struct bp_csv_header *header;
    struct bp_buf event;
};

static bp_status take_row(void *context, uint64_t line, const struct bp_str *cells, size_t n,
                          struct bp_err *err)
{
    struct reading *r = context;
    struct bp_violations v = {.n = 0};
    (void)line;
    if (r->header == NULL)
        return bp_csv_header_parse(fuzz_schema(), BP_STR(""), cells, n, &r->header, err);
    BP_ASSERT(bp_event_from_csv(r->header, cells, n, &r->event, &v));
    return BP_OK;
}

static void read_back(struct bp_str text, const struct bp_event *e)
{
    struct reading r = {NULL, {0}};
    struct bp_csv_rows *rows = NULL;
    struct bp_event again;
    BP_ASSERT(bp_csv_rows_create(take_row, &r, &rows, NULL) == BP_OK);
    BP_ASSERT(bp_csv_rows_feed(rows, text.p, text.n, NULL) == BP_OK);
    BP_ASSERT(bp_csv_rows_finish(rows, NULL) == BP_OK);
    BP_ASSERT(bp_event_parse(bp_buf_str(&r.event), &again));
    BP_ASSERT(bp_str_eq(again.data, e->data));
    bp_csv_rows_destroy(rows);
    bp_csv_header_destroy(r.header);
    bp_buf_fini(&r.event);
}

static void check_csv(const struct bp_event_type *type, const struct bp_event *e)
{
    struct bp_csv_table *table = NULL;
    struct bp_buf text = {0};
    BP_ASSERT(bp_csv_table_create(fuzz_schema(), &type, 1, &table, NULL) == BP_OK);
    bp_csv_write_header(table, &text);
    BP_ASSERT(bp_event_to_csv(table, e, NULL, &text));
    read_back(bp_buf_str(&text), e);
    bp_csv_table_destroy(table);
    bp_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    const struct bp_event_type *type = fuzz_take_type(&in);
    struct bp_event e = event_of(type, fuzz_rest(&in));
    struct bp_buf canonical = {0}, twice = {0};
    bp_fields set, set_again;
    if (!is_sound(&e, &set))
        return 0;
    BP_ASSERT(bp_payload_canonical(type, e.data, &canonical));
    BP_ASSERT(bp_payload_canonical(type, bp_buf_str(&canonical), &twice));
    BP_ASSERT(bp_str_eq(bp_buf_str(&canonical), bp_buf_str(&twice)));
    e.data = bp_buf_str(&canonical);
    BP_ASSERT(is_sound(&e, &set_again));
    BP_ASSERT((set_again & ~set) == 0); /* a field taken back by a later zero was set once */
    check_json(&e);
    check_csv(type, &e);
    bp_buf_fini(&canonical);
    bp_buf_fini(&twice);
    return 0;
}
