#include "notice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "calendar.h"

void bp_notice_init(struct bp_notice *d, const char *type, int64_t at)
{
    d->type = type;
    d->at = at;
    d->nik = d->region = d->destination = NULL;
    d->correlation[0] = '\0';
    d->cause = 0;
    d->n = 0;
}

static struct bp_notice_field *add(struct bp_notice *d, const char *name)
{
    BP_ASSERT(d->n < BP_NOTICE_FIELDS);
    struct bp_notice_field *f = &d->fields[d->n++];
    f->name = name;
    f->is_number = false;
    return f;
}

void bp_notice_put(struct bp_notice *d, const char *name, const char *text)
{
    struct bp_notice_field *f = add(d, name);
    BP_ASSERT(bp_str_copy(f->text, sizeof(f->text), bp_str(text)));
}

void bp_notice_printf(struct bp_notice *d, const char *name, const char *format, ...)
{
    struct bp_notice_field *f = add(d, name);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    BP_ASSERT(n >= 0 && (size_t)n < sizeof(f->text));
}

void bp_notice_put_number(struct bp_notice *d, const char *name, uint64_t value)
{
    bp_notice_printf(d, name, "%" PRIu64, value);
    d->fields[d->n - 1].is_number = true;
}

void bp_notice_put_day(struct bp_notice *d, const char *name, bp_day day)
{
    bp_day_format(day, add(d, name)->text);
}

void bp_notice_put_status(struct bp_notice *d, const char *status, const char *previous)
{
    bp_notice_put(d, "worker_status", status);
    if (previous != NULL)
        bp_notice_put(d, "previous_status", previous);
}

static void add_json_text(struct bp_buf *out, const char *text)
{
    bp_buf_add_byte(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            bp_buf_add_byte(out, '\\');
        bp_buf_add_byte(out, (uint8_t)*c);
    }
    bp_buf_add_byte(out, '"');
}

/* `,"name":"text"`, nothing for an absent value. */
static void add_attribute(struct bp_buf *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    bp_buf_add_byte(out, ',');
    add_json_text(out, name);
    bp_buf_add_byte(out, ':');
    add_json_text(out, text);
}

void bp_notice_write_json(const struct bp_notice *d, const char *id, const char *source,
                          const char *cause_id, struct bp_buf *out)
{
    char time[26];
    bp_wib_format(d->at, time);
    bp_buf_add_text(out, "{\"specversion\":\"1.0\"");
    add_attribute(out, "id", id);
    add_attribute(out, "source", source);
    add_attribute(out, "type", d->type);
    add_attribute(out, "nik", d->nik);
    add_attribute(out, "time", time);
    add_attribute(out, "region", d->region);
    add_attribute(out, "destination", d->destination);
    add_attribute(out, "correlationid", d->correlation);
    add_attribute(out, "causationid", cause_id);
    bp_buf_add_text(out, ",\"data\":{");
    const char *comma = "";
    for (size_t i = 0; i < d->n; i++) {
        const struct bp_notice_field *f = &d->fields[i];
        if (f->text[0] == '\0')
            continue;
        bp_buf_add_text(out, comma);
        comma = ",";
        add_json_text(out, f->name);
        bp_buf_add_byte(out, ':');
        if (f->is_number)
            bp_buf_add_text(out, f->text);
        else
            add_json_text(out, f->text);
    }
    bp_buf_add_text(out, "}}\n");
}

static void add_cell(struct bp_buf *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        bp_buf_add_text(out, text);
        return;
    }
    bp_buf_add_byte(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            bp_buf_add_byte(out, '"');
        bp_buf_add_byte(out, (uint8_t)*c);
    }
    bp_buf_add_byte(out, '"');
}

void bp_notice_write_csv(const struct bp_notice *d, struct bp_buf *out)
{
    char time[26];
    bp_wib_format(d->at, time);
    bp_buf_add_text(out, time);
    bp_buf_add_byte(out, ',');
    add_cell(out, d->region != NULL ? d->region : "");
    bp_buf_add_byte(out, ',');
    add_cell(out, d->correlation);
    for (size_t i = 0; i < d->n; i++) {
        bp_buf_add_byte(out, ',');
        add_cell(out, d->fields[i].text);
    }
    bp_buf_add_text(out, "\r\n");
}

void bp_notice_write_csv_header(const struct bp_notice *d, struct bp_buf *out)
{
    bp_buf_add_text(out, "time,region,correlationid");
    for (size_t i = 0; i < d->n; i++) {
        bp_buf_add_byte(out, ',');
        bp_buf_add_text(out, d->fields[i].name);
    }
    bp_buf_add_text(out, "\r\n");
}
