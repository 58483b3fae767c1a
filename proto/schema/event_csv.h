/* Events as rows of a spreadsheet (RFC 4180, libcsv underneath): a header of attribute names and payload field names, then a
 * row for each event. Attributes are named as in event_json.h; `nik` names the worker. Lists are written with '|' between their
 * items. Any thread, an object on one at a time. */
#ifndef BERBAGI_EVENT_CSV_H
#define BERBAGI_EVENT_CSV_H

#include "event_json.h"

struct bp_csv_header;

/* Understands a header row of n columns. fixed_type: the type of all rows, or empty when a column `type` names it. An
 * unknown column, one given twice, or neither type nor fixed_type fails with the column's number and name. */
BP_MUST_USE bp_status bp_csv_header_parse(const struct bp_schema *schema, struct bp_str fixed_type, const struct bp_str *columns,
                                          size_t n, struct bp_csv_header **out, struct bp_err *err);
void bp_csv_header_destroy(struct bp_csv_header *h); /* NULL allowed */

/* Makes the serialized Event of one row; an empty cell is an absent field. A row with another number of cells is MALFORMED;
 * a filled cell of a field that the row's type does not have is a violation. False if v got any. */
bool bp_event_from_csv(const struct bp_csv_header *h, const struct bp_str *cells, size_t n, struct bp_buf *out,
                       struct bp_violations *v);

/* Appends the header line that holds the fields of all the types given, or one row below it (CRLF ends both). */
void bp_csv_write_header(const struct bp_schema *schema, const struct bp_event_type *const *types, size_t n, struct bp_buf *out);
bool bp_event_to_csv(const struct bp_schema *schema, const struct bp_event_type *const *types, size_t n, const struct bp_event *e,
                     const struct bp_delivery_notes *notes, struct bp_buf *out);

#endif
