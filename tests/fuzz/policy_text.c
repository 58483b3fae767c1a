#include "policy_text.h"

#include "fuzz.h"
#include "policy.h"
#include "policy_document.h"
#include "policy_yaml.h"

#define EVERY_SECTION                                                                              \
    (BP_POLICY_AGENCIES | BP_POLICY_AGREEMENTS | BP_POLICY_CEILINGS | BP_POLICY_OPERATORS |        \
     BP_POLICY_QUOTAS)

/* libfyaml 0.7 loses the pieces of a quoted text that has more than a few quotes in it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

Berbagi__V1__Policy *policy_of_text(struct bp_str text)
{
    struct bp_err err = {""};
    struct bp_yaml *yaml = NULL;
    if (bp_yaml_parse("policy.yaml", text, &yaml, &err) != BP_OK) {
        BP_ASSERT(err.text[0] != '\0');
        return NULL;
    }
    Berbagi__V1__Policy *policy = berbagi__v1__policy__unpack(NULL, 0, NULL);
    BP_ASSERT(policy != NULL);
    struct bp_source_map *map = bp_source_map_create();
    struct yaml_reader r = {.yaml = yaml, .map = map, .err = &err};
    BP_ASSERT(bp_source_map_add_file(map, "policy.yaml", &r.file) == BP_OK);
    bp_policy_document_read(&r, EVERY_SECTION, policy);
    bp_source_map_sort(map);
    bp_source_map_destroy(map);
    bp_yaml_destroy(yaml);
    if (r.st != BP_OK) {
        BP_ASSERT(err.text[0] != '\0');
        berbagi__v1__policy__free_unpacked(policy, NULL);
        return NULL;
    }
    return policy;
}

static struct bp_buf pack(const Berbagi__V1__Policy *policy)
{
    struct bp_buf out = {0};
    size_t n = berbagi__v1__policy__get_packed_size(policy);
    uint8_t *place = bp_buf_reserve(&out, n + 1);
    BP_ASSERT(place != NULL);
    out.n = berbagi__v1__policy__pack(policy, place);
    return out;
}

void check_policy_prints(const Berbagi__V1__Policy *policy)
{
    struct bp_buf text = {0};
    bp_policy_yaml_print(policy, &text);
    Berbagi__V1__Policy *again = policy_of_text(bp_buf_str(&text));
    BP_ASSERT(again != NULL);
    struct bp_buf before = pack(policy), after = pack(again);
    BP_ASSERT(bp_str_eq(bp_buf_str(&before), bp_buf_str(&after)));
    berbagi__v1__policy__free_unpacked(again, NULL);
    bp_buf_fini(&before);
    bp_buf_fini(&after);
    bp_buf_fini(&text);
}

/* What an agency sees or may publish holds together: no field in two forms, no verdict without a
 * reason. */
static void ask(const struct bp_policy *p, const struct bp_agency *agency,
                const struct bp_event_type *type)
{
    const bp_day today = 20500; /* in 2026 */
    struct bp_facts facts = {.destination = {'T', 'W'}, .recorded_on = today};
    struct bp_sight sight;
    struct bp_publish_request request = {
        .sender = agency, .source = agency, .type = type, .facts = facts};
    struct bp_publish_verdict verdict;
    BP_ASSERT(bp_region_parse(BP_STR("18.07.15.2006"), &facts.region));
    if (bp_policy_see(p, agency, type, &facts, today, &sight)) {
        BP_ASSERT((sight.view.full & (sight.view.coarse | sight.view.rewritten)) == 0);
        BP_ASSERT(sight.n_grounds >= 1 && sight.n_grounds <= BP_GROUNDS_MAX);
        BP_ASSERT(bp_policy_sees_type(p, agency, type, today));
    }
    bp_policy_judge_publish(p, &request, today, &verdict);
    BP_ASSERT(verdict.permitted || verdict.why != NULL || verdict.barred != 0);
}

bool check_policy_compiles(const Berbagi__V1__Policy *policy)
{
    struct bp_policy_findings findings = {0};
    struct bp_policy *p = NULL;
    const struct bp_schema *schema = fuzz_schema();
    bp_status st = bp_policy_compile(policy, 1, schema, &p, &findings, NULL);
    size_t n_errors = 0;
    for (size_t i = 0; i < findings.n; i++)
        n_errors += !findings.items[i].is_warning;
    BP_ASSERT((st == BP_OK) == (n_errors == 0));
    for (size_t a = 0; st == BP_OK && a < bp_policy_agencies(p); a++) {
        for (size_t t = a % 7; t < schema->n_types; t += 7)
            ask(p, bp_policy_agency_at(p, a), &schema->types[t]);
    }
    bp_policy_unref(p);
    bp_policy_findings_fini(&findings);
    return st == BP_OK;
}
