/* Statuses: their words, their google.rpc.Status bytes, and the one place where bp_status becomes a
 * gRPC code. */
#include "rpc_status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire.h"

static const struct {
    const char *name;
    enum bp_rpc_code code;
    const char *code_name;
    const char *meaning;
} reasons[BP_REASONS] = {[BP_REASON_NONE] = {"", BP_RPC_OK, "OK", ""},
#define R(name, code, meaning) [BP_REASON_##name] = {#name, BP_RPC_##code, #code, meaning},
                         BP_RPC_REASONS(R)
#undef R
};

const char *bp_rpc_reason_name(enum bp_rpc_reason reason)
{
    return reasons[reason].name;
}

enum bp_rpc_code bp_rpc_reason_code(enum bp_rpc_reason reason)
{
    return reasons[reason].code;
}

const char *bp_rpc_reason_code_name(enum bp_rpc_reason reason)
{
    return reasons[reason].code_name;
}

const char *bp_rpc_reason_meaning(enum bp_rpc_reason reason)
{
    return reasons[reason].meaning;
}

/* A cut in the middle of a character would make the sentence unfit for a protobuf string; what is
 * not UTF-8 at all is shown as '?'. */
static void make_utf8(char *text)
{
    size_t n = strlen(text);
    for (size_t cut = 0; cut <= 3 && cut <= n; cut++) {
        if (bp_utf8_is_valid(bp_str_of(text, n - cut))) {
            text[n - cut] = '\0';
            return;
        }
    }
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
}

