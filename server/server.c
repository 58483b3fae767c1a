#include "server.h"

#include <stdio.h>

#include "audit.h"
#include "backup_service.h"
#include "cuts.h"
#include "event.h"
#include "exchange.h"
#include "explain_service.h"
#include "file.h"
#include "health.h"
#include "log.h"
#include "metrics.h"
#include "operator_service.h"
#include "policy_service.h"
#include "probes.h"
#include "publication.h"
#include "publisher.h"
#include "quota.h"
#include "reflection.h"
#include "rotation.h"
#include "statuses.h"
#include "subscriber.h"
#include "usage.h"
#include "worker.h"

#define HEALTH_INTERVAL_MS 500
#define SCHEMA_BYTES_MAX (16u << 20)

struct bp_server {
    const struct bp_config *config;
    char address[128];
    char *paths[4]; /* in the data folder */
    size_t n_paths;
    bool has_rpc_init;
    bool serves;
    _Atomic int64_t turned_ms; /* monotonic: when the queue's thread last looked at the health */
    struct bp_exchange exchange;
    bool has_exchange;
    struct bp_schema *schema;
    struct bp_pseudonyms *pseudonyms;
    struct bp_health *health;
    struct bp_reflection *reflection;
    struct bp_publisher *publisher;
    struct bp_subscriber *subscriber;
    struct bp_policy_service *policies;
    struct bp_operator_service *operators;
    struct bp_backup_service *backups;
    struct bp_probes *probes;
};

/* --- what one layer asks of another --- */

static bool digest_of(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    struct bp_server *s = context;
    struct bp_buf scratch = {0};
    struct bp_event e;
    /* A record that passed its check was encoded by us. */
    BP_ASSERT(bp_event_parse(record->event, &e));
    bool is_done = bp_content_digest_of(s->schema, &e, &scratch, out);
    bp_buf_fini(&scratch);
    return is_done;
}

static bool status_of(void *context, const struct bp_record *record, struct bp_str *machine,
                      struct bp_str *status)
{
    struct bp_server *s = context;
    const struct bp_event_type *type = bp_schema_type_by_hash(s->schema, record->routing.type_hash);
    struct bp_status_report report;
    struct bp_event e;
    if (type == NULL || type->status_field == NULL || !bp_event_parse(record->event, &e) ||
        !bp_status_report_of(type, e.data, &report))
        return false;
    *machine = report.machine;
    *status = report.now;
    return true;
}

static void on_head(void *context, uint64_t head)
{
    struct bp_server *s = context;
    (void)head;
    bp_subscriber_wake(s->subscriber);
}

static void on_call_ended(void *context, const struct bp_rpc_method *method, int code,
                          int64_t duration_ns)
{
    (void)context, (void)method, (void)duration_ns;
    if (code == BP_RPC_OK)
        bp_metric_add(BP_METRIC_CALLS_OK, 1);
    else if (code == BP_RPC_PERMISSION_DENIED || code == BP_RPC_UNAUTHENTICATED)
        bp_metric_add(BP_METRIC_CALLS_REFUSED, 1);
    else
        bp_metric_add(BP_METRIC_CALLS_FAILED, 1);
}

static void on_connected(void *context, enum bp_rpc_reason why)
{
    (void)context;
    bp_count_connected(why);
}

static void on_call_cut(void *context, enum bp_rpc_reason why)
{
    (void)context;
    bp_count_cut(why);
}

static bool is_ready(void *context, struct bp_err *why)
{
    struct bp_server *s = context;
    struct bp_rotation_state rotation;
    struct bp_warnings warnings;
    bp_status health = bp_sequencer_health(s->exchange.sequencer);
    bp_rotation_state(s->exchange.rotation, &rotation);
    if (rotation.lists.text[0] != '\0') {
        (void)bp_fail(why, BP_EAUTH, "nobody is let in: %s", rotation.lists.text);
        return false;
    }
    if (health == BP_OK)
        return true;
    bp_exchange_warnings(&s->exchange, &warnings);
    (void)bp_fail(why, health, "%s", warnings.n != 0 ? warnings.text[0] : bp_status_name(health));
    return false;
}

