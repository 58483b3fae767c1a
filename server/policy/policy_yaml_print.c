/* A policy as one YAML document. Neighbouring grants are gathered twice, first those of one grantee
 * that differ in events alone, then such runs that differ in the grantee alone: read back grantee
 * by grantee, they give the same grants in the same order. */
#include <inttypes.h>
#include <string.h>

#include "policy_yaml.h"

/* May this text stand without quotes? Only what no YAML reader takes for a number, a boolean, a
 * date or syntax. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    size_t n = strlen(text);
    if (n == 0 || !((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z')))
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && strchr("._/*-", c) == NULL && !(c == ' ' && i + 1 < n))
            return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return false;
    }
    return true;
}

static void add_value(struct bp_buf *out, const char *text)
{
    if (is_plain(text)) {
        bp_buf_add_text(out, text);
        return;
    }
    bp_buf_add_byte(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            bp_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            bp_buf_printf(out, "\\x%02x", c);
        else
            bp_buf_add_byte(out, c);
    }
    bp_buf_add_byte(out, '"');
}

static void add_text(struct bp_buf *out, const char *indent, const char *key, const char *text)
{
    if (text[0] == '\0')
        return;
    bp_buf_printf(out, "%s%s: ", indent, key);
    add_value(out, text);
    bp_buf_add_byte(out, '\n');
}

static void add_list(struct bp_buf *out, const char *indent, const char *key, char *const *list,
                     size_t n)
{
    if (n == 0)
        return;
    bp_buf_printf(out, "%s%s: [", indent, key);
    for (size_t i = 0; i < n; i++) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_value(out, list[i]);
    }
    bp_buf_add_text(out, "]\n");
}

/* The word of an enum without its prefix; a number that has none is printed as it is, and refused
 * when read. */
static void add_word(struct bp_buf *out, const ProtobufCEnumDescriptor *words, const char *prefix,
                     int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(words, value);
    if (found != NULL)
        bp_buf_add_text(out, found->name + strlen(prefix));
    else
        bp_buf_printf(out, "%d", value);
}

static void add_word_line(struct bp_buf *out, const char *indent, const char *key,
                          const ProtobufCEnumDescriptor *words, const char *prefix, int value)
{
    if (value == 0)
        return;
    bp_buf_printf(out, "%s%s: ", indent, key);
    add_word(out, words, prefix, value);
    bp_buf_add_byte(out, '\n');
}

static void add_kinds(struct bp_buf *out, const char *before, const Berbagi__V1__SpecificKind *list,
                      size_t n, const char *after)
{
    if (n == 0)
        return;
    bp_buf_printf(out, "%sspecific: [", before);
    for (size_t i = 0; i < n; i++) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_word(out, &berbagi__v1__specific_kind__descriptor, "SPECIFIC_KIND_", (int)list[i]);
    }
    bp_buf_printf(out, "]%s", after);
}

/* --- agencies, operators --- */

static void print_agency(struct bp_buf *out, const Berbagi__V1__Agency *a)
{
    bp_buf_add_text(out, "  - id: ");
    add_value(out, a->id);
    bp_buf_add_byte(out, '\n');
    add_text(out, "    ", "name", a->name);
    bp_buf_add_text(out, "    kind: ");
    add_value(out, a->kind);
    bp_buf_add_byte(out, '\n');
    add_text(out, "    ", "region", a->region);
    add_text(out, "    ", "parent", a->parent);
    if (a->suspended)
        bp_buf_add_text(out, "    suspended: true\n");
    add_list(out, "    ", "host_countries", a->host_countries, a->n_host_countries);
}

static void print_operator(struct bp_buf *out, const Berbagi__V1__Operator *o)
{
    bp_buf_add_text(out, "  - name: ");
    add_value(out, o->name);
    bp_buf_add_text(out, "\n    roles: [");
    for (size_t i = 0; i < o->n_roles; i++) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_word(out, &berbagi__v1__operator__role__descriptor, "ROLE_", (int)o->roles[i]);
    }
    bp_buf_add_text(out, "]\n");
}

/* --- agreements --- */

