/* What is told of versions: their days, what changes between two, why a right ended, an agency's
 * own part, the numbers of grounds. */
#include "small_policy.h"

#define BY "purpose: placement"
#define CEILINGS                                                                                   \
    "ceilings:\n" CEILING("kab", "registration, movement", "level: IDENTIFIED, scope: NATIONAL")
#define OLD_READS READS("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY)
#define AGREEMENT(id, status, from, to, grants)                                                    \
    "  - id: " id "\n    parties: [kl.kp2mi, kab.18.07]\n    status: " status                      \
    "\n    valid_from: " from "\n    valid_to: " to "\n    grants:\n" grants
#define POLICY(agreements) AGENCIES "agreements:\n" agreements CEILINGS OPERATORS

static void test_versions_next_change_is_the_next_first_or_last_day(void **state)
{
    struct bp_policy *p =
        policy_of(POLICY(JOIN(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-06-30", OLD_READS),
                              AGREEMENT("b", "IN_FORCE", "2026-09-01", "2027-08-31", OLD_READS),
                              AGREEMENT("c", "SUSPENDED", "2026-03-01", "2026-03-31", OLD_READS))));
    (void)state;

    assert_int_equal(bp_policy_next_change(p, day("2025-01-01")), day("2026-01-01"));
    assert_int_equal(bp_policy_next_change(p, day("2026-01-01")), day("2026-07-01"));
    assert_int_equal(bp_policy_next_change(p, day("2026-06-30")), day("2026-07-01"));
    assert_int_equal(bp_policy_next_change(p, day("2026-07-01")), day("2026-09-01"));
    assert_int_equal(bp_policy_next_change(p, day("2027-08-31")), day("2027-09-01"));
    assert_int_equal(bp_policy_next_change(p, day("2027-09-01")), BP_DAY_NEVER);
    bp_policy_unref(p);
}

/* --- why a right ended --- */

static bool ended(const char *before, const char *now, const char *today)
{
    struct bp_policy *b = policy_of(before), *n = policy_of(now);
    bool answer = bp_policy_ended_by_agreement(b, n, BP_STR("kab.18.07"), day(today));
    bp_policy_unref(b);
    bp_policy_unref(n);
    return answer;
}

static void test_versions_end_of_agreement_is_told_from_withdrawal(void **state)
{
    const char *one = POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31", OLD_READS));
    (void)state;

    assert_true(ended(one, one, "2027-01-01"));
    assert_true(ended(one,
                      POLICY(AGREEMENT("a", "SUSPENDED", "2026-01-01", "2026-12-31", OLD_READS)),
                      "2026-06-01"));
    assert_true(ended(one,
                      POLICY(AGREEMENT("a", "TERMINATED", "2026-01-01", "2026-12-31", OLD_READS)),
                      "2026-06-01"));
    assert_true(ended(one,
                      POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-05-31", OLD_READS)),
                      "2026-06-01"));
    assert_false(ended(one,
                       POLICY(AGREEMENT("b", "IN_FORCE", "2026-01-01", "2026-12-31", "      []\n")),
                       "2026-06-01"));
    assert_false(
        ended(one, POLICY(AGREEMENT("a", "SUSPENDED", "2026-01-01", "2026-12-31", "      []\n")),
              "2026-06-01"));
    assert_false(ended(one, OPERATORS, "2026-06-01"));
}

static void test_versions_withdrawal_of_one_grant_beats_the_end_of_another(void **state)
{
    const char *both =
        POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31", OLD_READS)
                   AGREEMENT("b", "IN_FORCE", "2026-01-01", "2026-12-31", OLD_READS));
    (void)state;

    assert_false(ended(both,
                       POLICY(AGREEMENT("a", "SUSPENDED", "2026-01-01", "2026-12-31", OLD_READS)),
                       "2026-06-01"));
    assert_true(
        ended(both,
              POLICY(JOIN(AGREEMENT("a", "SUSPENDED", "2026-01-01", "2026-12-31", OLD_READS),
                          AGREEMENT("b", "TERMINATED", "2026-01-01", "2026-12-31", OLD_READS))),
              "2026-06-01"));
}

/* --- differences --- */

struct difference {
    struct bp_policy *before, *after;
    Berbagi__V1__ApplyPolicyResponse *response;
};

static struct difference difference(const char *before, const char *after)
{
    struct difference d = {before != NULL ? policy_of(before) : NULL, policy_of(after),
                           malloc(sizeof(*d.response))};
    assert_non_null(d.response);
    berbagi__v1__apply_policy_response__init(d.response);
    assert_int_equal(bp_policy_difference(d.before, d.after, day("2026-06-01"), d.response), BP_OK);
    return d;
}