static void refresh_metrics(void *context)
{
    struct bp_server *s = context;
    struct bp_exchange *x = &s->exchange;
    uint64_t version, free_bytes = 0;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    if (bp_journal_disk_free(x->journal, &free_bytes) == BP_OK)
        bp_metric_set(BP_METRIC_DISK_FREE_BYTES, free_bytes);
    bp_metric_set(BP_METRIC_HEAD_POSITION, bp_journal_head(x->journal));
    bp_metric_set(BP_METRIC_INDEXED_POSITION, bp_index_position(x->index));
    bp_metric_set(BP_METRIC_POLICY_VERSION, version);
    bp_metric_set(BP_METRIC_OPEN_CALLS, bp_rpc_server_streams(x->rpc));
    bp_metric_set(BP_METRIC_DISK_BYTES, bp_journal_disk_bytes(x->journal));
    struct bp_rotation_state rotation;
    bp_rotation_state(x->rotation, &rotation);
    int64_t next_update = rotation.facts.crl_next_update_ns;
    bp_metric_set(BP_METRIC_CERTIFICATE_NOT_AFTER,
                  (uint64_t)(rotation.facts.not_after_ns / BP_NS_PER_S));
    bp_metric_set(BP_METRIC_HANDSHAKES_NO_CERTIFICATE,
                  bp_rpc_handshakes_failed(BP_RPC_NO_CERTIFICATE));
    bp_metric_set(BP_METRIC_HANDSHAKES_UNTRUSTED, bp_rpc_handshakes_failed(BP_RPC_UNTRUSTED));
    bp_metric_set(BP_METRIC_HANDSHAKES_PROTOCOL, bp_rpc_handshakes_failed(BP_RPC_PROTOCOL));
    bp_metric_set(BP_METRIC_HANDSHAKES_OTHER_FAULT, bp_rpc_handshakes_failed(BP_RPC_OTHER_FAULT));
    bp_metric_set(BP_METRIC_CRL_NEXT_UPDATE,
                  next_update == INT64_MAX ? 0 : (uint64_t)(next_update / BP_NS_PER_S));
}

static void update_health(void *context)
{
    struct bp_server *s = context;
    struct bp_rotation_state rotation;
    bool can_store = bp_sequencer_health(s->exchange.sequencer) == BP_OK;
    bp_rotation_state(s->exchange.rotation, &rotation);
    bool is_open = rotation.lists.text[0] == '\0';
    bp_health_set(s->health, "", is_open);
    bp_health_set(s->health, "berbagi.v1.SubscriberService", is_open);
    bp_health_set(s->health, "berbagi.v1.PublisherService", is_open && can_store);
    atomic_store(&s->turned_ms, bp_monotonic_ms(s->exchange.clock));
}

bool bp_server_is_alive(const struct bp_server *s, int64_t within_ms)
{
    return bp_monotonic_ms(s->exchange.clock) - atomic_load(&s->turned_ms) <= within_ms;
}

void bp_server_reload(struct bp_server *s)
{
    bp_rotation_reload(s->exchange.rotation);
}

/* --- bottom up --- */

/* A path in the data folder, kept until the server is gone; NULL when out of memory. */
static const char *data_path(struct bp_server *s, const char *name)
{
    BP_ASSERT(s->n_paths < sizeof(s->paths) / sizeof(s->paths[0]));
    return s->paths[s->n_paths++] = bp_path_join(s->config->data, name);
}

/* The key of an exchange that holds events already is never made anew: that would end linkage in
 * silence. */
static bp_status open_pseudonyms(struct bp_server *s, bool is_new, struct bp_err *err)
{
    const char *path = s->config->pseudonym_key;
    if (path == NULL && (path = data_path(s, "pseudonym.key")) == NULL)
        return bp_fail(err, BP_ENOMEM, "pseudonym key: out of memory");
    return bp_pseudonyms_open(path, is_new, &s->pseudonyms, err);
}

/* Neither is another one taken in its place: every person would get a new pseudonym. */
static bp_status check_pseudonyms(struct bp_server *s, struct bp_err *err)
{
    struct bp_journal *journal = s->exchange.journal;
    struct bp_journal_reader *r;
    struct bp_record newest;
    bp_status st = bp_journal_read_begin(journal, &r);
    if (st != BP_OK)
        return bp_fail(err, st, "journal: cannot read (%s)", bp_status_name(st));
    st = bp_journal_read_at(r, bp_journal_head(journal), &newest);
    bool is_other = st == BP_OK && newest.entry.key_id != bp_pseudonyms_key_id(s->pseudonyms);
    bp_journal_read_end(r);
    return is_other ? bp_fail(err, BP_ECORRUPT,
                              "pseudonym key: it is damaged or another one than that of the events "
                              "that are stored")
                    : BP_OK;
}