static bool are_equal_lists(char *const *a, size_t n, char *const *b, size_t m)
{
    for (size_t i = 0; i < n && n == m; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return n == m;
}

/* Do two grants differ in grantee and events alone? */
static bool are_alike(const Berbagi__V1__Grant *a, const Berbagi__V1__Grant *b)
{
    return a->direction == b->direction && a->scope == b->scope && a->level == b->level &&
           a->may_resolve == b->may_resolve && a->n_specific == b->n_specific &&
           (a->n_specific == 0 ||
            memcmp(a->specific, b->specific, a->n_specific * sizeof(a->specific[0])) == 0) &&
           are_equal_lists(a->regions, a->n_regions, b->regions, b->n_regions) &&
           are_equal_lists(a->countries, a->n_countries, b->countries, b->n_countries) &&
           are_equal_lists(a->only_fields, a->n_only_fields, b->only_fields, b->n_only_fields) &&
           are_equal_lists(a->never_fields, a->n_never_fields, b->never_fields,
                           b->n_never_fields) &&
           strcmp(a->purpose, b->purpose) == 0 && strcmp(a->legal_basis, b->legal_basis) == 0 &&
           strcmp(a->events_from, b->events_from) == 0;
}

/* How many of the n grants from g on are alike and of one grantee. */
static size_t run_of_events(Berbagi__V1__Grant *const *g, size_t n)
{
    size_t k = 1;
    while (k < n && are_alike(g[0], g[k]) && strcmp(g[0]->grantee, g[k]->grantee) == 0)
        k++;
    return k;
}

/* Do the next n_events grants name the same events, of one other grantee alone? */
static bool repeats(Berbagi__V1__Grant *const *g, Berbagi__V1__Grant *const *next, size_t n_events,
                    size_t n_left)
{
    if (n_left < n_events || !are_alike(g[0], next[0]) || run_of_events(next, n_left) != n_events)
        return false;
    for (size_t i = 0; i < n_events; i++) {
        if (strcmp(g[i]->events, next[i]->events) != 0)
            return false;
    }
    return true;
}

static void print_terms(struct bp_buf *out, const Berbagi__V1__Grant *g)
{
    static const char *const indent = "        ";
    add_word_line(out, indent, "scope", &berbagi__v1__grant__scope__descriptor, "SCOPE_",
                  (int)g->scope);
    add_list(out, indent, "regions", g->regions, g->n_regions);
    add_list(out, indent, "countries", g->countries, g->n_countries);
    add_word_line(out, indent, "level", &berbagi__v1__level__descriptor, "LEVEL_", (int)g->level);
    add_kinds(out, indent, g->specific, g->n_specific, "\n");
    add_list(out, indent, "only_fields", g->only_fields, g->n_only_fields);
    add_list(out, indent, "never_fields", g->never_fields, g->n_never_fields);
    add_text(out, indent, "purpose", g->purpose);
    add_text(out, indent, "legal_basis", g->legal_basis);
    if (g->may_resolve)
        bp_buf_printf(out, "%smay_resolve: true\n", indent);
    add_text(out, indent, "events_from", g->events_from);
}

/* Prints the grants at g that can be written as one; returns how many they are. */
static size_t print_grants(struct bp_buf *out, Berbagi__V1__Grant *const *g, size_t n)
{
    size_t n_events = run_of_events(g, n), n_all = n_events;
    while (repeats(g, g + n_all, n_events, n - n_all))
        n_all += n_events;
    bp_buf_add_text(out, "      - grantees: [");
    for (size_t i = 0; i < n_all; i += n_events) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_value(out, g[i]->grantee);
    }
    bp_buf_add_text(out, "]\n");
    add_word_line(out, "        ", "direction", &berbagi__v1__grant__direction__descriptor,
                  "DIRECTION_", (int)g[0]->direction);
    bp_buf_add_text(out, "        events: [");
    for (size_t i = 0; i < n_events; i++) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_value(out, g[i]->events);
    }
    bp_buf_add_text(out, "]\n");
    print_terms(out, g[0]);
    return n_all;
}

static void print_agreement(struct bp_buf *out, const Berbagi__V1__Agreement *a)
{
    bp_buf_add_text(out, "  - id: ");
    add_value(out, a->id);
    bp_buf_add_byte(out, '\n');
    add_text(out, "    ", "title", a->title);
    add_list(out, "    ", "parties", a->parties, a->n_parties);
    add_text(out, "    ", "signed_on", a->signed_on);
    add_text(out, "    ", "valid_from", a->valid_from);
    add_text(out, "    ", "valid_to", a->valid_to);
    add_word_line(out, "    ", "status", &berbagi__v1__agreement__status__descriptor, "STATUS_",
                  (int)a->status);
    if (a->n_grants != 0)
        bp_buf_add_text(out, "    grants:\n");
    for (size_t i = 0; i < a->n_grants;)
        i += print_grants(out, a->grants + i, a->n_grants - i);
}

