/* The hard part is that a line is whole or not there: what a failed write left is cut off, and what
 * a crash left at the end of a file is closed with a line end before anything is put behind it. */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "audit_chain.h"
#include "file.h"
#include "log.h"

#define WAITING_BYTES_MAX (16u << 20)

struct bp_audit {
    struct bp_mailbox mailbox;
    pthread_t thread;
    char *dir;
    /* the thread's */
    int fd; /* of the day's file; -1: none is open */
    bp_day day;
    off_t size;
    struct bp_audit_chain chain;
};

static struct bp_audit_record *record_of(struct bp_mail *mail)
{
    return (struct bp_audit_record *)mail; /* mail is its first member */
}

/* --- the day's file --- */

static bp_status status_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? BP_ENOSPC : BP_EIO;
}

static void close_day(struct bp_audit *a)
{
    if (a->fd >= 0)
        (void)close(a->fd);
    a->fd = -1;
}

/* Writes all of it, or cuts off what was written; where that fails too, the file is read again
 * before anything else is put behind it. */
static bp_status append(struct bp_audit *a, const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t written = write(a->fd, p + at, n - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        at += (size_t)written;
    }
    bp_status st = at == n && fdatasync(a->fd) == 0 ? BP_OK : status_of_errno();
    if (st == BP_OK)
        a->size += (off_t)n;
    else if (ftruncate(a->fd, a->size) != 0) {
        st = BP_EIO;
        close_day(a);
    }
    return st;
}

/* A line that a crash cut short is ended. */
static bp_status end_last_line(struct bp_audit *a)
{
    char last = '\n';
    if (a->size > 0 && pread(a->fd, &last, 1, a->size - 1) != 1)
        return BP_EIO;
    return last == '\n' ? BP_OK : append(a, (const uint8_t *)"\n", 1);
}

static bp_status open_day(struct bp_audit *a, bp_day day)
{
    if (a->fd >= 0 && a->day == day)
        return BP_OK;
    char *path = bp_audit_path(a->dir, day);
    if (path == NULL)
        return BP_ENOMEM;
    close_day(a);
    a->day = day;
    a->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bp_status st = a->fd >= 0 ? BP_OK : status_of_errno();
    free(path);
    struct stat info;
    if (st == BP_OK && fstat(a->fd, &info) != 0)
        st = BP_EIO;
    if (st == BP_OK) {
        a->size = info.st_size;
        st = end_last_line(a);
    }
    if (st == BP_OK)
        st = bp_audit_chain_open(a->dir, day, &a->chain);
    if (st == BP_OK)
        st = bp_dir_flush(a->dir, NULL);
    if (st != BP_OK)
        close_day(a);
    return st;
}

/* --- lines --- */

static const struct {
    const char *name, *counts;
    bool may_be_dry_run;
} kinds[] = {[BP_AUDIT_RESOLVE] = {"resolve", "count", true},
             [BP_AUDIT_POLICY_APPLIED] = {"policy.applied", "version", false},
             [BP_AUDIT_POLICY_PROPOSED] = {"policy.proposed", "version", false},
             [BP_AUDIT_POLICY_APPROVED] = {"policy.approved", "version", false},
             [BP_AUDIT_CERTIFICATES] = {"certificates.reloaded", "count", true},
             [BP_AUDIT_DISCONNECT] = {"disconnected", "count", true},
             [BP_AUDIT_BACKUP] = {"backup", "position", false}};

/* Names and serials keep a grammar without quotes and backslashes. */
static void put_line(const struct bp_audit_record *r, struct bp_audit_chain *chain,
                     struct bp_buf *out)
{
    char time[36];
    size_t from = out->n;
    bp_time_format(r->time_ns, time);
    bp_buf_printf(out, "{\"time\":\"%s\",\"kind\":\"%s\",\"who\":\"%s\",\"serial\":\"%s\",", time,
                  kinds[r->kind].name, r->who, r->serial);
    if (r->about != NULL)
        bp_buf_printf(out, "\"about\":\"%s\",", r->about);
    bp_buf_printf(out, "\"%s\":%" PRIu64, kinds[r->kind].counts, r->count);
    if (kinds[r->kind].may_be_dry_run)
        bp_buf_printf(out, ",\"dry_run\":%s", r->is_dry_run ? "true" : "false");
    bp_audit_chain_end_line(chain, out, from);
}

