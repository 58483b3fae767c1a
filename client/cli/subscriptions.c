/* berbagi subscriptions list|delete. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "clock.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "agency",
     .type = BP_OPTION_TEXT,
     .operand = "AGENCY",
     .help = "list: of this agency (operators); otherwise the caller's own."},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi subscriptions [OPTIONS] list\n"
    "berbagi subscriptions [OPTIONS] delete NAME\n\n"
    "list prints a line for each durable subscription: name, agency, acknowledged position, "
    "events\n"
    "of the log behind the newest, whether it is connected, when it last was; separated by tabs,\n"
    "below a heading. delete forgets one and its place.";

static void print_one(void *context, const struct berbagi_subscription_info *info)
{
    char time[36] = "-";
    (void)context;
    if (info->last_active_ns != 0)
        bp_time_format(info->last_active_ns, time);
    printf("%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n", info->name, info->agency,
           info->acknowledged_position, info->lag_events, info->is_connected ? "yes" : "no", time);
}

static int list(struct berbagi_client *client, const char *agency)
{
    struct berbagi_error error = {0};
    printf("name\tagency\tacknowledged\tbehind\tconnected\tlast active\n");
    berbagi_status status = berbagi_subscriptions_list(client, agency, print_one, NULL, &error);
    return status == BERBAGI_OK ? bp_cli_flush()
                                : bp_cli_fail("subscriptions list", status, &error);
}

static int delete (struct berbagi_client *client, const char *name)
{
    struct berbagi_error error = {0};
    berbagi_status status = berbagi_subscription_delete(client, name, &error);
    return status == BERBAGI_OK ? CLI_DONE : bp_cli_fail("subscriptions delete", status, &error);
}

int bp_cli_subscriptions(int argc, char **argv)
{
    struct bp_options *o = NULL;
    int code = bp_cli_options(table, OPTIONS, usage, 1, 2, argc, argv, &o);
    if (code != CLI_GO_ON)
        return code;
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    bool is_list = n == 1 && strcmp(operands[0], "list") == 0;
    bool is_delete = n == 2 && strcmp(operands[0], "delete") == 0;
    struct berbagi_client *client = NULL;
    if (!is_list && !is_delete) {
        bp_cli_say("subscriptions: list, or delete NAME; --help tells more");
        code = CLI_USAGE;
    } else if ((code = bp_cli_connect(o, NULL, 0, &client)) == CLI_GO_ON) {
        code = is_list ? list(client, bp_options_text(o, "agency")) : delete (client, operands[1]);
    }
    berbagi_close(client);
    bp_options_destroy(o);
    return code;
}
