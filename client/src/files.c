#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

#define DAY_MS INT64_C(86400000)

static bool copy(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

bp_status bp_files_init(struct bp_files *f, const char *cert, const char *key, const char *ca,
                        struct bp_err *err)
{
    (void)pthread_mutex_init(&f->lock, NULL);
    if (copy(&f->cert, cert) && copy(&f->key, key) && copy(&f->ca, ca))
        return BP_OK;
    return bp_fail(err, BP_ENOMEM, "out of memory");
}

void bp_files_fini(struct bp_files *f)
{
    (void)pthread_mutex_destroy(&f->lock);
    free(f->cert);
    free(f->key);
    free(f->ca);
}

struct bp_files_mark bp_files_mark_of(const struct bp_files *f)
{
    struct bp_files_mark mark = {.cert = bp_file_stamp_of(f->cert), .ca = bp_file_stamp_of(f->ca)};
    if (f->key != NULL)
        mark.key = bp_file_stamp_of(f->key);
    return mark;
}

bool bp_files_mark_is(const struct bp_files_mark *a, const struct bp_files_mark *b)
{
    return bp_file_stamp_is(&a->cert, &b->cert) && bp_file_stamp_is(&a->key, &b->key) &&
           bp_file_stamp_is(&a->ca, &b->ca);
}

static bool is_somebody_else(const struct bp_files *f, const struct bp_identity *id)
{
    return f->identity.name[0] != '\0' &&
           (id->kind != f->identity.kind || strcmp(id->name, f->identity.name) != 0);
}

static bp_status identify(struct bp_files *f, const struct bp_credentials *c, int64_t now_ns,
                          struct bp_identity *id, struct bp_err *err)
{
    bp_status st = bp_identity_of_pem(bp_str(bp_credentials_cert_pem(c)), NULL, now_ns, id, err);
    if (st != BP_OK)
        return bp_fail_in(err, st, "%s", f->cert);
    if (is_somebody_else(f, id))
        return bp_fail(err, BP_EAUTH, "%s: is now of %s %s, and this program began as %s %s",
                       f->cert, bp_identity_kind_name(id->kind), id->name,
                       bp_identity_kind_name(f->identity.kind), f->identity.name);
    return BP_OK;
}

static void keep(struct bp_files *f, const struct bp_identity *id, const struct bp_credentials *c)
{
    if (f->identity.name[0] == '\0')
        f->identity = *id;
    (void)pthread_mutex_lock(&f->lock);
    f->due_ns = bp_identity_renewal_ns(id);
    f->not_after_ns = bp_credentials_not_after_ns(c);
    (void)pthread_mutex_unlock(&f->lock);
}

bp_status bp_files_load(struct bp_files *f, int64_t now_ns, struct bp_credentials **out,
                        struct bp_files_mark *mark, struct bp_err *err)
{
    const struct bp_credential_files files = {.cert = f->cert, .key = f->key, .ca = f->ca};
    const struct bp_files_mark before = bp_files_mark_of(f);
    struct bp_credentials *c = NULL;
    struct bp_identity id;
    bp_status st = bp_credentials_load(&files, false, now_ns, &c, err);
    if (st == BP_OK && (st = identify(f, c, now_ns, &id, err)) == BP_OK) {
        keep(f, &id, c);
        *mark = before;
        *out = c;
        return BP_OK;
    }
    bp_credentials_destroy(c);
    return st;
}

static bool warning_is_due(struct bp_files *f, int64_t now_ns, int64_t now_ms)
{
    if (f->due_ns == 0 || now_ns < f->due_ns)
        return false;
    if (f->warned_ms != 0 && now_ms - f->warned_ms < DAY_MS)
        return false;
    f->warned_ms = now_ms;
    return true;
}

bool bp_files_take_warning(struct bp_files *f, int64_t now_ns, int64_t now_ms, char *words,
                           size_t size)
{
    char time[36], left[32];
    (void)pthread_mutex_lock(&f->lock);
    const bool is_due = warning_is_due(f, now_ns, now_ms);
    const int64_t not_after_ns = f->not_after_ns;
    (void)pthread_mutex_unlock(&f->lock);
    if (!is_due)
        return false;
    bp_time_format(not_after_ns, time);
    const int64_t left_ns = not_after_ns > now_ns ? not_after_ns - now_ns : 0;
    (void)snprintf(words, size, "the certificate of %s ends at %s, in %s; renew it",
                   f->identity.name, time, bp_span_text((uint64_t)(left_ns / BP_NS_PER_S), left));
    return true;
}
