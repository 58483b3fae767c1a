/* Every number the server tells about itself, declared once: storage, names, help and the
 * Prometheus text (exposition format 0.0.4) follow from the table. Updates are relaxed atomics; any
 * thread. */
#ifndef BERBAGI_METRICS_H
#define BERBAGI_METRICS_H

#include "buffer.h"

/* M(id, name, labels, TYPE, help): rows of one name stand together; help and type of the first
 * count. */
#define BP_METRICS(M)                                                                              \
    M(EVENTS_STORED, "berbagi_events_total", "outcome=\"stored\"", COUNTER,                        \
      "Events answered, by outcome")                                                               \
    M(EVENTS_DUPLICATE, "berbagi_events_total", "outcome=\"duplicate\"", COUNTER, "")              \
    M(EVENTS_REJECTED, "berbagi_events_total", "outcome=\"rejected\"", COUNTER, "")                \
    M(EVENTS_CONFLICT, "berbagi_events_total", "outcome=\"conflict\"", COUNTER, "")                \
    M(EVENTS_ABORTED, "berbagi_events_total", "outcome=\"aborted\"", COUNTER, "")                  \
    M(EVENTS_DELIVERED, "berbagi_events_delivered_total", "", COUNTER,                             \
      "Events sent to subscribers")                                                                \
    M(EVENTS_SKIPPED, "berbagi_events_skipped_total", "", COUNTER,                                 \
      "Events looked at for a subscriber and not sent: no right, or its filter")                   \
    M(BYTES_DELIVERED, "berbagi_delivered_bytes_total", "", COUNTER,                               \
      "Bytes of batches sent to subscribers")                                                      \
    M(CALLS_OK, "berbagi_calls_total", "result=\"ok\"", COUNTER, "Calls ended, by result")         \
    M(CALLS_REFUSED, "berbagi_calls_total", "result=\"refused\"", COUNTER, "")                     \
    M(CALLS_FAILED, "berbagi_calls_total", "result=\"failed\"", COUNTER, "")                       \
    M(CUT_CERTIFICATE_EXPIRED, "berbagi_streams_cut_total", "reason=\"CERTIFICATE_EXPIRED\"",      \
      COUNTER, "Open calls ended by the server, by reason")                                        \
    M(CUT_CERTIFICATE_REVOKED, "berbagi_streams_cut_total", "reason=\"CERTIFICATE_REVOKED\"",      \
      COUNTER, "")                                                                                 \
    M(CUT_REVOCATION_UNKNOWN, "berbagi_streams_cut_total", "reason=\"REVOCATION_UNKNOWN\"",        \
      COUNTER, "")                                                                                 \
    M(CUT_BAD_CERTIFICATE, "berbagi_streams_cut_total", "reason=\"BAD_CERTIFICATE\"", COUNTER, "") \
    M(CUT_DISCONNECTED, "berbagi_streams_cut_total", "reason=\"DISCONNECTED\"", COUNTER, "")       \
    M(CUT_UNKNOWN_AGENCY, "berbagi_streams_cut_total", "reason=\"UNKNOWN_AGENCY\"", COUNTER, "")   \
    M(CUT_AGENCY_SUSPENDED, "berbagi_streams_cut_total", "reason=\"AGENCY_SUSPENDED\"", COUNTER,   \
      "")                                                                                          \
    M(CUT_NO_RIGHT, "berbagi_streams_cut_total", "reason=\"NO_RIGHT\"", COUNTER, "")               \
    M(CUT_AGREEMENT_ENDED, "berbagi_streams_cut_total", "reason=\"AGREEMENT_ENDED\"", COUNTER, "") \
    M(CUT_RIGHT_WITHDRAWN, "berbagi_streams_cut_total", "reason=\"RIGHT_WITHDRAWN\"", COUNTER, "") \
    M(CUT_OTHER, "berbagi_streams_cut_total", "reason=\"other\"", COUNTER, "")                     \
    M(PUBLISH_US, "berbagi_publish_microseconds", "", HISTOGRAM,                                   \
      "From a request's last byte to its answer")                                                  \
    M(HEAD_POSITION, "berbagi_head_position", "", GAUGE, "Newest durable position")                \
    M(INDEXED_POSITION, "berbagi_indexed_position", "", GAUGE, "Newest indexed position")          \
    M(POLICY_VERSION, "berbagi_policy_version", "", GAUGE, "Policy version in force")              \
    M(OPEN_CALLS, "berbagi_open_calls", "", GAUGE, "Calls open now")                               \
    M(DISK_BYTES, "berbagi_disk_bytes", "", GAUGE, "Bytes the journal holds")                      \
    M(DISK_FREE_BYTES, "berbagi_disk_free_bytes", "", GAUGE, "Bytes free on its file system")      \
    M(HANDSHAKES_ACCEPTED, "berbagi_handshakes_total", "result=\"accepted\"", COUNTER,             \
      "Handshakes by result: of connections that made a call, and of those that failed in TLS")    \
    M(HANDSHAKES_BAD_CERTIFICATE, "berbagi_handshakes_total", "result=\"BAD_CERTIFICATE\"",        \
      COUNTER, "")                                                                                 \
    M(HANDSHAKES_CERTIFICATE_EXPIRED, "berbagi_handshakes_total",                                  \
      "result=\"CERTIFICATE_EXPIRED\"", COUNTER, "")                                               \
    M(HANDSHAKES_CERTIFICATE_REVOKED, "berbagi_handshakes_total",                                  \
      "result=\"CERTIFICATE_REVOKED\"", COUNTER, "")                                               \
    M(HANDSHAKES_REVOCATION_UNKNOWN, "berbagi_handshakes_total", "result=\"REVOCATION_UNKNOWN\"",  \
      COUNTER, "")                                                                                 \
    M(HANDSHAKES_NO_CERTIFICATE, "berbagi_handshakes_total", "result=\"tls_no_certificate\"",      \
      COUNTER, "")                                                                                 \
    M(HANDSHAKES_UNTRUSTED, "berbagi_handshakes_total", "result=\"tls_untrusted_certificate\"",    \
      COUNTER, "")                                                                                 \
    M(HANDSHAKES_PROTOCOL, "berbagi_handshakes_total", "result=\"tls_protocol\"", COUNTER, "")     \
    M(HANDSHAKES_OTHER_FAULT, "berbagi_handshakes_total", "result=\"tls_other\"", COUNTER, "")     \
    M(CERTIFICATE_NOT_AFTER, "berbagi_certificate_not_after_seconds", "holder=\"server\"", GAUGE,  \
      "End of the server's certificate, and of the one that ends first of each connected agency, " \
      "seconds since 1970")                                                                        \
    M(CRL_NEXT_UPDATE, "berbagi_crl_next_update_seconds", "", GAUGE,                               \
      "Earliest nextUpdate of the CRLs, seconds since 1970; 0 without CRLs")                       \
    M(REVOCATION_UNKNOWN, "berbagi_revocation_unknown", "", GAUGE,                                 \
      "1: a CRL is missing, bad or out of date, and nobody of its CA is let in")                   \
    M(RELOADS_TAKEN, "berbagi_reloads_total", "result=\"taken\"", COUNTER,                         \
      "Sets of certificates and CRLs that were to take the place of another, by result")           \
    M(RELOADS_REFUSED, "berbagi_reloads_total", "result=\"refused\"", COUNTER, "")                 \
    M(RELOAD_TAKEN_AT, "berbagi_reload_success_seconds", "", GAUGE,                                \
      "When the set in force was taken, seconds since 1970")                                       \
    M(RELOAD_REFUSED, "berbagi_reload_refused", "", GAUGE,                                         \
      "1: the files in place were refused, those before them are in force")

enum bp_metric {
#define M(id, name, labels, type, help) BP_METRIC_##id,
    BP_METRICS(M)
#undef M
        BP_METRIC_COUNT
};

void bp_metric_add(enum bp_metric m, uint64_t n);         /* counter */
void bp_metric_set(enum bp_metric m, uint64_t value);     /* gauge */
void bp_metric_observe(enum bp_metric m, uint64_t value); /* histogram; buckets double from 64 */
uint64_t bp_metric_get(enum bp_metric m);                 /* counter or gauge */

/* Rows of a gauge that come and go, behind its own: agency="kab.18.07" with label_name "agency". For
 * names that the policy bounds; those beyond the most are left out. Replaces the rows before them. */
#define BP_METRIC_ROWS_MAX 1000
struct bp_metric_row {
    char label[68]; /* without quotes and backslashes */
    uint64_t value;
};
void bp_metric_set_rows(enum bp_metric m, const char *label_name, const struct bp_metric_row *rows,
                        size_t n);

/* Appends all of them in the text format. */
void bp_metrics_print(struct bp_buf *out);

#endif