static bp_status start_storage(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    uint64_t map_bytes = s->config->map_bytes;
    struct bp_journal_config journal = {
        .dir = data_path(s, "journal"), .map_bytes = map_bytes, .clock = x->clock};
    struct bp_index_config index = {.dir = data_path(s, "index"),
                                    .map_bytes = map_bytes,
                                    .status_of = status_of,
                                    .digest_of = digest_of,
                                    .context = s};
    if (journal.dir == NULL || index.dir == NULL)
        return bp_fail(err, BP_ENOMEM, "data folder: out of memory");
    bp_status st = bp_dir_make(s->config->data, 0700, err);
    if (st != BP_OK || (st = bp_journal_open(&journal, &x->journal, err)) != BP_OK)
        return st;
    if ((st = open_pseudonyms(s, bp_journal_head(x->journal) == 0, err)) != BP_OK ||
        (st = check_pseudonyms(s, err)) != BP_OK)
        return st;
    x->pseudonyms = s->pseudonyms;
    index.journal = x->journal;
    if ((st = bp_index_open(&index, &x->index, err)) != BP_OK)
        return st;
    struct bp_sequencer_config sequencer = {.journal = x->journal,
                                            .ids = bp_index_ids(x->index),
                                            .disk_reserve_bytes = s->config->disk_reserve_bytes,
                                            .clock = x->clock,
                                            .on_head = on_head,
                                            .context = s};
    return bp_sequencer_start(&sequencer, &x->sequencer, err);
}

static bp_status start_accounting(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    const char *dir = data_path(s, "audit");
    if (dir == NULL || (x->quotas = bp_quotas_create(x->clock)) == NULL)
        return bp_fail(err, BP_ENOMEM, "quotas: out of memory");
    bp_status st = bp_audit_open(dir, &x->audit, err);
    return st == BP_OK ? bp_usage_recall(x, dir, err) : st;
}

static bp_status add_services(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    bp_status st = bp_publisher_create(x, &s->publisher, err);
    if (st == BP_OK)
        st = bp_subscriber_create(x, &s->subscriber, err);
    if (st == BP_OK)
        st = bp_policy_service_create(x, &s->policies, err);
    if (st == BP_OK)
        st = bp_explain_service_add(x, err);
    if (st == BP_OK)
        st = bp_operator_service_create(x, &s->operators, err);
    if (st == BP_OK)
        st = bp_backup_service_create(x, s->config->backup_recipient, &s->backups, err);
    return st;
}

static bp_status start_rpc(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    struct bp_rpc_config config = {.listen = s->config->listen,
                                   .trust_domain = s->config->trust_domain,
                                   .most_bytes = s->config->connection_bytes,
                                   .clock = x->clock,
                                   .admit = bp_exchange_admit,
                                   .ended = on_call_ended,
                                   .connected = on_connected,
                                   .cut = on_call_cut,
                                   .context = x};
    return bp_rpc_server_create(&config, bp_rotation_credentials(x->rotation), &x->rpc, err);
}

static bp_status add_common_services(struct bp_server *s, struct bp_err *err)
{
    struct bp_str sets[16] = {{NULL, 0}};
    struct bp_buf files[16] = {{0}};
    size_t n = s->config->n_schemas;
    bp_status st = n <= sizeof(sets) / sizeof(sets[0])
                       ? BP_OK
                       : bp_fail(err, BP_EINVAL, "--schema: at most 16 files");
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        st = bp_file_read(s->config->schemas[i], SCHEMA_BYTES_MAX, &files[i], err);
        sets[i] = bp_buf_str(&files[i]);
    }
    if (st == BP_OK)
        st = bp_reflection_create(sets, n, &s->reflection, err);
    for (size_t i = 0; i < n && i < sizeof(files) / sizeof(files[0]); i++)
        bp_buf_fini(&files[i]);
    if (st == BP_OK)
        st = bp_reflection_service_add(s->exchange.rpc, s->reflection);
    if (st == BP_OK && (s->health = bp_health_create()) == NULL)
        st = bp_fail(err, BP_ENOMEM, "health service: out of memory");
    if (st == BP_OK)
        st = bp_health_service_add(s->exchange.rpc, s->health);
    return st;
}

