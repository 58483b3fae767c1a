#include "small_policy.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "file.h"

char *test_folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = malloc(512);
    assert_non_null(folder);
    snprintf(folder, 512, "%s/policy-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *where)
{
    (void)info;
    (void)flag;
    (void)where;
    return remove(path);
}

void test_folder_remove(char *folder)
{
    assert_int_equal(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

void test_file_write(const char *folder, const char *name, const char *text)
{
    char *path = bp_path_join(folder, name);
    assert_non_null(path);
    assert_int_equal(bp_file_write(path, text, strlen(text), 0600, NULL), BP_OK);
    free(path);
}

static struct bp_schema *schema;

static void drop_schema(void)
{
    bp_schema_destroy(schema);
}

const struct bp_schema *test_schema(void)
{
    struct bp_err err = {""};
    if (schema == NULL) {
        if (bp_schema_open(NULL, 0, &schema, &err) != BP_OK)
            fail_msg("%s", err.text);
        assert_int_equal(atexit(drop_schema), 0);
    }
    return schema;
}

const struct bp_event_type *type_named(const char *name)
{
    const struct bp_event_type *type = bp_schema_type(test_schema(), bp_str(name));
    if (type == NULL)
        fail_msg("no event type %s", name);
    return type;
}

bp_fields field_of(const char *type, const char *field)
{
    const struct bp_field *found = bp_type_field(type_named(type), bp_str(field));
    if (found == NULL)
        fail_msg("no field %s of %s", field, type);
    return (bp_fields)1 << found->index;
}

bp_day day(const char *text)
{
    bp_day out;
    if (!bp_day_parse(bp_str(text), &out))
        fail_msg("no day: %s", text);
    return out;
}

Berbagi__V1__Policy *message_of(const char *yaml)
{
    struct bp_err err = {""};
    Berbagi__V1__Policy *policy = NULL;
    char *folder = test_folder_make(), path[600];
    test_file_write(folder, "policy.yaml", yaml);
    snprintf(path, sizeof(path), "%s/policy.yaml", folder);
    bp_status st = bp_policy_yaml_load(path, &policy, NULL, &err);
    test_folder_remove(folder);
    if (st != BP_OK)
        fail_msg("%s", err.text);
    return policy;
}

static bp_status compile(const char *yaml, struct bp_policy **out,
                         struct bp_policy_findings *findings, struct bp_err *err)
{
    Berbagi__V1__Policy *message = message_of(yaml);
    bp_status st = bp_policy_compile(message, 1, test_schema(), out, findings, err);
    berbagi__v1__policy__free_unpacked(message, NULL);
    return st;
}

struct bp_policy *policy_of(const char *yaml)
{
    struct bp_err err = {""};
    struct bp_policy *policy = NULL;
    if (compile(yaml, &policy, NULL, &err) != BP_OK)
        fail_msg("%s", err.text);
    return policy;
}

static const struct bp_agency *agency_of(const struct bp_policy *p, const char *id)
{
    const struct bp_agency *a = bp_policy_agency(p, bp_str(id));
    if (a == NULL)
        fail_msg("no agency %s", id);
    return a;
}

static bp_day today_of(const struct question *q)
{
    return day(q->day != NULL ? q->day : "2026-06-01");
}

static struct bp_facts facts_of(const struct question *q)
{
    struct bp_facts facts = {.addressed_to = bp_str(q->addressed_to),
                             .has_small_count = q->small_count};
    if (!bp_region_parse(bp_str(q->region), &facts.region))
        fail_msg("no region: %s", q->region);
    if (q->destination != NULL)
        memcpy(facts.destination, q->destination, 2);
    facts.recorded_on = q->recorded_on != NULL ? day(q->recorded_on) : today_of(q);
    return facts;
}

bool sees(const struct bp_policy *p, const char *agency, const char *type, struct question q,
          struct bp_sight *out)
{
    struct bp_facts facts = facts_of(&q);
    return bp_policy_see(p, agency_of(p, agency), type_named(type), &facts, today_of(&q), out);
}

bool may_see(const struct bp_policy *p, const char *agency, const char *type, struct question q)
{
    struct bp_sight sight;
    return sees(p, agency, type, q, &sight);
}

bool sees_field(const struct bp_policy *p, const char *agency, const char *type, const char *field,
                struct question q)
{
    struct bp_sight sight;
    return sees(p, agency, type, q, &sight) && (sight.view.full & field_of(type, field)) != 0;
}

struct bp_publish_verdict judge(const struct bp_policy *p, struct publishing q)
{
    struct bp_publish_verdict verdict;
    struct bp_publish_request request = {
        .sender = agency_of(p, q.sender),
        .source = agency_of(p, q.source != NULL ? q.source : q.sender),
        .type = type_named(q.type),
        .facts = facts_of(&q.about),
        .resolves = q.resolves,
    };
    for (size_t i = 0; q.fields != NULL && q.fields[i] != NULL; i++)
        request.fields_set |= field_of(q.type, q.fields[i]);
    bp_policy_judge_publish(p, &request, today_of(&q.about), &verdict);
    return verdict;
}

static bool has_finding(const struct bp_policy_findings *f, const char *where, const char *words,
                        bool is_warning)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->items[i].where, where) == 0 && strstr(f->items[i].message, words) != NULL &&
            f->items[i].is_warning == is_warning)
            return true;
    }
    return false;
}

static void expect(const char *yaml, const char *where, const char *words, bool is_warning)
{
    struct bp_policy *policy = NULL;
    struct bp_policy_findings findings = {0};
    struct bp_err err = {""};
    bp_status st = compile(yaml, &policy, &findings, &err);
    bool has = has_finding(&findings, where, words, is_warning);
    for (size_t i = 0; i < findings.n && !has; i++)
        print_message("finding: %s: %s\n", findings.items[i].where, findings.items[i].message);
    bp_policy_unref(policy);
    bp_policy_findings_fini(&findings);
    assert_true(has);
    assert_int_equal(st, is_warning ? BP_OK : BP_EINVAL);
    assert_true(is_warning || err.text[0] != '\0');
}

void expect_error(const char *yaml, const char *where, const char *words)
{
    expect(yaml, where, words, false);
}

void expect_warning(const char *yaml, const char *where, const char *words)
{
    expect(yaml, where, words, true);
}

void expect_nothing(const char *yaml)
{
    struct bp_policy *policy = NULL;
    struct bp_policy_findings findings = {0};
    struct bp_err err = {""};
    bp_status st = compile(yaml, &policy, &findings, &err);
    for (size_t i = 0; i < findings.n; i++)
        print_message("finding: %s: %s\n", findings.items[i].where, findings.items[i].message);
    bp_policy_unref(policy);
    bp_policy_findings_fini(&findings);
    assert_int_equal(st, BP_OK);
    assert_int_equal(findings.n, 0);
}
