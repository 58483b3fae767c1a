/* berbagi policy check|apply|show. */
#include "policy.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "explain.h"
#include "policy_yaml.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "dry-run",
     .type = BP_OPTION_FLAG,
     .help = "apply: tell what would change, and change nothing."},
    {.key = "changes",
     .type = BP_OPTION_FLAG,
     .help = "apply: print every change on standard output, as --dry-run does."},
    {.key = "expected-version",
     .type = BP_OPTION_NUMBER,
     .operand = "VERSION",
     .most = UINT64_MAX,
     .help =
         "apply: the version that is to be replaced, 0 = there is none; if another is in force, "
         "nothing changes. Otherwise the one in force when the command begins."},
    CLI_EXPLAIN_OPTIONS,
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi policy [OPTIONS] check DIR\n"
    "berbagi policy [OPTIONS] apply DIR\n"
    "berbagi policy [OPTIONS] show\n"
    "berbagi policy [OPTIONS] explain --type TYPE\n\n"
    "DIR is a folder of YAML files (agencies.yaml, ceilings.yaml, operators.yaml and "
    "agreements/),\n"
    "or one file as `show` prints it. check needs no connection: it tells what is wrong, by file\n"
    "and line. apply checks, then replaces the policy of the exchange as one new version\n"
    "(operators). show prints the policy in force, an agency's own part to an agency.\n"
    "explain tells whether an agency may publish or read an event of a type, which grants apply,\n"
    "which almost did and why not, and what becomes of each field and why. An agency may ask "
    "about\n"
    "itself alone.\n"
    "Exit code 1: the policy breaks a rule, or the exchange refused it.";

/* --- what a folder says --- */

static void say_finding(const struct bp_source_map *map, const struct bp_policy_finding *f)
{
    const char *file;
    unsigned line;
    const char *kind = f->is_warning ? "warning: " : "";
    if (bp_source_map_find(map, f->where, &file, &line))
        bp_cli_say("%s:%u: %s%s", file, line, kind, f->message);
    else
        bp_cli_say("%s: %s%s", f->where, kind, f->message);
}

/* Compiles as the exchange will; every finding is told. */
static int judge(const Berbagi__V1__Policy *source, const struct bp_source_map *map,
                 const struct bp_schema *schema)
{
    struct bp_policy *compiled = NULL;
    struct bp_policy_findings findings = {0};
    struct bp_err err = {{0}};
    bp_status st = bp_policy_compile(source, 1, schema, &compiled, &findings, &err);
    for (size_t i = 0; i < findings.n; i++)
        say_finding(map, &findings.items[i]);
    if (st != BP_OK && findings.n == 0)
        bp_cli_say("%s", err.text);
    bp_policy_findings_fini(&findings);
    bp_policy_unref(compiled);
    return st == BP_OK ? CLI_GO_ON : CLI_FAILED;
}

/* Loads and judges: CLI_GO_ON and *out, or words and the exit code. */
static int load(const struct bp_options *o, const char *path, Berbagi__V1__Policy **out)
{
    struct bp_err err = {{0}};
    struct bp_schema *schema = NULL;
    struct bp_source_map *map = NULL;
    Berbagi__V1__Policy *policy = NULL;
    int code = bp_cli_schema(o, &schema);
    if (code == CLI_GO_ON && bp_policy_yaml_load(path, &policy, &map, &err) != BP_OK) {
        bp_cli_say("%s", err.text);
        code = CLI_FAILED;
    }
    if (code == CLI_GO_ON)
        code = judge(policy, map, schema);
    bp_source_map_destroy(map);
    bp_schema_destroy(schema);
    if (code == CLI_GO_ON)
        *out = policy;
    else if (policy != NULL)
        berbagi__v1__policy__free_unpacked(policy, NULL);
    return code;
}

static int check(const struct bp_options *o, const char *path)
{
    Berbagi__V1__Policy *policy = NULL;
    int code = load(o, path, &policy);
    if (code != CLI_GO_ON)
        return code;
    size_t grants = 0;
    for (size_t i = 0; i < policy->n_agreements; i++)
        grants += policy->agreements[i]->n_grants;
    bp_cli_say("%s is sound: %zu agencies, %zu agreements with %zu grants, %zu ceilings, "
               "%zu operators",
               path, policy->n_agencies, policy->n_agreements, grants, policy->n_ceilings,
               policy->n_operators);
    berbagi__v1__policy__free_unpacked(policy, NULL);
    return CLI_DONE;
}

/* --- apply --- */

struct changes {
    bool is_printed;
    uint64_t n;
};

static void print_fields(const char *sign, const char *const *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf(" %s%s", sign, fields[i]);
}

static void take_change(void *context, const struct berbagi_policy_change *c)
{
    struct changes *changes = context;
    changes->n++;
    if (!changes->is_printed)
        return;
    printf("%s %s %s %s",
           c->type_gained ? "+"
           : c->type_lost ? "-"
                          : "~",
           c->agency, c->is_publish ? "publish" : "subscribe", c->event_type);
    print_fields("+", c->fields_gained, c->n_fields_gained);
    print_fields("-", c->fields_lost, c->n_fields_lost);
    if (c->agreement[0] != '\0')
        printf(" (%s)", c->agreement);
    printf("\n");
}

