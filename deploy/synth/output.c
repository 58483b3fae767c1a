/* Entries are sorted, not the text: an entry knows its time and where its line stands. Events of
 * one moment keep the order in which they were made, so a cause stands before what it led to. */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "prng.h"

#define FILES_MAX 16
#define TYPES_MAX 64
#define REGISTERED "worker.registered"

struct entry {
    int64_t at;
    uint32_t number;
    uint16_t type, file;
    size_t offset, length; /* of the line in text */
};

struct file {
    char name[80];
    char agency[65];
    bool is_csv;
    struct bp_buf header;
    size_t counts[TYPES_MAX];
};

struct bp_output {
    uint64_t seed;
    bool registrations_as_csv;
    bool failed;
    struct bp_buf text;
    struct entry *entries;
    size_t n, capacity;
    struct file files[FILES_MAX];
    size_t n_files;
    const char *types[TYPES_MAX];
    size_t n_types;
};

struct bp_output *bp_output_create(uint64_t seed, bool registrations_as_csv)
{
    struct bp_output *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    o->seed = seed;
    o->registrations_as_csv = registrations_as_csv;
    return o;
}

void bp_output_destroy(struct bp_output *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->n_files; i++)
        bp_buf_fini(&o->files[i].header);
    bp_buf_fini(&o->text);
    free(o->entries);
    free(o);
}

static uint16_t type_of(struct bp_output *o, const char *name)
{
    size_t i = 0;
    while (i < o->n_types && strcmp(o->types[i], name) != 0)
        i++;
    if (i == o->n_types) {
        BP_ASSERT(i < TYPES_MAX);
        o->types[o->n_types++] = name;
    }
    return (uint16_t)i;
}

static uint16_t file_of(struct bp_output *o, const char *agency, bool is_csv)
{
    size_t i = 0;
    while (i < o->n_files &&
           (o->files[i].is_csv != is_csv || strcmp(o->files[i].agency, agency) != 0))
        i++;
    if (i == o->n_files) {
        BP_ASSERT(i < FILES_MAX);
        struct file *f = &o->files[o->n_files++];
        f->is_csv = is_csv;
        BP_ASSERT(bp_str_copy(f->agency, sizeof(f->agency), bp_str(agency)));
        snprintf(f->name, sizeof(f->name), is_csv ? "%s.registrations.csv" : "%s.jsonl", agency);
    }
    return (uint16_t)i;
}

/* A UUID of version 8 (RFC 9562): 122 bits made of the seed and the event's number. */
static void format_id(const struct bp_output *o, uint32_t number, char out[37])
{
    uint64_t high = bp_mix(o->seed, (uint64_t)number * 2);
    uint64_t low = bp_mix(o->seed, (uint64_t)number * 2 + 1);
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x8000);
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    snprintf(out, 37, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
             low & UINT64_C(0xFFFFFFFFFFFF));
}

static struct entry *new_entry(struct bp_output *o)
{
    if (o->n == o->capacity) {
        size_t capacity = o->capacity != 0 ? o->capacity * 2 : 4096;
        struct entry *entries = realloc(o->entries, capacity * sizeof(*entries));
        if (entries == NULL)
            return NULL;
        o->entries = entries;
        o->capacity = capacity;
    }
    return &o->entries[o->n++];
}

static void write_line(struct bp_output *o, struct file *f, const struct bp_notice *d,
                       uint32_t number)
{
    if (f->is_csv) {
        if (f->header.n == 0)
            bp_notice_write_csv_header(d, &f->header);
        bp_notice_write_csv(d, &o->text);
        return;
    }
    char id[37], cause[37] = "";
    format_id(o, number, id);
    if (d->cause != 0)
        format_id(o, d->cause, cause);
    bp_notice_write_json(d, id, f->agency, cause, &o->text);
}

uint32_t bp_output_add(struct bp_output *o, const char *agency, const struct bp_notice *d)
{
    struct entry *e = new_entry(o);
    if (e == NULL) {
        o->failed = true;
        return 0;
    }
    bool is_csv = o->registrations_as_csv && strcmp(d->type, REGISTERED) == 0;
    e->at = d->at;
    e->number = (uint32_t)o->n;
    e->type = type_of(o, d->type);
    e->file = file_of(o, agency, is_csv);
    e->offset = o->text.n;
    write_line(o, &o->files[e->file], d, e->number);
    e->length = o->text.n - e->offset;
    o->files[e->file].counts[e->type]++;
    return e->number;
}

