/* berbagi policy explain: its options, which stand in the table of `berbagi policy`, and its run.
 */
#ifndef BERBAGI_EXPLAIN_H
#define BERBAGI_EXPLAIN_H

#include "cli.h"

#define CLI_EXPLAIN_OPTIONS                                                                        \
    {.key = "agency",                                                                              \
     .type = BP_OPTION_TEXT,                                                                       \
     .operand = "AGENCY",                                                                          \
     .help = "explain: who publishes or reads (operators); otherwise the agency of the "           \
             "certificate."},                                                                      \
        {.key = "type",                                                                            \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "TYPE",                                                                        \
         .help = "explain: the event type, such as worker.registered."},                           \
        {.key = "direction",                                                                       \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "publish|subscribe",                                                           \
         .otherwise = "subscribe",                                                                 \
         .help = "explain: what is asked about."},                                                 \
        {.key = "region",                                                                          \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "CODE",                                                                        \
         .help = "explain: region that the event is about; otherwise the whole country."},         \
        {.key = "destination",                                                                     \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "CC",                                                                          \
         .help = "explain: country of destination of the event, two letters."},                    \
        {.key = "addressed-to",                                                                    \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "AGENCY",                                                                      \
         .help = "explain: agency that the event is addressed to."},                               \
        {.key = "on",                                                                              \
         .type = BP_OPTION_TEXT,                                                                   \
         .operand = "DATE",                                                                        \
         .help = "explain: the day that is judged, YYYY-MM-DD; otherwise today."},                 \
    {                                                                                              \
        .key = "output", .type = BP_OPTION_TEXT, .operand = "pretty|json", .otherwise = "pretty",  \
        .help = "explain: a tree for people, or one JSON object."                                  \
    }

/* Asks and prints; returns the exit code. */
int bp_cli_explain(const struct bp_options *o);

#endif
