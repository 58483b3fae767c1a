#include "json_text.h"

#include <stdio.h>

#include "clock.h"

void bp_json_text(const char *key, struct bp_str value)
{
    printf(",\"%s\":\"", key);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            putchar('\\');
        putchar(value.p[i]);
    }
    putchar('"');
}

void bp_json_time(const char *key, int64_t unix_s)
{
    char at[36];
    bp_time_format(unix_s * BP_NS_PER_S, at);
    printf(",\"%s\":\"%s\"", key, at);
}
