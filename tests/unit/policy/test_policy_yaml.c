/* Policy folders and files: what is read, what is refused with its line, and the way back from a
 * finding to a line. */
#include "small_policy.h"

#include "file.h"

static char *folder;

static const char agencies[] =
    "agencies:\n  - id: kl.kp2mi\n    region: ID\n  - id: kab.18.07\n    region: \"18.07\"\n";
static const char operators[] = "operators:\n  - name: admin\n    roles: POLICY\n";
static const char agreement[] = "id: m1\n"
                                "title: \"Pelindungan: PMI\"\n"
                                "parties: [kl.kp2mi, kab.18.07]\n"
                                "valid_from: 2026-01-01\n"
                                "valid_to: 2026-12-31\n"
                                "status: IN_FORCE\n"
                                "grants:\n"
                                "  - grantees: [kab.18.07, kl.kp2mi]\n" /* 8 */
                                "    direction: SUBSCRIBE\n"
                                "    events:\n"
                                "      - worker.registered\n" /* 11 */
                                "      - worker.verifed\n"
                                "    scope: NATIONAL\n"
                                "    level: IDENTIFIED\n"
                                "    specific: HEALTH\n"
                                "    purpose: placement\n"
                                "    legal_basis: law\n";

static int make_folder(void **state)
{
    (void)state;
    folder = test_folder_make();
    char *sub = bp_path_join(folder, "agreements");
    assert_int_equal(bp_dir_make(sub, 0700, NULL), BP_OK);
    free(sub);
    test_file_write(folder, "agencies.yaml", agencies);
    test_file_write(folder, "operators.yaml", operators);
    test_file_write(folder, "ceilings.yaml", "# nobody reads\nceilings:\n");
    test_file_write(folder, "agreements/m1.yaml", agreement);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

/* Loading fails with a message that ends the name of this file and goes on like this. */
static void expect_refusal(bp_status expected, const char *words)
{
    Berbagi__V1__Policy *policy = NULL;
    struct bp_err err = {""};
    bp_status st = bp_policy_yaml_load(folder, &policy, NULL, &err);
    if (st != expected || strstr(err.text, words) == NULL)
        fail_msg("%s: '%s' is not '%s'", bp_status_name(st), err.text, words);
    assert_null(policy);
}

static void test_yaml_lists_stand_for_each_pair_in_order(void **state)
{
    Berbagi__V1__Policy *p = NULL;
    (void)state;

    assert_int_equal(bp_policy_yaml_load(folder, &p, NULL, NULL), BP_OK);

    assert_int_equal(p->n_agencies, 2);
    assert_string_equal(p->agencies[1]->kind, "kab"); /* left out: what the id begins with */
    assert_int_equal(p->n_agreements, 1);
    assert_string_equal(p->agreements[0]->title, "Pelindungan: PMI");
    assert_int_equal(p->agreements[0]->n_grants, 4);
    static const char *const pairs[][2] = {{"kab.18.07", "worker.registered"},
                                           {"kab.18.07", "worker.verifed"},
                                           {"kl.kp2mi", "worker.registered"},
                                           {"kl.kp2mi", "worker.verifed"}};
    for (size_t i = 0; i < 4; i++) {
        const Berbagi__V1__Grant *g = p->agreements[0]->grants[i];
        assert_string_equal(g->grantee, pairs[i][0]);
        assert_string_equal(g->events, pairs[i][1]);
        assert_int_equal(g->n_specific, 1);
        assert_int_equal(g->level, BERBAGI__V1__LEVEL__LEVEL_IDENTIFIED);
    }
    berbagi__v1__policy__free_unpacked(p, NULL);
}

static void test_yaml_findings_lead_to_file_and_line(void **state)
{
    Berbagi__V1__Policy *p = NULL;
    struct bp_source_map *map = NULL;
    struct bp_policy *policy = NULL;
    struct bp_policy_findings findings = {0};
    const char *file = NULL;
    unsigned line = 0;
    (void)state;
    assert_int_equal(bp_policy_yaml_load(folder, &p, &map, NULL), BP_OK);

    assert_int_equal(bp_policy_compile(p, 1, test_schema(), &policy, &findings, NULL), BP_EINVAL);

    assert_string_equal(findings.items[0].where, "agreements[0].grants[1].events");
    assert_true(bp_source_map_find(map, findings.items[0].where, &file, &line));
    assert_non_null(strstr(file, "agreements/m1.yaml"));
    assert_int_equal(line, 12);
    assert_true(bp_source_map_find(map, "agreements[0].grants[2].grantee", &file, &line));
    assert_int_equal(line, 8);
    assert_true(bp_source_map_find(map, "agreements[0].grants[3].regions", &file,
                                   &line)); /* not written: its grant */
    assert_int_equal(line, 8);
    assert_true(bp_source_map_find(map, "agencies[1].region", &file, &line));
    assert_non_null(strstr(file, "agencies.yaml"));
    assert_int_equal(line, 5);
    assert_true(bp_source_map_find(map, "operators", &file, &line));
    assert_false(bp_source_map_find(map, "quotas[0]", &file, &line));
    bp_policy_findings_fini(&findings);
    bp_source_map_destroy(map);
    berbagi__v1__policy__free_unpacked(p, NULL);
}

static void test_yaml_unknown_key_is_named_with_its_line(void **state)
{
    (void)state;
    test_file_write(folder, "agencies.yaml", "agencies:\n  - id: kl.kp2mi\n    regoin: ID\n");
    expect_refusal(BP_EINVAL, "agencies.yaml:3: unknown key 'regoin'");
    test_file_write(folder, "agencies.yaml", "agencies: []\noperators: []\n");
    expect_refusal(BP_EINVAL, "agencies.yaml:2: unknown key 'operators'");
    test_file_write(folder, "agencies.yaml", agencies);
    test_file_write(folder, "agreements/m1.yaml",
                    "id: m1\ngrants:\n  - grantee: kab\n    event: worker.registered\n");
    expect_refusal(BP_EINVAL, "m1.yaml:4: unknown key 'event'");
    test_file_write(folder, "agreements/m1.yaml", agreement);
    test_file_write(folder, "ceilings.yaml",
                    "ceilings:\n  - audience: kab\n    limits: [{levels: NONE}]\n");
    expect_refusal(BP_EINVAL, "ceilings.yaml:3: unknown key 'levels'");
}

static void test_yaml_unknown_words_are_named_with_the_known_ones(void **state)
{
    (void)state;
    test_file_write(folder, "operators.yaml", "operators:\n  - name: dewi\n    roles: [GOD]\n");
    expect_refusal(
        BP_EINVAL,
        "operators.yaml:3: 'GOD' is no role; known are VIEWER, POLICY, SECURITY, BACKUP");
    test_file_write(folder, "operators.yaml", operators);
    test_file_write(folder, "agreements/m1.yaml", "id: m1\nstatus: UNSPECIFIED\n");
    expect_refusal(BP_EINVAL, "m1.yaml:2: 'UNSPECIFIED' is no status");
    test_file_write(folder, "agreements/m1.yaml",
                    "id: m1\ngrants: [{grantee: kab, events: worker.*, level: NONE}]\n");
    expect_refusal(BP_EINVAL, "m1.yaml:2: 'NONE' is no level");
}

static void test_yaml_of_another_shape_is_refused(void **state)
{
    static const struct {
        const char *file, *text, *words;
    } cases[] = {
        {"agencies.yaml", "- id: kl.kp2mi\n", "agencies.yaml:1: a mapping"},
        {"agencies.yaml", "agencies: kl.kp2mi\n", "agencies.yaml:1: a list"},
        {"agencies.yaml", "agencies: [kl.kp2mi]\n", "agencies.yaml:1: a mapping"},
        {"agencies.yaml", "agencies: [{id: [a]}]\n", "agencies.yaml:1: one value"},
        {"agencies.yaml", "agencies: [{id: \"a\\0b\"}]\n", "holds a NUL"},
        {"agencies.yaml", "agencies: [{id: a.b, suspended: maybe}]\n", "true or false"},
        {"agreements/m1.yaml", "id: m1\ngrants: [{events: worker.*}]\n", "'grantee' or 'grantees'"},
        {"agreements/m1.yaml",
         "id: m1\ngrants: [{grantee: kab, grantees: [kab], events: worker.*}]\n",
         "'grantee' or 'grantees'"},
        {"agreements/m1.yaml", "id: m1\ngrants: [{grantee: kab}]\n", "'events' is missing"},
        {"agreements/m1.yaml", "id: m1\ngrants: [{grantees: [], events: worker.*}]\n",
         "for nobody"},
        {"operators.yaml", "approvals_required: 2\n", "operators.yaml:1: approvals_required is"},
        {"operators.yaml", "approvals_required: one\n", "a whole number of 0 to 1"},
        {"ceilings.yaml", "ceilings: [{audience: kab}]\n", "'audience' and 'limits'"},
        {"ceilings.yaml", "ceilings: [{audience: kab, limits: [{groups: [health]}]}]\n",
         "'groups' and 'level'"},
        {"ceilings.yaml", "ceilings: [{audience: kab, limits: [{level: NONE}]}]\n",
         "'groups' and 'level'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_file_write(folder, cases[i].file, cases[i].text);
        expect_refusal(BP_EINVAL, cases[i].words);
        (void)remove_folder(NULL);
        (void)make_folder(NULL);
    }
}

static void test_yaml_files_stand_where_they_belong(void **state)
{
    (void)state;
    test_file_write(folder, "agreement-2.yaml", agreement);
    expect_refusal(BP_EINVAL, "agreement-2.yaml: no file of a policy");
    (void)remove_folder(NULL);
    (void)make_folder(NULL);
    test_file_write(folder, "agreements/m2.yml", agreement);
    expect_refusal(BP_EINVAL, "m2.yml: an agreement's file ends in .yaml");
    (void)remove_folder(NULL);
    (void)make_folder(NULL);
    test_file_write(folder, "agreements/m2.yaml", agreement);
    expect_refusal(BP_EINVAL, "m2.yaml:1: the id is 'm1', but the file is named for 'm2'");
    (void)remove_folder(NULL);
    (void)make_folder(NULL);
    test_file_write(folder, "agreements/.m2.yaml", "half a file");
    test_file_write(folder, "agreements/README.md", "words");
    Berbagi__V1__Policy *p = NULL;
    assert_int_equal(bp_policy_yaml_load(folder, &p, NULL, NULL), BP_OK);
    berbagi__v1__policy__free_unpacked(p, NULL);
}

static void test_yaml_missing_file_is_named(void **state)
{
    Berbagi__V1__Policy *p = NULL;
    struct bp_err err = {""};
    (void)state;
    char *path = bp_path_join(folder, "operators.yaml");
    assert_int_equal(remove(path), 0);
    free(path);
    expect_refusal(BP_ENOENT, "operators.yaml");
    assert_int_equal(bp_policy_yaml_load("/nonexistent/policy", &p, NULL, &err), BP_ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/policy"));
}

/* Every field of every message, with texts that need quotes. */
static void test_yaml_printed_reads_back_the_same(void **state)
{
    static const char yaml[] =
        "agencies:\n"
        "  - {id: \"no\", name: \"a \\\"b\\\" \\\\ \\n \\u00e9: #\", kind: \"1e3\", region: "
        "\"18.07\", parent: null, suspended: true,\n"
        "     host_countries: [\"NO\", TW]}\n"
        "agreements:\n"
        "  - {id: m1, title: \" spaced \", parties: [a, b], signed_on: 2026-01-01, valid_from: "
        "2026-01-01, valid_to: \"\", status: SUSPENDED,\n"
        "     grants: [{grantees: [a, b], direction: PUBLISH, events: [\"*\", worker.*], scope: "
        "REGIONS, regions: [\"18\"], countries: [TW],\n"
        "               level: AGGREGATE, specific: [HEALTH, CHILD], only_fields: [x, y], "
        "never_fields: z, purpose: p, legal_basis: \"l; m\",\n"
        "               may_resolve: true, events_from: 2026-02-03},\n"
        "              {grantee: b, events: other}, {grantee: c, events: other}, {grantee: c, "
        "events: [one, two]}, {grantee: d, events: [one]}]}\n"
        "  - {id: m2}\n"
        "ceilings:\n"
        "  - {audience: kab, limits: [{groups: [a, b], level: NONE}, {groups: c, level: PUBLIC, "
        "scope: OWN, specific: [FINANCE]}]}\n"
        "approvals_required: 1\n"
        "operators:\n"
        "  - {name: admin, roles: [POLICY, BACKUP]}\n";
    struct bp_buf first = {0}, second = {0};
    (void)state;
    Berbagi__V1__Policy *p = message_of(yaml);

    bp_policy_yaml_print(p, &first);
    bp_buf_add_byte(&first, 0);
    Berbagi__V1__Policy *q = message_of((const char *)first.p);
    bp_policy_yaml_print(q, &second);
    bp_buf_add_byte(&second, 0);

    size_t n = berbagi__v1__policy__get_packed_size(p);
    uint8_t *a = malloc(n), *b = malloc(n);
    assert_int_equal(berbagi__v1__policy__get_packed_size(q), n);
    assert_int_equal(berbagi__v1__policy__pack(p, a), n);
    assert_int_equal(berbagi__v1__policy__pack(q, b), n);
    assert_memory_equal(a, b, n);
    assert_string_equal((const char *)first.p, (const char *)second.p);
    assert_non_null(
        strstr((const char *)first.p, "grantees: [a, b]")); /* gathered as it was written */
    free(a);
    free(b);
    bp_buf_fini(&first);
    bp_buf_fini(&second);
    berbagi__v1__policy__free_unpacked(p, NULL);
    berbagi__v1__policy__free_unpacked(q, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_yaml_lists_stand_for_each_pair_in_order),
        TEST(test_yaml_findings_lead_to_file_and_line),
        TEST(test_yaml_unknown_key_is_named_with_its_line),
        TEST(test_yaml_unknown_words_are_named_with_the_known_ones),
        TEST(test_yaml_of_another_shape_is_refused),
        TEST(test_yaml_files_stand_where_they_belong),
        TEST(test_yaml_missing_file_is_named),
        cmocka_unit_test(test_yaml_printed_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
