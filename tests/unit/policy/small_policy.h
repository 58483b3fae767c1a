/* Small policies for tests: written as YAML, compiled with the embedded schema, asked in words.
 * Every function asserts for itself. */
#ifndef BERBAGI_TEST_SMALL_POLICY_H
#define BERBAGI_TEST_SMALL_POLICY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy.h"
#include "policy_yaml.h"

/* A folder of its own, removed with all in it by test_folder_remove. */
char *test_folder_make(void);
void test_folder_remove(char *folder);
void test_file_write(const char *folder, const char *name, const char *text);

/* The embedded schema, loaded once. */
const struct bp_schema *test_schema(void);
const struct bp_event_type *type_named(const char *name);
bp_fields field_of(const char *type, const char *field);
bp_day day(const char *text);

/* A policy of one YAML document. */
Berbagi__V1__Policy *message_of(const char *yaml);
struct bp_policy *policy_of(const char *yaml);

/* AGENCIES and OPERATORS stand before and behind the agreements and ceilings of a test. */
#define AGENCIES                                                                                   \
    "agencies:\n"                                                                                  \
    "  - {id: kl.kp2mi, region: ID}\n"                                                             \
    "  - {id: kl.kemlu, region: ID}\n"                                                             \
    "  - {id: kl.komdigi, region: ID}\n"                                                           \
    "  - {id: prov.18, region: \"18\"}\n"                                                          \
    "  - {id: kab.18.07, region: \"18.07\", parent: prov.18}\n"                                    \
    "  - {id: kab.35.09, region: \"35.09\"}\n"                                                     \
    "  - {id: desa.18.07.15.2006, region: \"18.07.15.2006\", parent: kab.18.07}\n"                 \
    "  - {id: rs.18.07.sukadana, region: \"18.07\", parent: kab.18.07}\n"                          \
    "  - {id: bp3mi.18, region: \"18\", parent: kl.kp2mi}\n"                                       \
    "  - {id: perwakilan.tw.taipei, region: ID, parent: kl.kemlu, host_countries: [TW]}\n"         \
    "  - {id: kab.64.02, region: \"64.02\", suspended: true}\n"
#define OPERATORS "operators:\n  - {name: admin, roles: [POLICY, SECURITY]}\n"

/* One agreement m1 in force in 2026, with the grants given as flow mappings "{...}", one for each
 * line of "    - ". */
#define M1                                                                                         \
    "agreements:\n  - id: m1\n    parties: [kl.kp2mi, kab.18.07]\n    status: IN_FORCE\n"          \
    "    valid_from: 2026-01-01\n    valid_to: 2026-12-31\n    grants:\n"
/* A grant to read, and one to publish, of terms that no test looks at. */
#define READS(grantee, events, terms)                                                              \
    "    - {grantee: " grantee ", direction: SUBSCRIBE, events: " events                           \
    ", legal_basis: law, " terms "}\n"
#define WRITES(grantee, events, terms)                                                             \
    "    - {grantee: " grantee ", direction: PUBLISH, events: " events                             \
    ", legal_basis: law, " terms "}\n"
#define CEILING(audience, group, terms)                                                            \
    "  - {audience: " audience ", limits: [{groups: [" group "], " terms "}]}\n"

/* Pieces of YAML one behind the other, at most twelve. */
#define JOIN(...) JOIN_(__VA_ARGS__, "", "", "", "", "", "", "", "", "", "", "", "", "")
#define JOIN_(a, b, c, d, e, f, g, h, i, j, k, l, ...) a b c d e f g h i j k l

/* What is asked about. day: today, "2026-06-01" unless given. */
struct question {
    const char *region, *destination, *addressed_to, *recorded_on, *day;
    bool small_count;
};
bool sees(const struct bp_policy *p, const char *agency, const char *type, struct question q,
          struct bp_sight *out);
/* Without asking what of it. */
bool may_see(const struct bp_policy *p, const char *agency, const char *type, struct question q);
/* Does the agency get the field as it is? coarsened? rewritten? */
bool sees_field(const struct bp_policy *p, const char *agency, const char *type, const char *field,
                struct question q);

/* A publish of the agency, for itself unless source is given; fields is NULL-ended, or NULL for
 * none. */
struct publishing {
    const char *sender, *source, *type, *const *fields;
    bool resolves;
    struct question about;
};
struct bp_publish_verdict judge(const struct bp_policy *p, struct publishing q);

/* The policy has this finding (words: a part of its message), and is refused exactly if it is an
 * error. */
void expect_error(const char *yaml, const char *where, const char *words);
void expect_warning(const char *yaml, const char *where, const char *words);
/* The policy is accepted without a word. */
void expect_nothing(const char *yaml);

#endif
