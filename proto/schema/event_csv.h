/* Events as rows of a spreadsheet: a header of attribute names and payload field names, then a row
 * for each event. csv_rows.h cuts text into rows; this makes an event of one row's cells, and
 * writes rows. Any thread; an object is read-only once made.
 *
 * Names. Attributes are named as in event_json.h, position, recordedtime, publishedby, agreements
 * and purposes (what a subscriber's file carries) are taken and left aside. Any other column is a
 * payload field, and so is data.<field>, always: the way to name a field that is called like an
 * attribute. `nik` names the worker: where the row's type has a payload field nik, it fills that
 * (unless a column data.nik is there), and where no subject is given it is the subject, "nik:...".
 *
 * Values. Texts as they are, enums by short or full name, times in RFC 3339, bytes in base64. An
 * empty cell is an absent field. A list has '|' between its items; '\' makes the next character
 * part of an item.
 *
 * Spreadsheets run a cell that begins with = + - @ TAB or CR as a formula, and what victims and
 * fraudsters write ends up in cells. Such a cell is therefore written with ' before it, and '
 * before such a cell is taken off when a row is read, so that every value comes back as it was. A
 * sign with nothing but digits behind it (+62812..., -5) stays as it is. */
#ifndef BERBAGI_EVENT_CSV_H
#define BERBAGI_EVENT_CSV_H

#include "event_json.h"

/* A header row that was understood. */
struct bp_csv_header;

/* Understands a header row of n columns; blanks around a name are dropped.
 *   fixed_type  the type of all rows, or empty when a column `type` names it. With both, a row's
 *               `type` must be empty or the same.
 *   schema      must outlive *out; the texts need not.
 * BP_EINVAL: an unknown column, one without a name, one given twice, neither type nor fixed_type,
 * a fixed_type that is unknown; the words give the column's number, and its name where it looks
 * like one (a first line of data, taken for a header, is not repeated). BP_ENOMEM. */
BP_MUST_USE bp_status bp_csv_header_parse(const struct bp_schema *schema, struct bp_str fixed_type,
                                          const struct bp_str *columns, size_t n,
                                          struct bp_csv_header **out, struct bp_err *err);
void bp_csv_header_destroy(struct bp_csv_header *h); /* NULL allowed */

/* Appends the serialized Event of one row to out. A row with another number of cells than the
 * header is MALFORMED; a filled cell of a field that the row's type does not have is a violation. v
 * is empty at the call. False, and nothing is appended, if v got any, or (v empty) when out of
 * memory. */
bool bp_event_from_csv(const struct bp_csv_header *h, const struct bp_str *cells, size_t n,
                       struct bp_buf *out, struct bp_violations *v);

/* The columns that hold the attributes, the delivery notes and the payload fields of some types. */
struct bp_csv_table;

/* types: n of them, borrowed until return; the schema they are of must outlive *out. BP_ENOMEM. */
BP_MUST_USE bp_status bp_csv_table_create(const struct bp_schema *schema,
                                          const struct bp_event_type *const *types, size_t n,
                                          struct bp_csv_table **out, struct bp_err *err);
void bp_csv_table_destroy(struct bp_csv_table *t); /* NULL allowed */

/* Appends the header line, or the row of one event (CRLF ends both). notes may be NULL. Payload
 * fields unknown to the schema are left out. False, and nothing is appended: the payload is
 * malformed, the event's type is not of the table, or out of memory (out->failed). */
void bp_csv_write_header(const struct bp_csv_table *t, struct bp_buf *out);
bool bp_event_to_csv(const struct bp_csv_table *t, const struct bp_event *e,
                     const struct bp_delivery_notes *notes, struct bp_buf *out);

#endif
