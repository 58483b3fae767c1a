/* Compiles as the exchange will, so that what is wrong is told by file and line before anything is
 * sent. */
#include "policy_folder.h"

#include "policy.h"
#include "policy_yaml.h"

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

int bp_policy_folder_load(const struct bp_options *o, const char *path, Berbagi__V1__Policy **out)
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

static bool pack(const Berbagi__V1__Policy *policy, struct bp_buf *out)
{
    size_t n = berbagi__v1__policy__get_packed_size(policy);
    uint8_t *to = bp_buf_reserve(out, n);
    if (to == NULL)
        return false;
    out->n += berbagi__v1__policy__pack(policy, to);
    return true;
}

int bp_policy_folder_pack(const struct bp_options *o, const char *path, struct bp_buf *out)
{
    Berbagi__V1__Policy *policy = NULL;
    int code = bp_policy_folder_load(o, path, &policy);
    if (code != CLI_GO_ON)
        return code;
    if (!pack(policy, out)) {
        bp_cli_say("out of memory");
        code = CLI_FAILED;
    }
    berbagi__v1__policy__free_unpacked(policy, NULL);
    return code;
}
