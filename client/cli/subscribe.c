/* berbagi subscribe: a subscription of the library, written out. What is acknowledged has been
 * written out and flushed before. */
#include <inttypes.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "stop.h"
#include "writer.h"

#define TURN_MS 200
#define END_MS 10000
#define BOOKMARK_MS 1000

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "types",
     .type = BP_OPTION_LIST,
     .operand = "TYPE,...",
     .help = "Only these event types; a trailing .* takes a group."},
    {.key = "regions",
     .type = BP_OPTION_LIST,
     .operand = "CODE,...",
     .help = "Only these regions and all below them: 18.07."},
    {.key = "destinations",
     .type = BP_OPTION_LIST,
     .operand = "CC,...",
     .help = "Only these destinations: TW,HK."},
    {.key = "subjects",
     .type = BP_OPTION_LIST,
     .operand = "REF,...",
     .help = "Only events about these, in the form in which this agency receives them."},
    {.key = "sources",
     .type = BP_OPTION_LIST,
     .operand = "AGENCY,...",
     .help = "Only events that these agencies vouch for."},
    {.key = "from",
     .type = BP_OPTION_TEXT,
     .operand = "PLACE",
     .help =
         "Where to begin: beginning, now, stored, a position (behind which it begins), a day or a "
         "time (recorded since). Otherwise stored for a named subscription, beginning else. All "
         "but stored move the stored place."},
    {.key = "until-head",
     .type = BP_OPTION_FLAG,
     .help = "Stop at what was the newest event when it began."},
    {.key = "max",
     .type = BP_OPTION_NUMBER,
     .operand = "COUNT",
     .most = UINT64_MAX,
     .help = "Stop after so many events; 0 = no bound."},
    {.key = "output",
     .type = BP_OPTION_TEXT,
     .operand = "jsonl|csv|pretty",
     .help = "jsonl: a CloudEvents 1.0 object a line, with position, recordedtime, agreements and "
             "purposes. csv: columns for all fields of --types. Otherwise pretty on a terminal and "
             "jsonl elsewhere."},
    {.key = "grounds",
     .type = BP_OPTION_FLAG,
     .help =
         "Print each ground once, before the first event that stands on it: agreement, purpose, "
         "legal basis, and the fields that this agency's view hides or coarsens. jsonl: a line "
         "{\"ground\": ...}; csv: on standard error."},
    {.key = "patience",
     .type = BP_OPTION_NUMBER,
     .operand = "SECONDS",
     .most = 1000000,
     .otherwise = "0",
     .help = "How long to try again when the connection breaks; 0 = for ever."},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi subscribe [OPTIONS] [NAME]\n\n"
    "Receives the events that policy lets this agency see, in the order of the log, as they come.\n"
    "NAME (1 to 64 of a-z, 0-9 and '-') makes the subscription durable: the exchange keeps its\n"
    "place, and only what was written out and flushed (to the disk where standard output is a\n"
    "file) is acknowledged. Each event comes at least once; its position tells doubles apart. A\n"
    "second stream on the same name takes over from the first. Stopped by SIGINT or SIGTERM in\n"
    "good order.";

struct session {
    struct bp_options *options;
    struct bp_schema *schema;
    struct berbagi_client *client;
    struct berbagi_subscription *subscription;
    struct bp_writer writer;
    const char *name;       /* NULL: not durable */
    const char **lists[5];  /* of the filter, owned */
    uint64_t most, written; /* events; most 0 = no bound */
    bool until_head, has_head;
    uint64_t head; /* where to stop */
};

static void session_fini(struct session *s)
{
    berbagi_subscription_close(s->subscription);
    berbagi_close(s->client);
    bp_writer_close(&s->writer);
    for (size_t i = 0; i < 5; i++)
        free(s->lists[i]);
    bp_schema_destroy(s->schema);
    bp_options_destroy(s->options);
}

/* "2025-11-03" is the beginning of that day in Jakarta. */
static bool parse_since(struct bp_str text, int64_t *since_ns)
{
    bp_day day;
    if (!bp_day_parse(text, &day))
        return bp_time_parse(text, since_ns);
    *since_ns = bp_day_start_ns(day);
    return true;
}

