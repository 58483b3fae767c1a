/* Judges the events of a request.
 *
 * The order of the steps in judge_item is what the contract asks: who may speak for the source is
 * told first; then a stored id answers DUPLICATE or CONFLICT before any rule or right is a reason
 * to refuse. Because almost every event is new and sound, the id is looked up last, and only where
 * something was found broken: the sequencer looks again for all others. */
#include "publication_internal.h"

#include <stdio.h>

#include "digest.h"
#include "wire.h"

/* What is found out about one event on the way. */
struct finding {
    struct bp_event e; /* source filled in, subject a pseudonym, addressed_to set */
    const struct bp_event_type *type;
    bp_fields fields_set;
    bool has_unknown;
    bool resolves;
    const struct bp_agency *source;
    struct bp_publish_verdict verdict;
    bp_region region;
    bool has_small_count;
    struct bp_violations broken, odd;
};

static bool agency_is_known(void *context, struct bp_str id)
{
    return bp_policy_agency(context, id) != NULL;
}

bool bp_content_digest_of(const struct bp_schema *schema, const struct bp_event *e,
                          struct bp_buf *scratch, struct bp_content_digest *out)
{
    const struct bp_event_type *type = bp_schema_type(schema, e->type);
    struct bp_event content = *e;
    uint8_t digest[BP_SHA256_BYTES];
    content.traceparent = BP_STR("");
    if (content.schema_version == 0)
        content.schema_version = 1; /* the contract: 0 = 1 */
    content.data = BP_STR("");
    bp_buf_clear(scratch);
    bp_event_encode(&content, scratch);
    /* A type that this server does not know is taken as it was sent; a payload that is malformed
     * was never stored. */
    if (type == NULL || !bp_payload_canonical(type, e->data, scratch))
        bp_buf_add_str(scratch, e->data);
    if (scratch->failed)
        return false;
    bp_sha256(scratch->p, scratch->n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
    return true;
}

/* Replaces "nik:" by the pseudonym. Only who may resolve gets that far: the answer would tell
 * others whose number it is. */
static void resolve_subject(struct bp_publication *p, const struct bp_standard *by,
                            struct bp_publication_item *item, struct finding *f)
{
    f->resolves = bp_str_starts(f->e.subject, BP_STR("nik:"));
    if (!f->resolves) {
        (void)bp_str_copy(item->subject, sizeof(item->subject), f->e.subject);
        return;
    }
    struct bp_str nik = bp_str_of(f->e.subject.p + 4, f->e.subject.n - 4);
    bp_region home;
    if (!bp_policy_may_resolve(by->policy, f->source, by->today)) {
        bp_violation_add(&f->broken, "subject", "NOT_PERMITTED",
                         "no agreement lets %.*s name workers by NIK",
                         BP_STR_ARGS(bp_agency_id(f->source)));
        return;
    }
    if (!bp_nik_is_valid(nik))
        return;
    if (bp_nik_region(nik, &home) && f->region != 0 && !bp_region_within(f->region, home) &&
        !bp_region_within(home, f->region))
        bp_violation_add(&f->odd, "region", "REGION_MISMATCH",
                         "the NIK was issued in another region");
    bp_pseudonym_of_nik(p->x->pseudonyms, nik, item->subject);
    item->resolves = true;
    p->n_resolved++;
    f->e.subject = bp_str(item->subject);
}

static void judge_rights(const struct bp_standard *by, const struct bp_publication_item *item,
                         struct finding *f)
{
    struct bp_publish_request request = {
        .sender = by->sender,
        .source = f->source,
        .type = f->type,
        .facts = {.region = f->region,
                  .addressed_to = f->e.addressed_to,
                  .recorded_on = by->today,
                  .has_small_count = f->has_small_count},
        .fields_set = f->fields_set,
        .resolves = f->resolves && f->e.subject.p == item->subject,
    };
    if (f->e.destination.n == 2)
        memcpy(request.facts.destination, f->e.destination.p, 2);
    bp_policy_judge_publish(by->policy, &request, by->today, &f->verdict);
    if (f->verdict.permitted)
        return;
    for (size_t i = 0; i < f->type->n_fields; i++) {
        char field[80];
        if ((f->verdict.barred >> i & 1) == 0)
            continue;
        (void)snprintf(field, sizeof(field), "data.%.*s", BP_STR_ARGS(f->type->fields[i].name));
        bp_violation_add(&f->broken, field, "NOT_PERMITTED",
                         "no agreement lets this agency fill in this field");
    }
    if (f->verdict.barred == 0)
        bp_violation_add(&f->broken, f->verdict.field != NULL ? f->verdict.field : "type",
                         "NOT_PERMITTED", "%s",
                         f->verdict.why != NULL ? f->verdict.why : "no agreement permits it");
}

/* Rules, then rights. */
static void judge_content(struct bp_publication *p, const struct bp_standard *by,
                          struct bp_publication_item *item, struct finding *f)
{
    struct bp_event as_sent = f->e;
    (void)bp_region_parse(f->e.region, &f->region);
    bool valid = bp_validate_event(&by->rules, &as_sent, &f->type, &f->fields_set, &f->has_unknown,
                                   &f->broken);
    resolve_subject(p, by, item, f);
    if (f->type == NULL)
        return;
    f->e.addressed_to = bp_event_addressee(f->type, &f->e);
    f->has_small_count = f->type->aggregate && bp_event_has_small_count(f->type, f->e.data);
    if (valid)
        judge_rights(by, item, f);
}

/* Did this sender send the stored event, naming the person by NIK? Then it knows whose event it is.
 */
static bool was_resolved_for_sender(struct bp_publication *p, uint64_t position)
{
    struct bp_journal_reader *reader = NULL;
    struct bp_record record;
    bool is_so = false;
    if (bp_journal_read_begin(p->x->journal, &reader) != BP_OK)
        return false;
    if (bp_journal_read_at(reader, position, &record) == BP_OK) {
        struct bp_str actor = record.entry.actor;
        is_so = record.routing.resolves &&
                bp_str_is(actor.n != 0 ? actor : record.routing.source, p->sender);
    }
    bp_journal_read_end(reader);
    return is_so;
}

/* Makes the pseudonym of a subject that the sender may not resolve (any more), where that tells it
 * nothing: it is then told of its own retry, and of nothing else. */
static bool may_compare(struct bp_publication *p, struct bp_publication_item *item,
                        struct finding *f)
{
    if (!f->resolves || f->e.subject.p == item->subject)
        return true;
    struct bp_str nik = bp_str_of(f->e.subject.p + 4, f->e.subject.n - 4);
    if (!bp_nik_is_valid(nik) || !was_resolved_for_sender(p, item->position))
        return false;
    bp_pseudonym_of_nik(p->x->pseudonyms, nik, item->subject);
    p->n_resolved++;
    f->e.subject = bp_str(item->subject);
    return true;
}

/* Looks for the id of an event that was found broken: it may have been stored when it was not.
 * BP_OK also where it is not there. */
static bp_status look_up(struct bp_publication *p, struct bp_publication_item *item,
                         struct finding *f)
{
    const struct bp_id_index *ids = bp_index_ids(p->x->index);
    struct bp_content_digest digest;
    struct bp_id_lookup lookup;
    if (!bp_ascii_is_printable(f->e.id, 64))
        return BP_OK;
    bp_id_key_make(f->e.source, f->e.id, &lookup.key);
    ids->find(ids->context, &lookup, 1);
    if (lookup.status != BP_OK)
        return lookup.status == BP_ENOENT ? BP_OK : lookup.status;
    item->position = lookup.position;
    bool resolved_now = f->resolves && f->e.subject.p != item->subject;
    if (!may_compare(p, item, f))
        return BP_OK;
    if (!bp_content_digest_of(p->x->schema, &f->e, &p->scratch, &digest))
        return BP_ENOMEM;
    if (memcmp(&digest, &lookup.content, sizeof(digest)) == 0)
        item->verdict = BP_VERDICT_DUPLICATE;
    else if (!resolved_now)
        item->verdict = BP_VERDICT_CONFLICT;
    return BP_OK;
}

static void add_notes(struct bp_publication *p, uint32_t number, const struct bp_violations *v)
{
    for (size_t i = 0; i < v->n; i++) {
        size_t mark = bp_wire_begin_message(&p->notes, number);
        bp_wire_put_bytes(&p->notes, 1, bp_str(v->items[i].field));
        bp_wire_put_bytes(&p->notes, 2, bp_str(v->items[i].reason));
        bp_wire_put_bytes(&p->notes, 3, bp_str(v->items[i].message));
        bp_wire_end_message(&p->notes, mark);
    }
}

static void keep_notes(struct bp_publication *p, struct bp_publication_item *item,
                       const struct finding *f)
{
    item->notes_at = p->notes.n;
    if (item->verdict == BP_VERDICT_REJECTED)
        add_notes(p, 4, &f->broken);
    else if (item->verdict == BP_VERDICT_SOUND)
        add_notes(p, 5, &f->odd);
    item->notes_n = p->notes.n - item->notes_at;
}

/* What the sequencer is given of a sound event. */
static bp_status propose(struct bp_publication *p, const struct bp_standard *by,
                         struct bp_publication_item *item, const struct finding *f)
{
    bp_event_encode(&f->e, &p->stored);
    item->stored_n = p->stored.n - item->stored_at;
    struct bp_proposal *proposal = &p->proposals[item->proposal];
    *proposal =
        (struct bp_proposal){.record = {.entry = {.kind = BP_ENTRY_EVENT,
                                                  .actor = bp_str(p->sender),
                                                  .policy_version = bp_policy_version(by->policy),
                                                  .key_id = bp_pseudonyms_key_id(p->x->pseudonyms)},
                                        .routing = {.type_hash = f->type->hash,
                                                    .region = f->region,
                                                    .occurred_at_ns = f->e.occurred_at_ns,
                                                    .grant = f->verdict.grant,
                                                    .has_small_count = f->has_small_count,
                                                    .resolves = f->resolves}}};
    if (f->e.destination.n == 2)
        memcpy(proposal->record.routing.destination, f->e.destination.p, 2);
    bp_id_key_make(f->e.source, f->e.id, &proposal->id);
    bool ok = bp_content_digest_of(p->x->schema, &f->e, &p->scratch, &proposal->content);
    return ok ? BP_OK : BP_ENOMEM;
}

static bp_status judge_item(struct bp_publication *p, const struct bp_standard *by, size_t i)
{
    bp_status st;
    struct bp_publication_item *item = &p->items[i];
    struct bp_str bytes = item->bytes;
    struct finding f = {.has_unknown = false};
    *item = (struct bp_publication_item){.bytes = bytes,
                                         .verdict = BP_VERDICT_REJECTED,
                                         .stored_at = p->stored.n,
                                         .proposal = p->n_proposals};
    BP_ASSERT(bp_event_parse(bytes, &f.e)); /* it was parsed at the walk */
    if (f.e.source.n == 0)
        f.e.source = bp_agency_id(by->sender);

    f.source = bp_policy_agency(by->policy, f.e.source);
    if (f.source == NULL || !bp_agency_is_over(by->sender, f.source)) {
        bp_violation_add(&f.broken, "source", "NOT_PERMITTED",
                         "this agency may not speak for the source");
    } else {
        judge_content(p, by, item, &f);
        if (f.broken.n == 0)
            item->verdict = BP_VERDICT_SOUND;
        else if ((st = look_up(p, item, &f)) != BP_OK)
            return st;
    }
    keep_notes(p, item, &f);
    if (item->verdict == BP_VERDICT_DUPLICATE)
        return BP_OK; /* is sound to all_or_nothing, and nothing is left to decide */
    p->n_proposals++;
    p->proposals[item->proposal] = (struct bp_proposal){.skip = true};
    return item->verdict == BP_VERDICT_SOUND ? propose(p, by, item, &f) : BP_OK;
}

/* The stored bytes have their place now: the records point into them. */
static void attach_events(struct bp_publication *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct bp_publication_item *item = &p->items[i];
        struct bp_event e;
        if (item->verdict != BP_VERDICT_SOUND)
            continue;
        struct bp_record *record = &p->proposals[item->proposal].record;
        record->event = bp_str_of(p->stored.p + item->stored_at, item->stored_n);
        BP_ASSERT(bp_event_parse(record->event, &e)); /* encoded by ourselves */
        record->routing.source = e.source;
        record->routing.subject = e.subject;
        record->routing.addressed_to = e.addressed_to;
        record->routing.type = e.type;
    }
}

