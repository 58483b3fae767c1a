/* The small tables of the ledger: CAs, agencies, numbers of CRLs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ledger_internal.h"
#include "record.h"

const char *bp_ca_state_name(enum bp_ca_state state)
{
    switch (state) {
    case BP_CA_PREPARED:
        return "prepared";
    case BP_CA_SIGNING:
        return "signing";
    case BP_CA_OUTGOING:
        return "outgoing";
    case BP_CA_WITHDRAWN:
        break;
    }
    return "withdrawn";
}

static void number_to_key(uint32_t number, uint8_t key[4])
{
    for (size_t i = 0; i < 4; i++)
        key[i] = (uint8_t)(number >> (24 - 8 * i));
}

bp_status bp_ledger_put_ca(struct bp_ledger *l, const struct bp_ca_record *r, struct bp_err *err)
{
    uint8_t key[4];
    struct bp_buf value = {0};
    MDB_val k = {sizeof(key), key}, v;
    int rc;

    number_to_key(r->number, key);
    bp_ca_record_encode(r, &value);
    v = bp_val_of(bp_buf_str(&value));
    rc = value.failed ? ENOMEM : mdb_put(l->txn, l->cas, &k, &v, 0);
    bp_buf_fini(&value);
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "write a CA", rc);
}

struct ca_walk {
    bp_ca_see *see;
    void *context;
};

static bp_status see_ca(void *context, MDB_val k, MDB_val v, struct bp_err *err)
{
    const struct ca_walk *walk = context;
    const uint8_t *key = k.mv_data;
    struct bp_ca_record r;
    if (k.mv_size != 4 || !bp_ca_record_decode((uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 |
                                                   (uint32_t)key[2] << 8 | key[3],
                                               bp_str_of_val(v), &r))
        return bp_fail(err, BP_ECORRUPT, "ledger: the record of a CA is damaged");
    return walk->see(walk->context, &r, err);
}

bp_status bp_ledger_each_ca(struct bp_ledger *l, bp_ca_see *see, void *context, struct bp_err *err)
{
    struct ca_walk walk = {see, context};
    return bp_ledger_walk(l, l->cas, "read CAs", see_ca, &walk, err);
}

bp_status bp_ledger_clear_agencies(struct bp_ledger *l, struct bp_err *err)
{
    const int rc = mdb_drop(l->txn, l->agencies, 0);
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "empty the registry", rc);
}

bp_status bp_ledger_add_agency(struct bp_ledger *l, struct bp_str id, struct bp_err *err)
{
    MDB_val k = bp_val_of(id), v = {0, NULL};
    const int rc = mdb_put(l->txn, l->agencies, &k, &v, MDB_NOOVERWRITE);
    if (rc == MDB_KEYEXIST)
        return bp_fail(err, BP_EEXIST, "agency %.*s is named twice", BP_STR_ARGS(id));
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "write the registry", rc);
}

bp_status bp_ledger_find_agency(struct bp_ledger *l, struct bp_str id, struct bp_err *err)
{
    MDB_val k = bp_val_of(id), v;
    const int rc = mdb_get(l->txn, l->agencies, &k, &v);
    if (rc == MDB_NOTFOUND)
        return bp_fail(err, BP_ENOENT, "agency %.*s is not in the registry", BP_STR_ARGS(id));
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "read the registry", rc);
}

bp_status bp_ledger_count_agencies(struct bp_ledger *l, size_t *out, struct bp_err *err)
{
    MDB_stat stat;
    const int rc = mdb_stat(l->txn, l->agencies, &stat);
    if (rc != 0)
        return bp_ledger_fail(err, "read the registry", rc);
    *out = stat.ms_entries;
    return BP_OK;
}

bp_status bp_ledger_take_crl_number(struct bp_ledger *l, uint32_t ca, uint64_t *out,
                                    struct bp_err *err)
{
    char name[32], text[24];
    struct bp_str last;
    uint64_t number = 0;
    bp_status st;

    snprintf(name, sizeof(name), "crl-number-%" PRIu32, ca);
    if ((st = bp_ledger_get_fact(l, name, &last, err)) != BP_OK)
        return st;
    if (last.n != 0 && !bp_parse_u64(last, &number))
        return bp_fail(err, BP_ECORRUPT, "ledger: the number of the last CRL is damaged");
    snprintf(text, sizeof(text), "%" PRIu64, number + 1);
    if ((st = bp_ledger_put_fact(l, name, bp_str(text), err)) == BP_OK)
        *out = number + 1;
    return st;
}
