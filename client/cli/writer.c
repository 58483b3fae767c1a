#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "pretty.h"

static bool is_wanted(const struct bp_event_type *type, const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bp_type_matches(bp_str(patterns[i]), type->name))
            return true;
    }
    return n == 0;
}

static bp_status open_table(struct bp_writer *w, const char *const *types, size_t n,
                            struct bp_err *err)
{
    const struct bp_event_type **wanted = calloc(w->schema->n_types + 1, sizeof(const void *));
    if (wanted == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    size_t n_wanted = 0;
    for (size_t i = 0; i < w->schema->n_types; i++) {
        if (is_wanted(&w->schema->types[i], types, n))
            wanted[n_wanted++] = &w->schema->types[i];
    }
    bp_status st = n_wanted > 0 ? bp_csv_table_create(w->schema, wanted, n_wanted, &w->table, err)
                                : bp_fail(err, BP_EINVAL, "--types: there is no such event type");
    free(wanted);
    return st;
}

/* Whoever read our output may have seen enough: that is nothing to complain of. */
static bp_status output_failed(struct bp_err *err)
{
    return bp_fail(err, errno == EPIPE ? BP_ECLOSED : BP_EIO, "standard output: %s",
                   strerror(errno));
}

static bp_status write_line(struct bp_writer *w, struct bp_err *err)
{
    if (w->line.failed)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    if (fwrite(w->line.p, 1, w->line.n, w->to) != w->line.n)
        return output_failed(err);
    return BP_OK;
}

bp_status bp_writer_open(struct bp_writer *w, enum bp_output output, FILE *to, bool with_grounds,
                         const struct bp_schema *schema, const char *const *types, size_t n_types,
                         struct bp_err *err)
{
    *w = (struct bp_writer){
        .output = output, .to = to, .with_grounds = with_grounds, .schema = schema};
    if (output != OUTPUT_CSV)
        return BP_OK;
    bp_status st = open_table(w, types, n_types, err);
    if (st != BP_OK)
        return st;
    bp_csv_write_header(w->table, &w->line);
    return write_line(w, err);
}

void bp_writer_close(struct bp_writer *w)
{
    bp_csv_table_destroy(w->table);
    bp_grounds_fini(&w->grounds);
    bp_buf_fini(&w->line);
    *w = (struct bp_writer){0};
}

bp_status bp_writer_ground(struct bp_writer *w, const struct berbagi_ground *ground,
                           struct bp_err *err)
{
    if (!bp_grounds_add(&w->grounds, ground))
        return bp_fail(err, BP_ENOMEM, "out of memory");
    if (!w->with_grounds)
        return BP_OK;
    bp_buf_clear(&w->line);
    if (w->output == OUTPUT_JSONL)
        bp_ground_to_json(ground, &w->line);
    else
        bp_ground_to_words(ground, &w->line);
    if (w->output != OUTPUT_CSV)
        return write_line(w, err);
    (void)fwrite(w->line.p, 1, w->line.n, stderr);
    return BP_OK;
}

static bool add_event(struct bp_writer *w, const struct bp_event *e,
                      const struct bp_delivery_notes *notes)
{
    switch (w->output) {
    case OUTPUT_JSONL:
        if (!bp_event_to_json(w->schema, e, notes, &w->line))
            return false;
        bp_buf_add_byte(&w->line, '\n');
        return true;
    case OUTPUT_CSV:
        return bp_event_to_csv(w->table, e, notes, &w->line);
    case OUTPUT_PRETTY:
        return bp_event_to_words(w->schema, e, notes, &w->line);
    }
    return false;
}

bp_status bp_writer_delivery(struct bp_writer *w, const struct berbagi_delivery *d,
                             struct bp_err *err)
{
    struct bp_event e;
    struct bp_str agreements[BP_NOTES_MAX], purposes[BP_NOTES_MAX];
    struct bp_delivery_notes notes = {
        .position = d->position,
        .recorded_at_ns = d->recorded_at_ns,
        .published_by = bp_str_of(d->published_by.p, d->published_by.n),
        .agreements = agreements,
        .purposes = purposes,
    };
    bp_grounds_of(&w->grounds, d, agreements, &notes.n_agreements, purposes, &notes.n_purposes);
    bp_buf_clear(&w->line);
    if (!bp_event_parse(bp_str_of(d->event.p, d->event.n), &e) || !add_event(w, &e, &notes)) {
        if (w->line.failed)
            return bp_fail(err, BP_ENOMEM, "out of memory");
        return bp_fail(err, BP_EINVAL,
                       "the event at position %" PRIu64 " cannot be written; is its type one of "
                       "--types and --schema?",
                       d->position);
    }
    return write_line(w, err);
}

bp_status bp_writer_flush(struct bp_writer *w, bool to_disk, struct bp_err *err)
{
    struct stat info;
    if (fflush(w->to) != 0)
        return output_failed(err);
    bool is_file = to_disk && fstat(fileno(w->to), &info) == 0 && S_ISREG(info.st_mode);
    if (is_file && fdatasync(fileno(w->to)) != 0)
        return output_failed(err);
    return BP_OK;
}
