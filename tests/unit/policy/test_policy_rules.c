/* Validation: each rule that a policy can break, and the place that its finding names. */
#include "small_policy.h"

#define BY ", purpose: placement"
#define GRANT0 "agreements[0].grants[0]."
#define SOUND "scope: OWN, level: IDENTIFIED" BY
#define IDENTIFIED_NATIONAL "level: IDENTIFIED, scope: NATIONAL"
#define CEILINGS                                                                                   \
    "ceilings:\n" CEILING("kab", "registration, health",                                           \
                          "level: IDENTIFIED, specific: [HEALTH], scope: NATIONAL")
/* A policy of one grant to read worker.registered. */
#define READING(grantee, terms)                                                                    \
    AGENCIES M1 READS(grantee, "worker.registered", terms)                                         \
    CEILINGS OPERATORS
#define OF_TERMS(terms)                                                                            \
    AGENCIES "agreements:\n  - {id: m1, parties: [kl.kp2mi], " terms "}\n" OPERATORS
#define IN_FORCE "status: IN_FORCE"
#define YEAR "valid_from: 2026-01-01, valid_to: 2026-12-31"

static void test_rules_sound_policy_has_no_finding(void **state)
{
    (void)state;
    expect_nothing(READING("kab.18.07", SOUND));
    expect_nothing(OPERATORS);
}

static void test_rules_agencies_are_checked(void **state)
{
    (void)state;
    expect_error(JOIN("agencies: [{id: Kab.1, region: ID}]\n", OPERATORS), "agencies[0].id",
                 "no agency id");
    expect_error(JOIN("agencies: [{id: kab.18.07}, {id: kab.18.07}]\n", OPERATORS),
                 "agencies[1].id", "stands twice");
    expect_error(JOIN("agencies: [{id: kab.18.07, kind: prov}]\n", OPERATORS), "agencies[0].kind",
                 "begins with");
    expect_error(JOIN("agencies: [{id: kab.18.07, region: \"99.07\"}]\n", OPERATORS),
                 "agencies[0].region", "unknown region");
    expect_error(JOIN("agencies: [{id: kab.18.07, parent: prov.18}]\n", OPERATORS),
                 "agencies[0].parent", "unknown agency");
    expect_error(JOIN("agencies: [{id: perwakilan.xx, host_countries: [XX]}]\n", OPERATORS),
                 "agencies[0].host_countries", "unknown country");
    expect_error(JOIN("agencies: [{id: kab.18.07, parent: kab.18.07}]\n", OPERATORS),
                 "agencies[0].parent", "circle");
    expect_error(JOIN("agencies: [{id: kab.1, parent: kab.3}, {id: kab.2, parent: kab.1}, {id: "
                      "kab.3, parent: kab.2}]\n",
                      OPERATORS),
                 "agencies[1].parent", "circle");
    expect_error(JOIN("agencies: [{id: kab.0, parent: kab.1}, {id: kab.1, parent: kab.2}, {id: "
                      "kab.2, parent: kab.1}]\n",
                      OPERATORS),
                 "agencies[0].parent", "circle");
}

static void test_rules_someone_must_be_able_to_change_it(void **state)
{
    (void)state;
    expect_error("operators: []\n", "operators", "no operator");
    expect_error("operators: [{name: dewi, roles: [VIEWER, BACKUP, SECURITY]}]\n", "operators",
                 "no operator");
    expect_error(JOIN(OPERATORS, "  - {name: admin, roles: [VIEWER]}\n"), "operators[1].name",
                 "stands twice");
    expect_error(JOIN(OPERATORS, "  - {name: Dewi, roles: [VIEWER]}\n"), "operators[1].name",
                 "a-z");
    expect_error(JOIN(OPERATORS, "  - {name: dewi}\n"), "operators[1].roles", "without a role");
}

static void test_rules_approval_needs_two_who_may_change_it(void **state)
{
    (void)state;
    expect_error(JOIN("approvals_required: 1\n", OPERATORS), "operators", "nobody could approve");
    expect_error(
        JOIN("approvals_required: 1\n", OPERATORS, "  - {name: dewi, roles: [SECURITY]}\n"),
        "operators", "nobody could approve");
    expect_nothing(
        JOIN("approvals_required: 1\n", OPERATORS, "  - {name: dewi, roles: [POLICY]}\n"));
    expect_nothing(JOIN("approvals_required: 0\n", OPERATORS));
}

static void test_rules_more_than_one_approval_is_refused(void **state)
{
    struct bp_policy *policy = NULL;
    struct bp_err err = {""};
    Berbagi__V1__Policy *message = message_of(OPERATORS);
    (void)state;
    message->approvals_required = 2;

    assert_int_equal(bp_policy_compile(message, 1, test_schema(), &policy, NULL, &err), BP_EINVAL);

    assert_non_null(strstr(err.text, "0 or 1"));
    berbagi__v1__policy__free_unpacked(message, NULL);
}

