/* A value is put in the place of the one before it, so a line is hashed as it stands in memory. The
 * hard part is to tell a line that was cut short from one that was harmed: nothing of a cut line
 * stands behind its cut. */
#include "audit_chain.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "file.h"

#define ZEROS "00000000000000000000000000000000"
#define MEMBER ",\"chain\":\""
#define MEMBER_BYTES (sizeof(MEMBER) - 1)
#define END "\"}"
#define END_BYTES (sizeof(END) - 1)
#define TAIL_BYTES (MEMBER_BYTES + BP_AUDIT_CHAIN_CHARS + END_BYTES)
#define AFTER ",\"after\":\""
#define DATE_CHARS 10
#define SUFFIX ".jsonl"
#define NAME_CHARS (DATE_CHARS + sizeof(SUFFIX) - 1)

/* --- a line --- */

void bp_audit_chain_init(struct bp_audit_chain *c)
{
    *c = (struct bp_audit_chain){.value = ZEROS, .after = "none"};
}

static bool is_first(const struct bp_audit_chain *c)
{
    return strcmp(c->value, ZEROS) == 0;
}

static void hash(const char *line, size_t n, char out[BP_AUDIT_CHAIN_CHARS + 1])
{
    uint8_t digest[BP_SHA256_BYTES];
    bp_sha256(line, n, digest);
    bp_hex(digest, BP_AUDIT_CHAIN_CHARS / 2, out);
}

void bp_audit_chain_end_line(struct bp_audit_chain *c, struct bp_buf *lines, size_t from)
{
    if (is_first(c))
        bp_buf_printf(lines, AFTER "%s\"", c->after);
    bp_buf_printf(lines, MEMBER "%s" END, c->value);
    if (lines->failed)
        return;
    hash((const char *)lines->p + from, lines->n - from, c->value);
    memcpy(lines->p + lines->n - END_BYTES - BP_AUDIT_CHAIN_CHARS, c->value, BP_AUDIT_CHAIN_CHARS);
    bp_buf_add_byte(lines, '\n');
}

/* Where the value stands in a whole line; else NULL. */
static char *value_in(char *line, size_t n)
{
    if (n < TAIL_BYTES)
        return NULL;
    char *tail = line + n - TAIL_BYTES;
    bool is_whole = memcmp(tail, MEMBER, MEMBER_BYTES) == 0 &&
                    memcmp(tail + TAIL_BYTES - END_BYTES, END, END_BYTES) == 0;
    return is_whole ? tail + MEMBER_BYTES : NULL;
}

/* Of a line that is not whole: does nothing of what comes last in one stand behind its cut? */
static bool is_cut(const char *line, size_t n)
{
    const char *member = memmem(line, n, MEMBER, MEMBER_BYTES);
    return n != 0 && line[0] == '{' && line[n - 1] != '}' &&
           (member == NULL || (size_t)(line + n - member) < TAIL_BYTES);
}

enum bp_audit_line bp_audit_chain_check(struct bp_audit_chain *c, char *line, size_t n)
{
    char right[BP_AUDIT_CHAIN_CHARS + 1], claimed[BP_AUDIT_CHAIN_CHARS];
    char *value = value_in(line, n);
    if (value == NULL)
        return is_cut(line, n) ? BP_AUDIT_LINE_CUT : BP_AUDIT_LINE_BROKEN;
    memcpy(claimed, value, BP_AUDIT_CHAIN_CHARS);
    memcpy(value, c->value, BP_AUDIT_CHAIN_CHARS);
    hash(line, n, right);
    memcpy(value, claimed, BP_AUDIT_CHAIN_CHARS);
    memcpy(c->value, claimed, BP_AUDIT_CHAIN_CHARS);
    return memcmp(right, claimed, BP_AUDIT_CHAIN_CHARS) == 0 ? BP_AUDIT_LINE_SOUND
                                                             : BP_AUDIT_LINE_BROKEN;
}

/* --- files --- */

char *bp_audit_path(const char *dir, bp_day day)
{
    char date[DATE_CHARS + 1], name[NAME_CHARS + 1];
    bp_day_format(day, date);
    (void)snprintf(name, sizeof(name), "%s" SUFFIX, date);
    return bp_path_join(dir, name);
}

static bp_status each_line_of(FILE *file, void (*each)(void *context, char *line, size_t n),
                              void *context)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, file)) > 0)
        each(context, line, (size_t)n - (line[n - 1] == '\n'));
    free(line);
    return feof(file) != 0 ? BP_OK : BP_EIO;
}

bp_status bp_audit_each_line(const char *dir, bp_day day,
                             void (*each)(void *context, char *line, size_t n), void *context,
                             struct bp_err *err)
{
    char *path = bp_audit_path(dir, day);
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "audit record %s: out of memory", dir);
    FILE *file = fopen(path, "re");
    bp_status st = file != NULL      ? each_line_of(file, each, context)
                   : errno == ENOENT ? BP_OK
                                     : BP_EIO;
    if (file != NULL)
        (void)fclose(file);
    if (st != BP_OK)
        (void)bp_fail(err, st, "audit record %s: can't be read", path);
    free(path);
    return st;
}

static bool parse_name(const char *name, bp_day *day)
{
    return strlen(name) == NAME_CHARS && strcmp(name + DATE_CHARS, SUFFIX) == 0 &&
           bp_day_parse(bp_str_of(name, DATE_CHARS), day);
}

static int is_of_a_day(const struct dirent *entry)
{
    bp_day day;
    return parse_name(entry->d_name, &day);
}

struct days {
    bp_day *list; /* oldest first */
    size_t n;
};

