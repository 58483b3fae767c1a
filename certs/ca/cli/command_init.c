/* A new CA is made whole in a folder beside the one asked for and then renamed to it: it is there
 * in full or not at all. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl.h"
#include "file.h"
#include "founding.h"
#include "registry.h"
#include "session.h"

static bp_status found_all(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    const char *uris[BP_CAS];
    bp_status st = bp_session_key_uris(o, uris, err);
    if (st == BP_OK)
        st = bp_found_root(a, BP_CA_SIGNING, uris[BP_CA_ROOT], err);
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++)
        st = bp_found_issuing(a, (enum bp_identity_kind)kind, BP_CA_SIGNING, 1, uris[kind], err);
    return st;
}

static bp_status make_all(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    const char *registry = bp_options_text(o, "registry");
    size_t n_agencies = 0;
    bp_status st = found_all(a, o, err);
    if (st == BP_OK && registry != NULL)
        st = bp_registry_load(a, registry, &n_agencies, err);
    if (st == BP_OK)
        st = bp_authority_stage_bundle(a, err);
    if (st == BP_OK)
        st = bp_crls_stage(a, BP_CRL_DAYS, BP_ROOT_CRL_DAYS, err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "init %s%s, registry %zu agencies",
                            bp_ledger_trust_domain(a->ledger),
                            bp_ledger_is_development(a->ledger) ? " development" : "", n_agencies);
    return st == BP_OK ? bp_authority_commit(a, err) : st;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s, (void)type, (void)where;
    return remove(path);
}

static bp_status make_in(const char *dir, const struct bp_options *o, struct bp_keyring *keys,
                         struct bp_err *err)
{
    struct bp_authority a;
    bp_status st = bp_authority_create(dir, bp_options_text(o, "trust-domain"),
                                       bp_options_flag(o, "development"), keys, &a, err);
    if (st != BP_OK)
        return st;
    bp_ledger_set_actor(a.ledger, bp_options_text(o, "as"), bp_options_text(o, "note"));
    st = make_all(&a, o, err);
    bp_authority_close(&a);
    return st;
}

/* Everything but LMDB's own folder was flushed when it was written. rename(2) takes the place of an
 * empty folder and of nothing else. */
