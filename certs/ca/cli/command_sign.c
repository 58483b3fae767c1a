#include "order.h"
#include "output.h"
#include "request.h"

static bp_status read_request(const struct bp_authority *a, const struct bp_options *o,
                              const struct bp_subject *s, X509_REQ **out, struct bp_err *err)
{
    const char *path = bp_options_text(o, "csr");
    struct bp_buf text = {0};
    bp_status st = bp_pem_read(path, &text, err);
    (void)a, (void)s;
    if (st == BP_OK && (st = bp_request_parse(bp_buf_str(&text), out, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    return bp_order_run(o, "sign", read_request, is_usage, err);
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    {.key = "csr",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "The request."},
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    BP_OPTION_DNS,
    BP_OPTION_DAYS,
    BP_OPTION_OUT,
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_sign = {
    .name = "sign",
    .summary = "sign a request, after checking that it asks for what you name",
    .usage = "Usage: berbagi-ca sign --dir DIR --csr FILE --agency ID|--operator NAME|\n"
             "           --server NAME --dns HOST... [--days N] [--out FILE]\n\n"
             "Signs if the agency is in the registry, the request proves possession of its key, "
             "the key is strong, and it asks "
             "for exactly\n"
             "the identity and the hosts named here: name them from what you know, not from the "
             "request.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
