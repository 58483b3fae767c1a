/* Three tables: "certificates" by serial, "acts" by number, "facts" by name (format, trust domain,
 * development, CRL numbers). */
#include "ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "record.h"

#define FORMAT "1"
#define MAP_BYTES ((size_t)1 << 32) /* far more than a site's certificates in a century */

struct bp_ledger {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi certificates, acts, facts;
    char trust_domain[256];
    bool is_development;
};

static bp_status fail_lmdb(struct bp_err *err, const char *what, int code)
{
    bp_status st = BP_EIO;
    if (code == ENOMEM)
        st = BP_ENOMEM;
    else if (code == ENOSPC || code == MDB_MAP_FULL)
        st = BP_ENOSPC;
    else if (code == ENOENT)
        st = BP_ENOENT;
    else if (code == MDB_CORRUPTED || code == MDB_INVALID || code == MDB_PAGE_NOTFOUND)
        st = BP_ECORRUPT;
    return bp_fail(err, st, "ledger: %s: %s", what, mdb_strerror(code));
}

static MDB_val val_of(struct bp_str s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static struct bp_str str_of(MDB_val v)
{
    return bp_str_of(v.mv_data, v.mv_size);
}

static bp_status put_fact(struct bp_ledger *l, const char *name, struct bp_str value,
                          struct bp_err *err)
{
    MDB_val k = val_of(bp_str(name)), v = val_of(value);
    const int rc = mdb_put(l->txn, l->facts, &k, &v, 0);
    return rc == 0 ? BP_OK : fail_lmdb(err, name, rc);
}

/* An absent fact is empty. */
static bp_status get_fact(struct bp_ledger *l, const char *name, struct bp_str *out,
                          struct bp_err *err)
{
    MDB_val k = val_of(bp_str(name)), v = {0, NULL};
    const int rc = mdb_get(l->txn, l->facts, &k, &v);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return fail_lmdb(err, name, rc);
    *out = str_of(v);
    return BP_OK;
}

static bp_status open_tables(struct bp_ledger *l, unsigned flags, struct bp_err *err)
{
    int rc;
    if ((rc = mdb_dbi_open(l->txn, "certificates", flags, &l->certificates)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "acts", flags, &l->acts)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "facts", flags, &l->facts)) != 0)
        return fail_lmdb(err, "open tables", rc);
    return BP_OK;
}

static bp_status open_env(const char *dir, unsigned txn_flags, unsigned dbi_flags,
                          struct bp_ledger **out, struct bp_err *err)
{
    int rc;
    bp_status st;
    struct bp_ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return bp_fail(err, BP_ENOMEM, "ledger: out of memory");
    if ((rc = mdb_env_create(&l->env)) != 0 || (rc = mdb_env_set_maxdbs(l->env, 3)) != 0 ||
        (rc = mdb_env_set_mapsize(l->env, MAP_BYTES)) != 0 ||
        (rc = mdb_env_open(l->env, dir, 0, 0600)) != 0 ||
        (rc = mdb_txn_begin(l->env, NULL, txn_flags, &l->txn)) != 0)
        st = fail_lmdb(err, dir, rc);
    else
        st = open_tables(l, dbi_flags, err);
    if (st == BP_OK)
        *out = l;
    else
        bp_ledger_close(l);
    return st;
}

static bp_status read_facts(struct bp_ledger *l, struct bp_err *err)
{
    bp_status st;
    struct bp_str format, domain, development;
    if ((st = get_fact(l, "format", &format, err)) != BP_OK ||
        (st = get_fact(l, "trust-domain", &domain, err)) != BP_OK ||
        (st = get_fact(l, "development", &development, err)) != BP_OK)
        return st;
    if (!bp_str_is(format, FORMAT))
        return bp_fail(err, BP_EVERSION, "ledger: written in a format this version does not know");
    if (!bp_str_copy(l->trust_domain, sizeof(l->trust_domain), domain))
        return bp_fail(err, BP_ECORRUPT, "ledger: its trust domain is damaged");
    l->is_development = bp_str_is(development, "yes");
    return BP_OK;
}

