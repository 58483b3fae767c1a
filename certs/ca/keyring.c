#include "keyring.h"

#include <stdio.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "sealed_key.h"
#include "token.h"

enum lock_kind { ISSUING, ISSUING_TOKEN, ROOT, ROOT_TOKEN };
#define LOCKS 4

static const struct {
    const char *option; /* where its secret can be read */
    const char *what;   /* as people are asked for it */
} lock_words[LOCKS] = {
    [ISSUING] = {"passphrase-fd", "the passphrase of the issuing CAs' keys"},
    [ISSUING_TOKEN] = {"pin-fd", "the PIN of the issuing CAs' token"},
    [ROOT] = {"root-passphrase-fd", "the passphrase of the root's key"},
    [ROOT_TOKEN] = {"root-pin-fd", "the PIN of the root's token"},
};

struct lock {
    bool is_known;
    bool is_missing; /* it was asked for in vain */
    bool is_open;    /* a key without passphrase was met: those to come have none either */
    struct bp_secret secret;
};

struct opened {
    uint32_t ca;
    EVP_PKEY *key;
};

struct bp_keyring {
    struct lock locks[LOCKS];
    const char *elsewhere; /* --keys; NULL: keys are in their places */
    bool no_passphrase;
    struct opened *opened;
    size_t n_opened;
    struct bp_token *token;
};

static bp_status read_secrets(struct bp_keyring *ring, const struct bp_options *o,
                              struct bp_err *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < LOCKS; i++) {
        struct lock *lock = &ring->locks[i];
        const char *option = lock_words[i].option;
        if (!bp_options_is_set(o, option))
            continue;
        st = bp_secret_from_fd((int)bp_options_number(o, option), option, &lock->secret, err);
        lock->is_known = st == BP_OK;
    }
    return st;
}

bp_status bp_keyring_create(const struct bp_options *o, struct bp_keyring **out, struct bp_err *err)
{
    bp_status st;
    struct bp_keyring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    ring->elsewhere = bp_options_text(o, "keys");
    if ((st = read_secrets(ring, o, err)) == BP_OK)
        *out = ring;
    else
        bp_keyring_destroy(ring);
    return st;
}

void bp_keyring_leave_open(struct bp_keyring *ring)
{
    ring->no_passphrase = true;
}

void bp_keyring_destroy(struct bp_keyring *ring)
{
    if (ring == NULL)
        return;
    for (size_t i = 0; i < ring->n_opened; i++)
        EVP_PKEY_free(ring->opened[i].key);
    free(ring->opened);
    bp_token_destroy(ring->token);
    for (size_t i = 0; i < LOCKS; i++)
        bp_secret_wipe(&ring->locks[i].secret);
    free(ring);
}

static enum lock_kind lock_of(enum bp_ca role, bool is_token)
{
    if (role == BP_CA_ROOT)
        return is_token ? ROOT_TOKEN : ROOT;
    return is_token ? ISSUING_TOKEN : ISSUING;
}

/* Nobody is asked twice for what they did not give. */
static bp_status know(struct lock *lock, enum lock_kind kind, bool is_new, struct bp_err *err)
{
    const char *what = lock_words[kind].what, *option = lock_words[kind].option;
    bp_status st;
    if (lock->is_known)
        return BP_OK;
    if (lock->is_missing)
        return bp_secret_fail_missing(what, option, err);
    st = bp_secret_ask(what, option, is_new, &lock->secret, err);
    lock->is_known = st == BP_OK;
    lock->is_missing = st == BP_ENOENT;
    return st;
}

/* NULL: out of memory. */
static char *key_path(const char *dir, const char *name)
{
    char *folder = bp_path_join(dir, name);
    char *path = folder != NULL ? bp_path_join(folder, "key.pem") : NULL;
    free(folder);
    return path;
}

