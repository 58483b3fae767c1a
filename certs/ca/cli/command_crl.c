#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "crl.h"
#include "session.h"

#define SOON_NS (2 * BP_DAY_S * BP_NS_PER_S)

/* Nobody else would notice in time: past that day every server refuses everybody of that CA. So a
 * list that stands and is due soon is a failure, which a timer tells of. */
static bp_status check_standing(const struct bp_authority *a, const struct bp_issuer *issuer,
                                struct bp_err *err)
{
    int64_t due_ns;
    char due[36];
    bp_status st = bp_crl_due(a, issuer, &due_ns, err);
    if (st != BP_OK)
        return st;
    bp_time_format(due_ns, due);
    if (due_ns < bp_now_ns(&bp_system_clock) + SOON_NS)
        return bp_fail(err, BP_ENOENT,
                       "%s: its key is not at hand, and its list must be renewed before %s",
                       issuer->record.name, due);
    fprintf(stderr, "%s: its key is not at hand: its last list stands until %s\n",
            issuer->record.name, due);
    return BP_OK;
}

static bp_status check_all_standing(const struct bp_authority *a, struct bp_err *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < a->n_issuers; i++) {
        const struct bp_issuer *issuer = &a->issuers[i];
        if (issuer->key == NULL && issuer->record.state != BP_CA_WITHDRAWN)
            st = check_standing(a, issuer, err);
    }
    return st;
}

static bp_status renew(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    bp_status st = bp_crls_stage(a, (unsigned)bp_options_number(o, "days"),
                                 (unsigned)bp_options_number(o, "root-days"), err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "crl %" PRIu64 " days", bp_options_number(o, "days"));
    if (st == BP_OK)
        st = bp_authority_commit(a, err);
    if (st == BP_OK)
        fprintf(stderr, "%s/crl.pem is new: give it to every server\n", a->dir);
    return st == BP_OK ? check_all_standing(a, err) : st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    bp_status st = bp_session_open(o, BP_TO_SIGN_AS_ROOT, is_usage, &session, err);
    if (st == BP_OK)
        st = renew(&session.a, o, err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    {.key = "days",
     .type = BP_OPTION_NUMBER,
     .operand = "N",
     .least = 1,
     .most = 90,
     .otherwise = "7",
     .help = "When the next CRL of an issuing CA is due."},
    {.key = "root-days",
     .type = BP_OPTION_NUMBER,
     .operand = "N",
     .least = 1,
     .most = 397,
     .otherwise = "90",
     .help = "When the next CRL of the root is due."},
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_crl = {
    .name = "crl",
    .summary = "make new CRLs; run it well before the old ones are due",
    .usage = "Usage: berbagi-ca crl --dir DIR [--days N] [--root-days N]\n\n"
             "Writes DIR/crl/NAME.pem for each CA and DIR/crl.pem with all of them. Servers refuse "
             "everybody\n"
             "when a CRL is past due. Where a key is not at hand the last list of that CA stands; "
             "exits 1\n"
             "if it is due within two days.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
