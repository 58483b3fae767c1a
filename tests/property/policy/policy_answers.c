/* Answers questions from a compiled policy, so that tests written in another language can ask the
 * same code the server runs. The tool decides nothing itself.
 *
 *     policy_answers FOLDER          a policy as people write it
 *     policy_answers --message FILE  a serialized berbagi.v1.Policy
 *
 * One question a line on standard input, words parted by one blank, "-" for an empty one; one
 * answer a line on standard output. Days are YYYY-MM-DD. A set of fields is a hexadecimal number:
 * bit i is the type's i-th field by field number.
 *
 *     see READER TYPE REGION DESTINATION ADDRESSED_TO SMALL_COUNT TODAY RECORDED_ON
 *         no | LEVEL FULL COARSE REWRITTEN EXACT UNKNOWN_FIELDS GROUND,GROUND
 *     publish SENDER SOURCE TYPE REGION DESTINATION ADDRESSED_TO SMALL_COUNT TODAY FIELDS RESOLVES
 *         yes GRANT | no FIELD BARRED
 *     type READER TYPE TODAY, reader READER TODAY, resolve AGENCY TODAY, over AGENCY OTHER
 *         0 | 1
 *     public AGENCY
 *         what stands for it below IDENTIFIED
 *     next TODAY
 *         the day of the next change, or never
 *
 * After the last answer the grounds and grants that were named are told, parted by tabs:
 *     ground NUMBER AGREEMENT PURPOSE LEGAL_BASIS VALID_TO TYPE
 *     grant NUMBER AGREEMENT PURPOSE LEGAL_BASIS VALID_TO
 *
 * Exit 3: the policy is refused; each finding is a line PLACE<tab>WORDS on standard error. */
#include <inttypes.h>
#include <stdio.h>

#include "file.h"
#include "policy.h"
#include "policy_yaml.h"

#define POLICY_BYTES_MAX ((size_t)64 << 20)
#define NUMBERS_MAX 65536 /* of grounds and grants: far more than a test's policy has */
#define WORDS_MAX 12

struct asker {
    struct bp_schema *schema;
    struct bp_policy *policy;
    bool grounds[NUMBERS_MAX], grants[NUMBERS_MAX]; /* named in an answer */
    unsigned long line;
};

/* --- words of a question --- */

static _Noreturn void bad_question(const struct asker *a, const char *what, const char *word)
{
    (void)fprintf(stderr, "question %lu: %s: %s\n", a->line, what, word);
    exit(2);
}

static struct bp_str text_of(const char *word)
{
    return strcmp(word, "-") == 0 ? bp_str("") : bp_str(word);
}

static const struct bp_agency *agency_of(const struct asker *a, const char *word)
{
    const struct bp_agency *found = bp_policy_agency(a->policy, bp_str(word));
    if (found == NULL)
        bad_question(a, "unknown agency", word);
    return found;
}

static const struct bp_event_type *type_of(const struct asker *a, const char *word)
{
    const struct bp_event_type *found = bp_schema_type(a->schema, bp_str(word));
    if (found == NULL)
        bad_question(a, "unknown type", word);
    return found;
}

static bp_day day_of(const struct asker *a, const char *word)
{
    bp_day day;
    if (!bp_day_parse(bp_str(word), &day))
        bad_question(a, "no day", word);
    return day;
}

/* REGION DESTINATION ADDRESSED_TO SMALL_COUNT */
static struct bp_facts facts_of(const struct asker *a, char **words, bp_day recorded_on)
{
    struct bp_facts f = {.recorded_on = recorded_on};
    struct bp_str destination = text_of(words[1]);
    if (!bp_region_parse_shape(text_of(words[0]), &f.region))
        bad_question(a, "no region", words[0]);
    if (destination.n > sizeof(f.destination))
        bad_question(a, "no country", words[1]);
    memcpy(f.destination, destination.p, destination.n);
    f.addressed_to = text_of(words[2]);
    f.has_small_count = strcmp(words[3], "1") == 0;
    return f;
}

static void name(struct asker *a, bool *named, uint32_t number)
{
    if (number >= NUMBERS_MAX)
        bad_question(a, "too many numbers", "");
    named[number] = true;
}

/* --- questions --- */

static void answer_see(struct asker *a, char **words)
{
    struct bp_facts facts = facts_of(a, words + 2, day_of(a, words[7]));
    struct bp_sight sight = {0};
    if (!bp_policy_see(a->policy, agency_of(a, words[0]), type_of(a, words[1]), &facts,
                       day_of(a, words[6]), &sight)) {
        (void)puts("no");
        return;
    }
    const struct bp_view *v = &sight.view;
    (void)printf("%d %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %d ", (int)v->level, v->full,
                 v->coarse, v->rewritten, v->exact, v->unknown_fields);
    for (size_t i = 0; i < sight.n_grounds; i++) {
        (void)printf("%s%" PRIu32, i == 0 ? "" : ",", sight.grounds[i]);
        name(a, a->grounds, sight.grounds[i]);
    }
    (void)putchar('\n');
}

static void answer_publish(struct asker *a, char **words)
{
    bp_day today = day_of(a, words[7]);
    struct bp_publish_request request = {.sender = agency_of(a, words[0]),
                                         .source = agency_of(a, words[1]),
                                         .type = type_of(a, words[2]),
                                         .facts = facts_of(a, words + 3, today),
                                         .fields_set = strtoull(words[8], NULL, 16),
                                         .resolves = strcmp(words[9], "1") == 0};
    struct bp_publish_verdict verdict = {0};
    bp_policy_judge_publish(a->policy, &request, today, &verdict);
    if (verdict.permitted) {
        (void)printf("yes %" PRIu32 "\n", verdict.grant);
        name(a, a->grants, verdict.grant);
    } else {
        (void)printf("no %s %" PRIx64 "\n", verdict.field, verdict.barred);
    }
}

