/* Members of a JSON object on standard output, each with a comma before it. */
#ifndef BERBAGI_JSON_TEXT_H
#define BERBAGI_JSON_TEXT_H

#include "text.h"

/* value: UTF-8 without control characters. */
void bp_json_text(const char *key, struct bp_str value);
/* As RFC 3339 has it. */
void bp_json_time(const char *key, int64_t unix_s);

#define BP_OPTION_JSON                                                                             \
    {                                                                                              \
        .key = "json", .type = BP_OPTION_FLAG, .help = "A JSON object a line."                     \
    }

#endif