/* What storing would answer. An id that stands twice in the request is a duplicate of the first. */
static bp_status rehearse(struct bp_publication *p)
{
    const struct bp_id_index *ids = bp_index_ids(p->x->index);
    for (size_t i = 0; i < p->n; i++) {
        struct bp_publication_item *item = &p->items[i];
        struct bp_id_lookup stored;
        if (item->verdict != BP_VERDICT_SOUND)
            continue;
        const struct bp_proposal *mine = &p->proposals[item->proposal];
        stored.key = mine->id;
        ids->find(ids->context, &stored, 1);
        for (size_t k = 0; stored.status == BP_ENOENT && k < item->proposal; k++) {
            const struct bp_proposal *other = &p->proposals[k];
            if (other->skip || memcmp(&other->id, &mine->id, sizeof(mine->id)) != 0)
                continue;
            stored.content = other->content;
            stored.position = 0;
            stored.status = BP_OK;
        }
        if (stored.status == BP_ENOENT)
            continue;
        if (stored.status != BP_OK)
            return stored.status;
        item->position = stored.position;
        item->verdict = memcmp(&stored.content, &mine->content, sizeof(mine->content)) == 0
                            ? BP_VERDICT_DUPLICATE
                            : BP_VERDICT_CONFLICT;
    }
    return BP_OK;
}

