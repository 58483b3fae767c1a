/* The guard can be undone because it is put before what begins like a guarded cell, too. */
#include "csv_cell.h"

static bool is_digits(struct bp_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n != 0;
}

/* Would a spreadsheet take this for a formula, or is it one behind apostrophes? */
static bool needs_guard(struct bp_str s)
{
    while (s.n != 0 && s.p[0] == '\'')
        s = bp_str_of(s.p + 1, s.n - 1);
    if (s.n == 0)
        return false;
    if (s.p[0] == '+' || s.p[0] == '-')
        return !is_digits(bp_str_of(s.p + 1, s.n - 1));
    return s.p[0] == '=' || s.p[0] == '@' || s.p[0] == '\t' || s.p[0] == '\r';
}

struct bp_str bp_csv_unguard(struct bp_str cell)
{
    if (cell.n != 0 && cell.p[0] == '\'' && needs_guard(cell))
        return bp_str_of(cell.p + 1, cell.n - 1);
    return cell;
}

static bool needs_quotes(struct bp_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (memchr(",;\"\r\n\t", s.p[i], 6) != NULL)
            return true;
    }
    return s.n != 0 && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

static void put_quoted(struct bp_str value, struct bp_buf *out)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"')
            bp_buf_add_byte(out, '"');
        bp_buf_add_byte(out, (uint8_t)value.p[i]);
    }
}

void bp_csv_put_cell(struct bp_str value, struct bp_buf *out)
{
    bool is_quoted = needs_quotes(value);
    if (is_quoted)
        bp_buf_add_byte(out, '"');
    if (needs_guard(value))
        bp_buf_add_byte(out, '\'');
    if (is_quoted)
        put_quoted(value, out);
    else
        bp_buf_add_str(out, value);
    if (is_quoted)
        bp_buf_add_byte(out, '"');
}

void bp_csv_put_item(struct bp_str item, bool is_first, struct bp_buf *list)
{
    if (!is_first)
        bp_buf_add_byte(list, '|');
    for (size_t i = 0; i < item.n; i++) {
        if (item.p[i] == '|' || item.p[i] == '\\')
            bp_buf_add_byte(list, '\\');
        bp_buf_add_byte(list, (uint8_t)item.p[i]);
    }
}

void bp_csv_end_list(struct bp_buf *list)
{
    if (list->n == 0)
        bp_buf_add_byte(list, '\\');
}

bool bp_csv_next_item(struct bp_csv_list *list, struct bp_buf *item)
{
    struct bp_str s = list->rest;
    size_t i = 0;
    bp_buf_clear(item);
    if (list->is_over)
        return false;
    while (i < s.n && s.p[i] != '|') {
        if (s.p[i] == '\\' && ++i == s.n)
            break;
        bp_buf_add_byte(item, (uint8_t)s.p[i++]);
    }
    list->is_over = i == s.n;
    if (!list->is_over)
        list->rest = bp_str_of(s.p + i + 1, s.n - i - 1);
    return true;
}
