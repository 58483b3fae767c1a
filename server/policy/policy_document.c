/* The hard part is a grant written for several grantees and events: it becomes one
 * grant for each pair, grantee by grantee, in the order of the file, and each of these keeps the
 * lines it came from. */
#include "policy_document.h"

#include <stdio.h>

#define EXPANDED_MAX 500000

static const struct yaml_words levels = {&berbagi__v1__level__descriptor, "LEVEL_", NULL, "level"};
static const struct yaml_words ceiling_levels = {&berbagi__v1__level__descriptor, "LEVEL_", "NONE",
                                                 "level"};
static const struct yaml_words scopes = {&berbagi__v1__grant__scope__descriptor, "SCOPE_", NULL,
                                         "scope"};
static const struct yaml_words directions = {&berbagi__v1__grant__direction__descriptor,
                                             "DIRECTION_", NULL, "direction"};
static const struct yaml_words kinds = {&berbagi__v1__specific_kind__descriptor, "SPECIFIC_KIND_",
                                        NULL, "kind of specific data"};
static const struct yaml_words statuses = {&berbagi__v1__agreement__status__descriptor, "STATUS_",
                                           NULL, "status"};
static const struct yaml_words roles = {&berbagi__v1__operator__role__descriptor, "ROLE_", NULL,
                                        "role"};

/* protobuf-c gives enums their own types, all of the size of int. */
#define WORD(r, m, key, words, field)                                                              \
    do {                                                                                           \
        int word_ = (int)(field);                                                                  \
        bp_yaml_reader_word(r, m, key, words, &word_);                                             \
        (field) = (__typeof__(field))word_;                                                        \
    } while (0)

/* Makes one more message at the end of a repeated field; message is NULL after a failure. */
#define APPEND(r, list, n, message, init)                                                          \
    do {                                                                                           \
        void *grown_ = realloc((list), ((n) + 1) * sizeof(*(list)));                               \
        (message) = grown_ != NULL ? malloc(sizeof(*(message))) : NULL;                            \
        if (grown_ != NULL)                                                                        \
            (list) = grown_;                                                                       \
        if ((message) != NULL) {                                                                   \
            init(message);                                                                         \
            (list)[(n)++] = (message);                                                             \
        } else {                                                                                   \
            bp_yaml_reader_no_memory(r);                                                           \
        }                                                                                          \
    } while (0)

/* --- agencies and operators --- */

static void read_agency(struct yaml_reader *r, const struct bp_yaml_node *node,
                        Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {"id",     "name",      "kind",           "region",
                                       "parent", "suspended", "host_countries", NULL};
    struct yaml_message m;
    Berbagi__V1__Agency *out;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "agencies[%zu]", policy->n_agencies))
        return;
    APPEND(r, policy->agencies, policy->n_agencies, out, berbagi__v1__agency__init);
    if (out == NULL)
        return;
    bp_yaml_reader_text(r, &m, "id", &out->id);
    bp_yaml_reader_text(r, &m, "name", &out->name);
    bp_yaml_reader_text(r, &m, "kind", &out->kind);
    bp_yaml_reader_text(r, &m, "region", &out->region);
    bp_yaml_reader_text(r, &m, "parent", &out->parent);
    bp_yaml_reader_flag(r, &m, "suspended", &out->suspended);
    bp_yaml_reader_texts(r, &m, "host_countries", &out->host_countries, &out->n_host_countries);
    if (bp_yaml_get(node, "kind") == NULL && r->st == BP_OK &&
        (out->kind = bp_str_dup(bp_agency_kind(bp_str(out->id)))) == NULL)
        bp_yaml_reader_no_memory(r);
}

static void read_operator(struct yaml_reader *r, const struct bp_yaml_node *node,
                          Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {"name", "roles", NULL};
    struct yaml_message m;
    Berbagi__V1__Operator *out;
    int *list = NULL;
    size_t n = 0;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "operators[%zu]", policy->n_operators))
        return;
    APPEND(r, policy->operators, policy->n_operators, out, berbagi__v1__operator__init);
    if (out == NULL)
        return;
    bp_yaml_reader_text(r, &m, "name", &out->name);
    bp_yaml_reader_word_list(r, &m, "roles", &roles, &list, &n);
    out->roles = (Berbagi__V1__Operator__Role *)list;
    out->n_roles = n;
}

/* --- grants --- */

/* A grant as it is written: for each of its grantees and each of its events. */
struct written_grant {
    struct yaml_message m;
    const struct bp_yaml_node *const *grantees, *const *events;
    const struct bp_yaml_node *rooms[2];
    size_t n_grantees, n_events;
};