/* --- a request --- */

/* As if the events that are kept had just been judged. */
static void rewind_to_kept(struct bp_publication *p)
{
    const struct bp_publication_item none = {.verdict = BP_VERDICT_DUPLICATE};
    const struct bp_publication_item *last = p->n_kept != 0 ? &p->items[p->n_kept - 1] : &none;
    p->n_judged = p->n_kept;
    p->n_proposals = last->proposal + (last->verdict != BP_VERDICT_DUPLICATE);
    p->n_sound = 0;
    p->n_resolved = 0;
    for (size_t i = 0; i < p->n_kept; i++)
        p->n_resolved += p->items[i].resolves;
    bp_buf_clear(&p->stored);
    bp_buf_clear(&p->notes);
    p->stored.n = last->stored_at + last->stored_n;
    p->notes.n = last->notes_at + last->notes_n;
}

static bool begin(struct bp_publication *p, struct bp_rpc_status *status)
{
    struct bp_policy *policy = bp_exchange_policy(p->x);
    const struct bp_agency *sender = bp_policy_agency(policy, bp_str(p->sender));
    if (sender == NULL || bp_agency_is_suspended(sender)) {
        *status = bp_rpc_status(
            sender == NULL ? BP_REASON_UNKNOWN_AGENCY : BP_REASON_AGENCY_SUSPENDED, NULL);
        bp_policy_unref(policy);
        return false;
    }
    p->standard = (struct bp_standard){
        .policy = policy,
        .sender = sender,
        .rules = {.schema = p->x->schema,
                  .now_ns = bp_now_ns(p->x->clock),
                  .agency_is_known = agency_is_known,
                  .context = policy},
        .today = bp_exchange_today(p->x),
    };
    rewind_to_kept(p);
    return true;
}

