/* ListConnections and Disconnect. A page token is the number of the last connection told, so pages
 * neither repeat nor leave out one that stays, whatever comes and goes between them. */
#include <inttypes.h>
#include <stdio.h>

#include "metrics.h"
#include "operator_internal.h"
#include "rpc_answer.h"
#include "usage.h"
#include "wire.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

static void describe(const struct bp_identity *id, char out[80])
{
    (void)snprintf(out, 80, "%s/%s", bp_identity_kind_name(id->kind), id->name);
}

/* --- ListConnections --- */

struct page {
    struct bp_buf out;
    uint32_t n, most;
    uint64_t last;
    bool is_more;
};

/* Field numbers of Connection. */
static bool put_connection(void *context, const struct bp_rpc_connection_info *info)
{
    struct page *p = context;
    char identity[80];
    if (p->n == p->most) {
        p->is_more = true;
        return false;
    }
    describe(info->identity, identity);
    size_t mark = bp_wire_begin_message(&p->out, 1);
    bp_wire_put_bytes(&p->out, 1, bp_str(identity));
    bp_wire_put_bytes(&p->out, 2, bp_str(info->address));
    bp_wire_put_bytes(&p->out, 3, bp_str(info->identity->serial));
    bp_wire_put_time(&p->out, 4, info->identity->not_after_ns);
    bp_wire_put_time(&p->out, 5, info->since_ns);
    bp_wire_put_uint(&p->out, 6, info->streams);
    bp_wire_end_message(&p->out, mark);
    p->n++;
    p->last = info->id;
    return true;
}

/* ListConnectionsRequest. */
static bool read_page(struct bp_str request, uint32_t *size, uint64_t *after)
{
    struct bp_wire w = bp_wire_of(request);
    struct bp_wire_field f;
    uint64_t asked = 0;
    bool is_sound = true;
    *after = 0;
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            asked = f.value;
        else if (f.number == 2 && f.type == BP_WIRE_LEN && f.bytes.n != 0)
            is_sound = is_sound && bp_parse_u64(f.bytes, after);
    }
    *size = asked == 0 ? PAGE_DEFAULT : asked < PAGE_MAX ? (uint32_t)asked : PAGE_MAX;
    return !w.malformed && is_sound;
}

static void list_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_exchange *x = bp_operator_exchange(call);
    struct page page = {.n = 0};
    uint64_t after;
    if (!bp_operator_may(call, BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER))
        return;
    if (!read_page(request, &page.most, &after)) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ListConnectionsRequest message of ours"));
        return;
    }
    bp_rpc_server_each_connection(x->rpc, after, put_connection, &page);
    if (page.is_more) {
        char token[24];
        (void)snprintf(token, sizeof(token), "%" PRIu64, page.last);
        bp_wire_put_bytes(&page.out, 2, bp_str(token));
    }
    bp_answer(call, &page.out);
}

/* --- Disconnect --- */

/* DisconnectRequest: the field that is set, and what it says. */
struct whom {
    uint32_t field;
    struct bp_str text;
};

/* No more than the three grammars need, so that it may be logged and put on record as it is. */
static bool is_plain(struct bp_str text)
{
    static const char others[] = "./-_:%[]";
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return text.n != 0 && text.n <= 100;
}

static bool read_whom(struct bp_str request, struct whom *out)
{
    struct bp_wire w = bp_wire_of(request);
    struct bp_wire_field f;
    *out = (struct whom){.field = 0};
    while (bp_wire_next(&w, &f)) {
        if (f.number >= 1 && f.number <= 3 && f.type == BP_WIRE_LEN)
            *out = (struct whom){f.number, f.bytes}; /* the last of a oneof counts */
    }
    return !w.malformed && out->field != 0 && is_plain(out->text);
}

static bool is_whom(void *context, const struct bp_rpc_connection_info *info)
{
    const struct whom *whom = context;
    char identity[80];
    describe(info->identity, identity);
    const char *const said[] = {identity, info->identity->serial, info->address};
    return bp_str_is(whom->text, said[whom->field - 1]);
}

static void put_disconnect_on_record(struct bp_exchange *x, const struct bp_rpc_call *call,
                                     const struct whom *whom, unsigned connections)
{
    static const char *const words[] = {"identity", "serial", "peer"};
    char about[140];
    (void)snprintf(about, sizeof(about), "%s %.*s", words[whom->field - 1],
                   BP_STR_ARGS(whom->text));
    bp_usage_record_act(x, BP_AUDIT_DISCONNECT, bp_rpc_call_peer(call), about, connections, false);
}

static void disconnect_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_exchange *x = bp_operator_exchange(call);
    struct bp_buf out = {0};
    struct whom whom;
    unsigned streams, connections;
    if (!bp_operator_may(call, BERBAGI__V1__OPERATOR__ROLE__ROLE_SECURITY))
        return;
    if (!read_whom(request, &whom)) {
        bp_refuse(call, bp_malformed("one of identity, certificate_serial and peer is expected, as "
                                     "ListConnections writes it"));
        return;
    }
    connections = bp_rpc_server_disconnect(x->rpc, is_whom, &whom, call, &streams);
    put_disconnect_on_record(x, call, &whom, connections);
    bp_wire_put_uint(&out, 1, connections);
    bp_wire_put_uint(&out, 2, streams);
    bp_answer(call, &out);
}

const struct bp_rpc_method bp_operator_list_method = {
    .path = "/berbagi.v1.OperatorService/ListConnections",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_operator_begin,
    .message = list_message,
    .over = bp_operator_over,
};

const struct bp_rpc_method bp_operator_disconnect_method = {
    .path = "/berbagi.v1.OperatorService/Disconnect",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_operator_begin,
    .message = disconnect_message,
    .over = bp_operator_over,
};

/* --- the metric --- */

struct holders {
    struct bp_metric_row *rows;
    size_t n, room;
};

static bool note_holder(void *context, const struct bp_rpc_connection_info *info)
{
    struct holders *h = context;
    if (info->identity->kind != BP_IDENTITY_AGENCY)
        return true;
    if (h->n == h->room) {
        size_t room = h->room != 0 ? 2 * h->room : 64;
        struct bp_metric_row *rows = realloc(h->rows, room * sizeof(*rows));
        if (rows == NULL)
            return false;
        h->rows = rows;
        h->room = room;
    }
    struct bp_metric_row *row = &h->rows[h->n++];
    (void)bp_str_copy(row->label, sizeof(row->label), bp_str(info->identity->name));
    row->value = (uint64_t)(info->identity->not_after_ns / BP_NS_PER_S);
    return true;
}

static int compare_holders(const void *a, const void *b)
{
    const struct bp_metric_row *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    return order != 0 ? order : (x->value > y->value) - (x->value < y->value);
}

/* An agency with several certificates has the row of the one that ends first. */
static size_t keep_first_of_each(struct bp_metric_row *rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || strcmp(rows[kept - 1].label, rows[i].label) != 0)
            rows[kept++] = rows[i];
    }
    return kept;
}

void bp_operator_count_holders(void *exchange)
{
    struct bp_exchange *x = exchange;
    struct holders h = {.n = 0};
    bp_rpc_server_each_connection(x->rpc, 0, note_holder, &h);
    if (h.n != 0)
        qsort(h.rows, h.n, sizeof(*h.rows), compare_holders);
    bp_metric_set_rows(BP_METRIC_CERTIFICATE_NOT_AFTER, "agency", h.rows,
                       keep_first_of_each(h.rows, h.n));
    free(h.rows);
}