static void test_rules_version_0_needs_nobody(void **state)
{
    struct bp_policy *policy = NULL;
    Berbagi__V1__Policy *message = message_of("operators: []\n");
    (void)state;

    assert_int_equal(bp_policy_compile(message, 0, test_schema(), &policy, NULL, NULL), BP_OK);

    bp_policy_unref(policy);
    berbagi__v1__policy__free_unpacked(message, NULL);
}

static void test_rules_agreements_have_days_and_an_end(void **state)
{
    (void)state;
    expect_nothing(OF_TERMS(IN_FORCE ", " YEAR));
    expect_error(OF_TERMS(YEAR), "agreements[0].status", "status");
    expect_error(OF_TERMS(IN_FORCE ", valid_to: 2026-12-31"), "agreements[0].valid_from", "no day");
    expect_error(OF_TERMS(IN_FORCE ", valid_from: 2026-02-30, valid_to: 2026-12-31"),
                 "agreements[0].valid_from", "no day");
    expect_error(OF_TERMS(IN_FORCE ", signed_on: yesterday, " YEAR), "agreements[0].signed_on",
                 "no day");
    expect_error(OF_TERMS(IN_FORCE ", valid_from: 2026-02-01, valid_to: 2026-01-31"),
                 "agreements[0].valid_to", "before it begins");
    expect_error(OF_TERMS(IN_FORCE ", valid_from: 2026-02-01"), "agreements[0].valid_to",
                 "without an end");
    expect_error(
        JOIN(AGENCIES, "agreements:\n  - {id: m1, ", IN_FORCE, ", ", YEAR, "}\n", OPERATORS),
        "agreements[0].parties", "nobody");
    expect_error(JOIN(AGENCIES, "agreements:\n  - {id: m1, parties: [kab.99.99], ", IN_FORCE, ", ",
                      YEAR, "}\n", OPERATORS),
                 "agreements[0].parties", "unknown agency");
    expect_error(JOIN(AGENCIES, "agreements:\n  - {id: m1, parties: [kl.kp2mi], ", IN_FORCE, ", ",
                      YEAR, "}\n", "  - {id: m1, parties: [kab.18.07], ", IN_FORCE, ", ", YEAR,
                      "}\n", OPERATORS),
                 "agreements[1].id", "stands twice");
}

static void test_rules_law_alone_has_no_end(void **state)
{
    static const char *const ids[] = {"law", "law-14-2008", "law.uu18", "lawful", "mou-law"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char yaml[2048];
        snprintf(yaml, sizeof(yaml),
                 "%sagreements: [{id: %s, parties: [kl.kp2mi], status: IN_FORCE, valid_from: "
                 "2026-01-01}]\n%s",
                 AGENCIES, ids[i], OPERATORS);
        if (i < 3)
            expect_nothing(yaml);
        else
            expect_error(yaml, "agreements[0].valid_to", "without an end");
    }
}

static void test_rules_overlap_of_the_same_parties_is_warned_of(void **state)
{
    (void)state;
#define TWO(second)                                                                                \
    AGENCIES "agreements:\n"                                                                       \
             "  - {id: old, parties: [kl.kp2mi, kab.18.07], status: IN_FORCE, valid_from: "        \
             "2022-04-05, valid_to: 2027-04-04}\n"                                                 \
             "  - {id: new, " second "}\n" OPERATORS
    expect_warning(TWO("parties: [kab.18.07, kl.kp2mi], status: IN_FORCE, valid_from: 2025-12-02, "
                       "valid_to: 2030-12-01"),
                   "agreements[1].valid_from", "same parties");
    expect_nothing(TWO("parties: [kab.18.07, kl.kp2mi], status: IN_FORCE, valid_from: 2027-04-05, "
                       "valid_to: 2030-12-01"));
    expect_nothing(TWO("parties: [kab.18.07, kl.kp2mi], status: SUSPENDED, valid_from: 2025-12-02, "
                       "valid_to: 2030-12-01"));
    expect_nothing(TWO("parties: [kab.35.09, kl.kp2mi], status: IN_FORCE, valid_from: 2025-12-02, "
                       "valid_to: 2030-12-01"));
}

