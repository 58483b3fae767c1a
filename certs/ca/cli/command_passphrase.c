/* A new passphrase for the issuing CAs' keys, all of them at once, or for the root's. */
#include <stdio.h>

#include "session.h"

static bp_status read_new(const struct bp_options *o, bool is_root, struct bp_secret *out,
                          struct bp_err *err)
{
    const char *what =
        is_root ? "a new passphrase for the root's key" : "a new passphrase for the issuing keys";
    bp_status st = bp_options_is_set(o, "new-passphrase-fd")
                       ? bp_secret_from_fd((int)bp_options_number(o, "new-passphrase-fd"),
                                           "new-passphrase-fd", out, err)
                       : bp_secret_ask(what, "new-passphrase-fd", true, out, err);
    return st == BP_OK ? bp_secret_check_new(out, err) : st;
}

/* Keys in tokens have their PIN changed by the token's own tool. */
static bool is_meant(const struct bp_issuer *issuer, bool is_root)
{
    return (issuer->record.role == BP_CA_ROOT) == is_root &&
           issuer->record.state != BP_CA_WITHDRAWN && issuer->record.key_uri[0] == '\0';
}

static bp_status open_all(struct bp_authority *a, bool is_root, struct bp_err *err)
{
    size_t n = 0;
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        struct bp_issuer *issuer = &a->issuers[i];
        if (!is_meant(issuer, is_root))
            continue;
        st = bp_keyring_is_in_place(a->dir, &issuer->record)
                 ? bp_issuer_unlock(a, issuer, err)
                 : bp_fail(err, BP_ENOENT, "the key of the CA %s is not in its place",
                           issuer->record.name);
        n++;
    }
    return st == BP_OK && n == 0 ? bp_fail(err, BP_ENOENT, "no such key is in a file") : st;
}

/* secret NULL: none. */
static bp_status seal_all(struct bp_authority *a, bool is_root, const struct bp_secret *secret,
                          struct bp_err *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        if (is_meant(&a->issuers[i], is_root))
            st = bp_authority_stage_key(a, &a->issuers[i], secret, err);
    }
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "passphrase %s%s", is_root ? "root" : "issuing",
                            secret != NULL ? "" : " removed");
    return st == BP_OK ? bp_authority_commit(a, err) : st;
}

static bp_status change(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    const bool is_root = bp_options_flag(o, "root"), has_none = bp_options_flag(o, "no-passphrase");
    struct bp_secret secret = {.n = 0};
    bp_status st = open_all(a, is_root, err);
    if (st == BP_OK && !has_none)
        st = read_new(o, is_root, &secret, err);
    if (st == BP_OK)
        st = seal_all(a, is_root, has_none ? NULL : &secret, err);
    bp_secret_wipe(&secret);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    bp_status st = bp_session_open(o, bp_options_flag(o, "root") ? BP_TO_SIGN_AS_ROOT : BP_TO_SIGN,
                                   is_usage, &session, err);
    if (st == BP_OK)
        st = change(&session.a, o, err);
    if (st == BP_OK)
        fprintf(stderr,
                "the passphrase is another now; copies of the key files keep the old one\n");
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    {.key = "root",
     .type = BP_OPTION_FLAG,
     .help = "Of the root's key, which must be in its place; without this of the issuing CAs' "
             "keys."},
    BP_OPTION_SECRET_FD("new-passphrase-fd", "the new passphrase"),
    BP_OPTION_NO_PASSPHRASE,
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_passphrase = {
    .name = "passphrase",
    .summary = "change the passphrase of the issuing CAs' keys, or of the root's",
    .usage = "Usage: berbagi-ca passphrase --dir DIR [--root] [--no-passphrase]\n\n"
             "Asks for the old and twice for the new one, or reads them from file descriptors. The "
             "issuing\n"
             "CAs' keys change together. The PIN of a token is changed with the token's own tool.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
