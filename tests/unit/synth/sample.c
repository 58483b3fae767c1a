#include "sample.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "file.h"

static bp_day day_of(const char *text)
{
    bp_day day;
    assert_true(bp_day_parse(bp_str(text), &day));
    return day;
}

struct bp_synth_plan sample_plan(void)
{
    return (struct bp_synth_plan){.region = BP_STR("18.07"),
                                  .placements = 1500,
                                  .from = day_of("2023-01-01"),
                                  .to = day_of("2025-09-30"),
                                  .seed = 42};
}

void sample_write(const struct bp_synth_plan *plan, char dir[64])
{
    const char *base = getenv("TMPDIR");
    struct bp_output *out = NULL;
    struct bp_err err = {""};
    snprintf(dir, 64, "%.40s/bp-synth-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(bp_synth_make(plan, &out, &err), BP_OK);
    assert_int_equal(bp_output_write(out, dir, &err), BP_OK);
    bp_output_destroy(out);
}

void sample_remove(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    assert_int_equal(rmdir(dir), 0);
}

struct bp_buf sample_read(const char *dir, const char *name)
{
    struct bp_buf text = {0};
    char *path = bp_path_join(dir, name);
    assert_non_null(path);
    assert_int_equal(bp_file_read(path, SIZE_MAX / 2, &text, NULL), BP_OK);
    free(path);
    return text;
}

static const char *attribute(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text != NULL ? text : "";
}

static void add_event(struct sample *s, const char *agency, const char *line)
{
    s->events = realloc(s->events, (s->n + 1) * sizeof(*s->events));
    assert_non_null(s->events);
    struct sample_event *e = &s->events[s->n++];
    int64_t ns;
    e->json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(e->json);
    assert_true(bp_time_parse(bp_str(attribute(e->json, "time")), &ns));
    e->agency = agency;
    e->line = line;
    e->type = attribute(e->json, "type");
    e->id = attribute(e->json, "id");
    e->nik = attribute(e->json, "nik");
    e->cause = attribute(e->json, "causationid");
    e->at = ns / BP_NS_PER_S;
}

static void read_file(struct sample *s, const char *name)
{
    size_t i = s->n_files++;
    assert_true(i < sizeof(s->agencies) / sizeof(s->agencies[0]));
    struct bp_buf *text = &s->texts[i];
    s->agencies[i] = bp_str_dup(bp_str_of(name, strlen(name) - strlen(".jsonl")));
    *text = sample_read(s->dir, name);
    bp_buf_add_byte(text, '\0');
    for (char *line = (char *)text->p, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        add_event(s, s->agencies[i], line);
    }
}

void sample_make(struct sample *s)
{
    *s = (struct sample){.n = 0};
    struct bp_synth_plan plan = sample_plan();
    sample_write(&plan, s->dir);
    DIR *d = opendir(s->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strstr(e->d_name, ".jsonl") != NULL)
            read_file(s, e->d_name);
    closedir(d);
}

void sample_free(struct sample *s)
{
    for (size_t i = 0; i < s->n; i++)
        json_decref(s->events[i].json);
    for (size_t i = 0; i < s->n_files; i++) {
        free(s->agencies[i]);
        bp_buf_fini(&s->texts[i]);
    }
    free(s->events);
    sample_remove(s->dir);
}

const char *sample_field(const struct sample_event *e, const char *name)
{
    return attribute(json_object_get(e->json, "data"), name);
}
