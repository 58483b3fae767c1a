#include "cuts.h"

#include "metrics.h"

struct row {
    enum bp_rpc_reason reason;
    enum bp_metric metric;
};

static void count(const struct row *rows, size_t n, enum bp_rpc_reason why,
                  enum bp_metric otherwise)
{
    enum bp_metric metric = otherwise;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].reason == why)
            metric = rows[i].metric;
    }
    bp_metric_add(metric, 1);
}

void bp_count_cut(enum bp_rpc_reason why)
{
    static const struct row rows[] = {
        {BP_REASON_CERTIFICATE_EXPIRED, BP_METRIC_CUT_CERTIFICATE_EXPIRED},
        {BP_REASON_CERTIFICATE_REVOKED, BP_METRIC_CUT_CERTIFICATE_REVOKED},
        {BP_REASON_REVOCATION_UNKNOWN, BP_METRIC_CUT_REVOCATION_UNKNOWN},
        {BP_REASON_BAD_CERTIFICATE, BP_METRIC_CUT_BAD_CERTIFICATE},
        {BP_REASON_DISCONNECTED, BP_METRIC_CUT_DISCONNECTED},
        {BP_REASON_UNKNOWN_AGENCY, BP_METRIC_CUT_UNKNOWN_AGENCY},
        {BP_REASON_AGENCY_SUSPENDED, BP_METRIC_CUT_AGENCY_SUSPENDED},
        {BP_REASON_NO_RIGHT, BP_METRIC_CUT_NO_RIGHT},
        {BP_REASON_AGREEMENT_ENDED, BP_METRIC_CUT_AGREEMENT_ENDED},
        {BP_REASON_RIGHT_WITHDRAWN, BP_METRIC_CUT_RIGHT_WITHDRAWN},
    };
    count(rows, sizeof(rows) / sizeof(rows[0]), why, BP_METRIC_CUT_OTHER);
}

void bp_count_connected(enum bp_rpc_reason why)
{
    static const struct row rows[] = {
        {BP_REASON_NONE, BP_METRIC_HANDSHAKES_ACCEPTED},
        {BP_REASON_CERTIFICATE_EXPIRED, BP_METRIC_HANDSHAKES_CERTIFICATE_EXPIRED},
        {BP_REASON_CERTIFICATE_REVOKED, BP_METRIC_HANDSHAKES_CERTIFICATE_REVOKED},
        {BP_REASON_REVOCATION_UNKNOWN, BP_METRIC_HANDSHAKES_REVOCATION_UNKNOWN},
    };
    count(rows, sizeof(rows) / sizeof(rows[0]), why, BP_METRIC_HANDSHAKES_BAD_CERTIFICATE);
}
