/* Names in violations are those of the file, so that its author finds them. */
#include "draft.h"

#include <stdio.h>

#include "clock.h"

void bp_draft_init(struct bp_draft *d, const struct bp_schema *schema, struct bp_violations *v)
{
    *d = (struct bp_draft){.schema = schema, .v = v};
}

void bp_draft_fini(struct bp_draft *d)
{
    bp_buf_fini(&d->data);
    bp_buf_fini(&d->scratch);
}

static void set_time(struct bp_draft *d, struct bp_str text)
{
    if (bp_time_parse(text, &d->event.occurred_at_ns))
        d->event.has_occurred_at = true;
    else
        bp_violation_add(d->v, "time", "MALFORMED",
                         "must be a time like 2025-11-03T02:15:00Z (RFC 3339)");
}

static void set_version(struct bp_draft *d, struct bp_str text)
{
    uint64_t version;
    if (bp_parse_u64(text, &version) && version <= UINT32_MAX)
        d->event.schema_version = (uint32_t)version;
    else
        bp_violation_add(d->v, "schemaversion", "MALFORMED",
                         "must be a whole number from 0 to 4294967295");
}

static void set_text(struct bp_draft *d, const struct bp_attribute *a, struct bp_str text)
{
    if (bp_utf8_is_valid(text))
        *(struct bp_str *)(void *)((char *)&d->event + a->place) = text;
    else
        bp_violation_add(d->v, a->name.p, "NOT_UTF8", "must be UTF-8 text without NUL");
}

void bp_draft_set(struct bp_draft *d, const struct bp_attribute *a, struct bp_str text)
{
    if (text.n == 0)
        return;
    switch (a->kind) {
    case BP_ATTRIBUTE_TEXT:
        set_text(d, a, text);
        break;
    case BP_ATTRIBUTE_TIME:
        set_time(d, text);
        break;
    case BP_ATTRIBUTE_VERSION:
        set_version(d, text);
        break;
    case BP_ATTRIBUTE_WORKER:
        d->nik = text;
        break;
    case BP_ATTRIBUTE_NOTE:
        break;
    }
}

bool bp_draft_find_type(struct bp_draft *d)
{
    d->type = bp_schema_type(d->schema, d->event.type);
    if (d->type != NULL)
        return true;
    if (d->event.type.n == 0)
        bp_violation_add(d->v, "type", "REQUIRED", "must be given");
    else
        bp_violation_add(d->v, "type", "UNKNOWN_TYPE", "is no event type of this exchange");
    return false;
}

void bp_draft_name_worker(struct bp_draft *d, const char *name, struct bp_str nik, bool is_field)
{
    struct bp_str given = d->event.subject;
    if (!bp_nik_is_valid(nik)) {
        bp_violation_add(d->v, name, "NIK",
                         "must be 16 digits: region, birth date (women: day + 40), serial");
        return;
    }
    char own[sizeof(d->subject)];
    (void)snprintf(own, sizeof(own), "nik:%.*s", BP_STR_ARGS(nik));
    if (given.n == 0)
        d->event.subject = bp_str(memcpy(d->subject, own, sizeof(own)));
    else if (!bp_str_is(given, own) && (!is_field || bp_str_starts(given, BP_STR("nik:"))))
        bp_violation_add(d->v, "subject", "SUBJECT_MISMATCH", "does not say the same as %s", name);
}

bool bp_draft_finish(struct bp_draft *d, struct bp_buf *out)
{
    size_t start = out->n;
    if (d->v->n != 0)
        return false;
    out->failed |= d->data.failed;
    d->event.data = bp_buf_str(&d->data);
    bp_event_encode(&d->event, out);
    if (out->failed)
        out->n = start;
    return !out->failed;
}
