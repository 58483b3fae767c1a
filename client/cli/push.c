/* berbagi push: options, files and the closing words; push_run.c does the work. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "push_run.h"

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "format",
     .type = BP_OPTION_TEXT,
     .operand = "jsonl|csv",
     .help = "What the files are; otherwise by extension: .jsonl, .ndjson, .json or .csv."},
    {.key = "type",
     .type = BP_OPTION_TEXT,
     .operand = "TYPE",
     .help = "Event type of all rows of CSV files; otherwise a column `type` names it."},
    {.key = "rejects",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help =
         "Where rows that were not stored are listed with file, line, field, reason and a "
         "sentence: CSV if its name ends in .csv, JSON Lines otherwise. It holds no values, and "
         "is replaced each time. Without it the first ten are told."},
    {.key = "row-key",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "Key under which rows without an id get one made of what they say, so that the same "
             "file pushed again stores nothing; made at first use. Two machines that push the same "
             "files need the same key. Default: ~/.config/berbagi/row-key."},
    {.key = "dry-run",
     .type = BP_OPTION_FLAG,
     .help = "Let the exchange check everything and store nothing."},
    {.key = "patience",
     .type = BP_OPTION_NUMBER,
     .operand = "SECONDS",
     .most = 1000000,
     .otherwise = "600",
     .help = "How long to try again when the connection breaks; 0 = for ever."},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi push [OPTIONS] FILE...\n\n"
    "Stores the events of files; '-' is standard input. JSON Lines: one CloudEvents 1.0 object a\n"
    "line, its attributes region, destination, correlationid, causationid, supersedes,\n"
    "traceparent and addressedto beside the usual ones. CSV: a header row of attribute and\n"
    "payload field names. A row may name the worker by `nik`. Rows without an id get one made of\n"
    "their content: two rows that say the same are one event. Interrupted at any point and run\n"
    "again, it completes: what was stored before counts as duplicate.\n"
    "The last line tells how many rows were stored, duplicate, rejected and in conflict. Exit\n"
    "code 0: none was rejected or in conflict and all were answered; 1 otherwise; 2 wrong usage.";

/* All that one push holds, so that one function lets go of it. */
struct session {
    struct bp_options *options;
    struct bp_schema *schema;
    struct berbagi_client *client;
    struct bp_row_id ids;
    bool has_ids;
    struct bp_rejects rejects;
    struct bp_progress progress;
    struct bp_push push;
    bool has_push;
    const char *const *files;
    size_t n_files;
};

static void session_fini(struct session *s)
{
    if (s->has_push)
        bp_push_fini(&s->push);
    berbagi_publisher_close(s->push.publisher);
    berbagi_close(s->client);
    struct bp_err err = {{0}};
    if (s->rejects.file != NULL && bp_rejects_close(&s->rejects, &err) != BP_OK)
        bp_cli_say("%s", err.text);
    if (s->has_ids)
        bp_row_id_close(&s->ids);
    bp_schema_destroy(s->schema);
    bp_options_destroy(s->options);
}

static int say(const struct bp_err *err, int code)
{
    bp_cli_say("%s", err->text);
    return code;
}

static void hear(void *context, const char *words)
{
    struct bp_progress *progress = context;
    progress->waits_for = "waiting for the exchange";
    bp_progress_say(progress, words);
}

static void say_words(void *context, const char *words)
{
    bp_progress_say(context, words);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool files_are_sound(const struct session *s, enum bp_input_format format)
{
    const char *rejects = bp_options_text(s->options, "rejects");
    for (size_t i = 0; i < s->n_files; i++) {
        const char *path = s->files[i];
        enum bp_input_format known = format;
        if (format == INPUT_BY_NAME && !bp_input_format_of(path, &known)) {
            bp_cli_say("%s: say by --format whether it is jsonl or csv", path);
            return false;
        }
        if (rejects != NULL && same_file(path, rejects)) {
            bp_cli_say("--rejects %s: that is a file to be pushed", rejects);
            return false;
        }
        if (strcmp(path, "-") != 0 && access(path, R_OK) != 0) {
            bp_cli_say("%s: there is no such file, or it may not be read", path);
            return false;
        }
    }
    return true;
}

static int open_input(struct session *s)
{
    struct bp_input *in = &s->push.input;
    const char *format = bp_options_text(s->options, "format");
    in->format = INPUT_BY_NAME;
    if (format != NULL && !bp_input_format_parse(bp_str(format), &in->format)) {
        bp_cli_say("--format: jsonl or csv is expected");
        return CLI_USAGE;
    }
    s->n_files = bp_options_rest(s->options, &s->files);
    if (!files_are_sound(s, in->format))
        return CLI_USAGE;
    int code = bp_cli_schema(s->options, &s->schema);
    in->schema = s->schema;
    in->type = bp_str(bp_options_text(s->options, "type"));
    if (code == CLI_GO_ON && in->type.n > 0 && bp_schema_type(s->schema, in->type) == NULL) {
        bp_cli_say("--type %s: there is no such event type", in->type.p);
        return CLI_USAGE;
    }
    return code;
}

static int open_ids(struct session *s)
{
    struct bp_err err = {{0}};
    const char *given = bp_options_text(s->options, "row-key");
    char *path = given != NULL ? strdup(given) : bp_cli_config_path("row-key");
    if (path == NULL) {
        bp_cli_say("there is no home folder to keep the row key in; name one by --row-key");
        return CLI_FAILED;
    }
    bp_status st =
        bp_row_id_open(path, s->schema, bp_str(berbagi_identity(s->client)), &s->ids, &err);
    free(path);
    s->has_ids = st == BP_OK;
    return st == BP_OK ? CLI_GO_ON : say(&err, CLI_FAILED);
}

static int open_rejects(struct session *s)
{
    struct bp_err err = {{0}};
    bp_status st = bp_rejects_open(bp_options_text(s->options, "rejects"), &s->rejects, &err);
    s->rejects.say = say_words;
    s->rejects.context = &s->progress;
    return st == BP_OK ? CLI_GO_ON : say(&err, CLI_FAILED);
}

static int open_publisher(struct session *s)
{
    struct berbagi_error error = {0};
    const struct berbagi_publisher_options options = {
        .most_in_flight = 8, .dry_run = bp_options_flag(s->options, "dry-run")};
    berbagi_status status = berbagi_publisher_open(s->client, &options, &s->push.publisher, &error);
    return status == BERBAGI_OK ? CLI_GO_ON : bp_cli_fail("push", status, &error);
}

static int session_init(struct session *s)
{
    int code = open_input(s);
    if (code != CLI_GO_ON)
        return code;
    const struct bp_cli_listener listener = {hear, say_words, &s->progress};
    uint64_t patience_ms = bp_options_number(s->options, "patience") * 1000;
    if ((code = bp_cli_connect(s->options, &listener, (uint32_t)patience_ms, &s->client)) !=
            CLI_GO_ON ||
        (code = open_ids(s)) != CLI_GO_ON || (code = open_rejects(s)) != CLI_GO_ON ||
        (code = open_publisher(s)) != CLI_GO_ON)
        return code;
    s->push.ids = &s->ids;
    s->push.rejects = &s->rejects;
    s->push.progress = &s->progress;
    bp_push_init(&s->push);
    s->has_push = true;
    return CLI_GO_ON;
}

/* Rows of all files; 0 if one of them cannot be counted. */
static uint64_t count_rows(const struct session *s)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        enum bp_input_format format = s->push.input.format;
        if (format == INPUT_BY_NAME)
            (void)bp_input_format_of(s->files[i], &format);
        uint64_t n = bp_input_count(s->files[i], format);
        if (n == 0)
            return 0;
        total += n;
    }
    return total;
}

