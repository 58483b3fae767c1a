/* The warning STATUS_MISMATCH: an event that starts from another status than the last one known. It
 * is looked for when an event is stored and its position known, not when it is judged: several
 * requests are on their way at once, and only the log's order tells what came before. */
#include "delivery.h"
#include "publication_internal.h"

struct settling {
    struct bp_publication *p;
    struct bp_statuses *known;
    struct bp_policy *policy; /* NULL until somebody asks */
    bp_day today;
};

/* --- may the publisher know? --- */

/* Both the status and whose it is, as they stand in the record. */
static bool shows_status(const struct settling *s, struct bp_str agency,
                         const struct bp_record *record, const struct bp_event_type *type,
                         const struct bp_field *status)
{
    struct bp_facts facts = bp_facts_of_record(record);
    const struct bp_agency *reader = bp_policy_agency(s->policy, agency);
    struct bp_sight sight;
    return reader != NULL && !bp_agency_is_suspended(reader) &&
           bp_policy_see(s->policy, reader, type, &facts, s->today, &sight) &&
           sight.view.level == BP_LEVEL_IDENTIFIED && (sight.view.full >> status->index & 1) != 0;
}

/* The answer goes to the sender, and speaks of what the source reported. */
static bool may_know(const struct settling *s, struct bp_str source, const struct bp_record *record)
{
    const struct bp_event_type *type =
        bp_schema_type_by_hash(s->p->x->schema, record->routing.type_hash);
    return type != NULL && type->status_field != NULL &&
           shows_status(s, source, record, type, type->status_field) &&
           shows_status(s, bp_str(s->p->sender), record, type, type->status_field);
}

static bool may_know_stored(const struct settling *s, struct bp_str source, uint64_t position)
{
    struct bp_journal_reader *reader = NULL;
    struct bp_record record;
    if (bp_journal_read_begin(s->p->x->journal, &reader) != BP_OK)
        return false;
    bool may =
        bp_journal_read_at(reader, position, &record) == BP_OK && may_know(s, source, &record);
    bp_journal_read_end(reader);
    return may;
}

/* --- what the event says --- */

static bool report_of(const struct bp_publication *p, const struct bp_record *record,
                      struct bp_status_report *out)
{
    const struct bp_event_type *type =
        bp_schema_type_by_hash(p->x->schema, record->routing.type_hash);
    struct bp_event e;
    return type != NULL && type->status_field != NULL && bp_event_parse(record->event, &e) &&
           bp_status_report_of(type, e.data, out);
}

static void prepare(struct settling *s)
{
    if (s->policy != NULL)
        return;
    s->policy = bp_exchange_policy(s->p->x);
    s->today = bp_exchange_today(s->p->x);
}

static struct bp_record *record_of(const struct bp_publication *p, size_t i)
{
    return &p->proposals[p->items[i].proposal].record;
}

static void settle_stored(struct settling *s, size_t i)
{
    const struct bp_record *record = record_of(s->p, i);
    const struct bp_routing *routing = &record->routing;
    struct bp_status_report report;
    struct bp_known_status last;
    if (!report_of(s->p, record, &report))
        return;
    if (bp_statuses_last(s->known, routing->subject, report.machine, &last) &&
        !bp_str_is(report.before, last.status)) {
        prepare(s);
        s->p->items[i].is_mismatch = may_know_stored(s, routing->source, last.position);
    }
    bp_statuses_note(s->known, routing->subject, report.machine, report.now,
                     s->p->proposals[s->p->items[i].proposal].position);
}

/* As if those before it in the request were stored: `request` holds them, by their place + 1. */
static void settle_rehearsed(struct settling *s, struct bp_statuses *request, size_t i)
{
    const struct bp_record *record = record_of(s->p, i);
    const struct bp_routing *routing = &record->routing;
    struct bp_status_report report;
    struct bp_known_status last;
    if (!report_of(s->p, record, &report))
        return;
    prepare(s);
    if (bp_statuses_last(request, routing->subject, report.machine, &last)) {
        struct bp_record before = *record_of(s->p, last.position - 1);
        before.entry.recorded_at_ns = bp_now_ns(s->p->x->clock);
        s->p->items[i].is_mismatch =
            !bp_str_is(report.before, last.status) && may_know(s, routing->source, &before);
    } else if (bp_statuses_last(s->known, routing->subject, report.machine, &last) &&
               !bp_str_is(report.before, last.status)) {
        s->p->items[i].is_mismatch = may_know_stored(s, routing->source, last.position);
    }
    bp_statuses_note(request, routing->subject, report.machine, report.now, i + 1);
}

void bp_publication_keep(struct bp_publication *p, const struct bp_part *part,
                         struct bp_statuses *known)
{
    struct settling s = {.p = p, .known = known};
    for (size_t i = part->from; i < part->to; i++) {
        const struct bp_publication_item *item = &p->items[i];
        if (item->verdict == BP_VERDICT_SOUND &&
            p->proposals[item->proposal].outcome == BP_OUTCOME_STORED)
            settle_stored(&s, i);
    }
    p->n_kept = part->to;
    bp_policy_unref(s.policy);
}

void bp_publication_rehearse(struct bp_publication *p, struct bp_statuses *known)
{
    struct settling s = {.p = p, .known = known};
    struct bp_statuses *request = bp_statuses_create(NULL, 0);
    for (size_t i = 0; i < p->n && request != NULL; i++) {
        if (p->items[i].verdict == BP_VERDICT_SOUND)
            settle_rehearsed(&s, request, i);
    }
    bp_statuses_destroy(request);
    bp_policy_unref(s.policy);
}