static bool parse_from(struct bp_str from, struct berbagi_subscription_options *o)
{
    static const struct {
        const char *word;
        enum berbagi_start start;
    } words[] = {{"", BERBAGI_START_DEFAULT},
                 {"stored", BERBAGI_START_STORED},
                 {"beginning", BERBAGI_START_BEGINNING},
                 {"now", BERBAGI_START_NOW}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bp_str_is(from, words[i].word)) {
            o->start = words[i].start;
            return true;
        }
    }
    o->start = BERBAGI_START_AFTER;
    if (bp_parse_u64(from, &o->position))
        return true;
    o->start = BERBAGI_START_SINCE;
    return parse_since(from, &o->since_ns);
}

static bool parse_output(const struct bp_options *o, enum bp_output *out)
{
    const char *text = bp_options_text(o, "output");
    struct bp_str name = bp_str(text);
    if (text == NULL)
        *out = isatty(STDOUT_FILENO) == 1 ? OUTPUT_PRETTY : OUTPUT_JSONL;
    else if (bp_str_is(name, "jsonl"))
        *out = OUTPUT_JSONL;
    else if (bp_str_is(name, "csv"))
        *out = OUTPUT_CSV;
    else if (bp_str_is(name, "pretty"))
        *out = OUTPUT_PRETTY;
    else
        return false;
    return true;
}

static bool read_filter(struct session *s, struct berbagi_filter *f)
{
    const struct {
        const char *key;
        const char *const **items;
        size_t *n;
    } lists[5] = {{"types", &f->types, &f->n_types},
                  {"regions", &f->regions, &f->n_regions},
                  {"destinations", &f->destinations, &f->n_destinations},
                  {"subjects", &f->subjects, &f->n_subjects},
                  {"sources", &f->sources, &f->n_sources}};
    for (size_t i = 0; i < 5; i++) {
        s->lists[i] = bp_cli_split_list(s->options, lists[i].key, lists[i].n);
        if (s->lists[i] == NULL)
            return false;
        *lists[i].items = (const char *const *)s->lists[i];
    }
    return true;
}

static int open_writer(struct session *s, const struct berbagi_filter *f)
{
    struct bp_err err = {{0}};
    enum bp_output output;
    if (!parse_output(s->options, &output)) {
        bp_cli_say("--output: jsonl, csv or pretty is expected");
        return CLI_USAGE;
    }
    int code = bp_cli_schema(s->options, &s->schema);
    if (code != CLI_GO_ON)
        return code;
    bp_status st =
        bp_writer_open(&s->writer, output, stdout, bp_options_flag(s->options, "grounds"),
                       s->schema, f->types, f->n_types, &err);
    if (st == BP_OK)
        return CLI_GO_ON;
    bp_cli_say("%s", err.text);
    return st == BP_EINVAL ? CLI_USAGE : CLI_FAILED;
}

static int session_init(struct session *s)
{
    const char *const *operands;
    struct berbagi_error error = {0};
    struct berbagi_subscription_options o = {.name = NULL};
    if (bp_options_rest(s->options, &operands) == 1)
        o.name = s->name = operands[0];
    s->most = bp_options_number(s->options, "max");
    s->until_head = bp_options_flag(s->options, "until-head");
    o.bookmark_interval_ms = s->until_head ? BOOKMARK_MS : 0;
    if (!parse_from(bp_str(bp_options_text(s->options, "from")), &o)) {
        bp_cli_say(
            "--from: beginning, now, stored, a position, YYYY-MM-DD or a time of RFC 3339 is "
            "expected");
        return CLI_USAGE;
    }
    if (!read_filter(s, &o.filter)) {
        bp_cli_say("out of memory");
        return CLI_FAILED;
    }
    uint64_t patience_ms = bp_options_number(s->options, "patience") * 1000;
    int code = open_writer(s, &o.filter);
    if (code != CLI_GO_ON ||
        (code = bp_cli_connect(s->options, NULL, (uint32_t)patience_ms, &s->client)) != CLI_GO_ON)
        return code;
    berbagi_status status = berbagi_subscription_open(s->client, &o, &s->subscription, &error);
    return status == BERBAGI_OK ? CLI_GO_ON : bp_cli_fail("subscribe", status, &error);
}

