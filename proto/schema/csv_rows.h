/* CSV text (RFC 4180, libcsv underneath) cut into rows: takes the bytes of a file in chunks of any
 * size and calls back for each row. Cells are separated by commas, or by semicolons if the first
 * line holds more of these outside quotes (spreadsheets set to Indonesian write them). Rows end
 * with LF, CRLF or CR; blanks belong to their cell; a UTF-8 byte order mark is dropped; lines
 * without a byte, and rows whose cells are all empty, are passed over. An object is used by one
 * thread at a time. */
#ifndef BERBAGI_CSV_ROWS_H
#define BERBAGI_CSV_ROWS_H

#include "error.h"
#include "text.h"

#define BP_CSV_ROW_MAX (1024 * 1024) /* bytes of a row as written, with quotes and line ends */
#define BP_CSV_CELLS_MAX 1024        /* cells of a row */

struct bp_csv_rows;

/* Takes one row; the first is the header.
 *   line   where the row begins, from 1 (a quoted cell may hold line ends).
 *   cells  borrowed until return; any byte but NUL, UTF-8 not checked. n is at least 1.
 * Anything but BP_OK ends the reading: bp_csv_rows_feed or _finish returns it, with what the callee
 * wrote into err. */
typedef bp_status (*bp_csv_row_fn)(void *context, uint64_t line, const struct bp_str *cells,
                                   size_t n, struct bp_err *err);

BP_MUST_USE bp_status bp_csv_rows_create(bp_csv_row_fn row, void *context, struct bp_csv_rows **out,
                                         struct bp_err *err);
void bp_csv_rows_destroy(struct bp_csv_rows *r); /* NULL allowed */

/* Takes the next n bytes (0 is allowed) and calls back for each row that ends in them; the callback
 * may block, and must not call back into r. After a failure every later call returns the same
 * status. The words begin "line N: " where the input is at fault: BP_EINVAL     a quote where none
 * may stand, a NUL byte, UTF-16 text. BP_ETOOLARGE  a row over BP_CSV_ROW_MAX or BP_CSV_CELLS_MAX;
 * N is the line where it begins. BP_ENOMEM */
BP_MUST_USE bp_status bp_csv_rows_feed(struct bp_csv_rows *r, const void *p, size_t n,
                                       struct bp_err *err);

/* The input is over: calls back for a last row without line end. BP_EINVAL: a quoted cell is still
 * open; the words name the line where its quote stands. As bp_csv_rows_feed otherwise. Call once;
 * only destroy may follow. */
BP_MUST_USE bp_status bp_csv_rows_finish(struct bp_csv_rows *r, struct bp_err *err);

#endif
