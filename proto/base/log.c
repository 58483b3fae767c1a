#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static atomic_int least_level = BP_LOG_INFO;

void bp_log_set_level(enum bp_log_level least)
{
    atomic_store(&least_level, (int)least);
}

bool bp_log_level_parse(struct bp_str name, enum bp_log_level *out)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (bp_str_is(name, level_names[i])) {
            *out = (enum bp_log_level)i;
            return true;
        }
    }
    return false;
}

void bp_log(enum bp_log_level level, const char *event, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    char line[1024], time[36];
    bp_time_format(bp_now_ns(&bp_system_clock) / BP_NS_PER_MS * BP_NS_PER_MS, time);
    int n = snprintf(line, sizeof(line), "%s %s %s ", time, level_names[level], event);
    size_t used = n > 0 ? (size_t)n : 0;
    va_list args;
    va_start(args, format);
    n = vsnprintf(line + used, sizeof(line) - used, format, args);
    va_end(args);
    used += n > 0 ? (size_t)n : 0;
    if (used > sizeof(line) - 2)
        used = sizeof(line) - 2;
    line[used] = '\n';
    /* Nothing can be done where standard error is gone; the program goes on. */
    ssize_t written = write(STDERR_FILENO, line, used + 1);
    (void)written;
}

static bool is_plain(char c)
{
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
}

const char *bp_log_quote(char *out, size_t size, struct bp_str text)
{
    bool plain = text.n != 0;
    for (size_t i = 0; plain && i < text.n; i++)
        plain = is_plain(text.p[i]);
    if (plain && bp_str_copy(out, size, text))
        return out;
    if (size < 8)
        return "";
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < text.n; i++) {
        if (n + 9 > size) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\')
            n += (size_t)snprintf(out + n, size - n, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

bool bp_log_admit(struct bp_log_limit *limit)
{
    /* One lock for all sites: they are hit a few times a second. */
    static atomic_flag lock = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        ;
    long long window = (long long)(bp_monotonic_ms(&bp_system_clock) / limit->interval_ms);
    unsigned left_out = 0;
    if (window != limit->window) {
        left_out = limit->count > limit->most ? limit->count - limit->most : 0;
        limit->window = window;
        limit->count = 0;
    }
    bool admitted = ++limit->count <= limit->most;
    atomic_flag_clear_explicit(&lock, memory_order_release);
    if (left_out != 0)
        bp_log(BP_LOG_WARN, "log.suppressed", "lines=%u", left_out);
    return admitted;
}
