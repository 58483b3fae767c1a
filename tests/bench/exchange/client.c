/* The client of the benchmarks: one verb a run, one line of JSON as its result. */
#include "bench.h"

void bench_check(berbagi_status status, const char *what, const struct berbagi_error *error)
{
    if (status == BERBAGI_OK)
        return;
    (void)fprintf(stderr, "%s: %s %s %s\n", what, berbagi_status_name(status),
                  error != NULL ? error->reason : "", error != NULL ? error->message : "");
    exit(1);
}

struct berbagi_client *bench_client(const char *agency)
{
    char cert[512], key[512], ca[512];
    const char *files = need_env("BENCH_FILES");
    struct berbagi_error error;
    struct berbagi_client *client = NULL;
    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", files, agency);
    (void)snprintf(key, sizeof(key), "%s/%s.key", files, agency);
    (void)snprintf(ca, sizeof(ca), "%s/ca.pem", files);
    const struct berbagi_options options = {
        .server = need_env("BENCH_SERVER"), .cert = cert, .key = key, .ca = ca};
    bench_check(berbagi_open(&options, &client, &error), "connect", &error);
    return client;
}

struct berbagi_client *bench_publishing_client(void)
{
    const char *agency = getenv("BENCH_AGENCY");
    return bench_client(agency != NULL ? agency : BENCH_PUBLISHER);
}

void bench_thread_for_each(void)
{
    (void)setenv("GRPC_POLL_STRATEGY", "poll", 0);
}

static void ping(void)
{
    struct berbagi_error error;
    struct berbagi_client *client = bench_client(BENCH_PUBLISHER);
    const struct berbagi_subscription_options options = {.start = BERBAGI_START_NOW};
    struct berbagi_subscription *subscription = NULL;
    const struct berbagi_response *response;
    bench_check(berbagi_subscription_open(client, &options, &subscription, &error), "ping", &error);
    bench_check(berbagi_subscription_next(subscription, 10000, &response, &error), "ping", &error);
    berbagi_subscription_close(subscription);
    berbagi_close(client);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    if (end == text || *end != '\0')
        die(text, "is no number");
    return n;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "ping") == 0 && argc == 2) {
        ping();
    } else if (strcmp(verb, "publish") == 0 && argc == 5) {
        bench_publish(atof(argv[2]), number(argv[3]), number(argv[4]));
    } else if (strcmp(verb, "bulk") == 0 && argc == 3) {
        struct src file = src_file(argv[2]);
        bench_bulk(&file, 0);
    } else if (strcmp(verb, "fill") == 0 && (argc == 4 || argc == 5)) {
        struct src made = {NULL, number(argv[2]), number(argv[3])};
        bench_bulk(&made, argc == 5 ? number(argv[4]) : 0);
    } else if (strcmp(verb, "live") == 0 && argc == 5) {
        bench_live(atof(argv[2]), number(argv[3]), number(argv[4]));
    } else if (strcmp(verb, "replay") == 0 && argc == 3) {
        bench_replay(BENCH_PUBLISHER, number(argv[2]));
    } else if (strcmp(verb, "narrow") == 0 && argc == 3) {
        bench_replay(BENCH_NARROW, number(argv[2]));
    } else if (strcmp(verb, "sparse") == 0 && argc == 3) {
        bench_sparse(number(argv[2]));
    } else if (strcmp(verb, "idle") == 0 && argc == 4) {
        bench_idle(number(argv[2]), atof(argv[3]));
    } else {
        die("usage", "ping | publish SECS CONNS INFLIGHT | bulk FILE | fill FROM N [MARK_EVERY] | "
                     "live SECS RATE SUBS | replay N | narrow N | sparse N | idle SUBS SECS");
    }
    return 0;
}
