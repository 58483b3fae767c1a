/* A new CA is made whole in a folder beside the one asked for and then renamed to it: it is there
 * in full or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "crl.h"
#include "file.h"
#include "keys.h"
#include "profile.h"

struct making {
    const char *dir; /* the temporary one */
    const char *trust_domain;
    struct bp_authority authority;
    struct bp_issuer root;
    struct bp_buf bundle;
};

static bp_status make_root(struct making *m, struct bp_err *err)
{
    uint8_t serial[BP_SERIAL_BYTES];
    bp_status st;
    bp_serial_make(serial);
    if ((st = bp_key_make(&m->root.key, err)) != BP_OK ||
        (st = bp_profile_root(m->trust_domain, m->root.key, serial, &m->root.cert, err)) != BP_OK ||
        (st = bp_issuer_save(m->dir, BP_CA_ROOT, &m->root, err)) != BP_OK)
        return st;
    return bp_cert_pem(m->root.cert, &m->bundle, err);
}

static bp_status make_issuing(struct making *m, enum bp_identity_kind kind, struct bp_err *err)
{
    struct bp_issuer issuer = {0};
    uint8_t serial[BP_SERIAL_BYTES];
    bp_status st;

    bp_serial_make(serial);
    if ((st = bp_key_make(&issuer.key, err)) == BP_OK &&
        (st = bp_profile_issuing(m->trust_domain, kind, issuer.key, serial, &m->root, &issuer.cert,
                                 err)) == BP_OK &&
        (st = bp_issuer_save(m->dir, (enum bp_ca)kind, &issuer, err)) == BP_OK &&
        (st = bp_cert_pem(issuer.cert, &m->bundle, err)) == BP_OK)
        st = bp_authority_record(&m->authority, BP_CA_ROOT, bp_identity_kind_name(kind),
                                 issuer.cert, err);
    bp_issuer_fini(&issuer);
    return st;
}

static bp_status write_bundle(const struct making *m, struct bp_err *err)
{
    char *path = bp_path_join(m->dir, "ca.pem");
    bp_status st = path != NULL ? bp_file_write(path, m->bundle.p, m->bundle.n, 0644, err)
                                : bp_fail(err, BP_ENOMEM, "out of memory");
    free(path);
    return st;
}

static bp_status make_crls(struct making *m, struct bp_err *err)
{
    struct bp_crls crls = {0};
    bp_status st = bp_crls_make(&m->authority, BP_CRL_DAYS, BP_ROOT_CRL_DAYS, &crls, err);
    if (st == BP_OK)
        st = bp_crls_write(m->dir, &crls, err);
    bp_crls_fini(&crls);
    return st;
}

static bp_status make_all(struct making *m, bool is_development, struct bp_err *err)
{
    bp_status st = bp_authority_create(m->dir, m->trust_domain, is_development, &m->authority, err);
    if (st == BP_OK)
        st = make_root(m, err);
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++)
        st = make_issuing(m, (enum bp_identity_kind)kind, err);
    if (st == BP_OK)
        st = write_bundle(m, err);
    if (st == BP_OK)
        st = make_crls(m, err);
    if (st == BP_OK)
        st = bp_ledger_note(m->authority.ledger, err, "init %s%s", m->trust_domain,
                            is_development ? " development" : "");
    return st == BP_OK ? bp_ledger_commit(m->authority.ledger, err) : st;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s, (void)type, (void)where;
    return remove(path);
}

static bp_status make_in(const char *dir, const char *trust_domain, bool is_development,
                         struct bp_err *err)
{
    struct making m = {.dir = dir, .trust_domain = trust_domain};
    bp_status st = make_all(&m, is_development, err);
    bp_authority_close(&m.authority);
    bp_issuer_fini(&m.root);
    bp_buf_fini(&m.bundle);
    return st;
}

static bp_status flush_folder(const char *path, struct bp_err *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;
    const int code = errno;
    if (fd >= 0)
        close(fd);
    return ok ? BP_OK : bp_fail(err, BP_EIO, "flush %s: %s", path, strerror(code));
}

/* Everything but LMDB's own folder was flushed when it was written. rename(2) takes the place of an
 * empty folder and of nothing else. */
static bp_status move_to(const char *from, const char *dir, const char *parent, struct bp_err *err)
{
    char *ledger = bp_path_join(from, "ledger");
    bp_status st =
        ledger != NULL ? flush_folder(ledger, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    free(ledger);
    if (st != BP_OK)
        return st;
    if (rename(from, dir) == 0)
        return flush_folder(parent, err);
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return bp_fail(err, BP_EEXIST, "%s: is there already and not empty; nothing was changed",
                       dir);
    return bp_fail(err, BP_EIO, "%s: %s", dir, strerror(errno));
}

/* temporary: "<parent>/.berbagi-ca-XXXXXX". */
static bp_status make_beside(const char *dir, const char *parent, char *temporary,
                             const struct bp_options *o, struct bp_err *err)
{
    bp_status st;
    if (mkdtemp(temporary) == NULL)
        return bp_fail(err, BP_EIO, "make a folder in %s: %s", parent, strerror(errno));
    st = make_in(temporary, bp_options_text(o, "trust-domain"), bp_options_flag(o, "development"),
                 err);
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

static bp_status make_at(const char *path, const struct bp_options *o, struct bp_err *err)
{
    char *dir = bp_str_dup(bp_str(path));
    char *parent = dir != NULL ? parent_of(dir) : NULL;
    char *temporary = parent != NULL ? bp_path_join(parent, ".berbagi-ca-XXXXXX") : NULL;
    bp_status st;

    if (temporary == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if ((st = check_absent(dir, err)) == BP_OK &&
             (st = bp_dir_make(parent, 0755, err)) == BP_OK)
        st = make_beside(dir, parent, temporary, o, err);
    free(dir);
    free(parent);
    free(temporary);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const char *dir = bp_options_text(o, "dir");
    const struct bp_str domain = bp_str(bp_options_text(o, "trust-domain"));
    bp_status st;

    /* 64: it is the organisation in every subject, and X.520 bounds that. */
    if (!bp_trust_domain_is_valid(domain) || domain.n > 64) {
        *is_usage = true;
        return bp_fail(
            err, BP_EINVAL,
            "--trust-domain: 1 to 64 of a-z, 0-9, '.', '-' and '_', such as berbagi.example");
    }
    if ((st = make_at(dir, o, err)) != BP_OK)
        return st;
    if (bp_options_flag(o, "development"))
        fprintf(stderr, "%s: a CA for development: whoever uses it can make anybody's key.\n", dir);
    else
        fprintf(stderr,
                "%s: made. Now move %s/root/key.pem to a medium that is kept in a safe; it is "
                "needed to "
                "revoke an issuing CA and to renew the root's CRL every %d days.\n",
                dir, dir, BP_ROOT_CRL_DAYS);
    fprintf(stderr, "Servers and clients need %s/ca.pem, servers %s/crl.pem too.\n", dir, dir);
    return BP_OK;
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
};

const struct bp_command bp_command_init = {
    .name = "init",
    .summary = "make a root CA and an issuing CA for agencies, operators and servers each",
    .usage = "Usage: berbagi-ca init --dir DIR --trust-domain NAME [--development]\n\n"
             "Makes a root CA and three issuing CAs, each of which can sign for one kind of "
             "identity alone,\n"
             "their bundle DIR/ca.pem and their first CRLs DIR/crl.pem.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