static void test_rules_grants_name_what_exists(void **state)
{
    (void)state;
    expect_error(READING("kab.99.99", SOUND), GRANT0 "grantee", "no agency");
    expect_error(READING("rsud", SOUND), GRANT0 "grantee", "no kind");
    expect_error(JOIN(AGENCIES, M1, READS("kab", "worker.registred", SOUND), OPERATORS),
                 GRANT0 "events", "no event type");
    expect_error(JOIN(AGENCIES, M1, READS("kab", "worker.registered.*", SOUND), OPERATORS),
                 GRANT0 "events", "no event type");
    expect_error(READING("kab", "scope: OWN, level: IDENTIFIED, purpose: gossip"), GRANT0 "purpose",
                 "no purpose");
    expect_error(READING("kab", "scope: OWN, level: IDENTIFIED, purpose: voter_rights"),
                 GRANT0 "purpose", "can never apply");
    expect_error(READING("kab", "scope: REGIONS, regions: [\"18.99\"], level: IDENTIFIED" BY),
                 GRANT0 "regions", "no region");
    expect_error(READING("kab", "scope: REGIONS, regions: [ID], level: IDENTIFIED" BY),
                 GRANT0 "regions", "no region");
    expect_error(READING("kab", "scope: COUNTRY, countries: [XX], level: IDENTIFIED" BY),
                 GRANT0 "countries", "unknown country");
    expect_error(READING("kab", SOUND ", only_fields: [nickname]"), GRANT0 "only_fields",
                 "no payload field");
    expect_error(READING("kab", SOUND ", never_fields: [region]"), GRANT0 "never_fields",
                 "no payload field");
}

static void test_rules_grants_are_complete(void **state)
{
    (void)state;
#define BARE(terms)                                                                                \
    AGENCIES M1 "    - {grantee: kab, events: worker.registered, " terms "}\n" CEILINGS OPERATORS
    expect_error(BARE("legal_basis: law, " SOUND), GRANT0 "direction", "PUBLISH or SUBSCRIBE");
    expect_error(BARE("direction: SUBSCRIBE, " SOUND), GRANT0 "legal_basis", "legal basis");
    expect_error(READING("kab", "level: IDENTIFIED" BY), GRANT0 "scope", "one of OWN");
    expect_error(READING("kab", "scope: OWN" BY), GRANT0 "level", "one of PUBLIC");
    expect_error(READING("kab", "scope: REGIONS, level: IDENTIFIED" BY), GRANT0 "regions",
                 "without regions");
    expect_error(READING("kab", SOUND ", regions: [\"18.07\"]"), GRANT0 "regions", "alone");
    expect_error(READING("kab", SOUND ", countries: [TW]"), GRANT0 "countries", "alone");
    expect_error(READING("kab", SOUND ", may_resolve: true"), GRANT0 "may_resolve", "PUBLISH");
    expect_error(JOIN(AGENCIES, M1,
                      WRITES("kab", "worker.registered", SOUND ", events_from: 2026-02-01"),
                      OPERATORS),
                 GRANT0 "events_from", "SUBSCRIBE");
}

static void test_rules_scopes_need_something_to_be_measured_by(void **state)
{
    (void)state;
    expect_error(READING("kl.kp2mi", SOUND), GRANT0 "scope", "national agency");
    expect_error(READING("kl", SOUND), GRANT0 "scope", "kl.kp2mi");
    expect_error(READING("perwakilan.tw.taipei", SOUND), GRANT0 "scope", "SCOPE_COUNTRY");
    expect_error(READING("kab.18.07", "scope: COUNTRY, level: IDENTIFIED" BY), GRANT0 "countries",
                 "no host_countries");
}

static void test_rules_grant_that_can_never_apply_is_refused(void **state)
{
    (void)state;
    expect_error(READING("kab", "scope: ADDRESSED, level: IDENTIFIED" BY), GRANT0 "scope",
                 "addressed to nobody");
    expect_error(READING("kab", "scope: OWN, level: AGGREGATE" BY), GRANT0 "level",
                 "not made of counts");
    expect_error(READING("kab", SOUND ", events_from: 2027-01-01"), GRANT0 "events_from",
                 "can never apply");
}

static void test_rules_ceilings_are_checked(void **state)
{
    (void)state;
    expect_error(
        JOIN(AGENCIES, "ceilings:\n", CEILING("rsud", "health", IDENTIFIED_NATIONAL), OPERATORS),
        "ceilings[0].audience", "no kind");
    expect_error(
        JOIN(AGENCIES, "ceilings:\n", CEILING("kab", "healt", IDENTIFIED_NATIONAL), OPERATORS),
        "ceilings[0].group", "no event type");
    expect_error(
        JOIN(AGENCIES, "ceilings:\n", CEILING("kab", "health", "level: IDENTIFIED"), OPERATORS),
        "ceilings[0].scope", "one of OWN");
    expect_error(JOIN(AGENCIES, "ceilings:\n",
                      CEILING("kab", "health", "level: IDENTIFIED, scope: REGIONS"), OPERATORS),
                 "ceilings[0].scope", "one of OWN");
    expect_error(JOIN(AGENCIES, "ceilings:\n",
                      CEILING("kl.kp2mi", "health", "level: IDENTIFIED, scope: OWN"), OPERATORS),
                 "ceilings[0].scope", "national");
    expect_error(JOIN(AGENCIES, "ceilings:\n",
                      CEILING("kab", "health", "level: IDENTIFIED, scope: COUNTRY"), OPERATORS),
                 "ceilings[0].scope", "host_countries");
    expect_error(JOIN(AGENCIES, "ceilings:\n",
                      CEILING("kab", "health, health", IDENTIFIED_NATIONAL), OPERATORS),
                 "ceilings[1]", "twice");
    expect_error(JOIN(AGENCIES, "ceilings:\n", CEILING("kab.18.07", "health", IDENTIFIED_NATIONAL),
                      CEILING("kab.18.07", "health", "level: NONE"), OPERATORS),
                 "ceilings[1]", "twice");
}

