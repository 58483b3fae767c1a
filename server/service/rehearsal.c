/* The hard part is the number of questions: events times agencies times two. So the agencies that
 * may see a type at all are looked up once for each type, and counters are made for those agencies
 * alone for which something differs. */
#include "rehearsal.h"

#include "delivery.h"
#include "event.h"
#include "wire.h"

/* Field numbers of RehearsalResult and RehearsedType. */
enum { RESULT_COMPARED_WITH = 1, RESULT_ROWS, RESULT_UNREADABLE };
enum { ROW_AGENCY = 1, ROW_TYPE, ROW_COUNTS };

/* In the order of the fields of RehearsedType. */
enum counter {
    EVENTS_GAINED,
    EVENTS_LOST,
    FIELDS_GAINED,
    FIELDS_LOST,
    PUBLISHES_LOST,
    PUBLISHES_GAINED,
    COUNTERS
};

struct counts {
    uint64_t n[COUNTERS];
};

/* An agency of either version; NULL where it is not in that one. */
struct party {
    const struct bp_agency *in[2];
    struct counts *types; /* by type; NULL while nothing differs */
};

/* Who may see a type in either version. */
struct audience {
    uint32_t *parties;
    size_t n;
    bool is_known;
};

struct bp_rehearsal {
    struct bp_rehearsal_config config;
    struct bp_policy *policies[2]; /* before, after */
    struct party *parties;         /* those of after as they stand there, then the others */
    size_t n_parties;
    struct audience *audiences; /* by type */
    uint64_t place, end;
    uint64_t unreadable;
};

static struct bp_str id_of(const struct party *p)
{
    return bp_agency_id(p->in[1] != NULL ? p->in[1] : p->in[0]);
}

static bp_status list_parties(struct bp_rehearsal *r)
{
    struct bp_policy *before = r->policies[0], *after = r->policies[1];
    size_t n_after = bp_policy_agencies(after), n_before = bp_policy_agencies(before);
    r->parties = calloc(n_after + n_before + 1, sizeof(*r->parties));
    if (r->parties == NULL)
        return BP_ENOMEM;
    for (size_t i = 0; i < n_after; i++) {
        const struct bp_agency *a = bp_policy_agency_at(after, i);
        r->parties[r->n_parties++].in[1] = a;
        r->parties[i].in[0] = bp_policy_agency(before, bp_agency_id(a));
    }
    for (size_t i = 0; i < n_before; i++) {
        const struct bp_agency *a = bp_policy_agency_at(before, i);
        if (bp_policy_agency(after, bp_agency_id(a)) == NULL)
            r->parties[r->n_parties++].in[0] = a;
    }
    return BP_OK;
}

bp_status bp_rehearsal_create(const struct bp_rehearsal_config *config, struct bp_rehearsal **out)
{
    struct bp_rehearsal *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return BP_ENOMEM;
    r->config = *config;
    r->policies[0] = bp_policy_ref(config->before);
    r->policies[1] = bp_policy_ref(config->after);
    r->audiences = calloc(config->schema->n_types + 1, sizeof(*r->audiences));
    uint64_t first = bp_journal_first(config->journal);
    r->place = config->after_position + 1 < first ? first - 1 : config->after_position;
    r->config.after_position = r->place;
    r->end = bp_journal_head(config->journal);
    bp_status st = r->audiences != NULL ? list_parties(r) : BP_ENOMEM;
    if (st == BP_OK)
        *out = r;
    else
        bp_rehearsal_destroy(r);
    return st;
}

void bp_rehearsal_destroy(struct bp_rehearsal *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_parties; i++)
        free(r->parties[i].types);
    for (size_t i = 0; r->audiences != NULL && i < r->config.schema->n_types; i++)
        free(r->audiences[i].parties);
    free(r->parties);
    free(r->audiences);
    bp_policy_unref(r->policies[0]);
    bp_policy_unref(r->policies[1]);
    free(r);
}

/* --- counting --- */

static bool sees_type(const struct bp_rehearsal *r, const struct party *p,
                      const struct bp_event_type *type)
{
    for (int side = 0; side < 2; side++) {
        if (p->in[side] != NULL &&
            bp_policy_sees_type(r->policies[side], p->in[side], type, r->config.today))
            return true;
    }
    return false;
}

