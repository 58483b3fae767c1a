#include "registry.h"

#include <sys/stat.h>

#include "file.h"
#include "yaml.h"

static bp_status add_one(struct bp_authority *a, const struct bp_yaml *yaml,
                         const struct bp_yaml_node *agency, struct bp_err *err)
{
    const struct bp_yaml_node *id =
        agency->kind == BP_YAML_MAPPING ? bp_yaml_get(agency, "id") : NULL;
    struct bp_err why;
    bp_status st;
    if (id == NULL || id->kind != BP_YAML_SCALAR || !bp_agency_id_is_valid(id->text))
        return bp_yaml_fail(yaml, id != NULL ? id : agency, err,
                            "an agency has an id KIND.CODE such as kab.18.07");
    st = bp_ledger_add_agency(a->ledger, id->text, &why);
    if (st == BP_EEXIST)
        return bp_yaml_fail(yaml, id, err, "%s", why.text);
    return st == BP_OK ? BP_OK : bp_fail(err, st, "%s", why.text);
}

static bp_status add_all(struct bp_authority *a, const struct bp_yaml *yaml, size_t *n,
                         struct bp_err *err)
{
    const struct bp_yaml_node *root = bp_yaml_root(yaml);
    const struct bp_yaml_node *agencies =
        root->kind == BP_YAML_MAPPING ? bp_yaml_get(root, "agencies") : NULL;
    bp_status st;
    if (agencies == NULL || agencies->kind != BP_YAML_SEQUENCE || agencies->n == 0)
        return bp_yaml_fail(yaml, root, err, "no list \"agencies\" is in it");
    st = bp_ledger_clear_agencies(a->ledger, err);
    for (size_t i = 0; st == BP_OK && i < agencies->n; i++)
        st = add_one(a, yaml, agencies->items[i], err);
    *n = agencies->n;
    return st;
}

bp_status bp_registry_load(struct bp_authority *a, const char *path, size_t *n, struct bp_err *err)
{
    struct stat found;
    struct bp_yaml *yaml = NULL;
    const bool is_folder = stat(path, &found) == 0 && S_ISDIR(found.st_mode);
    char *file = is_folder ? bp_path_join(path, "agencies.yaml") : bp_str_dup(bp_str(path));
    bp_status st =
        file != NULL ? bp_yaml_load(file, &yaml, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK)
        st = add_all(a, yaml, n, err);
    bp_yaml_destroy(yaml);
    free(file);
    return st;
}

bp_status bp_registry_check(const struct bp_authority *a, const struct bp_subject *s,
                            struct bp_err *err)
{
    size_t n = 0;
    bp_status st;
    if (s->kind != BP_IDENTITY_AGENCY)
        return BP_OK;
    if ((st = bp_ledger_count_agencies(a->ledger, &n, err)) != BP_OK)
        return st;
    if (n == 0 && bp_ledger_is_development(a->ledger))
        return BP_OK;
    if (n == 0)
        return bp_fail(err, BP_EPERM,
                       "this CA has no registry of agencies yet; berbagi-ca registry takes one in");
    st = bp_ledger_find_agency(a->ledger, bp_str(s->name), err);
    return st == BP_ENOENT ? BP_EPERM : st;
}