static void drop(struct difference *d)
{
    berbagi__v1__apply_policy_response__free_unpacked(d->response, NULL);
    bp_policy_unref(d->before);
    bp_policy_unref(d->after);
}

static bool names(char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

static const char one_year[] =
    POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31", OLD_READS));

static void test_versions_first_policy_gains_all_it_gives(void **state)
{
    struct difference d = difference(NULL, one_year);
    (void)state;

    assert_int_equal(d.response->n_changes, 1);
    const Berbagi__V1__PolicyChange *c = d.response->changes[0];
    assert_string_equal(c->agency, "kab.18.07");
    assert_string_equal(c->event_type, "worker.registered");
    assert_string_equal(c->agreement, "a");
    assert_int_equal(c->direction, BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE);
    assert_true(c->type_gained && !c->type_lost);
    assert_true(names(c->fields_gained, c->n_fields_gained, "nik") &&
                names(c->fields_gained, c->n_fields_gained, "(envelope)"));
    assert_int_equal(c->n_fields_lost, 0);
    drop(&d);
}

static void test_versions_renewal_and_rewording_are_no_change(void **state)
{
    (void)state;
    struct difference same = difference(one_year, one_year);
    assert_int_equal(same.response->n_changes, 0);
    drop(&same);
    struct difference renewed = difference(
        one_year, POLICY(AGREEMENT("b", "IN_FORCE", "2026-05-01", "2031-04-30", OLD_READS)));
    assert_int_equal(renewed.response->n_changes, 0);
    drop(&renewed);
}

static void test_versions_suspension_loses_the_type(void **state)
{
    struct difference d = difference(
        one_year, POLICY(AGREEMENT("a", "SUSPENDED", "2026-01-01", "2026-12-31", OLD_READS)));
    (void)state;

    assert_int_equal(d.response->n_changes, 1);
    assert_true(d.response->changes[0]->type_lost && !d.response->changes[0]->type_gained);
    assert_true(
        names(d.response->changes[0]->fields_lost, d.response->changes[0]->n_fields_lost, "nik"));
    drop(&d);
}

static void test_versions_lower_level_loses_fields_alone(void **state)
{
    struct difference d =
        difference(one_year, POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31",
                                              READS("kab.18.07", "worker.registered",
                                                    "scope: OWN, level: PSEUDONYMOUS, " BY))));
    (void)state;

    assert_int_equal(d.response->n_changes, 1);
    const Berbagi__V1__PolicyChange *c = d.response->changes[0];
    assert_false(c->type_lost || c->type_gained);
    assert_true(names(c->fields_lost, c->n_fields_lost, "nik") &&
                names(c->fields_lost, c->n_fields_lost, "birth_date"));
    assert_true(names(c->fields_lost, c->n_fields_lost, "(envelope)") &&
                names(c->fields_lost, c->n_fields_lost, "(unknown fields)"));
    assert_false(names(c->fields_lost, c->n_fields_lost, "sex"));
    assert_int_equal(c->n_fields_gained, 0);
    drop(&d);
}

static void test_versions_wider_and_narrower_scopes_are_changes(void **state)
{
    const char *national = POLICY(AGREEMENT(
        "a", "IN_FORCE", "2026-01-01", "2026-12-31",
        READS("kab.18.07", "worker.registered", "scope: NATIONAL, level: IDENTIFIED, " BY)));
    (void)state;

    struct difference wider = difference(one_year, national);
    assert_int_equal(wider.response->n_changes, 1);
    assert_true(names(wider.response->changes[0]->fields_gained,
                      wider.response->changes[0]->n_fields_gained, "nik"));
    assert_int_equal(wider.response->changes[0]->n_fields_lost, 0);
    assert_false(wider.response->changes[0]->type_gained);
    drop(&wider);
    struct difference narrower = difference(national, one_year);
    assert_int_equal(narrower.response->n_changes, 1);
    assert_true(names(narrower.response->changes[0]->fields_lost,
                      narrower.response->changes[0]->n_fields_lost, "nik"));
    assert_int_equal(narrower.response->changes[0]->n_fields_gained, 0);
    drop(&narrower);
}

