#include "progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>

#include "buffer.h"
#include "clock.h"

#define DRAW_TERMINAL_MS 100
#define DRAW_ELSEWHERE_MS 2000
#define MEASURE_MS 250

const char *bp_count_text(uint64_t n, char out[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

uint64_t bp_progress_done(const struct bp_progress *p)
{
    return p->stored + p->duplicate + p->rejected + p->conflict;
}

void bp_progress_start(struct bp_progress *p, FILE *to, bool is_terminal, int64_t now_ms)
{
    p->to = to;
    p->is_terminal = is_terminal;
    p->started_ms = p->measured_ms = p->drawn_ms = now_ms;
}

/* Half of what was measured last and half of what was known before: quick enough to follow, slow
 * enough to read. */
static void measure(struct bp_progress *p, int64_t now_ms)
{
    int64_t passed_ms = now_ms - p->measured_ms;
    if (passed_ms < MEASURE_MS)
        return;
    uint64_t done = bp_progress_done(p);
    double now = (double)(done - p->measured_done) * 1000 / (double)passed_ms;
    p->rate = p->measured_done == 0 ? now : (p->rate + now) / 2;
    p->measured_ms = now_ms;
    p->measured_done = done;
}

static uint64_t percent(const struct bp_progress *p)
{
    uint64_t done = bp_progress_done(p);
    return done >= p->total ? 100 : (uint64_t)((double)done * 100 / (double)p->total);
}

static void add_bar(const struct bp_progress *p, unsigned cells, struct bp_buf *b)
{
    uint64_t filled = percent(p) * cells / 100;
    bp_buf_add_byte(b, '[');
    for (unsigned i = 0; i < cells; i++)
        bp_buf_add_byte(b, i < filled ? '#' : '.');
    bp_buf_add_text(b, "]  ");
}

static void add_count(struct bp_buf *b, uint64_t n, const char *name)
{
    char text[32];
    if (n > 0)
        bp_buf_printf(b, "  %s %s", bp_count_text(n, text), name);
}

static void add_time(const struct bp_progress *p, struct bp_buf *b)
{
    char text[32];
    uint64_t done = bp_progress_done(p);
    if (p->waits_for != NULL)
        bp_buf_printf(b, "  %s", p->waits_for);
    else if (p->total > done && p->rate >= 1)
        bp_buf_printf(b, "  %s left",
                      bp_span_text((uint64_t)((double)(p->total - done) / p->rate) + 1, text));
}

static void add_line(const struct bp_progress *p, unsigned bar_cells, struct bp_buf *b)
{
    char done[32], total[32], rate[32];
    const char *unit = p->unit != NULL ? p->unit : "rows";
    (void)bp_count_text(bp_progress_done(p), done);
    if (p->total > 0) {
        bp_buf_printf(b, "%3" PRIu64 " %%  ", percent(p));
        if (bar_cells > 0)
            add_bar(p, bar_cells, b);
        bp_buf_printf(b, "%s of %s %s", done, bp_count_text(p->total, total), unit);
    } else {
        bp_buf_printf(b, "%s %s", done, unit);
    }
    if (p->rate >= 1)
        bp_buf_printf(b, "  %s/s", bp_count_text((uint64_t)p->rate, rate));
    add_time(p, b);
    add_count(b, p->duplicate, "duplicate");
    add_count(b, p->rejected, "rejected");
    add_count(b, p->conflict, "conflict");
}

void bp_progress_text(const struct bp_progress *p, unsigned columns, char *out, size_t size)
{
    static const unsigned bars[] = {20, 10, 0}; /* cells; the widest that fits */
    struct bp_buf line = {0};
    for (size_t i = 0; i == 0 || (i < 3 && line.n > columns); i++) {
        bp_buf_clear(&line);
        add_line(p, bars[i], &line);
    }
    size_t n = line.n < columns ? line.n : columns;
    if (!bp_str_copy(out, size, bp_str_of(line.p, n)))
        (void)bp_str_copy(out, size, BP_STR(""));
    bp_buf_fini(&line);
}

static unsigned terminal_columns(FILE *to)
{
    struct winsize w;
    bool is_known = ioctl(fileno(to), TIOCGWINSZ, &w) == 0 && w.ws_col > 0;
    return is_known ? w.ws_col - 1u : 79; /* a full last column would wrap */
}

static void clear(struct bp_progress *p)
{
    if (p->is_drawn)
        (void)fputs("\r\033[K", p->to);
    p->is_drawn = false;
}

static void draw(struct bp_progress *p)
{
    char line[512];
    bp_progress_text(p, p->is_terminal ? terminal_columns(p->to) : 200, line, sizeof(line));
    clear(p);
    (void)fprintf(p->to, p->is_terminal ? "%s" : "%s\n", line);
    (void)fflush(p->to);
    p->is_drawn = p->is_terminal;
}

void bp_progress_tick(struct bp_progress *p, int64_t now_ms)
{
    measure(p, now_ms);
    if (now_ms - p->drawn_ms < (p->is_terminal ? DRAW_TERMINAL_MS : DRAW_ELSEWHERE_MS))
        return;
    p->drawn_ms = now_ms;
    draw(p);
}

void bp_progress_say(struct bp_progress *p, const char *words)
{
    clear(p);
    (void)fprintf(p->to, "berbagi: %s\n", words);
    (void)fflush(p->to);
}

void bp_progress_end(struct bp_progress *p)
{
    clear(p);
    (void)fflush(p->to);
}
