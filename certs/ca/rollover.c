/* prepare: nothing -> PREPARED; activate: PREPARED -> SIGNING and SIGNING -> OUTGOING; withdraw:
 * OUTGOING -> WITHDRAWN; abandon: PREPARED -> WITHDRAWN. A root moves with every issuing CA that it
 * signed and that is in the same state. */
#include "rollover.h"

#include "crl.h"
#include "founding.h"

/* Bundle and lists, as they are after this step. */
static bp_status publish(struct bp_authority *a, struct bp_err *err)
{
    bp_status st = bp_authority_stage_bundle(a, err);
    return st == BP_OK ? bp_crls_stage(a, BP_CRL_DAYS, BP_ROOT_CRL_DAYS, err) : st;
}

/* Does this CA take part when the CA of role is rolled over? */
static bool takes_part(const struct bp_issuer *issuer, enum bp_ca role)
{
    return issuer->record.role == role || role == BP_CA_ROOT;
}

static bp_status check_idle(const struct bp_authority *a, enum bp_ca role, struct bp_err *err)
{
    for (size_t i = 0; i < a->n_issuers; i++) {
        const struct bp_ca_record *r = &a->issuers[i].record;
        /* While a root is replaced, an issuing CA would have to be made under both. */
        if ((r->role == role || role == BP_CA_ROOT || r->role == BP_CA_ROOT) &&
            (r->state == BP_CA_PREPARED || r->state == BP_CA_OUTGOING))
            return bp_fail(err, BP_ECONFLICT,
                           "the CA %s is %s: finish that rollover first, with %s", r->name,
                           bp_ca_state_name(r->state),
                           r->state == BP_CA_PREPARED ? "activate or abandon" : "withdraw");
    }
    return BP_OK;
}

static bp_status unlock_signing(struct bp_authority *a, enum bp_ca role, struct bp_err *err)
{
    struct bp_issuer *issuer = bp_authority_find(a, role, BP_CA_SIGNING);
    bp_status st = issuer != NULL
                       ? bp_issuer_unlock(a, issuer, err)
                       : bp_fail(err, BP_ECORRUPT, "ledger: no %s CA signs", bp_ca_name(role));
    return st == BP_OK ? BP_OK
                       : bp_fail_in(err, st, "a rollover needs the key of the CA that signs now");
}

/* Keys that are there are opened first: a new one takes the passphrase that opened its fellows. */
static bp_status unlock_needed(struct bp_authority *a, enum bp_ca role, struct bp_err *err)
{
    bp_status st = unlock_signing(a, BP_CA_ROOT, err);
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++) {
        if (role == BP_CA_ROOT || kind == (int)role)
            st = unlock_signing(a, (enum bp_ca)kind, err);
    }
    return st;
}

bp_status bp_rollover_prepare(struct bp_authority *a, enum bp_ca role,
                              const char *const key_uris[BP_CAS], struct bp_err *err)
{
    uint32_t root;
    bp_status st = check_idle(a, role, err);
    if (st == BP_OK)
        st = unlock_needed(a, role, err);
    if (st != BP_OK)
        return st;
    root = bp_authority_find(a, BP_CA_ROOT, BP_CA_SIGNING)->record.number;
    if (role == BP_CA_ROOT) {
        st = bp_found_root(a, BP_CA_PREPARED, key_uris[BP_CA_ROOT], err);
        root = (uint32_t)a->n_issuers;
    }
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++) {
        if (role == BP_CA_ROOT || kind == (int)role)
            st = bp_found_issuing(a, (enum bp_identity_kind)kind, BP_CA_PREPARED, root,
                                  key_uris[kind], err);
    }
    return st == BP_OK ? publish(a, err) : st;
}

