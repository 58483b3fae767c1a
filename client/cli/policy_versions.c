/* berbagi policy history|show. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "clock.h"
#include "policy_commands.h"
#include "policy_yaml.h"

static const char *state_text(enum berbagi_policy_state state)
{
    switch (state) {
    case BERBAGI_POLICY_IN_FORCE:
        return "in force";
    case BERBAGI_POLICY_REPLACED:
        return "replaced";
    case BERBAGI_POLICY_PENDING:
        return "pending";
    case BERBAGI_POLICY_OVERTAKEN:
        return "overtaken";
    }
    return "unknown";
}

static const char *time_text(int64_t ns, char out[36])
{
    if (ns == 0)
        return "-";
    bp_time_format(ns, out);
    return out;
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

/* --- history --- */

static void print_version(void *context, const struct berbagi_policy_version *v)
{
    char applied[36], approved[36];
    (void)context;
    printf("%" PRIu64 "\t%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\n",
           v->version, state_text(v->state), time_text(v->applied_at_ns, applied), v->applied_by,
           time_text(v->approved_at_ns, approved), or_dash(v->approved_by), v->replaces,
           v->agencies, v->agreements, v->grants);
}

int bp_policy_history(const struct bp_options *o)
{
    struct berbagi_client *client = NULL;
    struct berbagi_error error = {0};
    int code = bp_cli_connect(o, NULL, 0, &client);
    if (code != CLI_GO_ON)
        return code;
    printf("version\tstate\tapplied at\tapplied by\tapproved at\tapproved by\treplaces\tagencies"
           "\tagreements\tgrants\n");
    berbagi_status status = berbagi_policy_versions(client, print_version, NULL, &error);
    code = status == BERBAGI_OK ? bp_cli_flush() : bp_cli_fail("policy history", status, &error);
    berbagi_close(client);
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

static void say_version(void *context, const struct berbagi_policy_version *v)
{
    char applied[36], approved[36];
    (void)context;
    bp_cli_say("version %" PRIu64 ", %s, applied %s by %s", v->version, state_text(v->state),
               time_text(v->applied_at_ns, applied), v->applied_by);
    if (v->approved_by[0] != '\0')
        bp_cli_say("approved %s by %s", time_text(v->approved_at_ns, approved), v->approved_by);
}

static berbagi_status get(struct berbagi_client *client, const struct bp_options *o, void **policy,
                          size_t *n, struct berbagi_error *error)
{
    uint64_t version = 0;
    if (bp_options_is_set(o, "version"))
        return berbagi_policy_get_version(client, bp_options_number(o, "version"), say_version,
                                          NULL, policy, n, error);
    berbagi_status status = berbagi_policy_get(client, &version, policy, n, error);
    if (status == BERBAGI_OK)
        bp_cli_say("version %" PRIu64, version);
    return status;
}

int bp_policy_show(const struct bp_options *o)
{
    struct berbagi_client *client = NULL;
    struct berbagi_error error = {0};
    void *policy = NULL;
    size_t n = 0;
    int code = bp_cli_connect(o, NULL, 0, &client);
    if (code != CLI_GO_ON)
        return code;
    berbagi_status status = get(client, o, &policy, &n, &error);
    code =
        status == BERBAGI_OK ? print_policy(policy, n) : bp_cli_fail("policy show", status, &error);
    berbagi_free(policy);
    berbagi_close(client);
    return code;
}