static bp_status write_run(struct bp_audit *a, struct bp_mail *first, const struct bp_mail *end,
                           bp_day day)
{
    struct bp_buf lines = {0};
    bp_status st = open_day(a, day);
    struct bp_audit_chain chain = a->chain;
    for (struct bp_mail *m = first; m != end; m = m->next)
        put_line(record_of(m), &chain, &lines);
    if (st == BP_OK)
        st = lines.failed ? BP_ENOMEM : append(a, lines.p, lines.n);
    if (st == BP_OK)
        a->chain = chain;
    bp_buf_fini(&lines);
    return st;
}

static void log_failure(bp_status st)
{
    static struct bp_log_limit limit = {.most = 1, .interval_ms = 10000};
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_ERROR, "audit.write_failed", "why=%s", bp_status_name(st));
}

/* The records of one day at a time; almost always that is all of them. */
static void write_all(struct bp_audit *a, struct bp_mail *list)
{
    while (list != NULL) {
        bp_day day = bp_day_in_jakarta(record_of(list)->time_ns);
        struct bp_mail *end = list->next;
        while (end != NULL && bp_day_in_jakarta(record_of(end)->time_ns) == day)
            end = end->next;
        bp_status st = write_run(a, list, end, day);
        if (st != BP_OK)
            log_failure(st);
        while (list != end) {
            struct bp_audit_record *r = record_of(list);
            list = list->next; /* done may free it */
            r->done(r, st);
        }
    }
}

static void *run(void *argument)
{
    struct bp_audit *a = argument;
    for (;;) {
        struct bp_mail *list = bp_mailbox_take(&a->mailbox, -1);
        if (list == NULL && bp_mailbox_is_closed(&a->mailbox))
            return NULL;
        write_all(a, list);
    }
}

/* --- from outside --- */

bp_status bp_audit_open(const char *dir, struct bp_audit **out, struct bp_err *err)
{
    bp_status st = bp_dir_make(dir, 0700, err);
    if (st != BP_OK)
        return st;
    struct bp_audit *a = calloc(1, sizeof(*a));
    if (a == NULL || (a->dir = bp_str_dup(bp_str(dir))) == NULL) {
        free(a);
        return bp_fail(err, BP_ENOMEM, "audit record %s: out of memory", dir);
    }
    a->fd = -1;
    bp_mailbox_init(&a->mailbox, WAITING_BYTES_MAX);
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        bp_mailbox_fini(&a->mailbox);
        free(a->dir);
        free(a);
        return bp_fail(err, BP_EIO, "audit record %s: no thread can be started", dir);
    }
    (void)pthread_setname_np(a->thread, "audit");
    *out = a;
    return BP_OK;
}

void bp_audit_close(struct bp_audit *a)
{
    if (a == NULL)
        return;
    bp_mailbox_close(&a->mailbox);
    (void)pthread_join(a->thread, NULL);
    bp_mailbox_fini(&a->mailbox);
    close_day(a);
    free(a->dir);
    free(a);
}

bool bp_audit_write(struct bp_audit *a, struct bp_audit_record *record)
{
    record->mail.bytes = sizeof(*record);
    return bp_mailbox_push(&a->mailbox, &record->mail);
}

/* --- reading back --- */

struct reading {
    void (*each)(void *context, struct bp_str who, uint64_t count);
    void *context;
    struct bp_audit_chain chain;
    uint64_t line, broken; /* the first that is; 0: none */
};

static void tell_line(const struct reading *r, const char *line, size_t n)
{
    json_t *object = json_loadb(line, n, 0, NULL);
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *who = json_string_value(json_object_get(object, "who"));
    json_int_t count = json_integer_value(json_object_get(object, "count"));
    if (kind != NULL && strcmp(kind, "resolve") == 0 && who != NULL && count > 0)
        r->each(r->context, bp_str(who), (uint64_t)count);
    json_decref(object);
}

static void read_line(void *context, char *line, size_t n)
{
    struct reading *r = context;
    r->line++;
    if (bp_audit_chain_check(&r->chain, line, n) == BP_AUDIT_LINE_BROKEN && r->broken == 0)
        r->broken = r->line;
    tell_line(r, line, n);
}

/* A damaged record is told and counted as it stands: it bars nobody from being served. */
bp_status bp_audit_read_resolves(const char *dir, bp_day day,
                                 void (*each)(void *context, struct bp_str who, uint64_t count),
                                 void *context, struct bp_err *err)
{
    struct reading r = {.each = each, .context = context};
    bp_audit_chain_init(&r.chain);
    bp_status st = bp_audit_each_line(dir, day, read_line, &r, err);
    char date[11];
    bp_day_format(day, date);
    if (r.broken != 0)
        bp_log(BP_LOG_ERROR, "audit.chain_broken", "file=%s.jsonl line=%" PRIu64, date, r.broken);
    return st;
}