static const struct bp_yaml_node *one_of(struct yaml_reader *r, const struct bp_yaml_node *node,
                                         const char *one, const char *many)
{
    const struct bp_yaml_node *a = bp_yaml_get(node, one), *b = bp_yaml_get(node, many);
    if ((a == NULL) == (b == NULL))
        bp_yaml_reader_fail(r, node, "a grant needs either '%s' or '%s'", one, many);
    return a != NULL ? a : b;
}

static bool begin_grant(struct yaml_reader *r, const struct bp_yaml_node *node,
                        struct written_grant *w)
{
    static const char *const keys[] = {"grantee",     "grantees",    "direction",    "events",
                                       "scope",       "regions",     "countries",    "level",
                                       "specific",    "only_fields", "never_fields", "purpose",
                                       "legal_basis", "may_resolve", "events_from",  NULL};
    if (!bp_yaml_reader_begin(r, node, keys, &w->m, "%s", ""))
        return false;
    const struct bp_yaml_node *events = bp_yaml_get(node, "events");
    if (events == NULL)
        bp_yaml_reader_fail(r, node, "the key 'events' is missing");
    w->n_grantees =
        bp_yaml_items(one_of(r, node, "grantee", "grantees"), &w->grantees, &w->rooms[0]);
    w->n_events = bp_yaml_items(events, &w->events, &w->rooms[1]);
    if (w->n_grantees == 0 || w->n_events == 0)
        bp_yaml_reader_fail(r, node, "a grant for nobody or of nothing");
    else if (w->n_grantees > EXPANDED_MAX || w->n_events > EXPANDED_MAX / w->n_grantees)
        bp_yaml_reader_fail(r, node, "a grant for more than %d pairs of grantee and events",
                            EXPANDED_MAX);
    return r->st == BP_OK;
}

/* One pair of the grant w, as agreements[agreement].grants[index]. */
static void read_pair(struct yaml_reader *r, struct written_grant *w,
                      const struct bp_yaml_node *grantee, const struct bp_yaml_node *events,
                      Berbagi__V1__Grant *out)
{
    struct yaml_message *m = &w->m;
    char path[128];
    char *text;
    int *list = NULL;
    size_t n = 0;
    bp_yaml_reader_note(r, m->path, m->node->line);
    snprintf(path, sizeof(path), "%s.grantee", m->path);
    bp_yaml_reader_note(r, path, grantee->line);
    snprintf(path, sizeof(path), "%s.events", m->path);
    bp_yaml_reader_note(r, path, events->line);
    if ((text = bp_yaml_reader_dup(r, grantee)) != NULL)
        out->grantee = text;
    if ((text = bp_yaml_reader_dup(r, events)) != NULL)
        out->events = text;
    WORD(r, m, "direction", &directions, out->direction);
    WORD(r, m, "scope", &scopes, out->scope);
    bp_yaml_reader_texts(r, m, "regions", &out->regions, &out->n_regions);
    bp_yaml_reader_texts(r, m, "countries", &out->countries, &out->n_countries);
    WORD(r, m, "level", &levels, out->level);
    bp_yaml_reader_word_list(r, m, "specific", &kinds, &list, &n);
    out->specific = (Berbagi__V1__SpecificKind *)list;
    out->n_specific = n;
    bp_yaml_reader_texts(r, m, "only_fields", &out->only_fields, &out->n_only_fields);
    bp_yaml_reader_texts(r, m, "never_fields", &out->never_fields, &out->n_never_fields);
    bp_yaml_reader_text(r, m, "purpose", &out->purpose);
    bp_yaml_reader_text(r, m, "legal_basis", &out->legal_basis);
    bp_yaml_reader_flag(r, m, "may_resolve", &out->may_resolve);
    bp_yaml_reader_text(r, m, "events_from", &out->events_from);
}

static void read_pairs(struct yaml_reader *r, struct written_grant *w, Berbagi__V1__Agreement *out,
                       size_t agreement)
{
    for (size_t g = 0; g < w->n_grantees; g++) {
        for (size_t e = 0; e < w->n_events && r->st == BP_OK; e++) {
            Berbagi__V1__Grant *grant;
            snprintf(w->m.path, sizeof(w->m.path), "agreements[%zu].grants[%zu]", agreement,
                     out->n_grants);
            APPEND(r, out->grants, out->n_grants, grant, berbagi__v1__grant__init);
            if (grant != NULL)
                read_pair(r, w, w->grantees[g], w->events[e], grant);
        }
    }
}

