/* berbagi-synth: synthetic worker histories of a region as files that `berbagi push` takes. */
#include <inttypes.h>
#include <stdio.h>

#include "options.h"
#include "synth.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct bp_option options[] = {
    {.key = "region",
     .type = BP_OPTION_TEXT,
     .operand = "CODE",
     .otherwise = "18.07",
     .help = "Regency or city the workers come from, a Kemendagri code."},
    {.key = "placements",
     .type = BP_OPTION_NUMBER,
     .operand = "NUMBER",
     .least = 1,
     .most = BP_SYNTH_PLACEMENTS_MAX,
     .otherwise = "23844",
     .help = "Workers placed: each is registered, gets an E-PMI and departs."},
    {.key = "from",
     .type = BP_OPTION_TEXT,
     .operand = "DATE",
     .otherwise = "2023-01-01",
     .help = "First day on which an E-PMI is issued; registrations go back some months more."},
    {.key = "to",
     .type = BP_OPTION_TEXT,
     .operand = "DATE",
     .otherwise = "2025-09-30",
     .help = "Last day; nothing happens after it."},
    {.key = "seed",
     .type = BP_OPTION_NUMBER,
     .operand = "NUMBER",
     .least = 0,
     .most = UINT64_MAX,
     .otherwise = "1",
     .help = "The same seed and plan give the same bytes."},
    {.key = "registrations",
     .type = BP_OPTION_TEXT,
     .operand = "jsonl|csv",
     .otherwise = "jsonl",
     .help = "How the registrations are written; csv puts them into a file of their own, a "
             "spreadsheet without ids."},
    {.key = "out",
     .type = BP_OPTION_TEXT,
     .operand = "DIR",
     .required = true,
     .help = "Folder for the files, one for each agency; files of the same names are replaced."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))
#define USAGE "berbagi-synth [options] --out DIR"

static bp_status read_day(const struct bp_options *o, const char *key, bp_day *out,
                          struct bp_err *err)
{
    if (!bp_day_parse(bp_str(bp_options_text(o, key)), out))
        return bp_fail(err, BP_EINVAL, "--%s: a day as 2023-01-31 is expected", key);
    return BP_OK;
}

static bp_status read_plan(const struct bp_options *o, struct bp_synth_plan *plan,
                           struct bp_err *err)
{
    const char *const *operands;
    if (bp_options_rest(o, &operands) != 0)
        return bp_fail(err, BP_EINVAL, "%s: no such operand; everything is given by options",
                       operands[0]);
    const char *registrations = bp_options_text(o, "registrations");
    plan->registrations_as_csv = strcmp(registrations, "csv") == 0;
    if (!plan->registrations_as_csv && strcmp(registrations, "jsonl") != 0)
        return bp_fail(err, BP_EINVAL, "--registrations: jsonl or csv is expected");
    plan->region = bp_str(bp_options_text(o, "region"));
    plan->placements = (uint32_t)bp_options_number(o, "placements");
    plan->seed = bp_options_number(o, "seed");
    bp_status st = read_day(o, "from", &plan->from, err);
    return st != BP_OK ? st : read_day(o, "to", &plan->to, err);
}

static void print_count(void *context, const char *file, const char *type, size_t events)
{
    (void)context;
    printf("%-32s %-28s %9zu\n", file, type, events);
}

static bp_status run(const struct bp_options *o, const struct bp_synth_plan *plan,
                     struct bp_err *err)
{
    struct bp_output *out = NULL;
    bp_status st = bp_synth_make(plan, &out, err);
    if (st != BP_OK)
        return st;
    if ((st = bp_output_write(out, bp_options_text(o, "out"), err)) == BP_OK) {
        printf("%-32s %-28s %9s\n", "file", "type", "events");
        bp_output_counts(out, print_count, NULL);
        printf("%-61s %9zu\n", "total", bp_output_total(out));
        if (fflush(stdout) != 0)
            st = bp_fail(err, BP_EIO, "the summary could not be written to standard output");
    }
    bp_output_destroy(out);
    return st;
}

int main(int argc, char **argv)
{
    struct bp_err err = {""};
    struct bp_options *o = NULL;
    struct bp_synth_plan plan;
    enum exit_code code = EXIT_DONE;
    bp_status st = bp_options_parse(options, OPTIONS, NULL, NULL, argc, argv, &o, &err);
    if (st == BP_OK && bp_options_wants_help(o)) {
        bp_options_print_help(options, OPTIONS, USAGE);
    } else if (st != BP_OK || read_plan(o, &plan, &err) != BP_OK) {
        fprintf(stderr, "berbagi-synth: %s\nusage: " USAGE " (--help tells all)\n", err.text);
        code = EXIT_USAGE;
    } else if ((st = run(o, &plan, &err)) != BP_OK) {
        fprintf(stderr, "berbagi-synth: %s\n", err.text);
        code = st == BP_EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    bp_options_destroy(o);
    return (int)code;
}