static void test_versions_lowered_ceiling_and_lost_agency_are_losses(void **state)
{
    (void)state;
    struct difference ceiling =
        difference(one_year, JOIN(AGENCIES, "agreements:\n",
                                  AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31", OLD_READS),
                                  OPERATORS));
    assert_int_equal(ceiling.response->n_changes, 1);
    assert_true(ceiling.response->changes[0]->type_lost);
    drop(&ceiling);
    struct difference agency = difference(one_year, OPERATORS);
    assert_int_equal(agency.response->n_changes, 1);
    assert_string_equal(agency.response->changes[0]->agency, "kab.18.07");
    assert_true(agency.response->changes[0]->type_lost);
    drop(&agency);
}

static void test_versions_publish_rights_are_told_too(void **state)
{
    struct difference d = difference(
        POLICY(AGREEMENT(
            "a", "IN_FORCE", "2026-01-01", "2026-12-31",
            WRITES("kab.18.07", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY))),
        POLICY(AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31",
                         WRITES("kab.18.07", "worker.registered",
                                "scope: OWN, level: IDENTIFIED, may_resolve: true, " BY))));
    (void)state;

    assert_int_equal(d.response->n_changes, 1);
    const Berbagi__V1__PolicyChange *c = d.response->changes[0];
    assert_int_equal(c->direction, BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH);
    assert_int_equal(c->n_fields_gained, 1);
    assert_string_equal(c->fields_gained[0], "(subject by NIK)");
    drop(&d);
}

/* The policy with this many more agencies of one kind. */
static struct bp_policy *policy_of_many(const char *yaml, size_t n)
{
    Berbagi__V1__Policy *m = message_of(yaml);
    struct bp_policy_findings findings = {0};
    struct bp_policy *out = NULL;
    struct bp_err err = {""};
    char id[40];
    m->agencies = realloc(m->agencies, (m->n_agencies + n) * sizeof(*m->agencies));
    assert_non_null(m->agencies);
    for (size_t i = 0; i < n; i++) {
        Berbagi__V1__Agency *a = malloc(sizeof(*a));
        assert_non_null(a);
        berbagi__v1__agency__init(a);
        snprintf(id, sizeof(id), "lsp.tester-%zu", i);
        a->id = bp_str_dup(bp_str(id));
        a->kind = bp_str_dup(BP_STR("lsp"));
        a->region = bp_str_dup(BP_STR("ID"));
        m->agencies[m->n_agencies++] = a;
    }
    assert_int_equal(bp_policy_compile(m, 1, test_schema(), &out, &findings, &err), BP_OK);
    bp_policy_findings_fini(&findings);
    berbagi__v1__policy__free_unpacked(m, NULL);
    return out;
}

static void test_versions_lines_beyond_an_answer_are_counted(void **state)
{
    enum { AGENCIES_MANY = 60000, TYPES = 4 };
    const char *yaml =
        JOIN(AGENCIES, "agreements:\n",
             AGREEMENT("a", "IN_FORCE", "2026-01-01", "2026-12-31",
                       READS("lsp", "worker.*", "scope: NATIONAL, level: IDENTIFIED, " BY)),
             "ceilings:\n", CEILING("lsp", "registration", "level: IDENTIFIED, scope: NATIONAL"),
             OPERATORS);
    struct bp_policy *p = policy_of_many(yaml, AGENCIES_MANY);
    Berbagi__V1__ApplyPolicyResponse *told = malloc(sizeof(*told));
    (void)state;

    assert_non_null(told);
    berbagi__v1__apply_policy_response__init(told);
    assert_int_equal(bp_policy_difference(NULL, p, day("2026-06-01"), told), BP_OK);
    assert_true(told->changes_left_out > 0);
    assert_int_equal(told->n_changes + told->changes_left_out, AGENCIES_MANY * TYPES);
    assert_in_range(berbagi__v1__apply_policy_response__get_packed_size(told),
                    BP_POLICY_CHANGES_BYTES, BP_POLICY_CHANGES_BYTES + ((size_t)2 << 20));
    berbagi__v1__apply_policy_response__free_unpacked(told, NULL);
    bp_policy_unref(p);
}

/* --- an agency's own part --- */