bp_status bp_ledger_create(const char *dir, const char *trust_domain, bool is_development,
                           struct bp_ledger **out, struct bp_err *err)
{
    struct bp_ledger *l = NULL;
    bp_status st = open_env(dir, 0, MDB_CREATE, &l, err);
    if (st == BP_OK)
        st = put_fact(l, "format", BP_STR(FORMAT), err);
    if (st == BP_OK)
        st = put_fact(l, "trust-domain", bp_str(trust_domain), err);
    if (st == BP_OK)
        st = put_fact(l, "development", bp_str(is_development ? "yes" : "no"), err);
    if (st == BP_OK)
        st = read_facts(l, err);
    if (st == BP_OK)
        *out = l;
    else
        bp_ledger_close(l);
    return st;
}

bp_status bp_ledger_open(const char *dir, bool for_writing, struct bp_ledger **out,
                         struct bp_err *err)
{
    struct bp_ledger *l = NULL;
    bp_status st = open_env(dir, for_writing ? 0 : MDB_RDONLY, 0, &l, err);
    if (st == BP_OK)
        st = read_facts(l, err);
    if (st == BP_OK)
        *out = l;
    else
        bp_ledger_close(l);
    return st;
}

bp_status bp_ledger_commit(struct bp_ledger *l, struct bp_err *err)
{
    const int rc = mdb_txn_commit(l->txn);
    l->txn = NULL;
    return rc == 0 ? BP_OK : fail_lmdb(err, "commit", rc);
}

void bp_ledger_close(struct bp_ledger *l)
{
    if (l == NULL)
        return;
    if (l->txn != NULL)
        mdb_txn_abort(l->txn);
    if (l->env != NULL)
        mdb_env_close(l->env);
    free(l);
}

const char *bp_ledger_trust_domain(const struct bp_ledger *l)
{
    return l->trust_domain;
}

bool bp_ledger_is_development(const struct bp_ledger *l)
{
    return l->is_development;
}

static bp_status put_record(struct bp_ledger *l, const struct bp_record *r, unsigned flags,
                            struct bp_err *err)
{
    int rc;
    struct bp_buf value = {0};
    MDB_val k = {BP_SERIAL_BYTES, (void *)(uintptr_t)r->serial}, v;

    bp_record_encode(r, &value);
    v = val_of(bp_buf_str(&value));
    rc = value.failed ? ENOMEM : mdb_put(l->txn, l->certificates, &k, &v, flags);
    bp_buf_fini(&value);
    if (rc == MDB_KEYEXIST)
        return bp_fail(err, BP_EEXIST, "ledger: this serial is taken");
    return rc == 0 ? BP_OK : fail_lmdb(err, "write a certificate", rc);
}

bp_status bp_ledger_add(struct bp_ledger *l, const struct bp_record *r, struct bp_err *err)
{
    return put_record(l, r, MDB_NOOVERWRITE, err);
}

bp_status bp_ledger_get(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                        struct bp_record *out, struct bp_err *err)
{
    MDB_val k = {BP_SERIAL_BYTES, (void *)(uintptr_t)serial}, v;
    const int rc = mdb_get(l->txn, l->certificates, &k, &v);
    if (rc == MDB_NOTFOUND)
        return bp_fail(err, BP_ENOENT, "no certificate with this serial was signed here");
    if (rc != 0)
        return fail_lmdb(err, "read a certificate", rc);
    return bp_record_decode(serial, str_of(v), out)
               ? BP_OK
               : bp_fail(err, BP_ECORRUPT, "ledger: the record of this serial is damaged");
}

bp_status bp_ledger_revoke(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                           uint8_t reason, struct bp_err *err)
{
    struct bp_record r;
    bp_status st = bp_ledger_get(l, serial, &r, err);
    if (st != BP_OK)
        return st;
    if (r.revoked_s != 0)
        return bp_fail(err, BP_EEXIST, "this certificate is revoked already");
    r.revoked_s = bp_now_s();
    r.reason = reason;
    return put_record(l, &r, 0, err);
}

