/* request and sign in one, for development: the CA makes the key of somebody else. */
#include "keys.h"
#include "output.h"
#include "request.h"
#include "session.h"

static bp_status issue(struct bp_authority *a, const struct bp_options *o,
                       const struct bp_subject *s, struct bp_signed *out, struct bp_err *err)
{
    X509_REQ *request = NULL;
    EVP_PKEY *key = NULL;
    bool is_new;
    bp_status st;

    if (!bp_ledger_is_development(a->ledger))
        return bp_fail(err, BP_EPERM,
                       "this CA was not made with init --development: a key is made by request, on "
                       "the machine that will use it, and never leaves it");
    if ((st = bp_key_obtain(bp_options_text(o, "key"), &key, &is_new, err)) == BP_OK &&
        (st = bp_request_make(s, key, &request, err)) == BP_OK &&
        (st = bp_sign(a, s, request, (unsigned)bp_options_number(o, "days"), out, err)) == BP_OK &&
        (st = bp_ledger_note(a->ledger, err, "issue %s %s %s", out->serial,
                             bp_identity_kind_name(s->kind), s->name)) == BP_OK)
        st = bp_authority_commit(a, err);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session = {.keys = NULL};
    struct bp_signed made = {.not_after_s = 0};
    struct bp_subject s;
    bp_status st = bp_subject_read(o, NULL, &s, err);
    if (st != BP_OK) {
        *is_usage = true;
        return st;
    }
    if ((st = bp_session_open(o, BP_TO_SIGN, is_usage, &session, err)) != BP_OK)
        return st;
    s.trust_domain = bp_ledger_trust_domain(session.a.ledger);
    if ((st = issue(&session.a, o, &s, &made, err)) == BP_OK)
        st = bp_signed_write(&made, "issued", s.name, bp_options_text(o, "out"), err);
    bp_signed_fini(&made);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    BP_OPTION_DNS,
    BP_OPTION_DAYS,
    {.key = "key",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "The private key: made with mode 0600 if there is no such file, else used again."},
    {.key = "out",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "Where the certificate goes, its issuing CA's behind it."},
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_issue = {
    .name = "issue",
    .summary = "request and sign in one; of a development CA alone",
    .usage = "Usage: berbagi-ca issue --dir DIR --agency ID|--operator NAME|--server NAME --dns "
             "HOST...\n"
             "           --key FILE --out FILE [--days N]\n\n"
             "Makes key and certificate in one step. Refused unless the CA was made with init\n"
             "--development.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
