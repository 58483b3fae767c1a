/* The acts of the ledger, one a line, for people or as JSON. */
#include <stdio.h>

#include "clock.h"
#include "json_text.h"
#include "session.h"

static void print_words(const struct bp_act *act)
{
    char at[36];
    bp_time_format(act->at_s * BP_NS_PER_S, at);
    printf("%s %.*s: %.*s%s%.*s\n", at, BP_STR_ARGS(act->who), BP_STR_ARGS(act->what),
           act->why.n != 0 ? ": " : "", BP_STR_ARGS(act->why));
}

static void print_json(const struct bp_act *act)
{
    char at[36];
    bp_time_format(act->at_s * BP_NS_PER_S, at);
    printf("{\"at\":\"%s\"", at);
    bp_json_text("who", act->who);
    bp_json_text("what", act->what);
    bp_json_text("why", act->why);
    printf("}\n");
}

static bp_status see_act(void *context, const struct bp_act *act, struct bp_err *err)
{
    const bool *is_json = context;
    (void)err;
    if (*is_json)
        print_json(act);
    else
        print_words(act);
    return BP_OK;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    bool is_json = bp_options_flag(o, "json");
    bp_status st = bp_session_open(o, BP_TO_READ, is_usage, &session, err);
    if (st == BP_OK)
        st = bp_ledger_each_act(session.a.ledger, see_act, &is_json, err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {BP_OPTION_DIR, BP_OPTION_JSON};

const struct bp_command bp_command_log = {
    .name = "log",
    .summary = "show every act with its time, who did it and why",
    .usage = "Usage: berbagi-ca log --dir DIR [--json]\n\n"
             "A line for each act, oldest first.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};
