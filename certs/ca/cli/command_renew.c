/* The officer's side of a renewal. Whoever asks has shown the certificate they hold and a request for
 * the same; who they are was settled when that certificate was signed. */
#include <stdio.h>

#include "clock.h"
#include "output.h"
#include "renewal.h"
#include "session.h"

static bp_status read_held(const char *path, struct bp_identity *out, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_pem_read(path, &text, err);
    if (st == BP_OK && (st = bp_identity_of_pem(bp_buf_str(&text), NULL,
                                                bp_now_ns(&bp_system_clock), out, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status renew(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    struct bp_identity held;
    struct bp_buf request = {0};
    struct bp_signed made = {.not_after_s = 0};
    bp_status st = read_held(bp_options_text(o, "cert"), &held, err);
    if (st == BP_OK)
        st = bp_pem_read(bp_options_text(o, "csr"), &request, err);
    if (st == BP_OK) {
        const struct bp_renewal what = {.held = &held,
                                        .request_pem = bp_buf_str(&request),
                                        .days = (unsigned)bp_options_number(o, "days"),
                                        .actor = bp_options_text(o, "as"),
                                        .reason = bp_options_text(o, "note")};
        st = bp_renew(a, &what, &made, err);
    }
    if (st == BP_OK)
        st = bp_signed_write(&made, "renewed", held.name, bp_options_text(o, "out"), err);
    bp_signed_fini(&made);
    bp_buf_fini(&request);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    bp_status st = bp_session_open(o, BP_TO_SIGN, is_usage, &session, err);
    if (st == BP_OK)
        st = renew(&session.a, o, err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    {.key = "csr",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "The request, for the key that is used from now on."},
    {.key = "cert",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "The certificate that is to be renewed, still valid."},
    BP_OPTION_DAYS,
    BP_OPTION_OUT,
    BP_OPTIONS_ACTOR,
    BP_OPTIONS_UNLOCK,
};

const struct bp_command bp_command_renew = {
    .name = "renew",
    .summary = "sign a request for the identity of a certificate that is still valid",
    .usage =
        "Usage: berbagi-ca renew --dir DIR --csr FILE --cert FILE [--days N] [--out FILE]\n\n"
        "Signs if the certificate is of this CA, valid and not revoked, and the request passes\n"
        "what sign checks and asks for exactly the identity and hosts of the certificate. The "
        "old\n"
        "certificate stays good until it ends: revoke it if its key is no longer safe.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