static void read_grant(struct yaml_reader *r, const struct bp_yaml_node *node,
                       Berbagi__V1__Agreement *out, size_t agreement)
{
    struct written_grant w = {0};
    if (!begin_grant(r, node, &w))
        return;
    if (w.n_grantees * w.n_events > EXPANDED_MAX - out->n_grants)
        bp_yaml_reader_fail(r, node, "more than %d grants in one agreement", EXPANDED_MAX);
    else
        read_pairs(r, &w, out, agreement);
}

static void read_agreement(struct yaml_reader *r, const struct bp_yaml_node *node,
                           Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {"id",       "title",  "parties", "signed_on", "valid_from",
                                       "valid_to", "status", "grants",  NULL};
    struct yaml_message m;
    const struct bp_yaml_node *const *items, *room;
    Berbagi__V1__Agreement *out;
    size_t index = policy->n_agreements;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "agreements[%zu]", index))
        return;
    APPEND(r, policy->agreements, policy->n_agreements, out, berbagi__v1__agreement__init);
    if (out == NULL)
        return;
    bp_yaml_reader_text(r, &m, "id", &out->id);
    bp_yaml_reader_text(r, &m, "title", &out->title);
    bp_yaml_reader_texts(r, &m, "parties", &out->parties, &out->n_parties);
    bp_yaml_reader_text(r, &m, "signed_on", &out->signed_on);
    bp_yaml_reader_text(r, &m, "valid_from", &out->valid_from);
    bp_yaml_reader_text(r, &m, "valid_to", &out->valid_to);
    WORD(r, &m, "status", &statuses, out->status);
    size_t n = bp_yaml_items(bp_yaml_reader_value(r, &m, "grants"), &items, &room);
    for (size_t k = 0; k < n && r->st == BP_OK; k++)
        read_grant(r, items[k], out, index);
}

/* --- ceilings --- */

static void copy_text(struct yaml_reader *r, const struct bp_yaml_node *node, char **out)
{
    char *copy = bp_yaml_reader_dup(r, node);
    if (copy != NULL)
        *out = copy;
}

static void read_group(struct yaml_reader *r, struct yaml_message *m,
                       const struct bp_yaml_node *audience, const struct bp_yaml_node *group,
                       Berbagi__V1__Policy *policy)
{
    Berbagi__V1__Ceiling *out;
    int *list = NULL;
    size_t n = 0;
    snprintf(m->path, sizeof(m->path), "ceilings[%zu].audience", policy->n_ceilings);
    bp_yaml_reader_note(r, m->path, audience->line);
    snprintf(m->path, sizeof(m->path), "ceilings[%zu]", policy->n_ceilings);
    bp_yaml_reader_note(r, m->path, group->line);
    APPEND(r, policy->ceilings, policy->n_ceilings, out, berbagi__v1__ceiling__init);
    if (out == NULL)
        return;
    copy_text(r, audience, &out->audience);
    copy_text(r, group, &out->group);
    WORD(r, m, "level", &ceiling_levels, out->level);
    WORD(r, m, "scope", &scopes, out->scope);
    bp_yaml_reader_word_list(r, m, "specific", &kinds, &list, &n);
    out->specific = (Berbagi__V1__SpecificKind *)list;
    out->n_specific = n;
}

static void read_limit(struct yaml_reader *r, const struct bp_yaml_node *audience,
                       const struct bp_yaml_node *node, Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {"groups", "level", "specific", "scope", NULL};
    struct yaml_message m;
    const struct bp_yaml_node *const *groups, *room;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "%s", ""))
        return;
    size_t n = bp_yaml_items(bp_yaml_get(node, "groups"), &groups, &room);
    if (n == 0 || bp_yaml_get(node, "level") == NULL)
        bp_yaml_reader_fail(r, node, "a limit needs 'groups' and 'level'");
    for (size_t i = 0; i < n && r->st == BP_OK; i++)
        read_group(r, &m, audience, groups[i], policy);
}

static void read_ceiling(struct yaml_reader *r, const struct bp_yaml_node *node,
                         Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {"audience", "limits", NULL};
    struct yaml_message m;
    const struct bp_yaml_node *const *limits, *room;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "%s", ""))
        return;
    const struct bp_yaml_node *audience = bp_yaml_get(node, "audience");
    size_t n = bp_yaml_items(bp_yaml_get(node, "limits"), &limits, &room);
    if (audience == NULL || n == 0) {
        bp_yaml_reader_fail(r, node, "a ceiling needs 'audience' and 'limits'");
        return;
    }
    for (size_t i = 0; i < n && r->st == BP_OK; i++)
        read_limit(r, audience, limits[i], policy);
}