static int by_file_and_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Writes the header and the n entries, which are all of one file. */
static bool write_entries(const struct bp_output *o, const struct file *f,
                          const struct entry *entries, size_t n, FILE *stream)
{
    bool ok = f->header.n == 0 || fwrite(f->header.p, f->header.n, 1, stream) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = fwrite(o->text.p + entries[i].offset, entries[i].length, 1, stream) == 1;
    return ok;
}

static bp_status write_file(const struct bp_output *o, const char *dir, const struct file *f,
                            const struct entry *entries, size_t n, struct bp_err *err)
{
    char path[4096], part[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", dir, f->name);
    if (length < 0 || (size_t)length + sizeof(".part") > sizeof(part))
        return bp_fail(err, BP_EINVAL, "out: the path is too long");
    memcpy(part, path, (size_t)length);
    memcpy(part + length, ".part", sizeof(".part"));
    FILE *stream = fopen(part, "wb");
    if (stream == NULL)
        return bp_fail(err, BP_EIO, "write %s: %s", path, strerror(errno));
    bool ok = write_entries(o, f, entries, n, stream);
    int why = errno;
    if (fclose(stream) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(part, path) != 0) {
        ok = false;
        why = errno;
    }
    if (ok)
        return BP_OK;
    (void)unlink(part);
    return bp_fail(err, BP_EIO, "write %s: %s", path, strerror(why));
}

static bp_status remove_stale(const char *dir, const struct file *f, struct bp_err *err)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s.registrations.csv", dir, f->agency);
    if (n < 0 || (size_t)n >= sizeof(path))
        return bp_fail(err, BP_EINVAL, "out: the path is too long");
    if (unlink(path) != 0 && errno != ENOENT)
        return bp_fail(err, BP_EIO, "remove %s: %s", path, strerror(errno));
    return BP_OK;
}

bp_status bp_output_write(struct bp_output *o, const char *dir, struct bp_err *err)
{
    bool failed = o->failed || o->text.failed;
    for (size_t i = 0; i < o->n_files; i++)
        failed = failed || o->files[i].header.failed;
    if (failed)
        return bp_fail(err, BP_ENOMEM, "the events do not fit in memory: ask for fewer placements");
    bp_status st = bp_dir_make(dir, 0755, err);
    if (st != BP_OK)
        return st;
    if (o->n > 0)
        qsort(o->entries, o->n, sizeof(*o->entries), by_file_and_time);
    for (size_t from = 0, to; st == BP_OK && from < o->n; from = to) {
        const struct file *f = &o->files[o->entries[from].file];
        for (to = from + 1; to < o->n && o->entries[to].file == o->entries[from].file;)
            to++;
        if (!o->registrations_as_csv)
            st = remove_stale(dir, f, err);
        if (st == BP_OK)
            st = write_file(o, dir, f, o->entries + from, to - from, err);
    }
    return st;
}

struct count {
    const struct file *file;
    const char *type;
    size_t events;
};

static int by_name(const void *a, const void *b)
{
    const struct count *x = a, *y = b;
    int order = strcmp(x->file->name, y->file->name);
    return order != 0 ? order : strcmp(x->type, y->type);
}

void bp_output_counts(const struct bp_output *o, bp_output_count *each, void *context)
{
    struct count counts[FILES_MAX * TYPES_MAX];
    size_t n = 0;
    for (size_t f = 0; f < o->n_files; f++)
        for (size_t t = 0; t < o->n_types; t++)
            if (o->files[f].counts[t] != 0)
                counts[n++] = (struct count){&o->files[f], o->types[t], o->files[f].counts[t]};
    if (n > 0)
        qsort(counts, n, sizeof(counts[0]), by_name);
    for (size_t i = 0; i < n; i++)
        each(context, counts[i].file->name, counts[i].type, counts[i].events);
}

size_t bp_output_total(const struct bp_output *o)
{
    return o->n;
}