struct bp_rpc_status bp_rpc_status(enum bp_rpc_reason reason, const char *format, ...)
{
    struct bp_rpc_status st = {.code = reasons[reason].code, .reason = reason};
    if (format == NULL) {
        (void)bp_str_copy(st.message, sizeof(st.message), bp_str(reasons[reason].meaning));
        return st;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(st.message, sizeof(st.message), format, args);
    va_end(args);
    make_utf8(st.message);
    return st;
}

/* The words of a lower layer, where they are about the request. */
static struct bp_rpc_status with_words(enum bp_rpc_reason reason, enum bp_rpc_code code,
                                       const struct bp_err *err, const char *otherwise)
{
    bool has_words = err != NULL && err->text[0] != '\0';
    struct bp_rpc_status st = bp_rpc_status(reason, "%s", has_words ? err->text : otherwise);
    st.code = code;
    return st;
}

static struct bp_rpc_status and_retry(enum bp_rpc_reason reason, int64_t retry_after_ms)
{
    struct bp_rpc_status st = bp_rpc_status(reason, NULL);
    st.retry_after_ms = retry_after_ms;
    return st;
}

struct bp_rpc_status bp_rpc_status_of(bp_status st, const struct bp_err *err)
{
    /* Words about the caller's request go to the caller; words about this machine (paths, disks)
     * stay in the log of whoever holds err. */
    switch (st) {
    case BP_OK:
        return BP_RPC_STATUS_OK;
    case BP_EINVAL:
        return with_words(BP_REASON_MALFORMED_REQUEST, BP_RPC_INVALID_ARGUMENT, err,
                          "the request breaks a rule");
    case BP_ENOENT:
        return with_words(BP_REASON_NONE, BP_RPC_NOT_FOUND, err, "no such thing");
    case BP_EEXIST:
        return with_words(BP_REASON_NONE, BP_RPC_ALREADY_EXISTS, err, "it exists already");
    case BP_EPERM:
        return with_words(BP_REASON_NONE, BP_RPC_PERMISSION_DENIED, err, "not permitted");
    case BP_EAUTH:
        return with_words(BP_REASON_BAD_CERTIFICATE, BP_RPC_UNAUTHENTICATED, err,
                          bp_rpc_reason_meaning(BP_REASON_BAD_CERTIFICATE));
    case BP_ECONFLICT:
        return with_words(BP_REASON_NONE, BP_RPC_ABORTED, err, "the state is another one by now");
    case BP_ETOOLARGE:
        return with_words(BP_REASON_MESSAGE_TOO_LARGE, BP_RPC_RESOURCE_EXHAUSTED, err,
                          bp_rpc_reason_meaning(BP_REASON_MESSAGE_TOO_LARGE));
    case BP_EAGAIN:
        return and_retry(BP_REASON_BUSY, 100);
    case BP_ENOMEM:
        return and_retry(BP_REASON_BUSY, 1000);
    case BP_ENOSPC:
        return and_retry(BP_REASON_DISK_RESERVE, 5000);
    case BP_ECLOSED:
        return and_retry(BP_REASON_SHUTTING_DOWN, 1000);
    case BP_EIO:
        return and_retry(BP_REASON_STORE_FAILED, 1000);
    case BP_ECORRUPT:
        return bp_rpc_status(BP_REASON_DATA_CORRUPT, NULL);
    case BP_EVERSION:
        return bp_rpc_status(BP_REASON_INTERNAL_ERROR, NULL);
    }
    return bp_rpc_status(BP_REASON_INTERNAL_ERROR, NULL);
}

/* Field numbers of google/rpc/status.proto, error_details.proto and google/protobuf/{any,duration}.
 */
enum {
    STATUS_CODE = 1,
    STATUS_MESSAGE = 2,
    STATUS_DETAILS = 3,
    ANY_TYPE_URL = 1,
    ANY_VALUE = 2,
    ERROR_INFO_REASON = 1,
    ERROR_INFO_DOMAIN = 2,
    ERROR_INFO_METADATA = 3,
    MAP_KEY = 1,
    MAP_VALUE = 2,
    RETRY_INFO_DELAY = 1,
    DURATION_SECONDS = 1,
    DURATION_NANOS = 2,
    BAD_REQUEST_VIOLATIONS = 1,
    VIOLATION_FIELD = 1,
    VIOLATION_DESCRIPTION = 2,
};

struct any_marks {
    size_t detail, value;
};

static struct any_marks begin_detail(struct bp_buf *out, const char *type_url)
{
    struct any_marks m;
    m.detail = bp_wire_begin_message(out, STATUS_DETAILS);
    bp_wire_put_bytes(out, ANY_TYPE_URL, bp_str(type_url));
    m.value = bp_wire_begin_message(out, ANY_VALUE);
    return m;
}

static void end_detail(struct bp_buf *out, struct any_marks m)
{
    bp_wire_end_message(out, m.value);
    bp_wire_end_message(out, m.detail);
}

static void put_error_info(const struct bp_rpc_status *st, struct bp_buf *out)
{
    struct any_marks m = begin_detail(out, "type.googleapis.com/google.rpc.ErrorInfo");
    bp_wire_put_bytes(out, ERROR_INFO_REASON, bp_str(bp_rpc_reason_name(st->reason)));
    bp_wire_put_bytes(out, ERROR_INFO_DOMAIN, bp_str(BP_RPC_ERROR_DOMAIN));
    if (st->position > 0) {
        char position[24];
        (void)snprintf(position, sizeof(position), "%" PRIu64, st->position);
        size_t entry = bp_wire_begin_message(out, ERROR_INFO_METADATA);
        bp_wire_put_bytes(out, MAP_KEY, BP_STR("position"));
        bp_wire_put_bytes(out, MAP_VALUE, bp_str(position));
        bp_wire_end_message(out, entry);
    }
    end_detail(out, m);
}

static void put_retry_info(const struct bp_rpc_status *st, struct bp_buf *out)
{
    struct any_marks m = begin_detail(out, "type.googleapis.com/google.rpc.RetryInfo");
    size_t delay = bp_wire_begin_message(out, RETRY_INFO_DELAY);
    bp_wire_put_uint(out, DURATION_SECONDS, (uint64_t)(st->retry_after_ms / 1000));
    bp_wire_put_uint(out, DURATION_NANOS, (uint64_t)(st->retry_after_ms % 1000) * 1000000);
    bp_wire_end_message(out, delay);
    end_detail(out, m);
}

static void put_bad_request(const struct bp_rpc_status *st, struct bp_str message,
                            struct bp_buf *out)
{
    struct any_marks m = begin_detail(out, "type.googleapis.com/google.rpc.BadRequest");
    size_t violation = bp_wire_begin_message(out, BAD_REQUEST_VIOLATIONS);
    bp_wire_put_bytes(out, VIOLATION_FIELD, bp_str(st->field));
    bp_wire_put_bytes(out, VIOLATION_DESCRIPTION, message);
    bp_wire_end_message(out, violation);
    end_detail(out, m);
}

void bp_rpc_status_encode(const struct bp_rpc_status *st, struct bp_buf *out)
{
    char message[sizeof(st->message)];
    memcpy(message, st->message, sizeof(message));
    message[sizeof(message) - 1] = '\0';
    make_utf8(message);

    bp_wire_put_uint(out, STATUS_CODE, (uint64_t)st->code);
    bp_wire_put_bytes(out, STATUS_MESSAGE, bp_str(message));
    if (st->reason != BP_REASON_NONE)
        put_error_info(st, out);
    if (st->retry_after_ms > 0)
        put_retry_info(st, out);
    if (st->field[0] != '\0')
        put_bad_request(st, bp_str(message), out);
}