static void answer_type(struct asker *a, char **words)
{
    (void)printf("%d\n", bp_policy_sees_type(a->policy, agency_of(a, words[0]),
                                             type_of(a, words[1]), day_of(a, words[2])));
}

static void answer_reader(struct asker *a, char **words)
{
    (void)printf("%d\n",
                 bp_policy_sees_anything(a->policy, agency_of(a, words[0]), day_of(a, words[1])));
}

static void answer_resolve(struct asker *a, char **words)
{
    (void)printf("%d\n",
                 bp_policy_may_resolve(a->policy, agency_of(a, words[0]), day_of(a, words[1])));
}

static void answer_over(struct asker *a, char **words)
{
    (void)printf("%d\n", bp_agency_is_over(agency_of(a, words[0]), agency_of(a, words[1])));
}

static void answer_public(struct asker *a, char **words)
{
    struct bp_str id = bp_agency_public_id(agency_of(a, words[0]));
    (void)printf("%.*s\n", BP_STR_ARGS(id));
}

static const char *day_text(bp_day day, char out[11])
{
    if (day == BP_DAY_NEVER)
        return "never";
    bp_day_format(day, out);
    return out;
}

static void answer_next(struct asker *a, char **words)
{
    char text[11];
    (void)puts(day_text(bp_policy_next_change(a->policy, day_of(a, words[0])), text));
}

static const struct {
    const char *name;
    size_t words;
    void (*answer)(struct asker *a, char **words);
} questions[] = {
    {"see", 8, answer_see},       {"publish", 10, answer_publish}, {"type", 3, answer_type},
    {"reader", 2, answer_reader}, {"resolve", 2, answer_resolve},  {"over", 2, answer_over},
    {"public", 1, answer_public}, {"next", 1, answer_next},
};

static void answer(struct asker *a, char *line)
{
    char *words[WORDS_MAX], *rest = NULL;
    size_t n = 0;
    a->line++;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && n < WORDS_MAX;
         word = strtok_r(NULL, " \n", &rest))
        words[n++] = word;
    for (size_t i = 0; n > 0 && i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (strcmp(words[0], questions[i].name) == 0 && n == questions[i].words + 1) {
            questions[i].answer(a, words + 1);
            return;
        }
    }
    bad_question(a, "unknown or of another number of words", n > 0 ? words[0] : "");
}

/* --- what the numbers stand for --- */

static void tell(const char *what, uint32_t number, const struct bp_ground *g)
{
    char day[11];
    struct bp_str type = g->type != NULL ? g->type->name : bp_str("");
    (void)printf("%s\t%" PRIu32 "\t%.*s\t%.*s\t%.*s\t%s\t%.*s\n", what, number,
                 BP_STR_ARGS(g->agreement), BP_STR_ARGS(g->purpose), BP_STR_ARGS(g->legal_basis),
                 day_text(g->valid_to, day), BP_STR_ARGS(type));
}

static void tell_named(struct asker *a)
{
    struct bp_ground g;
    for (uint32_t i = 0; i < NUMBERS_MAX; i++) {
        if (a->grounds[i] && bp_policy_ground(a->policy, i, &g) == BP_OK)
            tell("ground", i, &g);
        if (a->grants[i] && bp_policy_grant(a->policy, i, &g) == BP_OK)
            tell("grant", i, &g);
    }
}

/* --- the policy --- */

static bp_status message_load(const char *path, Berbagi__V1__Policy **out, struct bp_err *err)
{
    struct bp_buf bytes = {0};
    bp_status st = bp_file_read(path, POLICY_BYTES_MAX, &bytes, err);
    if (st == BP_OK && (*out = berbagi__v1__policy__unpack(NULL, bytes.n, bytes.p)) == NULL)
        st = bp_fail(err, BP_EINVAL, "%s: no berbagi.v1.Policy", path);
    bp_buf_fini(&bytes);
    return st;
}

static void open_policy(struct asker *a, int argc, char **argv)
{
    struct bp_err err = {{0}};
    Berbagi__V1__Policy *source = NULL;
    bp_status st = bp_schema_open(NULL, 0, &a->schema, &err);
    if (st == BP_OK)
        st = argc == 3 ? message_load(argv[2], &source, &err)
                       : bp_policy_yaml_load(argv[1], &source, NULL, &err);
    if (st != BP_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    struct bp_policy_findings findings = {0};
    st = bp_policy_compile(source, 1, a->schema, &a->policy, &findings, &err);
    for (size_t i = 0; st != BP_OK && i < findings.n; i++) {
        if (!findings.items[i].is_warning)
            (void)fprintf(stderr, "%s\t%s\n", findings.items[i].where, findings.items[i].message);
    }
    bp_policy_findings_fini(&findings);
    berbagi__v1__policy__free_unpacked(source, NULL);
    if (st != BP_OK) {
        bp_schema_destroy(a->schema);
        exit(3);
    }
}

int main(int argc, char **argv)
{
    static struct asker a; /* zeroed, and too large for a stack */
    if (argc != 2 && !(argc == 3 && strcmp(argv[1], "--message") == 0)) {
        (void)fprintf(stderr, "usage: %s FOLDER | --message FILE\n", argv[0]);
        return 2;
    }
    open_policy(&a, argc, argv);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0)
        answer(&a, line);
    tell_named(&a);
    free(line);
    bp_policy_unref(a.policy);
    bp_schema_destroy(a.schema);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