static bp_status see_record(MDB_val k, MDB_val v, bp_record_see *see, void *context,
                            struct bp_err *err)
{
    struct bp_record r;
    if (k.mv_size != BP_SERIAL_BYTES || !bp_record_decode(k.mv_data, str_of(v), &r))
        return bp_fail(err, BP_ECORRUPT, "ledger: a record is damaged");
    return see(context, &r, err);
}

bp_status bp_ledger_each(struct bp_ledger *l, bp_record_see *see, void *context, struct bp_err *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    bp_status st = BP_OK;
    int rc = mdb_cursor_open(l->txn, l->certificates, &cursor);
    if (rc != 0)
        return fail_lmdb(err, "read certificates", rc);
    while (st == BP_OK && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        st = see_record(k, v, see, context, err);
    mdb_cursor_close(cursor);
    return st == BP_OK && rc != MDB_NOTFOUND ? fail_lmdb(err, "read certificates", rc) : st;
}

/* Who is at the keyboard, as well as the system knows. */
static const char *person(void)
{
    const char *before_sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    if (geteuid() == 0 && before_sudo != NULL && before_sudo[0] != '\0')
        return before_sudo;
    return user != NULL ? user->pw_name : "?";
}

static uint64_t last_act(MDB_cursor *cursor)
{
    MDB_val k, v;
    uint64_t number = 0;
    if (mdb_cursor_get(cursor, &k, &v, MDB_LAST) != 0 || k.mv_size != 8)
        return 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | ((const uint8_t *)k.mv_data)[i];
    return number;
}

static bp_status append_act(struct bp_ledger *l, struct bp_str act, struct bp_err *err)
{
    uint8_t key[8];
    uint64_t number;
    MDB_cursor *cursor;
    MDB_val k = {sizeof(key), key}, v = val_of(act);
    int rc = mdb_cursor_open(l->txn, l->acts, &cursor);
    if (rc != 0)
        return fail_lmdb(err, "record the act", rc);
    number = last_act(cursor) + 1;
    for (size_t i = 0; i < 8; i++)
        key[i] = (uint8_t)(number >> (56 - 8 * i));
    rc = mdb_cursor_put(cursor, &k, &v, MDB_NOOVERWRITE);
    mdb_cursor_close(cursor);
    return rc == 0 ? BP_OK : fail_lmdb(err, "record the act", rc);
}

bp_status bp_ledger_note(struct bp_ledger *l, struct bp_err *err, const char *format, ...)
{
    char what[512], time[36];
    struct bp_buf act = {0};
    va_list args;
    bp_status st;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    bp_time_format(bp_now_s() * BP_NS_PER_S, time);
    bp_buf_printf(&act, "%s %s %s", time, person(), what);
    st = act.failed ? bp_fail(err, BP_ENOMEM, "ledger: out of memory")
                    : append_act(l, bp_buf_str(&act), err);
    bp_buf_fini(&act);
    return st;
}

bp_status bp_ledger_each_act(struct bp_ledger *l, bp_act_see *see, void *context,
                             struct bp_err *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    int rc = mdb_cursor_open(l->txn, l->acts, &cursor);
    if (rc != 0)
        return fail_lmdb(err, "read acts", rc);
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        see(context, str_of(v));
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? BP_OK : fail_lmdb(err, "read acts", rc);
}

bp_status bp_ledger_take_crl_number(struct bp_ledger *l, enum bp_ca ca, uint64_t *out,
                                    struct bp_err *err)
{
    char name[32], text[24];
    struct bp_str last;
    uint64_t number = 0;
    bp_status st;

    snprintf(name, sizeof(name), "crl-number-%s", bp_ca_name(ca));
    if ((st = get_fact(l, name, &last, err)) != BP_OK)
        return st;
    if (last.n != 0 && !bp_parse_u64(last, &number))
        return bp_fail(err, BP_ECORRUPT, "ledger: the number of the last CRL is damaged");
    snprintf(text, sizeof(text), "%" PRIu64, number + 1);
    if ((st = put_fact(l, name, bp_str(text), err)) == BP_OK)
        *out = number + 1;
    return st;
}
