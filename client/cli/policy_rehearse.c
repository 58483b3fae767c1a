/* berbagi policy rehearse: the progress of the exchange on standard error, what it counted on
 * standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "policy_commands.h"
#include "policy_folder.h"
#include "progress.h"
#include "stop.h"

#define HOUR_NS (INT64_C(3600) * BP_NS_PER_S)
#define HOURS_MAX (100 * 366 * 24)

struct session {
    struct bp_progress progress;
    uint64_t rows, events_gained, events_lost, fields_gained, fields_lost, publishes_lost;
};

/* "30d" and "12h" back from now, or a day of Asia/Jakarta, or an RFC 3339 time. */
static bool parse_since(struct bp_str text, int64_t *since_ns)
{
    uint64_t n;
    bp_day day;
    char unit = text.n >= 2 ? text.p[text.n - 1] : '\0';
    uint64_t hours = unit == 'd' ? 24 : 1;
    if ((unit == 'd' || unit == 'h') && bp_parse_u64(bp_str_of(text.p, text.n - 1), &n)) {
        if (n > HOURS_MAX / hours)
            return false;
        *since_ns = bp_now_ns(&bp_system_clock) - (int64_t)(n * hours) * HOUR_NS;
        return true;
    }
    if (!bp_day_parse(text, &day))
        return bp_time_parse(text, since_ns);
    *since_ns = bp_day_start_ns(day);
    return true;
}

static bool take_progress(void *context, uint64_t done, uint64_t total)
{
    struct session *s = context;
    s->progress.stored = done;
    s->progress.total = total;
    bp_progress_tick(&s->progress, bp_monotonic_ms(&bp_system_clock));
    return !bp_stop_requested();
}

static void print_row(void *context, const struct berbagi_rehearsed *r)
{
    struct session *s = context;
    if (s->rows++ == 0)
        printf("agency\ttype\tevents gained\tevents lost\tfields gained\tfields lost\t"
               "publishes lost\tpublishes gained\n");
    printf("%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
           r->agency, r->event_type, r->events_gained, r->events_lost, r->fields_gained,
           r->fields_lost, r->publishes_lost, r->publishes_gained);
    s->events_gained += r->events_gained;
    s->events_lost += r->events_lost;
    s->fields_gained += r->fields_gained;
    s->fields_lost += r->fields_lost;
    s->publishes_lost += r->publishes_lost;
}

static void say_sum(const struct session *s, const struct berbagi_rehearsal *result)
{
    char n[6][32];
    bp_cli_say("%s events against version %" PRIu64 ": deliveries +%s -%s, fields in them +%s -%s, "
               "publishes refused %s",
               bp_count_text(result->events, n[0]), result->compared_with,
               bp_count_text(s->events_gained, n[1]), bp_count_text(s->events_lost, n[2]),
               bp_count_text(s->fields_gained, n[3]), bp_count_text(s->fields_lost, n[4]),
               bp_count_text(s->publishes_lost, n[5]));
    if (result->unreadable != 0)
        bp_cli_say("%s events could not be looked at", bp_count_text(result->unreadable, n[0]));
}

static int rehearse(struct berbagi_client *client, const struct bp_buf *policy, int64_t since_ns)
{
    struct session s = {.progress = {.unit = "events"}};
    struct berbagi_error error = {0};
    struct berbagi_rehearsal result;
    bp_progress_start(&s.progress, stderr, isatty(STDERR_FILENO) == 1,
                      bp_monotonic_ms(&bp_system_clock));
    berbagi_status status = berbagi_policy_rehearse(client, policy->p, policy->n, since_ns,
                                                    take_progress, print_row, &s, &result, &error);
    bp_progress_end(&s.progress);
    if (status != BERBAGI_OK)
        return bp_cli_fail("policy rehearse", status, &error);
    say_sum(&s, &result);
    return bp_cli_flush();
}

int bp_policy_rehearse(const struct bp_options *o, const char *dir)
{
    const char *since = bp_options_text(o, "since");
    struct berbagi_client *client = NULL;
    struct bp_buf policy = {0};
    int64_t since_ns;
    if (!parse_since(bp_str(since), &since_ns)) {
        bp_cli_say("--since %s: give days (30d), hours (12h), a day (2026-01-31) or a time of "
                   "RFC 3339",
                   since);
        return CLI_USAGE;
    }
    int code = bp_policy_folder_pack(o, dir, &policy);
    if (code == CLI_GO_ON && (code = bp_cli_connect(o, NULL, 0, &client)) == CLI_GO_ON)
        code = rehearse(client, &policy, since_ns);
    berbagi_close(client);
    bp_buf_fini(&policy);
    return code;
}