static bp_status move(struct bp_authority *a, enum bp_ca role, enum bp_ca_state from,
                      enum bp_ca_state to, struct bp_err *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        struct bp_issuer *issuer = &a->issuers[i];
        if (issuer->record.state != from || !takes_part(issuer, role))
            continue;
        st = bp_authority_set_state(a, issuer, to, err);
        if (st == BP_OK && to == BP_CA_WITHDRAWN)
            st = bp_crl_remove(a, issuer, err);
    }
    return st;
}

static bp_status check_state(const struct bp_authority *a, enum bp_ca role, enum bp_ca_state state,
                             struct bp_err *err)
{
    if (bp_authority_find(a, role, state) == NULL)
        return bp_fail(err, BP_ECONFLICT, "no %s CA is %s", bp_ca_name(role),
                       bp_ca_state_name(state));
    /* Its issuing CAs would be left under a root that goes another way. */
    if (role != BP_CA_ROOT && bp_authority_find(a, BP_CA_ROOT, state) != NULL)
        return bp_fail(err, BP_ECONFLICT,
                       "the root is %s too: name root, which takes the %s CA "
                       "with it",
                       bp_ca_state_name(state), bp_ca_name(role));
    return BP_OK;
}

bp_status bp_rollover_activate(struct bp_authority *a, enum bp_ca role, struct bp_err *err)
{
    bp_status st = check_state(a, role, BP_CA_PREPARED, err);
    if (st == BP_OK)
        st = move(a, role, BP_CA_SIGNING, BP_CA_OUTGOING, err);
    if (st == BP_OK)
        st = move(a, role, BP_CA_PREPARED, BP_CA_SIGNING, err);
    return st == BP_OK ? publish(a, err) : st;
}

struct count {
    uint32_t ca;
    size_t n;
};

static bp_status see_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    struct count *c = context;
    (void)err;
    if (r->ca == c->ca && r->revoked_s == 0 && r->not_after_s >= bp_now_s())
        c->n++;
    return BP_OK;
}

bp_status bp_rollover_count_valid(struct bp_authority *a, uint32_t ca, size_t *out,
                                  struct bp_err *err)
{
    struct count c = {.ca = ca};
    bp_status st = bp_ledger_each(a->ledger, see_record, &c, err);
    if (st == BP_OK)
        *out = c.n;
    return st;
}

/* Of people and servers: the certificates of its issuing CAs go with a root. */
static bp_status count_left(struct bp_authority *a, enum bp_ca role, size_t *left,
                            struct bp_err *err)
{
    bp_status st = BP_OK;
    *left = 0;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        const struct bp_issuer *issuer = &a->issuers[i];
        size_t n = 0;
        if (issuer->record.state != BP_CA_OUTGOING || issuer->record.role == BP_CA_ROOT ||
            !takes_part(issuer, role))
            continue;
        st = bp_rollover_count_valid(a, issuer->record.number, &n, err);
        *left += n;
    }
    return st;
}

bp_status bp_rollover_withdraw(struct bp_authority *a, enum bp_ca role, bool may_cut_off,
                               size_t *left, struct bp_err *err)
{
    bp_status st = check_state(a, role, BP_CA_OUTGOING, err);
    if (st == BP_OK)
        st = count_left(a, role, left, err);
    if (st == BP_OK && *left != 0 && !may_cut_off)
        st = bp_fail(err, BP_ECONFLICT,
                     "%zu certificates of the outgoing CA are still valid (list --ca shows them); "
                     "renew them first, or cut them off with --cut-off",
                     *left);
    if (st == BP_OK)
        st = move(a, role, BP_CA_OUTGOING, BP_CA_WITHDRAWN, err);
    return st == BP_OK ? publish(a, err) : st;
}

bp_status bp_rollover_abandon(struct bp_authority *a, enum bp_ca role, struct bp_err *err)
{
    bp_status st = check_state(a, role, BP_CA_PREPARED, err);
    if (st == BP_OK)
        st = move(a, role, BP_CA_PREPARED, BP_CA_WITHDRAWN, err);
    return st == BP_OK ? publish(a, err) : st;
}