/* --- ceilings --- */

static bool are_one_limit(const Berbagi__V1__Ceiling *a, const Berbagi__V1__Ceiling *b)
{
    return strcmp(a->audience, b->audience) == 0 && a->level == b->level && a->scope == b->scope &&
           a->n_specific == b->n_specific &&
           (a->n_specific == 0 ||
            memcmp(a->specific, b->specific, a->n_specific * sizeof(a->specific[0])) == 0);
}

static size_t print_limit(struct bp_buf *out, Berbagi__V1__Ceiling *const *c, size_t n)
{
    size_t k = 1;
    while (k < n && are_one_limit(c[0], c[k]))
        k++;
    bp_buf_add_text(out, "      - {level: ");
    if (c[0]->level == BERBAGI__V1__LEVEL__LEVEL_UNSPECIFIED)
        bp_buf_add_text(out, "NONE");
    else
        add_word(out, &berbagi__v1__level__descriptor, "LEVEL_", (int)c[0]->level);
    add_kinds(out, ", ", c[0]->specific, c[0]->n_specific, "");
    if (c[0]->scope != BERBAGI__V1__GRANT__SCOPE__SCOPE_UNSPECIFIED) {
        bp_buf_add_text(out, ", scope: ");
        add_word(out, &berbagi__v1__grant__scope__descriptor, "SCOPE_", (int)c[0]->scope);
    }
    bp_buf_add_text(out, ", groups: [");
    for (size_t i = 0; i < k; i++) {
        bp_buf_add_text(out, i == 0 ? "" : ", ");
        add_value(out, c[i]->group);
    }
    bp_buf_add_text(out, "]}\n");
    return k;
}

static void print_ceilings(struct bp_buf *out, const Berbagi__V1__Policy *p)
{
    const char *audience = NULL;
    for (size_t i = 0; i < p->n_ceilings;) {
        if (audience == NULL || strcmp(audience, p->ceilings[i]->audience) != 0) {
            audience = p->ceilings[i]->audience;
            bp_buf_add_text(out, "  - audience: ");
            add_value(out, audience);
            bp_buf_add_text(out, "\n    limits:\n");
        }
        i += print_limit(out, p->ceilings + i, p->n_ceilings - i);
    }
}

/* --- quotas --- */

static void print_bound(struct bp_buf *out, const char *key, uint64_t bound)
{
    if (bound != 0)
        bp_buf_printf(out, "    %s: %" PRIu64 "\n", key, bound);
}

static void print_quota(struct bp_buf *out, const Berbagi__V1__Quota *q)
{
    bp_buf_add_text(out, "  - audience: ");
    add_value(out, q->audience);
    bp_buf_add_byte(out, '\n');
    print_bound(out, "events_per_second", q->events_per_second);
    print_bound(out, "burst_events", q->burst_events);
    print_bound(out, "resolves_per_day", q->resolves_per_day);
    print_bound(out, "streams", q->streams);
    print_bound(out, "connections", q->connections);
    print_bound(out, "delivered_bytes_per_day", q->delivered_bytes_per_day);
    print_bound(out, "subscriptions", q->subscriptions);
}

void bp_policy_yaml_print(const Berbagi__V1__Policy *policy, struct bp_buf *out)
{
    if (policy->n_agencies != 0)
        bp_buf_add_text(out, "agencies:\n");
    for (size_t i = 0; i < policy->n_agencies; i++)
        print_agency(out, policy->agencies[i]);
    if (policy->n_agreements != 0)
        bp_buf_add_text(out, "agreements:\n");
    for (size_t i = 0; i < policy->n_agreements; i++)
        print_agreement(out, policy->agreements[i]);
    if (policy->n_ceilings != 0)
        bp_buf_add_text(out, "ceilings:\n");
    print_ceilings(out, policy);
    if (policy->approvals_required != 0)
        bp_buf_printf(out, "approvals_required: %" PRIu32 "\n", policy->approvals_required);
    if (policy->n_operators != 0)
        bp_buf_add_text(out, "operators:\n");
    for (size_t i = 0; i < policy->n_operators; i++)
        print_operator(out, policy->operators[i]);
    if (policy->n_quotas != 0)
        bp_buf_add_text(out, "quotas:\n");
    for (size_t i = 0; i < policy->n_quotas; i++)
        print_quota(out, policy->quotas[i]);
}
