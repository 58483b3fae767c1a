/* What the files of the ledger share. */
#ifndef BERBAGI_LEDGER_INTERNAL_H
#define BERBAGI_LEDGER_INTERNAL_H

#include <lmdb.h>

#include "ledger.h"

struct bp_ledger {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi certificates, cas, acts, agencies, facts;
    char trust_domain[256];
    bool is_development;
    const char *who, *why; /* NULL: bp_ledger_set_actor */
};

/* Fails with LMDB's code: "ledger: what: words". */
bp_status bp_ledger_fail(struct bp_err *err, const char *what, int code);

static inline MDB_val bp_val_of(struct bp_str s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static inline struct bp_str bp_str_of_val(MDB_val v)
{
    return bp_str_of(v.mv_data, v.mv_size);
}

/* Calls see for each pair of a table in the order of keys; what: for the words of a failure. */
typedef bp_status bp_pair_see(void *context, MDB_val k, MDB_val v, struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_walk(struct bp_ledger *l, MDB_dbi table, const char *what,
                                     bp_pair_see *see, void *context, struct bp_err *err);

#endif