/* NULL: out of memory. */
static const struct audience *audience_of(struct bp_rehearsal *r, const struct bp_event_type *type)
{
    struct audience *a = &r->audiences[type->index];
    if (a->is_known)
        return a;
    a->parties = calloc(r->n_parties + 1, sizeof(*a->parties));
    if (a->parties == NULL)
        return NULL;
    for (size_t i = 0; i < r->n_parties; i++) {
        if (sees_type(r, &r->parties[i], type))
            a->parties[a->n++] = (uint32_t)i;
    }
    a->is_known = true;
    return a;
}

static bool add(struct bp_rehearsal *r, struct party *p, const struct bp_event_type *type,
                enum counter counter, uint64_t n)
{
    if (n == 0)
        return true;
    if (p->types == NULL)
        p->types = calloc(r->config.schema->n_types, sizeof(*p->types));
    if (p->types == NULL)
        return false;
    p->types[type->index].n[counter] += n;
    return true;
}

/* Fields that a shows in a fuller form than b. */
static bp_fields fuller(const struct bp_view *a, const struct bp_view *b)
{
    return (a->full & ~b->full) | (a->coarse & ~(b->full | b->coarse)) |
           (a->rewritten & ~(b->full | b->coarse | b->rewritten));
}

static uint64_t count(bp_fields fields)
{
    return (uint64_t)__builtin_popcountll(fields);
}

/* An event as it is judged. */
struct judged {
    const struct bp_record *record;
    const struct bp_event_type *type;
    struct bp_facts facts;
    bp_fields set;
};

static bool compare_sight(struct bp_rehearsal *r, const struct judged *e, struct party *p)
{
    struct bp_sight sight[2] = {{.n_grounds = 0}, {.n_grounds = 0}};
    bool sees[2];
    for (int side = 0; side < 2; side++) {
        sees[side] = p->in[side] != NULL && bp_policy_see(r->policies[side], p->in[side], e->type,
                                                          &e->facts, r->config.today, &sight[side]);
        if (!sees[side])
            sight[side].view = (struct bp_view){.level = BP_LEVEL_NONE};
    }
    if (!sees[0] && !sees[1])
        return true;
    bp_fields gained = fuller(&sight[1].view, &sight[0].view) & e->set;
    bp_fields lost = fuller(&sight[0].view, &sight[1].view) & e->set;
    return add(r, p, e->type, EVENTS_GAINED, !sees[0]) &&
           add(r, p, e->type, EVENTS_LOST, !sees[1]) &&
           add(r, p, e->type, FIELDS_GAINED, count(gained)) &&
           add(r, p, e->type, FIELDS_LOST, count(lost));
}

static bool may_publish(const struct bp_rehearsal *r, int side, const struct judged *e,
                        struct bp_str sender, struct bp_str source)
{
    struct bp_publish_request request = {
        .sender = bp_policy_agency(r->policies[side], sender),
        .source = bp_policy_agency(r->policies[side], source),
        .type = e->type,
        .facts = e->facts,
        .fields_set = e->set,
    };
    struct bp_publish_verdict verdict;
    if (request.sender == NULL || request.source == NULL)
        return false;
    request.facts.recorded_on = r->config.today;
    bp_policy_judge_publish(r->policies[side], &request, r->config.today, &verdict);
    return verdict.permitted;
}

static struct party *party_named(struct bp_rehearsal *r, struct bp_str id)
{
    for (size_t i = 0; i < r->n_parties; i++) {
        if (bp_str_eq(id_of(&r->parties[i]), id))
            return &r->parties[i];
    }
    return NULL;
}

static bool compare_publishing(struct bp_rehearsal *r, const struct judged *e)
{
    struct bp_str source = e->record->routing.source, sender = e->record->entry.actor;
    if (sender.n == 0)
        sender = source;
    bool before = may_publish(r, 0, e, sender, source);
    bool after = may_publish(r, 1, e, sender, source);
    struct party *p = before != after ? party_named(r, source) : NULL;
    return p == NULL || add(r, p, e->type, before ? PUBLISHES_LOST : PUBLISHES_GAINED, 1);
}

