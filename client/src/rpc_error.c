/* google.rpc.Status out of grpc-status-details-bin, walked on the wire: Status {1 code, 2 message,
 * 3 details}, each detail an Any {1 type_url, 2 value} of ErrorInfo {1 reason, 3 metadata},
 * RetryInfo {1 retry_delay} or BadRequest {1 field_violations {1 field, 2 description}}
 * (google/rpc/status.proto, error_details.proto). */
#include <stdio.h>

#include "client_internal.h"
#include "wire.h"

/* As much of s as fits, cut between characters. */
static void copy_text(char *out, size_t size, struct bp_str s)
{
    size_t n = s.n < size ? s.n : size - 1;
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    if (n > 0)
        memcpy(out, s.p, n);
    out[n] = '\0';
}

/* One entry of ErrorInfo.metadata: the position is all we know. */
static void read_metadata(struct bp_str entry, struct berbagi_error *out)
{
    struct bp_wire w = bp_wire_of(entry);
    struct bp_wire_field f;
    struct bp_str key = {0}, value = {0};
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            key = f.bytes;
        else if (f.number == 2 && f.type == BP_WIRE_LEN)
            value = f.bytes;
    }
    uint64_t position = 0;
    if (bp_str_is(key, "position") && bp_parse_u64(value, &position))
        out->position = position;
}

static void read_error_info(struct bp_str message, struct berbagi_error *out)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            copy_text(out->reason, sizeof(out->reason), f.bytes);
        else if (f.number == 3 && f.type == BP_WIRE_LEN)
            read_metadata(f.bytes, out);
    }
}

static void read_retry_info(struct bp_str message, struct berbagi_error *out)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    if (!bp_wire_next(&w, &f) || f.number != 1 || f.type != BP_WIRE_LEN)
        return;
    uint64_t seconds = 0, nanos = 0;
    w = bp_wire_of(f.bytes);
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            seconds = f.value;
        else if (f.number == 2 && f.type == BP_WIRE_VARINT)
            nanos = f.value;
    }
    if (seconds <= 86400 && nanos < 1000000000) /* what is longer, or negative, is no advice */
        out->retry_after_ms = (int64_t)(seconds * 1000 + (nanos + 999999) / 1000000);
}

static void read_bad_request(struct bp_str message, struct berbagi_error *out)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    if (!bp_wire_next(&w, &f) || f.number != 1 || f.type != BP_WIRE_LEN)
        return;
    w = bp_wire_of(f.bytes);
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            copy_text(out->field, sizeof(out->field), f.bytes);
    }
}

static void read_detail(struct bp_str any, struct berbagi_error *out)
{
    struct bp_wire w = bp_wire_of(any);
    struct bp_wire_field f;
    struct bp_str type = {0}, value = {0};
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            type = f.bytes;
        else if (f.number == 2 && f.type == BP_WIRE_LEN)
            value = f.bytes;
    }
    if (bp_str_is(type, "type.googleapis.com/google.rpc.ErrorInfo"))
        read_error_info(value, out);
    else if (bp_str_is(type, "type.googleapis.com/google.rpc.RetryInfo"))
        read_retry_info(value, out);
    else if (bp_str_is(type, "type.googleapis.com/google.rpc.BadRequest"))
        read_bad_request(value, out);
}

/* gRPC wraps why a connection could not be made in words of its own, address included; the last
 * reason is what helps. */
static struct bp_str unwrap(struct bp_str message)
{
    static const char *const before[] = {
        "failed to connect to all addresses; last error: ", "UNKNOWN: ", "UNAVAILABLE: "};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct bp_str prefix = bp_str(before[i]);
        if (bp_str_starts(message, prefix))
            message = bp_str_of(message.p + prefix.n, message.n - prefix.n);
    }
    bool has_address =
        bp_str_starts(message, BP_STR("ipv4:")) || bp_str_starts(message, BP_STR("ipv6:"));
    const char *behind = has_address ? memmem(message.p, message.n, ": ", 2) : NULL;
    if (behind != NULL)
        message = bp_str_of(behind + 2, message.n - (size_t)(behind + 2 - message.p));
    return message;
}

/* Failed handshakes reach us as words alone. Those of gRPC 1.51 that a person can do something
 * about are said better; what is not known here stays as it is. */
static void explain(struct berbagi_error *e)
{
    static const struct {
        const char *found, *words, *reason;
    } known[] = {
        {"certificate verify failed", "the server's certificate is not from an authority believed",
         BP_CLIENT_UNTRUSTED},
        {"is not in peer certificate", "the server's certificate is for another name",
         BP_CLIENT_UNTRUSTED},
        {"Socket closed", "the connection was closed by the other side", ""},
        {"Handshake read failed", "the connection was closed by the other side", ""},
    };
    for (size_t i = 0; e->code == GRPC_STATUS_UNAVAILABLE && i < sizeof(known) / sizeof(known[0]);
         i++) {
        if (strstr(e->message, known[i].found) == NULL)
            continue;
        copy_text(e->message, sizeof(e->message), bp_str(known[i].words));
        copy_text(e->reason, sizeof(e->reason), bp_str(known[i].reason));
    }
}

void bp_client_rpc_error(int code, struct bp_str message, struct bp_str details,
                         struct berbagi_error *out)
{
    *out = (struct berbagi_error){.code = code};
    copy_text(out->message, sizeof(out->message), unwrap(message));
    explain(out);
    struct bp_wire w = bp_wire_of(details);
    struct bp_wire_field f;
    while (bp_wire_next(&w, &f)) {
        if (f.number == 3 && f.type == BP_WIRE_LEN)
            read_detail(f.bytes, out);
    }
}

void bp_client_add_hint(struct berbagi_error *e)
{
    const struct bp_str hint =
        BP_STR("; is the address right, and is this certificate known there?");
    size_t n = strlen(e->message);
    (void)bp_str_copy(e->message + n, sizeof(e->message) - n, hint);
}

bool bp_client_may_pass(const struct berbagi_error *error)
{
    switch (error->code) {
    case GRPC_STATUS_UNAVAILABLE:
        return strcmp(error->reason, BP_CLIENT_UNTRUSTED) != 0;
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return true;
    case GRPC_STATUS_CANCELLED: /* not by us, so by the way there */
        return true;
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return strcmp(error->reason, "MESSAGE_TOO_LARGE") != 0 && error->reason[0] != '\0';
    default:
        return false;
    }
}
