/* list, export and log: what the ledger holds, on standard output. */
#include <stdio.h>

#include "clock.h"
#include "command.h"
#include "digest.h"
#include "file.h"
#include "issuing.h"
#include "keys.h"

struct filter {
    const char *names[BP_CAS]; /* by issuer; NULL: none asked for */
    bool is_named;             /* any of names */
    int64_t ends_before_s;     /* INT64_MAX: whenever */
};

static const char *state_of(const struct bp_record *r)
{
    if (r->revoked_s != 0)
        return bp_reason_name(r->reason);
    return r->not_after_s < bp_now_s() ? "over" : "valid";
}

static bool is_wanted(const struct filter *f, const struct bp_record *r)
{
    if (f->is_named && (f->names[r->issuer] == NULL || strcmp(f->names[r->issuer], r->name) != 0))
        return false;
    if (f->ends_before_s == INT64_MAX)
        return true;
    return r->revoked_s == 0 && r->not_after_s >= bp_now_s() && r->not_after_s < f->ends_before_s;
}

static bp_status print_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    char serial[2 * BP_SERIAL_BYTES + 1], end[36];
    (void)err;
    if (!is_wanted(context, r))
        return BP_OK;
    bp_hex(r->serial, BP_SERIAL_BYTES, serial);
    bp_time_format(r->not_after_s * BP_NS_PER_S, end);
    printf("%s  %-8s  %-28s  %s  %s%s\n", serial,
           r->issuer == BP_CA_ROOT ? "ca" : bp_ca_name(r->issuer), r->name, end,
           r->revoked_s != 0 ? "revoked: " : "", state_of(r));
    return BP_OK;
}

static struct filter read_filter(const struct bp_options *o)
{
    struct filter f = {.ends_before_s = INT64_MAX};
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        f.names[kind] = bp_options_text(o, bp_identity_kind_name((enum bp_identity_kind)kind));
        f.is_named = f.is_named || f.names[kind] != NULL;
    }
    if (bp_options_is_set(o, "expiring"))
        f.ends_before_s = bp_now_s() + (int64_t)bp_options_number(o, "expiring") * BP_DAY_S;
    return f;
}

static bp_status run_list(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_authority a = {0};
    struct filter f = read_filter(o);
    bp_status st = bp_authority_open(bp_options_text(o, "dir"), false, &a, err);
    (void)is_usage;
    if (st == BP_OK)
        st = bp_ledger_each(a.ledger, print_record, &f, err);
    bp_authority_close(&a);
    return st;
}

static void print_act(void *context, struct bp_str act)
{
    (void)context;
    printf("%.*s\n", BP_STR_ARGS(act));
}

static bp_status run_log(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_authority a = {0};
    bp_status st = bp_authority_open(bp_options_text(o, "dir"), false, &a, err);
    (void)is_usage;
    if (st == BP_OK)
        st = bp_ledger_each_act(a.ledger, print_act, NULL, err);
    bp_authority_close(&a);
    return st;
}

/* The certificate of a record and its issuing CA's behind it, as sign wrote them. */
static bp_status export_pem(struct bp_authority *a, const struct bp_record *r, struct bp_buf *out,
                            struct bp_err *err)
{
    const unsigned char *der = (const unsigned char *)r->der.p;
    X509 *issuer = NULL, *cert = d2i_X509(NULL, &der, (long)r->der.n);
    bp_status st = cert != NULL ? bp_cert_pem(cert, out, err)
                                : bp_fail(err, BP_ECORRUPT, "ledger: this certificate is damaged");
    if (st == BP_OK && r->issuer != BP_CA_ROOT &&
        (st = bp_issuer_load_cert(a->dir, r->issuer, &issuer, err)) == BP_OK)
        st = bp_cert_pem(issuer, out, err);
    X509_free(issuer);
    X509_free(cert);
    return st;
}

static bp_status run_export(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_authority a = {0};
    struct bp_record r;
    struct bp_buf pem = {0};
    uint8_t serial[BP_SERIAL_BYTES];
    const char *const *operands;
    bp_status st;

    bp_options_rest(o, &operands);
    if (!bp_serial_parse(bp_str(operands[0]), serial)) {
        *is_usage = true;
        return bp_fail(err, BP_EINVAL, "SERIAL: 32 hexadecimal digits, as list prints it");
    }
    if ((st = bp_authority_open(bp_options_text(o, "dir"), false, &a, err)) == BP_OK &&
        (st = bp_ledger_get(a.ledger, serial, &r, err)) == BP_OK &&
        (st = export_pem(&a, &r, &pem, err)) == BP_OK)
        st = bp_pem_write(&pem, bp_options_text(o, "out"), err);
    bp_buf_fini(&pem);
    bp_authority_close(&a);
    return st;
}

static const struct bp_option list_options[] = {
    BP_OPTION_DIR,
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    {.key = "expiring",
     .type = BP_OPTION_NUMBER,
     .operand = "DAYS",
     .least = 1,
     .most = 3660,
     .help = "Only what is valid and ends within so many days."},
};

const struct bp_command bp_command_list = {
    .name = "list",
    .summary = "list the certificates that were signed",
    .usage = "Usage: berbagi-ca list --dir DIR [--agency ID] [--operator NAME] [--server NAME]\n"
             "           [--expiring DAYS]\n\n"
             "A line for each: serial, kind, name, end, state.",
    .options = list_options,
    .n_options = BP_COUNT(list_options),
    .run = run_list,
};

static const struct bp_option log_options[] = {BP_OPTION_DIR};

const struct bp_command bp_command_log = {
    .name = "log",
    .summary = "show every act with its time and who did it",
    .usage = "Usage: berbagi-ca log --dir DIR\n\n"
             "A line for each act, oldest first.",
    .options = log_options,
    .n_options = BP_COUNT(log_options),
    .run = run_log,
};

static const struct bp_option export_options[] = {
    BP_OPTION_DIR,
    {.key = "out",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help =
         "Where the certificate goes, its issuing CA's behind it; standard output without this."},
};

const struct bp_command bp_command_export = {
    .name = "export",
    .summary = "write a certificate that was signed earlier again",
    .usage = "Usage: berbagi-ca export --dir DIR SERIAL [--out FILE]\n\n"
             "Writes a certificate of the ledger as sign did.",
    .options = export_options,
    .n_options = BP_COUNT(export_options),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_export,
};