static bp_status move_to(const char *from, const char *dir, const char *parent, struct bp_err *err)
{
    char *ledger = bp_path_join(from, "ledger");
    bp_status st =
        ledger != NULL ? bp_dir_flush(ledger, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    free(ledger);
    if (st != BP_OK)
        return st;
    if (rename(from, dir) == 0)
        return bp_dir_flush(parent, err);
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return bp_fail(err, BP_EEXIST, "%s: is there already and not empty; nothing was changed",
                       dir);
    return bp_fail(err, BP_EIO, "%s: %s", dir, strerror(errno));
}

/* temporary: "<parent>/.berbagi-ca-XXXXXX". */
static bp_status make_beside(const char *dir, const char *parent, char *temporary,
                             const struct bp_options *o, struct bp_keyring *keys,
                             struct bp_err *err)
{
    bp_status st;
    if (mkdtemp(temporary) == NULL)
        return bp_fail(err, BP_EIO, "make a folder in %s: %s", parent, strerror(errno));
    st = make_in(temporary, o, keys, err);
    if (st == BP_OK)
        st = move_to(temporary, dir, parent, err);
    if (st != BP_OK)
        (void)nftw(temporary, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return st;
}

/* The folder that dir stands in; dir loses the slashes at its end. */
static char *parent_of(char *dir)
{
    char *slash;
    for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
        dir[n - 1] = '\0';
    slash = strrchr(dir, '/');
    if (slash == NULL)
        return bp_str_dup(BP_STR("."));
    return bp_str_dup(bp_str_of(dir, slash == dir ? 1 : (size_t)(slash - dir)));
}

/* Asked early, so that nothing is made in vain; rename decides. */
static bp_status check_absent(const char *dir, struct bp_err *err)
{
    char *ledger = bp_path_join(dir, "ledger");
    const bool is_there = ledger != NULL && access(ledger, F_OK) == 0;
    free(ledger);
    return is_there ? bp_fail(err, BP_EEXIST, "%s: a CA is there already; nothing was changed", dir)
                    : BP_OK;
}

/* Before anything is there: whoever breaks off at a prompt leaves nothing. */
static bp_status choose_passphrases(const struct bp_options *o, struct bp_keyring *keys,
                                    struct bp_err *err)
{
    const char *uris[BP_CAS];
    const struct bp_secret *secret;
    bp_status st = bp_session_key_uris(o, uris, err);
    for (int role = BP_CAS; st == BP_OK && role-- > 0;) {
        if (uris[role][0] == '\0')
            st = bp_keyring_choose(keys, (enum bp_ca)role, &secret, err);
    }
    return st;
}

static bp_status make_at(const char *path, const struct bp_options *o, struct bp_keyring *keys,
                         struct bp_err *err)
{
    char *dir = bp_str_dup(bp_str(path));
    char *parent = dir != NULL ? parent_of(dir) : NULL;
    char *temporary = parent != NULL ? bp_path_join(parent, ".berbagi-ca-XXXXXX") : NULL;
    bp_status st;

    if (temporary == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if ((st = check_absent(dir, err)) == BP_OK &&
             (st = choose_passphrases(o, keys, err)) == BP_OK &&
             (st = bp_dir_make(parent, 0755, err)) == BP_OK)
        st = make_beside(dir, parent, temporary, o, keys, err);
    free(dir);
    free(parent);
    free(temporary);
    return st;
}

static void say(const char *dir, const struct bp_options *o, bool is_root_in_file)
{
    if (bp_options_flag(o, "development"))
        fprintf(stderr, "%s: a CA for development: whoever uses it can make anybody's key.\n", dir);
    else if (is_root_in_file)
        fprintf(stderr,
                "%s: made. Now move %s/root/key.pem to a medium that is kept in a safe; it is "
                "needed (--keys) to replace or revoke an issuing CA and to renew the root's CRL "
                "every %d "
                "days.\n",
                dir, dir, BP_ROOT_CRL_DAYS);
    if (!bp_options_flag(o, "development") && bp_options_text(o, "registry") == NULL)
        fprintf(stderr, "No agency can have a certificate before berbagi-ca registry.\n");
    fprintf(stderr, "Servers and clients need %s/ca.pem, servers %s/crl.pem too.\n", dir, dir);
}

static bp_status check(const struct bp_options *o, const char *uris[BP_CAS], struct bp_err *err)
{
    const struct bp_str domain = bp_str(bp_options_text(o, "trust-domain"));
    /* 64: it is the organisation in every subject, and X.520 bounds that. */
    if (!bp_trust_domain_is_valid(domain) || domain.n > 64)
        return bp_fail(
            err, BP_EINVAL,
            "--trust-domain: 1 to 64 of a-z, 0-9, '.', '-' and '_', such as berbagi.example");
    return bp_session_key_uris(o, uris, err);
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const char *dir = bp_options_text(o, "dir");
    struct bp_keyring *keys = NULL;
    const char *uris[BP_CAS];
    bp_status st = check(o, uris, err);

    *is_usage = st != BP_OK;
    if (st == BP_OK)
        st = bp_session_check_actor(o, is_usage, err);
    if (st == BP_OK && (st = bp_keyring_create(o, &keys, err)) == BP_OK) {
        if (bp_options_flag(o, "no-passphrase"))
            bp_keyring_leave_open(keys);
        st = make_at(dir, o, keys, err);
    }
    bp_keyring_destroy(keys);
    if (st == BP_OK)
        say(dir, o, uris[BP_CA_ROOT][0] == '\0');
    return st;
}

static const struct bp_option options[] = {
    {.key = "dir",
     .type = BP_OPTION_TEXT,
     .operand = "DIR",
     .required = true,
     .help = "The folder to make; refused if it is there and not empty."},
    {.key = "trust-domain",
     .type = BP_OPTION_TEXT,
     .operand = "NAME",
     .required = true,
     .help = "The exchange's trust domain, the first part of every identity."},
    {.key = "development",
     .type = BP_OPTION_FLAG,
     .help = "Allow the command issue, which makes the keys of others."},
    {.key = "registry",
     .type = BP_OPTION_TEXT,
     .operand = "POLICY",
     .help =
         "The policy folder, or its file agencies.yaml: the agencies that may have certificates."},
    BP_OPTION_KEY_URI,
    BP_OPTION_NO_PASSPHRASE,
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_init = {
    .name = "init",
    .summary = "make a root CA and an issuing CA for agencies, operators and servers each",
    .usage = "Usage: berbagi-ca init --dir DIR --trust-domain NAME [--registry POLICY]\n"
             "           [--no-passphrase] [--development] [--key CA=URI...]\n\n"
             "Makes a root CA and three issuing CAs, each of which can sign for one kind of "
             "identity alone,\n"
             "their bundle DIR/ca.pem and their first CRLs DIR/crl.pem. Asks for a passphrase for "
             "the root's\n"
             "key and one for the issuing CAs' keys.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