/* A file that cannot be read to its end does not keep the others from being pushed: nothing is lost
 * or doubled by it. */
static int push_files(struct session *s, bool *is_stopping)
{
    int code = CLI_DONE;
    for (size_t i = 0; i < s->n_files; i++) {
        struct bp_err err = {{0}};
        bp_status st = bp_push_file(&s->push, s->files[i], &err);
        if (st == BP_OK)
            continue;
        code = CLI_FAILED;
        if (st == BP_ECLOSED || s->push.status != BERBAGI_OK) {
            *is_stopping = true;
            return code;
        }
        bp_progress_say(&s->progress, err.text);
    }
    return code;
}

static void say_time(const struct session *s)
{
    char rows[32], rate[32];
    int64_t ms = bp_monotonic_ms(&bp_system_clock) - s->progress.started_ms;
    uint64_t done = bp_progress_done(&s->progress);
    bp_cli_say("%s rows in %" PRId64 ".%" PRId64 " s (%s/s)", bp_count_text(done, rows), ms / 1000,
               ms % 1000 / 100, bp_count_text(done * 1000 / (uint64_t)(ms > 0 ? ms : 1), rate));
    if (s->push.warned > 0)
        bp_cli_say("%s of the stored are odd in the eyes of the exchange",
                   bp_count_text(s->push.warned, rows));
}

static int conclude(struct session *s, int code, bool was_stopped)
{
    const struct bp_progress *p = &s->progress;
    struct bp_err err = {{0}};
    if (bp_rejects_close(&s->rejects, &err) != BP_OK)
        code = say(&err, CLI_FAILED);
    if (s->push.status != BERBAGI_OK)
        code = bp_cli_fail("push", s->push.status, &s->push.error);
    else if (was_stopped)
        bp_cli_say("interrupted; the same command run again completes it");
    say_time(s);
    printf("stored %" PRIu64 ", duplicate %" PRIu64 ", rejected %" PRIu64 ", conflict %" PRIu64
           "\n",
           p->stored, p->duplicate, p->rejected, p->conflict);
    if (bp_cli_flush() != CLI_DONE || p->rejected > 0 || p->conflict > 0)
        code = CLI_FAILED;
    return code == CLI_DONE ? CLI_DONE : CLI_FAILED;
}

static int run(struct session *s)
{
    struct bp_err err = {{0}};
    bool is_stopping = false;
    s->progress.total = count_rows(s);
    bp_progress_start(&s->progress, stderr, isatty(STDERR_FILENO) == 1,
                      bp_monotonic_ms(&bp_system_clock));
    int code = push_files(s, &is_stopping);
    if (s->push.status == BERBAGI_OK) {
        bp_status st = bp_push_finish(&s->push, is_stopping, &err);
        if (st != BP_OK)
            code = CLI_FAILED;
        if (st == BP_EAGAIN || st == BP_ENOMEM)
            bp_progress_say(&s->progress, err.text);
    }
    bp_progress_end(&s->progress);
    return conclude(s, code, is_stopping);
}

int bp_cli_push(int argc, char **argv)
{
    struct session s = {.n_files = 0};
    s.progress.to = stderr;
    int code = bp_cli_options(table, OPTIONS, usage, 1, SIZE_MAX, argc, argv, &s.options);
    if (code != CLI_GO_ON)
        return code;
    code = session_init(&s);
    if (code == CLI_GO_ON)
        code = run(&s);
    session_fini(&s);
    return code;
}