static bool pack(const Berbagi__V1__Policy *policy, struct bp_buf *out)
{
    size_t n = berbagi__v1__policy__get_packed_size(policy);
    uint8_t *to = bp_buf_reserve(out, n);
    if (to == NULL)
        return false;
    out->n += berbagi__v1__policy__pack(policy, to);
    return true;
}

/* The version to be replaced: as asked for, or the one in force. */
static berbagi_status find_version(struct berbagi_client *client, const struct bp_options *o,
                                   uint64_t *version, struct berbagi_error *error)
{
    void *policy = NULL;
    size_t n;
    *version = bp_options_number(o, "expected-version");
    if (bp_options_is_set(o, "expected-version"))
        return BERBAGI_OK;
    berbagi_status status = berbagi_policy_get(client, version, &policy, &n, error);
    berbagi_free(policy);
    if (status == BERBAGI_EREFUSED && strcmp(error->reason, "NO_POLICY") == 0) {
        *version = 0;
        return BERBAGI_OK;
    }
    return status;
}

static int send(struct berbagi_client *client, const struct bp_options *o,
                const struct bp_buf *policy)
{
    struct berbagi_error error = {0};
    const bool dry_run = bp_options_flag(o, "dry-run");
    struct changes changes = {.is_printed = dry_run || bp_options_flag(o, "changes")};
    uint64_t before, version = 0;
    berbagi_status status = find_version(client, o, &before, &error);
    if (status == BERBAGI_OK)
        status = berbagi_policy_apply(client, policy->p, policy->n, before, dry_run, take_change,
                                      &changes, &version, &error);
    if (status != BERBAGI_OK)
        return bp_cli_fail("policy apply", status, &error);
    if (dry_run)
        bp_cli_say("version %" PRIu64 " would change in %" PRIu64 " places", before, changes.n);
    else
        bp_cli_say("version %" PRIu64 " is in force; %" PRIu64
                   " rights differ from version %" PRIu64,
                   version, changes.n, before);
    return bp_cli_flush();
}

static int apply(const struct bp_options *o, const char *path)
{
    Berbagi__V1__Policy *policy = NULL;
    struct berbagi_client *client = NULL;
    struct bp_buf packed = {0};
    int code = load(o, path, &policy);
    if (code != CLI_GO_ON)
        return code;
    if (!pack(policy, &packed)) {
        bp_cli_say("out of memory");
        code = CLI_FAILED;
    }
    berbagi__v1__policy__free_unpacked(policy, NULL);
    if (code == CLI_GO_ON && (code = bp_cli_connect(o, NULL, 0, &client)) == CLI_GO_ON)
        code = send(client, o, &packed);
    berbagi_close(client);
    bp_buf_fini(&packed);
    return code;
}

/* --- show --- */

static int print_policy(const void *packed, size_t n)
{
    struct bp_buf text = {0};
    Berbagi__V1__Policy *policy = berbagi__v1__policy__unpack(NULL, n, packed);
    if (policy == NULL) {
        bp_cli_say("policy show: the answer is malformed");
        return CLI_FAILED;
    }
    bp_policy_yaml_print(policy, &text);
    berbagi__v1__policy__free_unpacked(policy, NULL);
    if (!text.failed)
        (void)fwrite(text.p, 1, text.n, stdout);
    else
        bp_cli_say("out of memory");
    int code = text.failed ? CLI_FAILED : bp_cli_flush();
    bp_buf_fini(&text);
    return code;
}

static int show(const struct bp_options *o)
{
    struct berbagi_client *client = NULL;
    struct berbagi_error error = {0};
    uint64_t version = 0;
    void *policy = NULL;
    size_t n = 0;
    int code = bp_cli_connect(o, NULL, 0, &client);
    if (code != CLI_GO_ON)
        return code;
    berbagi_status status = berbagi_policy_get(client, &version, &policy, &n, &error);
    if (status == BERBAGI_OK) {
        bp_cli_say("version %" PRIu64, version);
        code = print_policy(policy, n);
    } else {
        code = bp_cli_fail("policy show", status, &error);
    }
    berbagi_free(policy);
    berbagi_close(client);
    return code;
}

int bp_cli_policy(int argc, char **argv)
{
    struct bp_options *o = NULL;
    int code = bp_cli_options(table, OPTIONS, usage, 1, 2, argc, argv, &o);
    if (code != CLI_GO_ON)
        return code;
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    if (n == 2 && strcmp(operands[0], "check") == 0) {
        code = check(o, operands[1]);
    } else if (n == 2 && strcmp(operands[0], "apply") == 0) {
        code = apply(o, operands[1]);
    } else if (n == 1 && strcmp(operands[0], "show") == 0) {
        code = show(o);
    } else if (n == 1 && strcmp(operands[0], "explain") == 0) {
        code = bp_cli_explain(o);
    } else {
        bp_cli_say("policy: check DIR, apply DIR, show or explain; --help tells more");
        code = CLI_USAGE;
    }
    bp_options_destroy(o);
    return code;
}
