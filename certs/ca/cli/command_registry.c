/* The agencies that may have certificates, taken from the policy. */
#include <stdio.h>

#include "registry.h"
#include "session.h"

struct stray {
    struct bp_ledger *ledger;
    size_t n;
};

/* Somebody may have left the registry with a certificate in hand. */
static bp_status see_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    struct stray *stray = context;
    bp_status st;
    if (r->issuer != BP_CA_AGENCY || r->revoked_s != 0 || r->not_after_s < bp_now_s())
        return BP_OK;
    st = bp_ledger_find_agency(stray->ledger, bp_str(r->name), err);
    if (st != BP_ENOENT)
        return st;
    if (stray->n++ == 0)
        fprintf(stderr, "no longer in the registry, with a valid certificate; revoke it:\n");
    fprintf(stderr, "  %s\n", r->name);
    return BP_OK;
}

static bp_status take_in(struct bp_authority *a, const char *path, struct bp_err *err)
{
    struct stray stray = {.ledger = a->ledger};
    size_t n;
    bp_status st = bp_registry_load(a, path, &n, err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "registry %zu agencies", n);
    if (st == BP_OK)
        st = bp_ledger_each(a->ledger, see_record, &stray, err);
    if (st == BP_OK)
        st = bp_authority_commit(a, err);
    if (st == BP_OK)
        fprintf(stderr, "the registry has %zu agencies\n", n);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    const char *const *operands;
    bp_status st = bp_session_open(o, BP_TO_RECORD, is_usage, &session, err);
    bp_options_rest(o, &operands);
    if (st == BP_OK)
        st = take_in(&session.a, operands[0], err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {BP_OPTION_DIR, BP_OPTIONS_ACTOR};

const struct bp_command bp_command_registry = {
    .name = "registry",
    .summary = "take in the list of agencies that may have certificates",
    .usage =
        "Usage: berbagi-ca registry --dir DIR POLICY\n\n"
        "POLICY is the exchange's policy folder, or its file agencies.yaml. Its agencies replace "
        "those\n"
        "that were taken in before; sign, renew and issue refuse every other.",
    .options = options,
    .n_options = BP_COUNT(options),
    .least_operands = 1,
    .most_operands = 1,
    .run = run,
};