/* --- quotas --- */

static void read_quota(struct yaml_reader *r, const struct bp_yaml_node *node,
                       Berbagi__V1__Policy *policy)
{
    static const char *const keys[] = {
        "audience", "events_per_second", "burst_events",  "resolves_per_day",
        "streams",  "connections",       "subscriptions", "delivered_bytes_per_day",
        NULL};
    struct yaml_message m;
    Berbagi__V1__Quota *out;
    if (!bp_yaml_reader_begin(r, node, keys, &m, "quotas[%zu]", policy->n_quotas))
        return;
    APPEND(r, policy->quotas, policy->n_quotas, out, berbagi__v1__quota__init);
    if (out == NULL)
        return;
    bp_yaml_reader_text(r, &m, "audience", &out->audience);
    bp_yaml_reader_number(r, &m, "events_per_second", UINT32_MAX, &out->events_per_second);
    bp_yaml_reader_number(r, &m, "burst_events", UINT32_MAX, &out->burst_events);
    bp_yaml_reader_number64(r, &m, "resolves_per_day", UINT64_MAX, &out->resolves_per_day);
    bp_yaml_reader_number(r, &m, "streams", UINT32_MAX, &out->streams);
    bp_yaml_reader_number(r, &m, "connections", UINT32_MAX, &out->connections);
    bp_yaml_reader_number64(r, &m, "delivered_bytes_per_day", UINT64_MAX,
                            &out->delivered_bytes_per_day);
    bp_yaml_reader_number(r, &m, "subscriptions", UINT32_MAX, &out->subscriptions);
}

/* --- documents --- */

static const struct section {
    const char *key;
    unsigned bit;
    void (*read)(struct yaml_reader *r, const struct bp_yaml_node *node,
                 Berbagi__V1__Policy *policy);
} sections[] = {
    {"agencies", BP_POLICY_AGENCIES, read_agency},
    {"agreements", BP_POLICY_AGREEMENTS, read_agreement},
    {"ceilings", BP_POLICY_CEILINGS, read_ceiling},
    {"operators", BP_POLICY_OPERATORS, read_operator},
    {"quotas", BP_POLICY_QUOTAS, read_quota},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static void read_section(struct yaml_reader *r, const struct section *s,
                         const struct bp_yaml_node *list, Berbagi__V1__Policy *policy)
{
    bp_yaml_reader_note(r, s->key, list->line);
    if (list->kind != BP_YAML_SEQUENCE && !list->is_null)
        bp_yaml_reader_fail(r, list, "a list is expected here");
    for (size_t i = 0; i < list->n && r->st == BP_OK; i++)
        s->read(r, list->items[i], policy);
}

void bp_policy_document_read(struct yaml_reader *r, unsigned wanted, Berbagi__V1__Policy *policy)
{
    const char *keys[SECTIONS + 2] = {NULL};
    size_t n_keys = 0;
    struct yaml_message m;
    for (size_t i = 0; i < SECTIONS; i++) {
        if ((wanted & sections[i].bit) != 0)
            keys[n_keys++] = sections[i].key;
    }
    if ((wanted & BP_POLICY_OPERATORS) != 0)
        keys[n_keys++] = "approvals_required";
    if (!bp_yaml_reader_begin(r, bp_yaml_root(r->yaml), keys, &m, "%s", ""))
        return;
    bp_yaml_reader_number(r, &m, "approvals_required", 1, &policy->approvals_required);
    for (size_t i = 0; i < SECTIONS && r->st == BP_OK; i++) {
        const struct bp_yaml_node *list = bp_yaml_get(m.node, sections[i].key);
        if (list != NULL)
            read_section(r, &sections[i], list, policy);
    }
}

void bp_policy_document_read_agreement(struct yaml_reader *r, struct bp_str expected_id,
                                       Berbagi__V1__Policy *policy)
{
    const struct bp_yaml_node *root = bp_yaml_root(r->yaml);
    size_t index = policy->n_agreements;
    read_agreement(r, root, policy);
    if (r->st == BP_OK && !bp_str_is(expected_id, policy->agreements[index]->id))
        bp_yaml_reader_fail(r, root, "the id is '%s', but the file is named for '%.*s'",
                            policy->agreements[index]->id, BP_STR_ARGS(expected_id));
}
