/* Five tables: "certificates" by serial, "cas" and "acts" by number, "agencies" by id, "facts" by
 * name (format, trust domain, development, CRL numbers, what staging.c keeps). Acts are in acts.c,
 * the other small tables in ledger_tables.c. */
#include <errno.h>

#include "ledger_internal.h"
#include "record.h"

#define FORMAT "2"
#define MAP_BYTES ((size_t)1 << 32) /* far more than a site's certificates in a century */

bp_status bp_ledger_fail(struct bp_err *err, const char *what, int code)
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

bp_status bp_ledger_put_fact(struct bp_ledger *l, const char *name, struct bp_str value,
                             struct bp_err *err)
{
    MDB_val k = bp_val_of(bp_str(name)), v = bp_val_of(value);
    const int rc = mdb_put(l->txn, l->facts, &k, &v, 0);
    return rc == 0 ? BP_OK : bp_ledger_fail(err, name, rc);
}

bp_status bp_ledger_get_fact(struct bp_ledger *l, const char *name, struct bp_str *out,
                             struct bp_err *err)
{
    MDB_val k = bp_val_of(bp_str(name)), v = {0, NULL};
    const int rc = mdb_get(l->txn, l->facts, &k, &v);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return bp_ledger_fail(err, name, rc);
    *out = bp_str_of_val(v);
    return BP_OK;
}

static bp_status open_tables(struct bp_ledger *l, unsigned flags, struct bp_err *err)
{
    int rc;
    if ((rc = mdb_dbi_open(l->txn, "certificates", flags, &l->certificates)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "cas", flags, &l->cas)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "acts", flags, &l->acts)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "agencies", flags, &l->agencies)) != 0 ||
        (rc = mdb_dbi_open(l->txn, "facts", flags, &l->facts)) != 0)
        return bp_ledger_fail(err, "open tables", rc);
    return BP_OK;
}

/* A reader that was killed would keep pages from being used again. */
static int open_at(MDB_env *env, const char *dir)
{
    int dead;
    const int rc = mdb_env_open(env, dir, 0, 0600);
    return rc == 0 ? mdb_reader_check(env, &dead) : rc;
}

static bp_status open_env(const char *dir, unsigned txn_flags, unsigned dbi_flags,
                          struct bp_ledger **out, struct bp_err *err)
{
    int rc;
    bp_status st;
    struct bp_ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return bp_fail(err, BP_ENOMEM, "ledger: out of memory");
    if ((rc = mdb_env_create(&l->env)) != 0 || (rc = mdb_env_set_maxdbs(l->env, 5)) != 0 ||
        (rc = mdb_env_set_mapsize(l->env, MAP_BYTES)) != 0 || (rc = open_at(l->env, dir)) != 0 ||
        (rc = mdb_txn_begin(l->env, NULL, txn_flags, &l->txn)) != 0)
        st = bp_ledger_fail(err, dir, rc);
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
    struct bp_str format = {0}, domain = {0}, development = {0};
    if ((st = bp_ledger_get_fact(l, "format", &format, err)) != BP_OK ||
        (st = bp_ledger_get_fact(l, "trust-domain", &domain, err)) != BP_OK ||
        (st = bp_ledger_get_fact(l, "development", &development, err)) != BP_OK)
        return st;
    if (!bp_str_is(format, FORMAT))
        return bp_fail(err, BP_EVERSION,
                       "ledger: written by another version, in a format this one does not know");
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
        st = bp_ledger_put_fact(l, "format", BP_STR(FORMAT), err);
    if (st == BP_OK)
        st = bp_ledger_put_fact(l, "trust-domain", bp_str(trust_domain), err);
    if (st == BP_OK)
        st = bp_ledger_put_fact(l, "development", bp_str(is_development ? "yes" : "no"), err);
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
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "commit", rc);
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

uint64_t bp_ledger_transaction(const struct bp_ledger *l)
{
    return (uint64_t)mdb_txn_id(l->txn);
}

static bp_status put_record(struct bp_ledger *l, const struct bp_record *r, unsigned flags,
                            struct bp_err *err)
{
    int rc;
    struct bp_buf value = {0};
    MDB_val k = {BP_SERIAL_BYTES, (void *)(uintptr_t)r->serial}, v;

    bp_record_encode(r, &value);
    v = bp_val_of(bp_buf_str(&value));
    rc = value.failed ? ENOMEM : mdb_put(l->txn, l->certificates, &k, &v, flags);
    bp_buf_fini(&value);
    if (rc == MDB_KEYEXIST)
        return bp_fail(err, BP_EEXIST, "ledger: this serial is taken");
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "write a certificate", rc);
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
        return bp_ledger_fail(err, "read a certificate", rc);
    return bp_record_decode(serial, bp_str_of_val(v), out)
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

bp_status bp_ledger_walk(struct bp_ledger *l, MDB_dbi table, const char *what, bp_pair_see *see,
                         void *context, struct bp_err *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    bp_status st = BP_OK;
    int rc = mdb_cursor_open(l->txn, table, &cursor);
    if (rc != 0)
        return bp_ledger_fail(err, what, rc);
    while (st == BP_OK && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        st = see(context, k, v, err);
    mdb_cursor_close(cursor);
    return st == BP_OK && rc != MDB_NOTFOUND ? bp_ledger_fail(err, what, rc) : st;
}

struct record_walk {
    bp_record_see *see;
    void *context;
};

static bp_status see_record(void *context, MDB_val k, MDB_val v, struct bp_err *err)
{
    const struct record_walk *walk = context;
    struct bp_record r;
    if (k.mv_size != BP_SERIAL_BYTES || !bp_record_decode(k.mv_data, bp_str_of_val(v), &r))
        return bp_fail(err, BP_ECORRUPT, "ledger: a record is damaged");
    return walk->see(walk->context, &r, err);
}

bp_status bp_ledger_each(struct bp_ledger *l, bp_record_see *see, void *context, struct bp_err *err)
{
    struct record_walk walk = {see, context};
    return bp_ledger_walk(l, l->certificates, "read certificates", see_record, &walk, err);
}
