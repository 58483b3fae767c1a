/* The policy alone: what a decision costs, over all agencies and types of a policy and for the
 * dearest cell of it, and how long a policy of 600 agencies and 5,000 grants takes to compile.
 *
 *     policy FOLDER [ROUNDS]      FOLDER: a policy as people write it (deploy/policy)
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "policy.h"
#include "policy_yaml.h"

#define AGENCIES 600
#define GRANTS 5000
#define AGREEMENTS 50
#define KIND_GRANTS 10 /* one grant of so many is for a kind: the rights of the law */
#define COMPILATIONS 5

struct question {
    struct bp_publish_request request;
    struct bp_facts facts;
};

struct bench {
    struct bp_schema *schema;
    struct bp_policy *policy;
    struct question *questions; /* one for each agency and type */
    size_t n;
    bp_day today;
    uint64_t rounds, yes;
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(bp_status st, const struct bp_err *err)
{
    if (st == BP_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", bp_status_name(st), err->text);
    exit(1);
}

static void *must(void *p)
{
    static const struct bp_err out_of_memory = {"out of memory"};
    check(p != NULL ? BP_OK : BP_ENOMEM, &out_of_memory);
    return p;
}

/* --- decisions --- */

typedef bool decide(const struct bench *b, const struct question *q);

static bool publish(const struct bench *b, const struct question *q)
{
    struct bp_publish_verdict verdict;
    bp_policy_judge_publish(b->policy, &q->request, b->today, &verdict);
    return verdict.permitted;
}

static bool see(const struct bench *b, const struct question *q)
{
    struct bp_sight sight;
    return bp_policy_see(b->policy, q->request.source, q->request.type, &q->facts, b->today,
                         &sight);
}

/* Nanoseconds for each of n questions, asked so often that together they are about b->rounds. */
static double cost(struct bench *b, decide *asked, const struct question *questions, size_t n)
{
    double from = seconds();
    uint64_t turns = b->rounds / n + 1;
    b->yes = 0;
    for (uint64_t turn = 0; turn < turns; turn++) {
        for (size_t i = 0; i < n; i++)
            b->yes += asked(b, &questions[i]);
    }
    return (seconds() - from) * 1e9 / (double)(turns * n);
}

/* What the question costs that costs most when asked alone: of each the quickest of a few tries,
 * for what is slow once was interrupted. */
static double dearest(struct bench *b, decide *asked)
{
    struct bench small = *b;
    size_t worst = 0;
    double most = 0;
    small.rounds = 200;
    for (size_t i = 0; i < b->n; i++) {
        double least = 1e9;
        for (unsigned tries = 0; tries < 5; tries++) {
            double one = cost(&small, asked, &b->questions[i], 1);
            least = one < least ? one : least;
        }
        if (least > most) {
            most = least;
            worst = i;
        }
    }
    return cost(b, asked, &b->questions[worst], 1);
}

static void measure(struct bench *b, const char *name, decide *asked)
{
    double mean = cost(b, asked, b->questions, b->n);
    uint64_t turns = b->rounds / b->n + 1;
    double yes = 100.0 * (double)b->yes / (double)(turns * b->n);
    (void)printf("%-8s %8.1f ns a decision (%.0f %% yes), %8.1f ns the dearest, asked alone\n",
                 name, mean, yes, dearest(b, asked));
}

/* Every agency asks about every type, an event at home that sets all required fields. */
static void make_questions(struct bench *b, const Berbagi__V1__Policy *source)
{
    b->n = source->n_agencies * b->schema->n_types;
    b->questions = must(calloc(b->n, sizeof(*b->questions)));
    for (size_t i = 0; i < b->n; i++) {
        const Berbagi__V1__Agency *in = source->agencies[i / b->schema->n_types];
        const struct bp_agency *agency = bp_policy_agency(b->policy, bp_str(in->id));
        const struct bp_event_type *type = &b->schema->types[i % b->schema->n_types];
        struct bp_facts facts = {.destination = {'T', 'W'}, .recorded_on = b->today};
        (void)bp_region_parse(bp_str(in->region), &facts.region);
        facts.addressed_to = bp_agency_id(agency);
        b->questions[i].facts = facts;
        b->questions[i].request = (struct bp_publish_request){.sender = agency,
                                                              .source = agency,
                                                              .type = type,
                                                              .facts = facts,
                                                              .fields_set = type->required};
    }
}

/* --- a large policy --- */

/* A heap copy of the text made. */
static BP_PRINTF(1, 2) char *text(const char *format, ...)
{
    char buffer[64];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(buffer, sizeof(buffer), format, arguments);
    va_end(arguments);
    return must(bp_str_dup(bp_str(buffer)));
}

static Berbagi__V1__Agency *agency_of(unsigned province, unsigned regency, bool is_office)
{
    Berbagi__V1__Agency *a = must(malloc(sizeof(*a)));
    berbagi__v1__agency__init(a);
    const char *kind = is_office ? "opd" : regency > 70 ? "kota" : "kab";
    a->kind = text("%s", kind);
    a->id = text("%s.%02u.%02u%s", kind, province, regency, is_office ? ".naker" : "");
    a->region = text("%02u.%02u", province, regency);
    return a;
}

/* Regencies and cities as there are, then their labour offices, until there are enough. */
static void add_agencies(Berbagi__V1__Policy *p)
{
    p->agencies = must(calloc(AGENCIES, sizeof(void *)));
    for (unsigned i = 0; p->n_agencies < AGENCIES && i < 2 * 10000; i++) {
        unsigned province = i / 100 % 100, regency = i % 100;
        bp_region region;
        char *code = text("%02u.%02u", province, regency);
        if (bp_region_parse(bp_str(code), &region))
            p->agencies[p->n_agencies++] = agency_of(province, regency, i >= 10000);
        free(code);
    }
}

static Berbagi__V1__Grant *grant_of(const Berbagi__V1__Policy *p, const struct bp_schema *schema,
                                    unsigned i)
{
    static const char *const kinds[] = {"kab", "kota", "opd"};
    const struct bp_event_type *type = &schema->types[i * 7 % schema->n_types];
    Berbagi__V1__Grant *g = must(malloc(sizeof(*g)));
    berbagi__v1__grant__init(g);
    g->grantee = i % KIND_GRANTS == 0 ? text("%s", kinds[i / KIND_GRANTS % 3])
                                      : text("%s", p->agencies[i * 11 % p->n_agencies]->id);
    g->direction = i % 3 == 0 ? BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH
                              : BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE;
    g->events = must(bp_str_dup(type->name));
    if (i % 4 == 0)
        (void)strcpy(strchr(g->events, '.') + 1, "*");
    g->scope = BERBAGI__V1__GRANT__SCOPE__SCOPE_OWN;
    g->level =
        i % 2 == 0 ? BERBAGI__V1__LEVEL__LEVEL_IDENTIFIED : BERBAGI__V1__LEVEL__LEVEL_PSEUDONYMOUS;
    g->purpose = must(bp_str_dup(type->purposes[0]));
    g->legal_basis = text("Law %u", i % 9);
    return g;
}

static void add_agreements(Berbagi__V1__Policy *p, const struct bp_schema *schema)
{
    p->agreements = must(calloc(AGREEMENTS, sizeof(void *)));
    for (unsigned i = 0; i < AGREEMENTS; i++) {
        Berbagi__V1__Agreement *a = must(malloc(sizeof(*a)));
        berbagi__v1__agreement__init(a);
        a->id = text("law-%u", i);
        a->title = text("Law %u", i);
        a->signed_on = text("2017-11-22");
        a->valid_from = text("2017-11-22");
        a->status = BERBAGI__V1__AGREEMENT__STATUS__STATUS_IN_FORCE;
        a->parties = must(calloc(1, sizeof(char *)));
        a->parties[a->n_parties++] = text("%s", p->agencies[i]->id);
        a->grants = must(calloc(GRANTS / AGREEMENTS, sizeof(void *)));
        for (unsigned k = 0; k < GRANTS / AGREEMENTS; k++)
            a->grants[a->n_grants++] = grant_of(p, schema, i * (GRANTS / AGREEMENTS) + k);
        p->agreements[p->n_agreements++] = a;
    }
}

/* IDENTIFIED everywhere, so that nothing is saved by a grant that a ceiling takes away. */
static void add_ceilings(Berbagi__V1__Policy *p, const struct bp_schema *schema)
{
    static const char *const kinds[] = {"kab", "kota", "opd"};
    p->ceilings = must(calloc(3 * schema->n_types, sizeof(void *)));
    for (size_t i = 0; i < 3 * schema->n_types; i++) {
        const struct bp_event_type *type = &schema->types[i / 3];
        bool is_first = true; /* type of its group */
        for (size_t k = 0; k < i / 3; k++)
            is_first = is_first && !bp_str_eq(schema->types[k].group, type->group);
        if (!is_first)
            continue;
        Berbagi__V1__Ceiling *row = must(malloc(sizeof(*row)));
        berbagi__v1__ceiling__init(row);
        row->audience = text("%s", kinds[i % 3]);
        row->group = must(bp_str_dup(type->group));
        row->level = BERBAGI__V1__LEVEL__LEVEL_IDENTIFIED;
        row->scope = BERBAGI__V1__GRANT__SCOPE__SCOPE_NATIONAL;
        p->ceilings[p->n_ceilings++] = row;
    }
}

static Berbagi__V1__Policy *large_policy(const struct bp_schema *schema)
{
    Berbagi__V1__Policy *p = must(malloc(sizeof(*p)));
    berbagi__v1__policy__init(p);
    add_agencies(p);
    add_agreements(p, schema);
    add_ceilings(p, schema);
    return p;
}

/* The operators are those of the policy measured before. */
static void compile_large(const struct bp_schema *schema, Berbagi__V1__Policy *like)
{
    struct bp_err err = {{0}};
    Berbagi__V1__Policy *p = large_policy(schema);
    p->operators = like->operators;
    p->n_operators = like->n_operators;
    double best = 1e9;
    for (unsigned i = 0; i < COMPILATIONS; i++) {
        struct bp_policy *compiled = NULL;
        double from = seconds();
        check(bp_policy_compile(p, 1, schema, &compiled, NULL, &err), &err);
        double took = (seconds() - from) * 1e3;
        best = took < best ? took : best;
        bp_policy_unref(compiled);
    }
    (void)printf("compile  %8.1f ms for %zu agencies and %d grants (the best of %d)\n", best,
                 p->n_agencies, GRANTS, COMPILATIONS);
    p->operators = NULL;
    p->n_operators = 0;
    berbagi__v1__policy__free_unpacked(p, NULL);
}

int main(int argc, char **argv)
{
    struct bench b = {.rounds = 5000000};
    struct bp_err err = {{0}};
    Berbagi__V1__Policy *source = NULL;
    if (argc < 2 || argc > 3 || (argc == 3 && !bp_parse_u64(bp_str(argv[2]), &b.rounds))) {
        (void)fprintf(stderr, "usage: %s FOLDER [ROUNDS]\n", argv[0]);
        return 2;
    }
    check(bp_schema_open(NULL, 0, &b.schema, &err), &err);
    check(bp_policy_yaml_load(argv[1], &source, NULL, &err), &err);
    check(bp_policy_compile(source, 1, b.schema, &b.policy, NULL, &err), &err);
    (void)bp_day_parse(BP_STR("2026-06-01"), &b.today);
    make_questions(&b, source);
    measure(&b, "publish", publish);
    measure(&b, "see", see);
    compile_large(b.schema, source);
    free(b.questions);
    bp_policy_unref(b.policy);
    berbagi__v1__policy__free_unpacked(source, NULL);
    bp_schema_destroy(b.schema);
    return 0;
}
