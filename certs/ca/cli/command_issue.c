/* request and sign in one, for development: the CA makes the key of somebody else. */
#include "keys.h"
#include "order.h"
#include "output.h"
#include "request.h"

static bp_status make_request(const struct bp_authority *a, const struct bp_options *o,
                              const struct bp_subject *s, X509_REQ **out, struct bp_err *err)
{
    EVP_PKEY *key = NULL;
    bool is_new;
    bp_status st;

    if (!bp_ledger_is_development(a->ledger))
        return bp_fail(err, BP_EPERM,
                       "this CA was not made with init --development: a key is made by request, on "
                       "the machine that will use it, and never leaves it");
    if ((st = bp_key_obtain(bp_options_text(o, "key"), &key, &is_new, err)) == BP_OK)
        st = bp_request_make(s, key, out, err);
    EVP_PKEY_free(key);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    return bp_order_run(o, "issue", make_request, is_usage, err);
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
