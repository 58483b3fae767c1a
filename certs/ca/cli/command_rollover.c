/* The steps by which a CA is replaced, and where each stands. */
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "rollover.h"
#include "session.h"

static bp_status print_one(struct bp_authority *a, const struct bp_issuer *issuer,
                           struct bp_err *err)
{
    const struct bp_ca_record *r = &issuer->record;
    char since[36], until[36] = "?";
    int64_t until_ns;
    size_t n = 0;
    bp_status st = bp_rollover_count_valid(a, r->number, &n, err);
    if (st != BP_OK)
        return st;
    bp_time_format(r->since_s * BP_NS_PER_S, since);
    if (bp_time_of_asn1(X509_get0_notAfter(issuer->cert), &until_ns))
        bp_time_format(until_ns, until);
    printf("%-12s  %-9s  since %s  ends %s  %5zu valid  %s\n", r->name, bp_ca_state_name(r->state),
           since, until, n, r->key_uri[0] != '\0' ? r->key_uri : "key in a file");
    return BP_OK;
}

static bp_status print_all(const struct bp_options *o, struct bp_err *err)
{
    struct bp_session session;
    bool is_usage;
    bp_status st = bp_session_open(o, BP_TO_READ, &is_usage, &session, err);
    for (size_t i = 0; st == BP_OK && i < session.a.n_issuers; i++)
        st = print_one(&session.a, &session.a.issuers[i], err);
    bp_session_close(&session);
    return st;
}

static bp_status prepare(struct bp_authority *a, enum bp_ca role, const struct bp_options *o,
                         struct bp_err *err)
{
    const char *uris[BP_CAS];
    bp_status st = bp_session_key_uris(o, uris, err);
    return st == BP_OK ? bp_rollover_prepare(a, role, uris, err) : st;
}

static bp_status activate(struct bp_authority *a, enum bp_ca role, const struct bp_options *o,
                          struct bp_err *err)
{
    (void)o;
    return bp_rollover_activate(a, role, err);
}

static bp_status withdraw(struct bp_authority *a, enum bp_ca role, const struct bp_options *o,
                          struct bp_err *err)
{
    size_t left;
    return bp_rollover_withdraw(a, role, bp_options_flag(o, "cut-off"), &left, err);
}

static bp_status abandon(struct bp_authority *a, enum bp_ca role, const struct bp_options *o,
                         struct bp_err *err)
{
    (void)o;
    return bp_rollover_abandon(a, role, err);
}

static const struct step {
    const char *name;
    bp_status (*take)(struct bp_authority *a, enum bp_ca role, const struct bp_options *o,
                      struct bp_err *err);
    const char *next; /* what is to be done now, outside */
} steps[] = {
    {"prepare", prepare,
     "Give ca.pem and crl.pem to every server, and ca.pem to every client, before activate."},
    {"activate", activate,
     "The new CA signs. Have every certificate of the old one renewed, then withdraw."},
    {"withdraw", withdraw,
     "Give ca.pem and crl.pem to every server, and ca.pem to every client; destroy the old key."},
    {"abandon", abandon,
     "Give ca.pem and crl.pem to every server, and ca.pem to every client that had the new one."},
};

static const struct step *find_step(const char *name)
{
    for (size_t i = 0; i < BP_COUNT(steps); i++) {
        if (strcmp(steps[i].name, name) == 0)
            return &steps[i];
    }
    return NULL;
}

static bool find_role(const char *name, enum bp_ca *out)
{
    for (int role = 0; role < BP_CAS; role++) {
        *out = (enum bp_ca)role;
        if (strcmp(bp_ca_name(*out), name) == 0)
            return true;
    }
    return false;
}

static bp_status take(const struct step *step, enum bp_ca role, const struct bp_options *o,
                      bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    bp_status st = bp_session_open(o, BP_TO_SIGN_AS_ROOT, is_usage, &session, err);
    if (st == BP_OK && bp_options_flag(o, "no-passphrase"))
        bp_keyring_leave_open(session.keys);
    if (st == BP_OK)
        st = step->take(&session.a, role, o, err);
    if (st == BP_OK)
        st = bp_ledger_note(session.a.ledger, err, "rollover %s %s%s", step->name, bp_ca_name(role),
                            bp_options_flag(o, "cut-off") ? " cut-off" : "");
    if (st == BP_OK)
        st = bp_authority_commit(&session.a, err);
    if (st == BP_OK)
        fprintf(stderr, "%s %s: done. %s\n", step->name, bp_ca_name(role), step->next);
    bp_session_close(&session);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const char *const *operands;
    const struct step *step;
    enum bp_ca role;
    const size_t n = bp_options_rest(o, &operands);

    if (n == 0)
        return print_all(o, err);
    *is_usage = true;
    if ((step = find_step(operands[0])) == NULL)
        return bp_fail(err, BP_EINVAL, "%s: a step is prepare, activate, withdraw or abandon",
                       operands[0]);
    if (n == 1 || !find_role(operands[1], &role))
        return bp_fail(err, BP_EINVAL, "of which CA? root, agency, operator or server");
    *is_usage = false;
    return take(step, role, o, is_usage, err);
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    {.key = "cut-off",
     .type = BP_OPTION_FLAG,
     .help = "withdraw although certificates of the old CA are still valid."},
    BP_OPTION_KEY_URI,
    BP_OPTION_NO_PASSPHRASE,
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_rollover = {
    .name = "rollover",
    .summary = "replace a CA in steps, with nobody stopped; shows where it stands",
    .usage =
        "Usage: berbagi-ca rollover --dir DIR [STEP root|agency|operator|server]\n\n"
        "  prepare   makes the new CA and puts it beside the old in ca.pem and crl.pem\n"
        "  activate  from here on the new one signs\n"
        "  withdraw  takes the old one out: its certificates are refused\n"
        "  abandon   takes a prepared one out again\n\n"
        "Of root: with three new issuing CAs below it. Without a step: every CA and its state.",
    .options = options,
    .n_options = BP_COUNT(options),
    .most_operands = 2,
    .run = run,
};
