#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "command.h"
#include "crl.h"

/* Nobody else would notice in time: past that day every server refuses everybody. */
static bp_status say_root_due(const char *dir, struct bp_err *err)
{
    int64_t due_ns;
    char due[36];
    bp_status st = bp_crl_root_due(dir, &due_ns, err);
    if (st != BP_OK)
        return st;
    bp_time_format(due_ns, due);
    fprintf(stderr,
            "the root's key is not here: its last CRL stands and must be renewed before %s\n", due);
    return BP_OK;
}

static bp_status renew(struct bp_authority *a, const struct bp_options *o, struct bp_err *err)
{
    struct bp_crls crls = {0};
    bp_status st = bp_crls_make(a, (unsigned)bp_options_number(o, "days"),
                                (unsigned)bp_options_number(o, "root-days"), &crls, err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "crl %" PRIu64 " days", bp_options_number(o, "days"));
    if (st == BP_OK)
        st = bp_ledger_commit(a->ledger, err);
    if (st == BP_OK)
        st = bp_crls_write(a->dir, &crls, err);
    if (st == BP_OK && crls.pem[BP_CA_ROOT].n == 0)
        st = say_root_due(a->dir, err);
    if (st == BP_OK)
        fprintf(stderr, "%s/crl.pem is new: give it to every server\n", a->dir);
    bp_crls_fini(&crls);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_authority a = {0};
    bp_status st = bp_authority_open(bp_options_text(o, "dir"), true, &a, err);
    (void)is_usage;
    if (st == BP_OK)
        st = renew(&a, o, err);
    bp_authority_close(&a);
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
};

const struct bp_command bp_command_crl = {
    .name = "crl",
    .summary = "make new CRLs; run it well before the old ones are due",
    .usage =
        "Usage: berbagi-ca crl --dir DIR [--days N] [--root-days N]\n\n"
        "Writes DIR/crl/NAME.pem for each CA and DIR/crl.pem with all of them. Servers refuse "
        "everybody\n"
        "when a CRL is past due. Without the root's key in its place the root's last CRL stands.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