static void test_rules_grant_above_its_ceiling_is_warned_of(void **state)
{
    (void)state;
#define UNDER(terms, ceiling)                                                                      \
    AGENCIES M1 READS("kab.18.07", "medical.exam.recorded",                                        \
                      terms BY) "ceilings:\n" ceiling OPERATORS
    expect_warning(UNDER("scope: OWN, level: IDENTIFIED", ""), GRANT0 "level", "at most nothing");
    expect_warning(UNDER("scope: OWN, level: IDENTIFIED",
                         CEILING("kab", "health", "level: PSEUDONYMOUS, scope: OWN")),
                   GRANT0 "level", "at most PSEUDONYMOUS");
    expect_warning(UNDER("scope: OWN, level: IDENTIFIED, specific: [HEALTH]",
                         CEILING("kab", "health", "level: IDENTIFIED, scope: OWN")),
                   GRANT0 "specific", "kinds");
    expect_warning(UNDER("scope: NATIONAL, level: IDENTIFIED",
                         CEILING("kab", "health", "level: IDENTIFIED, scope: OWN")),
                   GRANT0 "scope", "narrower");
    expect_nothing(UNDER("scope: ADDRESSED, level: IDENTIFIED",
                         CEILING("kab", "health", "level: IDENTIFIED, scope: OWN")));
    expect_nothing(UNDER("scope: REGIONS, regions: [\"18.07.12\"], level: IDENTIFIED",
                         CEILING("kab", "health", "level: IDENTIFIED, scope: OWN")));
}

static void test_rules_publish_grant_that_bars_a_required_field_is_warned_of(void **state)
{
    (void)state;
    expect_warning(JOIN(AGENCIES, M1,
                        WRITES("kab", "worker.registered", "scope: OWN, level: PUBLIC" BY),
                        OPERATORS),
                   GRANT0 "level", "requires");
}

static void test_rules_every_broken_rule_is_told(void **state)
{
    struct bp_policy *policy = NULL;
    struct bp_policy_findings findings = {0};
    struct bp_err err = {""};
    (void)state;
    Berbagi__V1__Policy *message =
        message_of("agencies: [{id: kab.18.07, parent: prov.18}]\noperators: []\n");

    assert_int_equal(bp_policy_compile(message, 1, test_schema(), &policy, &findings, &err),
                     BP_EINVAL);

    assert_int_equal(findings.n, 2);
    assert_non_null(strstr(err.text, findings.items[0].message));
    assert_null(policy);
    bp_policy_findings_fini(&findings);
    berbagi__v1__policy__free_unpacked(message, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_sound_policy_has_no_finding),
        cmocka_unit_test(test_rules_agencies_are_checked),
        cmocka_unit_test(test_rules_someone_must_be_able_to_change_it),
        cmocka_unit_test(test_rules_version_0_needs_nobody),
        cmocka_unit_test(test_rules_approval_needs_two_who_may_change_it),
        cmocka_unit_test(test_rules_more_than_one_approval_is_refused),
        cmocka_unit_test(test_rules_agreements_have_days_and_an_end),
        cmocka_unit_test(test_rules_law_alone_has_no_end),
        cmocka_unit_test(test_rules_overlap_of_the_same_parties_is_warned_of),
        cmocka_unit_test(test_rules_grants_name_what_exists),
        cmocka_unit_test(test_rules_grants_are_complete),
        cmocka_unit_test(test_rules_scopes_need_something_to_be_measured_by),
        cmocka_unit_test(test_rules_grant_that_can_never_apply_is_refused),
        cmocka_unit_test(test_rules_ceilings_are_checked),
        cmocka_unit_test(test_rules_grant_above_its_ceiling_is_warned_of),
        cmocka_unit_test(test_rules_publish_grant_that_bars_a_required_field_is_warned_of),
        cmocka_unit_test(test_rules_every_broken_rule_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