static bp_status list_days(const char *dir, struct days *out)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_of_a_day, alphasort);
    if (n < 0 && errno != ENOENT)
        return errno == ENOMEM ? BP_ENOMEM : BP_EIO;
    *out = (struct days){.list = calloc((size_t)(n > 0 ? n : 1), sizeof(*out->list))};
    for (int i = 0; i < n; i++) {
        if (out->list != NULL && parse_name(entries[i]->d_name, &out->list[out->n]))
            out->n++;
        free(entries[i]);
    }
    free(entries);
    return out->list != NULL ? BP_OK : BP_ENOMEM;
}

/* --- going on --- */

static void note_value(void *context, char *line, size_t n)
{
    struct bp_audit_chain *c = context;
    const char *value = value_in(line, n);
    if (value != NULL)
        memcpy(c->value, value, BP_AUDIT_CHAIN_CHARS);
}

/* The chain at the end of a day's file. */
static bp_status find_end(const char *dir, bp_day day, struct bp_audit_chain *c)
{
    bp_audit_chain_init(c);
    return bp_audit_each_line(dir, day, note_value, c, NULL);
}

static bp_status find_after(const char *dir, bp_day day, char after[BP_AUDIT_AFTER_MAX + 1])
{
    struct days days;
    struct bp_audit_chain earlier;
    bp_status st = list_days(dir, &days);
    if (st != BP_OK)
        return st;
    for (size_t i = days.n; i-- > 0 && st == BP_OK;) {
        if (days.list[i] >= day || (st = find_end(dir, days.list[i], &earlier)) != BP_OK ||
            is_first(&earlier))
            continue;
        char date[DATE_CHARS + 1];
        bp_day_format(days.list[i], date);
        (void)snprintf(after, BP_AUDIT_AFTER_MAX + 1, "%s/%s", date, earlier.value);
        break;
    }
    free(days.list);
    return st;
}

bp_status bp_audit_chain_open(const char *dir, bp_day day, struct bp_audit_chain *out)
{
    bp_status st = find_end(dir, day, out);
    return st == BP_OK && is_first(out) ? find_after(dir, day, out->after) : st;
}

/* --- looking at all of it --- */

struct look {
    const char *dir;
    struct days days;
    size_t at; /* of days: the file looked at */
    struct bp_audit_chain chain;
    uint64_t line, sound;
    void (*found)(void *context, const struct bp_audit_finding *finding);
    void *context;
};

static void tell(const struct look *l, bool is_damage, const char *what)
{
    char name[DATE_CHARS + sizeof(SUFFIX)];
    bp_day_format(l->days.list[l->at], name);
    memcpy(name + DATE_CHARS, SUFFIX, sizeof(SUFFIX));
    l->found(l->context, &(struct bp_audit_finding){name, l->line, what, is_damage});
}

/* What the first line of a file says it goes on from. */
static void note_after(struct look *l, const char *line, size_t n)
{
    const char *member = memmem(line, n, AFTER, sizeof(AFTER) - 1);
    const char *text = member != NULL ? member + sizeof(AFTER) - 1 : "";
    const char *end = member != NULL ? memchr(text, '"', n - (size_t)(text - line)) : NULL;
    if (end != NULL)
        (void)bp_str_copy(l->chain.after, sizeof(l->chain.after),
                          bp_str_of(text, (size_t)(end - text)));
}

static void look_at_line(void *context, char *line, size_t n)
{
    struct look *l = context;
    bool may_be_first = is_first(&l->chain);
    l->line++;
    switch (bp_audit_chain_check(&l->chain, line, n)) {
    case BP_AUDIT_LINE_SOUND:
        l->sound++;
        if (may_be_first)
            note_after(l, line, n);
        break;
    case BP_AUDIT_LINE_CUT:
        tell(l, false, "was cut short, as a crash may do");
        break;
    case BP_AUDIT_LINE_BROKEN:
        tell(l, true, "is not as it was written, or a line before it is missing");
        break;
    }
}

struct wanted {
    const char *value;
    bool is_there;
};

static void compare_value(void *context, char *line, size_t n)
{
    struct wanted *w = context;
    const char *value = value_in(line, n);
    if (value != NULL && memcmp(value, w->value, BP_AUDIT_CHAIN_CHARS) == 0)
        w->is_there = true;
}

/* Files older than the oldest may have been taken away. */
static void look_for_what_it_goes_on_from(struct look *l)
{
    bp_day day;
    const char *after = l->chain.after;
    struct wanted wanted = {.value = after + DATE_CHARS + 1};
    bool is_named =
        strlen(after) == BP_AUDIT_AFTER_MAX && bp_day_parse(bp_str_of(after, DATE_CHARS), &day);
    if (!is_named || day < l->days.list[0])
        return;
    bp_status st = bp_audit_each_line(l->dir, day, compare_value, &wanted, NULL);
    l->line = 0;
    if (st == BP_OK && !wanted.is_there)
        tell(l, true, "goes on from a line of an earlier file that is missing");
}

static void look_at_file(struct look *l)
{
    bp_audit_chain_init(&l->chain);
    l->line = 0;
    if (bp_audit_each_line(l->dir, l->days.list[l->at], look_at_line, l, NULL) != BP_OK)
        tell(l, true, "cannot be read");
    look_for_what_it_goes_on_from(l);
}

bp_status bp_audit_verify(const char *dir,
                          void (*found)(void *context, const struct bp_audit_finding *finding),
                          void *context, uint64_t *lines, struct bp_err *err)
{
    struct look l = {.dir = dir, .found = found, .context = context};
    bp_status st = list_days(dir, &l.days);
    if (st != BP_OK)
        return bp_fail(err, st, "audit record %s: cannot be listed", dir);
    for (l.at = 0; l.at < l.days.n; l.at++)
        look_at_file(&l);
    free(l.days.list);
    *lines = l.sound;
    return BP_OK;
}
