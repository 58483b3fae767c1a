#include "metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

enum type { COUNTER, GAUGE, HISTOGRAM };

#define BUCKETS 20 /* 64 to 2^25, about half a minute in microseconds */
#define FIRST_BUCKET_BITS 6

static const struct {
    const char *name, *labels, *help;
    enum type type;
} rows[BP_METRIC_COUNT] = {
#define M(id, name_, labels_, type_, help_) [BP_METRIC_##id] = {name_, labels_, help_, type_},
    BP_METRICS(M)
#undef M
};

static atomic_uint_fast64_t values[BP_METRIC_COUNT];

/* Of a histogram; its count is the sum of the buckets, the last of which is unbounded. */
static struct {
    atomic_uint_fast64_t buckets[BUCKETS + 1];
    atomic_uint_fast64_t sum;
} histograms[BP_METRIC_COUNT];

void bp_metric_add(enum bp_metric m, uint64_t n)
{
    atomic_fetch_add_explicit(&values[m], n, memory_order_relaxed);
}

void bp_metric_set(enum bp_metric m, uint64_t value)
{
    atomic_store_explicit(&values[m], value, memory_order_relaxed);
}

void bp_metric_observe(enum bp_metric m, uint64_t value)
{
    size_t bucket = 0;
    while (bucket < BUCKETS && value > UINT64_C(1) << (FIRST_BUCKET_BITS + bucket))
        bucket++;
    atomic_fetch_add_explicit(&histograms[m].buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histograms[m].sum, value, memory_order_relaxed);
}

uint64_t bp_metric_get(enum bp_metric m)
{
    return atomic_load_explicit(&values[m], memory_order_relaxed);
}

/* Written rarely and read at a scrape: ready as text. */
static pthread_mutex_t rows_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the one below; a leaf */
static struct bp_buf more_rows[BP_METRIC_COUNT];

void bp_metric_set_rows(enum bp_metric m, const char *label_name, const struct bp_metric_row *all,
                        size_t n)
{
    struct bp_buf text = {0};
    for (size_t i = 0; i < n && i < BP_METRIC_ROWS_MAX; i++)
        bp_buf_printf(&text, "%s{%s=\"%s\"} %" PRIu64 "\n", rows[m].name, label_name, all[i].label,
                      all[i].value);
    (void)pthread_mutex_lock(&rows_lock);
    struct bp_buf before = more_rows[m];
    more_rows[m] = text;
    (void)pthread_mutex_unlock(&rows_lock);
    bp_buf_fini(&before);
}

static void print_more_rows(enum bp_metric m, struct bp_buf *out)
{
    (void)pthread_mutex_lock(&rows_lock);
    if (!more_rows[m].failed)
        bp_buf_add_str(out, bp_buf_str(&more_rows[m]));
    (void)pthread_mutex_unlock(&rows_lock);
}

static void print_histogram(enum bp_metric m, struct bp_buf *out)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        count += atomic_load_explicit(&histograms[m].buckets[i], memory_order_relaxed);
        if (i < BUCKETS)
            bp_buf_printf(out, "%s_bucket{le=\"%" PRIu64 "\"} %" PRIu64 "\n", rows[m].name,
                          UINT64_C(1) << (FIRST_BUCKET_BITS + i), count);
        else
            bp_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", rows[m].name, count);
    }
    bp_buf_printf(out, "%s_sum %" PRIu64 "\n%s_count %" PRIu64 "\n", rows[m].name,
                  (uint64_t)atomic_load_explicit(&histograms[m].sum, memory_order_relaxed),
                  rows[m].name, count);
}

void bp_metrics_print(struct bp_buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    for (size_t m = 0; m < BP_METRIC_COUNT; m++) {
        if (rows[m].help[0] != '\0')
            bp_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[m].name, rows[m].help,
                          rows[m].name, types[rows[m].type]);
        if (rows[m].type == HISTOGRAM)
            print_histogram((enum bp_metric)m, out);
        else if (rows[m].labels[0] != '\0')
            bp_buf_printf(out, "%s{%s} %" PRIu64 "\n", rows[m].name, rows[m].labels,
                          bp_metric_get((enum bp_metric)m));
        else
            bp_buf_printf(out, "%s %" PRIu64 "\n", rows[m].name, bp_metric_get((enum bp_metric)m));
        print_more_rows((enum bp_metric)m, out);
    }
}