static bp_status serve(struct bp_server *s, struct bp_err *err)
{
    const char *listen = s->config->listen;
    const char *colon = strrchr(listen, ':');
    unsigned port;
    update_health(s);
    bp_rpc_server_every(s->exchange.rpc, HEALTH_INTERVAL_MS, update_health, s);
    bp_status st = bp_rpc_server_start(s->exchange.rpc, &port, err);
    if (st != BP_OK)
        return st;
    s->serves = true;
    if ((st = bp_rotation_start(s->exchange.rotation, s->exchange.rpc, err)) != BP_OK)
        return st;
    (void)snprintf(s->address, sizeof(s->address), "%.*s:%u",
                   colon != NULL ? (int)(colon - listen) : (int)strlen(listen), listen, port);
    return BP_OK;
}

static bp_status start_probes(struct bp_server *s, struct bp_err *err)
{
    struct bp_probes_config config = {
        .listen = s->config->http, .is_ready = is_ready, .refresh = refresh_metrics, .context = s};
    unsigned port;
    if (s->config->http == NULL)
        return BP_OK;
    bp_status st = bp_probes_start(&config, &s->probes, &port, err);
    if (st == BP_OK)
        bp_log(BP_LOG_INFO, "server.probes_ready", "port=%u", port);
    return st;
}

static bp_status start_all(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    bp_status st = bp_schema_open(s->config->schemas, s->config->n_schemas, &s->schema, err);
    x->schema = s->schema;
    if (st == BP_OK)
        st = bp_rpc_init(err);
    s->has_rpc_init = st == BP_OK;
    if (st == BP_OK)
        st = bp_rotation_create(&s->config->files, x->clock, &x->rotation, err);
    if (st == BP_OK)
        st = start_storage(s, err);
    if (st == BP_OK)
        st = bp_worker_start(&x->worker, err);
    if (st == BP_OK)
        st = bp_exchange_init(x, err);
    s->has_exchange = st == BP_OK;
    if (st == BP_OK)
        st = start_accounting(s, err);
    if (st == BP_OK)
        st = start_rpc(s, err);
    if (st == BP_OK)
        st = add_common_services(s, err);
    if (st == BP_OK)
        st = add_services(s, err);
    if (st != BP_OK)
        return st;
    if ((st = start_probes(s, err)) != BP_OK)
        return st;
    return serve(s, err);
}

bp_status bp_server_start(const struct bp_config *config, struct bp_server **out,
                          struct bp_err *err)
{
    struct bp_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "server: out of memory");
    s->config = config;
    s->exchange.clock = &bp_system_clock;
    s->exchange.first_operators = config->operators;
    s->exchange.n_first_operators = config->n_operators;
    s->exchange.started_ns = bp_now_ns(s->exchange.clock);
    bp_status st = start_all(s, err);
    if (st != BP_OK) {
        bp_server_stop(s);
        return st;
    }
    *out = s;
    return BP_OK;
}

const char *bp_server_address(const struct bp_server *s)
{
    return s->address;
}

void bp_server_stop(struct bp_server *s)
{
    struct bp_exchange *x = &s->exchange;
    bp_probes_stop(s->probes);
    bp_rotation_stop(x->rotation);
    if (s->serves)
        bp_rpc_server_stop(x->rpc, s->config->stop_grace_ms);
    bp_worker_stop(x->worker);
    bp_sequencer_stop(x->sequencer);
    bp_audit_close(x->audit);
    /* Nothing comes back any more: the services may let go of what was on its way. */
    bp_backup_service_destroy(s->backups);
    bp_operator_service_destroy(s->operators);
    bp_policy_service_destroy(s->policies);
    bp_subscriber_destroy(s->subscriber);
    bp_publisher_destroy(s->publisher);
    bp_rpc_server_destroy(x->rpc);
    bp_quotas_destroy(x->quotas);
    bp_health_destroy(s->health);
    bp_reflection_destroy(s->reflection);
    if (s->has_exchange)
        bp_exchange_fini(x);
    bp_index_close(x->index);
    bp_pseudonyms_close(s->pseudonyms);
    bp_journal_close(x->journal);
    bp_rotation_destroy(x->rotation);
    if (s->has_rpc_init)
        bp_rpc_fini();
    bp_schema_destroy(s->schema);
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i]);
    free(s);
}
