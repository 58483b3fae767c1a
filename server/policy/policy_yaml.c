/* The files of a policy folder, in a fixed order, so that the same folder always gives the same
 * message. */
#include "policy_yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file.h"
#include "policy_document.h"

#define EVERY_SECTION                                                                              \
    (BP_POLICY_AGENCIES | BP_POLICY_AGREEMENTS | BP_POLICY_CEILINGS | BP_POLICY_OPERATORS |        \
     BP_POLICY_QUOTAS)

/* What is loaded, from the first file to the last. */
struct loading {
    Berbagi__V1__Policy *policy;
    struct bp_source_map *map;
    struct bp_err *err;
};

/* Reads one file: the sections given, or if that is 0, the agreement expected_id. */
static bp_status load_file(struct loading *l, const char *path, unsigned sections,
                           struct bp_str expected_id)
{
    struct bp_yaml *yaml = NULL;
    unsigned number = 0;
    bp_status st = bp_yaml_load(path, &yaml, l->err);
    if (st != BP_OK)
        return st;
    if (bp_source_map_add_file(l->map, path, &number) != BP_OK) {
        bp_yaml_destroy(yaml);
        return bp_fail(l->err, BP_ENOMEM, "%s: out of memory", path);
    }
    struct yaml_reader r = {.yaml = yaml, .map = l->map, .file = number, .err = l->err};
    if (sections != 0)
        bp_policy_document_read(&r, sections, l->policy);
    else
        bp_policy_document_read_agreement(&r, expected_id, l->policy);
    bp_yaml_destroy(yaml);
    return r.st;
}

static bp_status load_named(struct loading *l, const char *dir, const char *name, unsigned sections,
                            struct bp_str expected_id)
{
    char *path = bp_path_join(dir, name);
    if (path == NULL)
        return bp_fail(l->err, BP_ENOMEM, "%s: out of memory", dir);
    bp_status st = load_file(l, path, sections, expected_id);
    free(path);
    return st;
}

static bool ends_with(struct bp_str name, struct bp_str end)
{
    return name.n >= end.n && memcmp(name.p + name.n - end.n, end.p, end.n) == 0;
}

/* Files that look like part of a policy. What is hidden, or another kind of file, is left alone. */
static int is_yaml_file(const struct dirent *entry)
{
    struct bp_str name = bp_str(entry->d_name);
    return name.p[0] != '.' &&
           (ends_with(name, BP_STR(".yaml")) || ends_with(name, BP_STR(".yml")));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bp_status load_agreements(struct loading *l, const char *dir)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_yaml_file, by_bytes);
    bp_status st = n < 0 ? bp_fail(l->err, errno == ENOENT ? BP_ENOENT : BP_EIO, "%s: %s", dir,
                                   strerror(errno))
                         : BP_OK;
    for (int i = 0; i < n; i++) {
        struct bp_str name = bp_str(entries[i]->d_name);
        if (st == BP_OK && !ends_with(name, BP_STR(".yaml")))
            st =
                bp_fail(l->err, BP_EINVAL, "%s/%s: an agreement's file ends in .yaml", dir, name.p);
        if (st == BP_OK)
            st = load_named(l, dir, name.p, 0, bp_str_of(name.p, name.n - strlen(".yaml")));
        free(entries[i]);
    }
    free(entries);
    return st;
}

static const struct {
    const char *name;
    unsigned section;
    bool may_lack;
} files[] = {
    {"agencies.yaml", BP_POLICY_AGENCIES, false},
    {"ceilings.yaml", BP_POLICY_CEILINGS, false},
    {"operators.yaml", BP_POLICY_OPERATORS, false},
    {"quotas.yaml", BP_POLICY_QUOTAS, true}, /* none: nobody is bound */
};

static bool is_known_file(const char *name)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(files[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A YAML file in the wrong place would be a rule that silently does not hold. */
static bp_status refuse_strangers(struct loading *l, const char *dir)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_yaml_file, by_bytes);
    bp_status st = n < 0 ? bp_fail(l->err, BP_EIO, "%s: %s", dir, strerror(errno)) : BP_OK;
    for (int i = 0; i < n; i++) {
        if (st == BP_OK && !is_known_file(entries[i]->d_name))
            st = bp_fail(l->err, BP_EINVAL,
                         "%s/%s: no file of a policy (agencies.yaml, ceilings.yaml, "
                         "operators.yaml, quotas.yaml, agreements/*.yaml)",
                         dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return st;
}

static bp_status load_folder(struct loading *l, const char *dir)
{
    bp_status st = refuse_strangers(l, dir);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && st == BP_OK; i++) {
        st = load_named(l, dir, files[i].name, files[i].section, BP_STR(""));
        if (st == BP_ENOENT && files[i].may_lack)
            st = BP_OK;
    }
    char *agreements = bp_path_join(dir, "agreements");
    if (st == BP_OK)
        st = agreements != NULL ? load_agreements(l, agreements)
                                : bp_fail(l->err, BP_ENOMEM, "%s: out of memory", dir);
    free(agreements);
    return st;
}

static bp_status load(struct loading *l, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return bp_fail(l->err, errno == ENOENT ? BP_ENOENT : BP_EIO, "policy %s: %s", path,
                       strerror(errno));
    return S_ISDIR(info.st_mode) ? load_folder(l, path)
                                 : load_file(l, path, EVERY_SECTION, BP_STR(""));
}

bp_status bp_policy_yaml_load(const char *path, Berbagi__V1__Policy **out,
                              struct bp_source_map **map, struct bp_err *err)
{
    struct loading l = {berbagi__v1__policy__unpack(NULL, 0, NULL), bp_source_map_create(), err};
    bp_status st = BP_ENOMEM;
    if (l.policy != NULL && l.map != NULL)
        st = load(&l, path);
    else
        bp_fail(err, st, "policy %s: out of memory", path);
    if (st != BP_OK || map == NULL) {
        bp_source_map_destroy(l.map);
    } else {
        bp_source_map_sort(l.map);
        *map = l.map;
    }
    if (st == BP_OK)
        *out = l.policy;
    else
        berbagi__v1__policy__free_unpacked(l.policy, NULL);
    return st;
}