static void test_versions_part_holds_what_speaks_of_the_agency(void **state)
{
    Berbagi__V1__Policy *whole = message_of(POLICY(
        JOIN(AGREEMENT(
                 "a", "IN_FORCE", "2026-01-01", "2026-12-31",
                 JOIN(OLD_READS,
                      READS("kab.35.09", "worker.registered", "scope: OWN, level: IDENTIFIED, " BY),
                      READS("kab", "departure.recorded",
                            "scope: OWN, level: IDENTIFIED, purpose: protection"))),
             "  - {id: b, parties: [kab.35.09, kl.kp2mi], status: IN_FORCE, valid_from: "
             "2026-01-01, valid_to: 2026-12-31}\n")));
    (void)state;

    Berbagi__V1__Policy *part = bp_policy_part_of(whole, BP_STR("kab.18.07"));

    assert_int_equal(part->n_agencies, 4); /* its province, itself, its village, its hospital */
    assert_string_equal(part->agencies[0]->id, "prov.18");
    assert_int_equal(part->n_agreements, 1);
    assert_int_equal(part->agreements[0]->n_grants, 2);
    assert_string_equal(part->agreements[0]->grants[1]->grantee, "kab");
    assert_int_equal(part->n_ceilings, 2);
    assert_int_equal(part->n_operators, 0);
    berbagi__v1__policy__free_unpacked(part, NULL);
    part = bp_policy_part_of(whole, BP_STR("kl.kp2mi"));
    assert_int_equal(part->n_agreements, 2); /* a party of both, without grants */
    assert_int_equal(part->agreements[0]->n_grants, 0);
    berbagi__v1__policy__free_unpacked(part, NULL);
    part = bp_policy_part_of(whole, BP_STR("rsud.nobody"));
    assert_int_equal(part->n_agencies + part->n_agreements + part->n_ceilings, 0);
    berbagi__v1__policy__free_unpacked(part, NULL);
    berbagi__v1__policy__free_unpacked(whole, NULL);
}

/* --- grounds --- */

static void test_versions_grounds_are_numbered_by_their_words(void **state)
{
    struct bp_policy *p = policy_of(
        POLICY(JOIN(AGREEMENT("z", "IN_FORCE", "2026-01-01", "2026-12-31",
                              READS("kab", "worker.*", "scope: OWN, level: IDENTIFIED, " BY)),
                    "  - {id: a, parties: [kab.35.09], status: IN_FORCE, valid_from: 2026-01-01, "
                    "valid_to: 2026-06-30, grants: [\n",
                    "      {grantee: kab, direction: SUBSCRIBE, events: worker.registered, scope: "
                    "OWN, level: IDENTIFIED, purpose: placement, legal_basis: law},\n",
                    "      {grantee: kab, direction: SUBSCRIBE, events: worker.registered, scope: "
                    "NATIONAL, level: PUBLIC, purpose: placement, legal_basis: law}]}\n")));
    struct bp_ground g, last;
    uint32_t n = 0;
    (void)state;

    assert_int_equal(bp_policy_ground(p, 1, &g), BP_OK);
    assert_true(bp_str_is(g.agreement, "a") && bp_str_is(g.purpose, "placement") &&
                bp_str_is(g.legal_basis, "law"));
    assert_int_equal(g.valid_to, day("2026-06-30"));
    assert_true(bp_str_is(g.type->name, "worker.registered"));
    while (bp_policy_ground(p, n + 1, &last) == BP_OK)
        n++;
    assert_int_equal(bp_policy_ground(p, 0, &g), BP_ENOENT);
    assert_true(bp_str_is(last.agreement, "z") && bp_str_is(last.type->name, "worker.withdrawn"));
    assert_int_equal(n, 1 + 4); /* equal terms are one ground; worker.* is four types */
    bp_policy_unref(p);
}

static void test_versions_references_are_counted(void **state)
{
    struct bp_policy *p = policy_of(one_year);
    (void)state;

    assert_ptr_equal(bp_policy_ref(p), p);
    bp_policy_unref(p);
    assert_int_equal(bp_policy_version(p), 1);
    bp_policy_unref(p);
    bp_policy_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_next_change_is_the_next_first_or_last_day),
        cmocka_unit_test(test_versions_end_of_agreement_is_told_from_withdrawal),
        cmocka_unit_test(test_versions_withdrawal_of_one_grant_beats_the_end_of_another),
        cmocka_unit_test(test_versions_first_policy_gains_all_it_gives),
        cmocka_unit_test(test_versions_renewal_and_rewording_are_no_change),
        cmocka_unit_test(test_versions_suspension_loses_the_type),
        cmocka_unit_test(test_versions_lower_level_loses_fields_alone),
        cmocka_unit_test(test_versions_wider_and_narrower_scopes_are_changes),
        cmocka_unit_test(test_versions_lowered_ceiling_and_lost_agency_are_losses),
        cmocka_unit_test(test_versions_publish_rights_are_told_too),
        cmocka_unit_test(test_versions_lines_beyond_an_answer_are_counted),
        cmocka_unit_test(test_versions_part_holds_what_speaks_of_the_agency),
        cmocka_unit_test(test_versions_grounds_are_numbered_by_their_words),
        cmocka_unit_test(test_versions_references_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