static bp_status judge_next(struct bp_publication *p, size_t most, size_t *used)
{
    while (p->n_judged < p->n && (*used < most || *used == 0)) {
        struct bp_publication_item *item = &p->items[p->n_judged];
        bp_status st = judge_item(p, &p->standard, p->n_judged);
        if (st != BP_OK)
            return st;
        p->n_judged++;
        p->n_sound += item->verdict == BP_VERDICT_SOUND;
        *used += item->bytes.n + BP_JUDGING_AN_EVENT;
    }
    if (p->stored.failed || p->notes.failed)
        return BP_ENOMEM;
    return p->n_judged < p->n ? BP_EAGAIN : BP_OK;
}

/* All events are judged. */
static bp_status conclude(struct bp_publication *p)
{
    attach_events(p);
    p->policy_version = bp_policy_version(p->standard.policy);
    return p->dry_run ? rehearse(p) : BP_OK;
}

bp_status bp_publication_judge_some(struct bp_publication *p, size_t most, size_t *used,
                                    struct bp_rpc_status *status)
{
    *used = 0;
    if (p->standard.policy == NULL && !begin(p, status))
        return BP_EPERM;
    bp_status st = judge_next(p, most, used);
    if (st == BP_EAGAIN)
        return st;
    if (st == BP_OK)
        st = conclude(p);
    bp_policy_unref(p->standard.policy);
    p->standard.policy = NULL;
    if (st != BP_OK)
        *status = bp_publication_refusal(st);
    return st;
}

bool bp_publication_judge(struct bp_publication *p, struct bp_rpc_status *status)
{
    size_t used;
    return bp_publication_judge_some(p, SIZE_MAX, &used, status) == BP_OK;
}