/* Writes deliveries as far as --max and --until-head allow; *place is behind the last one that was
 * written. */
static bp_status write_deliveries(struct session *s, const struct berbagi_response *r,
                                  uint64_t *place, bool *is_over, struct bp_err *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < r->n_deliveries && !*is_over; i++) {
        const struct berbagi_delivery *d = &r->deliveries[i];
        if (s->has_head && d->position > s->head) {
            *place = s->head;
            *is_over = true;
        } else if ((st = bp_writer_delivery(&s->writer, d, err)) == BP_OK) {
            *place = d->position;
            s->written++;
            *is_over = s->most != 0 && s->written == s->most;
        }
    }
    if (st == BP_OK && !*is_over)
        *place = r->through_position;
    return st;
}

static bp_status take_response(struct session *s, const struct berbagi_response *r, bool *is_over,
                               struct bp_err *err)
{
    bp_status st = BP_OK;
    uint64_t place = 0;
    if (r->kind == BERBAGI_OPENED && s->until_head && !s->has_head) {
        s->has_head = true;
        s->head = r->head_position;
    }
    for (size_t i = 0; st == BP_OK && i < r->n_grounds; i++)
        st = bp_writer_ground(&s->writer, &r->grounds[i], err);
    if (st == BP_OK)
        st = write_deliveries(s, r, &place, is_over, err);
    if (st == BP_OK)
        st = bp_writer_flush(&s->writer, s->name != NULL && r->n_deliveries > 0, err);
    if (st != BP_OK)
        return st;
    if (place != 0 && berbagi_subscription_acknowledge(s->subscription, place) != BERBAGI_OK)
        return bp_fail(err, BP_EINVAL, "an event beyond its batch");
    *is_over = *is_over || (s->has_head && place >= s->head);
    return BP_OK;
}

/* Asks for an orderly end, so that what was acknowledged is durable. */
static int end(struct session *s)
{
    struct berbagi_error error = {0};
    berbagi_status status = berbagi_subscription_end(s->subscription, END_MS, &error);
    if (status == BERBAGI_OK || s->name == NULL)
        return CLI_DONE;
    if (status == BERBAGI_AGAIN)
        bp_cli_say("the exchange did not confirm the last acknowledgement in time");
    else
        bp_cli_say("the last acknowledgement was not confirmed: %s", error.message);
    bp_cli_say("some of the last events will come again");
    return CLI_FAILED;
}

static int run(struct session *s)
{
    struct bp_err err = {{0}};
    struct berbagi_error error = {0};
    const struct berbagi_response *response;
    bool is_over = false;
    while (!is_over && !bp_stop_requested()) {
        berbagi_status status =
            berbagi_subscription_next(s->subscription, TURN_MS, &response, &error);
        if (status == BERBAGI_AGAIN)
            continue;
        if (status != BERBAGI_OK)
            return bp_cli_fail("subscribe", status, &error);
        bp_status st = take_response(s, response, &is_over, &err);
        if (st == BP_OK)
            continue;
        if (st != BP_ECLOSED)
            bp_cli_say("%s", err.text);
        return CLI_FAILED;
    }
    /* Stopped before a bound that was asked for: not all that was wanted is there. */
    int code = !is_over && (s->until_head || s->most != 0) ? CLI_FAILED : CLI_DONE;
    int ended = end(s);
    return ended != CLI_DONE ? ended : code;
}

int bp_cli_subscribe(int argc, char **argv)
{
    struct session s = {.name = NULL};
    int code = bp_cli_options(table, OPTIONS, usage, 0, 1, argc, argv, &s.options);
    if (code != CLI_GO_ON)
        return code;
    code = session_init(&s);
    if (code == CLI_GO_ON)
        code = run(&s);
    session_fini(&s);
    return code == CLI_DONE ? bp_cli_flush() : code;
}
