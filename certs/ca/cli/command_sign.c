#include "command.h"
#include "file.h"
#include "issuing.h"
#include "request.h"

static bp_status read_request(const char *path, X509_REQ **out, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, BP_PEM_MOST_BYTES, &text, err);
    if (st == BP_OK && (st = bp_request_parse(bp_buf_str(&text), out, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status sign(struct bp_authority *a, const struct bp_options *o,
                      const struct bp_subject *s, struct bp_err *err)
{
    X509_REQ *request = NULL;
    bp_status st = read_request(bp_options_text(o, "csr"), &request, err);
    if (st == BP_OK)
        st = bp_issue(a, s, request, bp_days_wanted(o, s), bp_options_text(o, "out"), err);
    X509_REQ_free(request);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_authority a = {0};
    struct bp_subject s;
    bp_status st = bp_subject_read(o, NULL, &s, err);
    if (st != BP_OK) {
        *is_usage = true;
        return st;
    }
    if ((st = bp_authority_open(bp_options_text(o, "dir"), true, &a, err)) != BP_OK)
        return st;
    s.trust_domain = bp_ledger_trust_domain(a.ledger);
    st = sign(&a, o, &s, err);
    bp_authority_close(&a);
    return st;
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
    {.key = "out",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help =
         "Where the certificate goes, its issuing CA's behind it; standard output without this."},
};

const struct bp_command bp_command_sign = {
    .name = "sign",
    .summary = "sign a request, after checking that it asks for what you name",
    .usage = "Usage: berbagi-ca sign --dir DIR --csr FILE --agency ID|--operator NAME|\n"
             "           --server NAME --dns HOST... [--days N] [--out FILE]\n\n"
             "Signs if the request proves possession of its key, the key is strong, and it asks "
             "for exactly\n"
             "the identity and the hosts named here: name them from what you know, not from the "
             "request.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