static bp_status read_in(const char *dir, const char *name, struct bp_buf *out, struct bp_err *err)
{
    char *path = key_path(dir, name);
    const bp_status st =
        path != NULL ? bp_secret_read(path, out, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    free(path);
    return st;
}

static bp_status read_file(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca,
                           struct bp_buf *out, struct bp_err *err)
{
    const bp_status st = read_in(dir, ca->name, out, err);
    return st == BP_ENOENT && ring->elsewhere != NULL ? read_in(ring->elsewhere, ca->name, out, err)
                                                      : st;
}

bool bp_keyring_is_in_place(const char *dir, const struct bp_ca_record *ca)
{
    char *path = key_path(dir, ca->name);
    const bool is_there = path != NULL && access(path, F_OK) == 0;
    free(path);
    return is_there;
}

static bp_status open_file(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca,
                           EVP_PKEY **out, struct bp_err *err)
{
    const enum lock_kind kind = lock_of(ca->role, false);
    struct lock *lock = &ring->locks[kind];
    struct bp_buf text = {0};
    bp_status st = read_file(ring, dir, ca, &text, err);

    if (st == BP_OK && bp_sealed_key_is_sealed(bp_buf_str(&text)))
        st = know(lock, kind, false, err);
    else if (st == BP_OK)
        lock->is_open = true;
    if (st == BP_OK &&
        (st = bp_sealed_key_decode(bp_buf_str(&text), &lock->secret, out, err)) != BP_OK)
        bp_fail_in(err, st, "the key of the CA %s", ca->name);
    if (text.p != NULL)
        bp_wipe(text.p, text.n);
    bp_buf_fini(&text);
    return st;
}

/* Silent: whoever needs the key will tell. */
void bp_keyring_ask(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca)
{
    const bool is_token = ca->key_uri[0] != '\0';
    const enum lock_kind kind = lock_of(ca->role, is_token);
    struct bp_buf text = {0};
    if (is_token || (read_file(ring, dir, ca, &text, NULL) == BP_OK &&
                     bp_sealed_key_is_sealed(bp_buf_str(&text))))
        (void)know(&ring->locks[kind], kind, false, NULL);
    if (text.p != NULL)
        bp_wipe(text.p, text.n);
    bp_buf_fini(&text);
}

bp_status bp_keyring_open_token(struct bp_keyring *ring, enum bp_ca role, const char *uri,
                                EVP_PKEY **out, struct bp_err *err)
{
    const enum lock_kind kind = lock_of(role, true);
    EVP_PKEY *key = NULL;
    bp_status st = bp_token_check_uri(uri, err);
    if (st == BP_OK)
        st = know(&ring->locks[kind], kind, false, err);
    if (st == BP_OK)
        st = bp_token_key_load(&ring->token, uri, &ring->locks[kind].secret, &key, err);
    if (st == BP_OK)
        st = bp_key_check(key, err);
    if (st == BP_OK) {
        *out = key;
        return BP_OK;
    }
    EVP_PKEY_free(key);
    return bp_fail_in(err, st, "%s", uri);
}

static EVP_PKEY *find_opened(const struct bp_keyring *ring, uint32_t ca)
{
    for (size_t i = 0; i < ring->n_opened; i++) {
        if (ring->opened[i].ca == ca)
            return ring->opened[i].key;
    }
    return NULL;
}

/* Takes key. */
static bp_status keep(struct bp_keyring *ring, uint32_t ca, EVP_PKEY *key, struct bp_err *err)
{
    struct opened *more = realloc(ring->opened, (ring->n_opened + 1) * sizeof(*more));
    if (more == NULL) {
        EVP_PKEY_free(key);
        return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    ring->opened = more;
    ring->opened[ring->n_opened++] = (struct opened){ca, key};
    return BP_OK;
}

static bp_status open_first(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca,
                            const X509 *cert, struct bp_err *err)
{
    EVP_PKEY *key = NULL;
    bp_status st = ca->key_uri[0] != '\0'
                       ? bp_keyring_open_token(ring, ca->role, ca->key_uri, &key, err)
                       : open_file(ring, dir, ca, &key, err);
    if (st == BP_OK && (st = bp_key_check(key, err)) != BP_OK)
        bp_fail_in(err, st, "the key of the CA %s", ca->name);
    if (st == BP_OK && X509_check_private_key(cert, key) != 1)
        st = bp_fail(err, BP_EINVAL, "the key of the CA %s is not that of its certificate",
                     ca->name);
    if (st == BP_OK)
        return keep(ring, ca->number, key, err);
    EVP_PKEY_free(key);
    return st;
}

bp_status bp_keyring_open(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca,
                          const X509 *cert, EVP_PKEY **out, struct bp_err *err)
{
    bp_status st = BP_OK;
    if (find_opened(ring, ca->number) == NULL)
        st = open_first(ring, dir, ca, cert, err);
    if (st == BP_OK) {
        *out = find_opened(ring, ca->number);
        EVP_PKEY_up_ref(*out);
    }
    return st;
}

bp_status bp_keyring_choose(struct bp_keyring *ring, enum bp_ca role, const struct bp_secret **out,
                            struct bp_err *err)
{
    const enum lock_kind kind = lock_of(role, false);
    struct lock *lock = &ring->locks[kind];
    bp_status st;

    *out = NULL;
    if (ring->no_passphrase || lock->is_open)
        return BP_OK;
    if ((st = know(lock, kind, true, err)) == BP_OK &&
        (st = bp_secret_check_new(&lock->secret, err)) == BP_OK)
        *out = &lock->secret;
    return st;
}
