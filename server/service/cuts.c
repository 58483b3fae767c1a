#include "cuts.h"

#include "metrics.h"

void bp_count_cut(enum bp_rpc_reason why)
{
    static const struct {
        enum bp_rpc_reason reason;
        enum bp_metric metric;
    } rows[] = {
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
    enum bp_metric metric = BP_METRIC_CUT_OTHER;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].reason == why)
            metric = rows[i].metric;
    }
    bp_metric_add(metric, 1);
}