/* Payload fields that are filled in: what canonical bytes hold. */
static bool find_set(const struct bp_event_type *type, struct bp_str data, bp_fields *set)
{
    struct bp_wire w = bp_wire_of(data);
    struct bp_wire_field f;
    *set = 0;
    while (bp_wire_next(&w, &f)) {
        const struct bp_field *field = bp_type_field_by_number(type, f.number);
        if (field != NULL)
            *set |= (bp_fields)1 << field->index;
    }
    return !w.malformed;
}

static bp_status judge(struct bp_rehearsal *r, const struct bp_record *record)
{
    struct bp_event event;
    struct judged e = {
        .record = record,
        .type = bp_schema_type_by_hash(r->config.schema, record->routing.type_hash),
        .facts = bp_facts_of_record(record),
    };
    if (e.type == NULL || !bp_event_parse(record->event, &event) ||
        !find_set(e.type, event.data, &e.set)) {
        r->unreadable++;
        return BP_OK;
    }
    const struct audience *a = audience_of(r, e.type);
    bool has_room = a != NULL && compare_publishing(r, &e);
    for (size_t i = 0; has_room && i < a->n; i++)
        has_room = compare_sight(r, &e, &r->parties[a->parties[i]]);
    return has_room ? BP_OK : BP_ENOMEM;
}

/* --- the walk --- */

/* A record that fails its check, or was pruned meanwhile, is counted and passed over. */
static bp_status look_at(struct bp_rehearsal *r, bp_status read, const struct bp_record *record)
{
    if (read == BP_OK)
        return judge(r, record);
    if (read != BP_ECORRUPT && read != BP_ENOENT)
        return read;
    r->unreadable++;
    return BP_OK;
}

static bp_status walk(struct bp_rehearsal *r, struct bp_journal_reader *reader, size_t most)
{
    for (size_t n = 0; n < most && r->place < r->end; n++) {
        struct bp_record record;
        bp_status st = n == 0 ? bp_journal_read_at(reader, r->place + 1, &record)
                              : bp_journal_read_next(reader, &record);
        if ((st = look_at(r, st, &record)) != BP_OK)
            return st;
        r->place++;
    }
    return r->place < r->end ? BP_EAGAIN : BP_OK;
}

bp_status bp_rehearsal_step(struct bp_rehearsal *r, size_t most)
{
    struct bp_journal_reader *reader;
    if (r->place >= r->end)
        return BP_OK;
    bp_status st = bp_journal_read_begin(r->config.journal, &reader);
    if (st != BP_OK)
        return st;
    st = walk(r, reader, most);
    bp_journal_read_end(reader);
    return st;
}

void bp_rehearsal_progress(const struct bp_rehearsal *r, uint64_t *done, uint64_t *total)
{
    *done = r->place - r->config.after_position;
    *total = r->end > r->config.after_position ? r->end - r->config.after_position : 0;
}

static void put_row(struct bp_buf *out, struct bp_str agency, struct bp_str type,
                    const struct counts *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNTERS; i++)
        sum |= c->n[i];
    if (sum == 0)
        return;
    size_t mark = bp_wire_begin_message(out, RESULT_ROWS);
    bp_wire_put_bytes(out, ROW_AGENCY, agency);
    bp_wire_put_bytes(out, ROW_TYPE, type);
    for (unsigned i = 0; i < COUNTERS; i++)
        bp_wire_put_uint(out, ROW_COUNTS + i, c->n[i]);
    bp_wire_end_message(out, mark);
}

void bp_rehearsal_result(const struct bp_rehearsal *r, struct bp_buf *out)
{
    bp_wire_put_uint(out, RESULT_COMPARED_WITH, bp_policy_version(r->policies[0]));
    for (size_t i = 0; i < r->n_parties; i++) {
        const struct party *p = &r->parties[i];
        for (size_t t = 0; p->types != NULL && t < r->config.schema->n_types; t++)
            put_row(out, id_of(p), r->config.schema->types[t].name, &p->types[t]);
    }
    bp_wire_put_uint(out, RESULT_UNREADABLE, r->unreadable);
}
