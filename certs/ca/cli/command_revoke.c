/* Revoking and publishing are one act here: a revocation that is in no CRL bars nobody. */
#include <stdio.h>

#include "crl.h"
#include "digest.h"
#include "session.h"

/* Which certificates are meant: one by serial, or all of a name that are neither over nor revoked.
 */
struct choice {
    uint8_t serial[BP_SERIAL_BYTES];
    enum bp_ca issuer;
    const char *name; /* NULL: by serial */
    uint8_t (*found)[BP_SERIAL_BYTES];
    size_t n;
    bool is_ca; /* the one by serial is of a CA */
};

static bp_status read_choice(const struct bp_options *o, struct choice *c, struct bp_err *err)
{
    const char *const *operands;
    const size_t n = bp_options_rest(o, &operands);
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        const char *name = bp_options_text(o, bp_identity_kind_name((enum bp_identity_kind)kind));
        if (name == NULL)
            continue;
        if (c->name != NULL)
            return bp_fail(err, BP_EINVAL,
                           "only one of --agency, --operator, --server can be named");
        c->name = name;
        c->issuer = (enum bp_ca)kind;
    }
    if ((n == 1) == (c->name != NULL))
        return bp_fail(err, BP_EINVAL, "either a SERIAL or one of --agency, --operator, --server");
    if (n == 1 && !bp_serial_parse(bp_str(operands[0]), c->serial))
        return bp_fail(err, BP_EINVAL, "SERIAL: 32 hexadecimal digits, as list prints it");
    return BP_OK;
}

static bp_status see_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    struct choice *c = context;
    uint8_t(*more)[BP_SERIAL_BYTES];
    if (r->issuer != c->issuer || strcmp(r->name, c->name) != 0 || r->revoked_s != 0 ||
        r->not_after_s < bp_now_s())
        return BP_OK;
    more = realloc(c->found, (c->n + 1) * sizeof(*more));
    if (more == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    c->found = more;
    memcpy(c->found[c->n++], r->serial, BP_SERIAL_BYTES);
    return BP_OK;
}

/* A revocation that is in no list bars nobody: its CA's key must be at hand. */
static bp_status check_key(struct bp_authority *a, const struct bp_record *r, struct bp_err *err)
{
    struct bp_issuer *issuer = bp_authority_by_number(a, r->ca);
    bp_status st;
    if (issuer == NULL)
        return bp_fail(err, BP_ECORRUPT, "ledger: the CA that signed it is not in it");
    if (issuer->record.state == BP_CA_WITHDRAWN)
        return BP_OK; /* it is refused without a list */
    st = bp_issuer_unlock(a, issuer, err);
    return st == BP_OK
               ? BP_OK
               : bp_fail_in(err, st, "revoking needs the key of the CA %s", issuer->record.name);
}

static bp_status revoke_one(struct bp_authority *a, struct choice *c, const uint8_t *serial,
                            uint8_t reason, struct bp_err *err)
{
    struct bp_record r;
    char text[2 * BP_SERIAL_BYTES + 1];
    bp_status st;

    bp_hex(serial, BP_SERIAL_BYTES, text);
    if ((st = bp_ledger_get(a->ledger, serial, &r, err)) != BP_OK ||
        (st = check_key(a, &r, err)) != BP_OK ||
        (st = bp_ledger_note(a->ledger, err, "revoke %s %s %s %s", text, bp_ca_name(r.issuer),
                             r.name, bp_reason_name(reason))) != BP_OK ||
        (st = bp_ledger_revoke(a->ledger, serial, reason, err)) != BP_OK)
        return bp_fail_in(err, st, "%s", text);
    c->is_ca = r.issuer == BP_CA_ROOT;
    return BP_OK;
}

static bp_status revoke_all(struct bp_authority *a, struct choice *c, uint8_t reason,
                            struct bp_err *err)
{
    bp_status st;
    if (c->name == NULL)
        return revoke_one(a, c, c->serial, reason, err);
    if ((st = bp_ledger_each(a->ledger, see_record, c, err)) != BP_OK)
        return st;
    if (c->n == 0)
        return bp_fail(err, BP_ENOENT, "%s %s has no certificate that could be revoked",
                       bp_ca_name(c->issuer), c->name);
    for (size_t i = 0; st == BP_OK && i < c->n; i++)
        st = revoke_one(a, c, c->found[i], reason, err);
    return st;
}

static bp_status revoke_and_publish(struct bp_authority *a, struct choice *c, uint8_t reason,
                                    struct bp_err *err)
{
    bp_status st;
    if ((st = revoke_all(a, c, reason, err)) == BP_OK &&
        (st = bp_crls_stage(a, BP_CRL_DAYS, c->is_ca ? BP_ROOT_CRL_DAYS : 0, err)) == BP_OK)
        st = bp_authority_commit(a, err);
    if (st == BP_OK)
        fprintf(stderr, "revoked %zu; %s/crl.pem is new: give it to every server\n",
                c->name != NULL ? c->n : 1, a->dir);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session = {.keys = NULL};
    struct choice c = {.name = NULL};
    uint8_t reason = 0;
    bp_status st = read_choice(o, &c, err);

    if (st == BP_OK && !bp_reason_parse(bp_str(bp_options_text(o, "reason")), &reason))
        st = bp_fail(err, BP_EINVAL, "--reason: one of " BP_REASON_WORDS);
    if (st != BP_OK) {
        *is_usage = true;
        return st;
    }
    if ((st = bp_session_open(o, BP_TO_SIGN, is_usage, &session, err)) == BP_OK)
        st = revoke_and_publish(&session.a, &c, reason, err);
    bp_session_close(&session);
    free(c.found);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    {.key = "reason",
     .type = BP_OPTION_TEXT,
     .operand = "WORD",
     .otherwise = "unspecified",
     .help = "One of " BP_REASON_WORDS "."},
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_revoke = {
    .name = "revoke",
    .summary = "revoke a certificate, or all of somebody, and make new CRLs",
    .usage = "Usage: berbagi-ca revoke --dir DIR SERIAL|--agency ID|--operator NAME|--server NAME\n"
             "           [--reason WORD]\n\n"
             "Revokes for ever and writes new CRLs in the same step.",
    .options = options,
    .n_options = BP_COUNT(options),
    .most_operands = 1,
    .run = run,
};
