/* berbagi status: how the exchange is, for operators. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "clock.h"

static const struct bp_option table[] = {CLI_COMMON_OPTIONS};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi status [OPTIONS]\n\n"
    "Prints how the exchange is, a line of key and value for each fact, and a line for each\n"
    "warning. For operators. Exit code 0 also where there are warnings.";

static void print_time(const char *key, int64_t ns)
{
    char text[36];
    if (ns == 0)
        return;
    bp_time_format(ns, text);
    printf("%-24s %s\n", key, text);
}

static void print_number(const char *key, uint64_t n)
{
    printf("%-24s %" PRIu64 "\n", key, n);
}

static void print_all(void *context, const struct berbagi_exchange *e)
{
    (void)context;
    printf("%-24s %s\n", "version", e->version);
    print_time("started-at", e->started_at_ns);
    printf("%-24s %s\n", "log-id", e->log_id);
    print_number("head-position", e->head_position);
    print_number("indexed-position", e->indexed_position);
    print_number("policy-version", e->policy_version);
    print_number("disk-bytes", e->disk_bytes);
    print_number("disk-free-bytes", e->disk_free_bytes);
    print_number("connections", e->connections);
    print_number("streams", e->streams);
    print_time("certificate-not-after", e->certificate_not_after_ns);
    print_time("crl-next-update", e->crl_next_update_ns);
    for (size_t i = 0; i < e->n_warnings; i++)
        printf("%-24s %s\n", "warning", e->warnings[i]);
}

int bp_cli_status(int argc, char **argv)
{
    struct bp_options *o = NULL;
    struct berbagi_client *client = NULL;
    struct berbagi_error error = {0};
    int code = bp_cli_options(table, OPTIONS, usage, 0, 0, argc, argv, &o);
    if (code != CLI_GO_ON)
        return code;
    if ((code = bp_cli_connect(o, NULL, 0, &client)) == CLI_GO_ON) {
        berbagi_status status = berbagi_exchange_status(client, print_all, NULL, &error);
        code = status == BERBAGI_OK ? bp_cli_flush() : bp_cli_fail("status", status, &error);
    }
    berbagi_close(client);
    bp_options_destroy(o);
    return code;
}
