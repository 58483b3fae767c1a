/* Paths sorted by their text; what was not written itself is looked for under its next shorter
 * path. */
#include "source_map.h"

#include <stdio.h>

#define PATH_MAX_CHARS 128

struct source_place {
    char *path;
    unsigned file, line;
};

struct bp_source_map {
    char **files;
    size_t n_files;
    struct source_place *places;
    size_t n, capacity;
};

struct bp_source_map *bp_source_map_create(void)
{
    return calloc(1, sizeof(struct bp_source_map));
}

void bp_source_map_destroy(struct bp_source_map *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_files; i++)
        free(m->files[i]);
    for (size_t i = 0; i < m->n; i++)
        free(m->places[i].path);
    free(m->files);
    free(m->places);
    free(m);
}

bp_status bp_source_map_add_file(struct bp_source_map *m, const char *name, unsigned *number)
{
    char **files = realloc(m->files, (m->n_files + 1) * sizeof(*files));
    if (files == NULL)
        return BP_ENOMEM;
    m->files = files;
    files[m->n_files] = bp_str_dup(bp_str(name));
    if (files[m->n_files] == NULL)
        return BP_ENOMEM;
    *number = (unsigned)m->n_files++;
    return BP_OK;
}

bp_status bp_source_map_add(struct bp_source_map *m, const char *path, unsigned file, unsigned line)
{
    if (m->n == m->capacity) {
        size_t capacity = m->capacity == 0 ? 1024 : m->capacity * 2;
        struct source_place *places = realloc(m->places, capacity * sizeof(*places));
        if (places == NULL)
            return BP_ENOMEM;
        m->places = places;
        m->capacity = capacity;
    }
    char *copy = bp_str_dup(bp_str(path));
    if (copy == NULL)
        return BP_ENOMEM;
    m->places[m->n++] = (struct source_place){copy, file, line};
    return BP_OK;
}

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const struct source_place *)a)->path, ((const struct source_place *)b)->path);
}

void bp_source_map_sort(struct bp_source_map *m)
{
    if (m->n != 0)
        qsort(m->places, m->n, sizeof(*m->places), compare_places);
}

bool bp_source_map_find(const struct bp_source_map *m, const char *where, const char **file,
                        unsigned *line)
{
    char path[PATH_MAX_CHARS];
    snprintf(path, sizeof(path), "%s", where);
    while (m->n != 0) {
        struct source_place key = {.path = path};
        const struct source_place *found =
            bsearch(&key, m->places, m->n, sizeof(key), compare_places);
        if (found != NULL) {
            *file = m->files[found->file];
            *line = found->line;
            return true;
        }
        char *dot = strrchr(path, '.');
        char *bracket = strrchr(path, '[');
        char *cut = bracket > dot ? bracket : dot;
        if (cut == NULL)
            return false;
        *cut = '\0';
    }
    return false;
}
