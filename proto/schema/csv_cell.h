/* How a value stands in a cell: guarded against spreadsheets, and as a list. Pure; any thread. */
#ifndef BERBAGI_CSV_CELL_H
#define BERBAGI_CSV_CELL_H

#include "buffer.h"

/* The value of a cell: without the ' that guards it. */
struct bp_str bp_csv_unguard(struct bp_str cell);

/* Appends a value as a cell: guarded where a spreadsheet would run it, in quotes where it needs
 * them. */
void bp_csv_put_cell(struct bp_str value, struct bp_buf *out);

/* Appends one item of a list to the list's text, behind '|' unless it is the first. */
void bp_csv_put_item(struct bp_str item, bool is_first, struct bp_buf *list);
/* Ends the text: a list of one empty item is told from no list. */
void bp_csv_end_list(struct bp_buf *list);

/* Walks the items of a list's text; an empty text is no list. */
struct bp_csv_list {
    struct bp_str rest;
    bool is_over;
};

static inline struct bp_csv_list bp_csv_list_of(struct bp_str text)
{
    return (struct bp_csv_list){text, text.n == 0};
}

/* Writes the next item, its escapes undone, over what item holds. False: there is none. */
bool bp_csv_next_item(struct bp_csv_list *list, struct bp_buf *item);

#endif
