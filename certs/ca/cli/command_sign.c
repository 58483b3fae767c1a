#include <stdio.h>

#include "output.h"
#include "request.h"
#include "session.h"

static bp_status read_request(const char *path, X509_REQ **out, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_pem_read(path, &text, err);
    if (st == BP_OK && (st = bp_request_parse(bp_buf_str(&text), out, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status sign(struct bp_authority *a, const struct bp_options *o,
                      const struct bp_subject *s, struct bp_signed *out, struct bp_err *err)
{
    X509_REQ *request = NULL;
    bp_status st = read_request(bp_options_text(o, "csr"), &request, err);
    if (st == BP_OK)
        st = bp_sign(a, s, request, (unsigned)bp_options_number(o, "days"), out, err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "sign %s %s %s", out->serial,
                            bp_identity_kind_name(s->kind), s->name);
    if (st == BP_OK)
        st = bp_authority_commit(a, err);
    X509_REQ_free(request);
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
    if ((st = sign(&session.a, o, &s, &made, err)) == BP_OK)
        st = bp_signed_write(&made, "signed", s.name, bp_options_text(o, "out"), err);
    bp_signed_fini(&made);
    bp_session_close(&session);
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
