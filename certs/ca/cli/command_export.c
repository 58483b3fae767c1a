/* A certificate of the ledger once more, as sign wrote it. */
#include "output.h"
#include "session.h"

static bp_status export(const struct bp_authority *a, const uint8_t serial[BP_SERIAL_BYTES],
                        const char *path, struct bp_err *err)
{
    struct bp_record r;
    struct bp_buf pem = {0};
    bp_status st = bp_ledger_get(a->ledger, serial, &r, err);
    if (st == BP_OK && (st = bp_signed_export(a, &r, &pem, err)) == BP_OK)
        st = bp_pem_write(&pem, path, err);
    bp_buf_fini(&pem);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    uint8_t serial[BP_SERIAL_BYTES];
    const char *const *operands;
    bp_status st;

    bp_options_rest(o, &operands);
    if (!bp_serial_parse(bp_str(operands[0]), serial)) {
        *is_usage = true;
        return bp_fail(err, BP_EINVAL, "SERIAL: 32 hexadecimal digits, as list prints it");
    }
    if ((st = bp_session_open(o, BP_TO_READ, is_usage, &session, err)) == BP_OK)
        st = export(&session.a, serial, bp_options_text(o, "out"), err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {BP_OPTION_DIR, BP_OPTION_OUT};

const struct bp_command bp_command_export = {
    .name = "export",
    .summary = "write a certificate that was signed earlier again",
    .usage = "Usage: berbagi-ca export --dir DIR SERIAL [--out FILE]\n\n"
             "Writes a certificate of the ledger as sign did.",
    .options = options,
    .n_options = BP_COUNT(options),
    .least_operands = 1,
    .most_operands = 1,
    .run = run,
};
