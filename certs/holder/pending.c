#include "pending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "keys.h"
#include "request.h"

static char *path_of(const char *identity)
{
    char *path = NULL;
    return asprintf(&path, "%s.request", identity) < 0 ? NULL : path;
}

void bp_pending_fini(struct bp_pending *p)
{
    EVP_PKEY_free(p->key);
    X509_REQ_free(p->request);
    *p = (struct bp_pending){0};
}

static bp_status parse(struct bp_str text, struct bp_pending *out, struct bp_err *err)
{
    bp_status st = bp_private_key_parse(text, &out->key, err);
    if (st == BP_OK)
        st = bp_request_parse(text, &out->request, err);
    if (st == BP_OK && EVP_PKEY_eq(out->key, X509_REQ_get0_pubkey(out->request)) != 1)
        st = bp_fail(err, BP_EINVAL, "its request is not of its key");
    return st;
}

bp_status bp_pending_load(const char *identity, struct bp_pending *out, struct bp_err *err)
{
    struct bp_buf text = {0};
    struct bp_pending p = {0};
    char *path = path_of(identity);
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    bp_status st = bp_secret_read(path, &text, err);
    if (st == BP_OK && (st = parse(bp_buf_str(&text), &p, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    if (st == BP_OK)
        *out = p;
    else
        bp_pending_fini(&p);
    bp_secret_fini(&text);
    free(path);
    return st;
}

static bp_status save(const char *identity, const struct bp_pending *p, struct bp_err *err)
{
    struct bp_buf text = {0};
    char *path = path_of(identity);
    bp_status st = path != NULL ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK && (st = bp_key_pem(p->key, &text, err)) == BP_OK &&
        (st = bp_request_pem(p->request, &text, err)) == BP_OK)
        st = bp_file_write(path, text.p, text.n, 0600, err);
    bp_secret_fini(&text);
    free(path);
    return st;
}

bp_status bp_pending_make(const char *identity, const struct bp_subject *s, struct bp_pending *out,
                          struct bp_err *err)
{
    struct bp_pending p = {0};
    bp_status st = bp_key_make(&p.key, err);
    if (st == BP_OK && (st = bp_request_make(s, p.key, &p.request, err)) == BP_OK)
        st = save(identity, &p, err);
    if (st == BP_OK)
        *out = p;
    else
        bp_pending_fini(&p);
    return st;
}

bp_status bp_pending_remove(const char *identity, struct bp_err *err)
{
    char *path = path_of(identity);
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    bp_status st = BP_OK;
    if (unlink(path) != 0 && errno != ENOENT)
        st = bp_fail(err, BP_EIO, "remove %s: %s", path, strerror(errno));
    free(path);
    return st;
}
