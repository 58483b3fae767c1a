/* One question, one answer, in order; the next is read when the answer has left. */
#include "reflection.h"

#include "descriptor_set.h"
#include "symbols.h"
#include "wire.h"

#define REQUEST_MOST_BYTES 4096

struct bp_reflection {
    struct bp_symbols symbols;
    struct bp_buf *copies; /* of the sets of the site */
    size_t n_copies;
};

/* Field numbers of grpc/reflection/v1alpha/reflection.proto and FileDescriptorProto. */
enum {
    ASK_HOST = 1,
    ASK_FILE = 3,
    ASK_SYMBOL = 4,
    ASK_EXTENSION = 5,
    ASK_NUMBERS = 6,
    ASK_SERVICES = 7,
    EXTENSION_TYPE = 1,
    EXTENSION_NUMBER = 2,
    ANSWER_HOST = 1,
    ANSWER_ORIGINAL = 2,
    ANSWER_FILES = 4,
    ANSWER_NUMBERS = 5,
    ANSWER_SERVICES = 6,
    ANSWER_ERROR = 7,
    FILES_BYTES = 1,
    NUMBERS_TYPE = 1,
    NUMBERS_NUMBER = 2,
    SERVICES_SERVICE = 1,
    SERVICE_NAME = 1,
    ERROR_CODE = 1,
    ERROR_MESSAGE = 2,
    FILE_DEPENDENCY = 3,
};

static bp_status add_sets(struct bp_reflection *r, const struct bp_str *sets, size_t n,
                          struct bp_err *err)
{
    size_t size;
    const uint8_t *own = bp_descriptor_set(&size);
    bp_status st = bp_symbols_add(&r->symbols, bp_str_of(own, size));
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        struct bp_buf *copy = &r->copies[r->n_copies++];
        bp_buf_add_str(copy, sets[i]);
        st = copy->failed ? BP_ENOMEM : bp_symbols_add(&r->symbols, bp_buf_str(copy));
    }
    if (st != BP_OK)
        return bp_fail(err, st, "reflection: a descriptor set cannot be read");
    bp_symbols_sort(&r->symbols);
    return BP_OK;
}

bp_status bp_reflection_create(const struct bp_str *sets, size_t n, struct bp_reflection **out,
                               struct bp_err *err)
{
    struct bp_reflection *r = calloc(1, sizeof(*r));
    if (r != NULL)
        r->copies = calloc(n + 1, sizeof(*r->copies));
    if (r == NULL || r->copies == NULL) {
        bp_reflection_destroy(r);
        return bp_fail(err, BP_ENOMEM, "reflection: out of memory");
    }
    bp_status st = add_sets(r, sets, n, err);
    if (st != BP_OK) {
        bp_reflection_destroy(r);
        return st;
    }
    *out = r;
    return BP_OK;
}

void bp_reflection_destroy(struct bp_reflection *r)
{
    if (r == NULL)
        return;
    bp_symbols_fini(&r->symbols);
    for (size_t i = 0; i < r->n_copies; i++)
        bp_buf_fini(&r->copies[i]);
    free(r->copies);
    free(r);
}

struct question {
    struct bp_str host;
    uint32_t kind; /* ASK_FILE ..., 0 for none */
    struct bp_str text;
};

static bool parse(struct bp_str request, struct question *q)
{
    struct bp_wire wire = bp_wire_of(request);
    struct bp_wire_field field;
    *q = (struct question){.host = BP_STR("")};
    while (bp_wire_next(&wire, &field)) {
        if (field.type != BP_WIRE_LEN)
            continue;
        if (field.number == ASK_HOST)
            q->host = field.bytes;
        if (field.number >= ASK_FILE && field.number <= ASK_SERVICES) {
            q->kind = field.number;
            q->text = field.bytes;
        }
    }
    return !wire.malformed;
}

static void answer_error(enum bp_rpc_code code, const char *words, struct bp_buf *out)
{
    size_t error = bp_wire_begin_message(out, ANSWER_ERROR);
    bp_wire_put_uint(out, ERROR_CODE, (uint64_t)code);
    bp_wire_put_bytes(out, ERROR_MESSAGE, bp_str(words));
    bp_wire_end_message(out, error);
}

/* Appends to order, a list of file indexes, what the file at order[at] imports and is not in it. */
static void add_imports(const struct bp_symbols *s, uint32_t *order, size_t *n, size_t at)
{
    struct bp_wire wire = bp_wire_of(bp_symbols_file(s, order[at])->bytes);
    struct bp_wire_field field;
    while (bp_wire_next(&wire, &field)) {
        if (field.number != FILE_DEPENDENCY || field.type != BP_WIRE_LEN)
            continue;
        size_t file = bp_symbols_file_named(s, field.bytes), i = 0;
        while (i < *n && order[i] != file)
            i++;
        if (file != SIZE_MAX && i == *n)
            order[(*n)++] = (uint32_t)file;
    }
}

/* The file and all it imports, so that a client need not ask again. */
static void answer_file(const struct bp_symbols *s, size_t file, struct bp_buf *out)
{
    if (file == SIZE_MAX) {
        answer_error(BP_RPC_NOT_FOUND, "no such name in this contract", out);
        return;
    }
    uint32_t *order = calloc(bp_symbols_n_files(s), sizeof(*order));
    if (order == NULL) {
        out->failed = true;
        return;
    }
    size_t n = 1;
    order[0] = (uint32_t)file;
    size_t files = bp_wire_begin_message(out, ANSWER_FILES);
    for (size_t i = 0; i < n; i++) {
        bp_wire_put_bytes(out, FILES_BYTES, bp_symbols_file(s, order[i])->bytes);
        add_imports(s, order, &n, i);
    }
    bp_wire_end_message(out, files);
    free(order);
}

static size_t file_of_extension(const struct bp_symbols *s, struct bp_str message)
{
    struct bp_wire wire = bp_wire_of(message);
    struct bp_wire_field field;
    struct bp_str type = BP_STR("");
    uint64_t number = 0;
    while (bp_wire_next(&wire, &field)) {
        if (field.number == EXTENSION_TYPE && field.type == BP_WIRE_LEN)
            type = field.bytes;
        if (field.number == EXTENSION_NUMBER && field.type == BP_WIRE_VARINT)
            number = field.value;
    }
    if (wire.malformed || number == 0 || number > INT32_MAX)
        return SIZE_MAX;
    return bp_symbols_file_of_extension(s, type, (int64_t)number);
}

static void put_number(void *out, struct bp_str type, int64_t number)
{
    (void)type;
    bp_wire_put_uint(out, NUMBERS_NUMBER, (uint64_t)number);
}

static void answer_numbers(const struct bp_symbols *s, struct bp_str type, struct bp_buf *out)
{
    if (type.n == 0 || bp_symbols_file_of(s, type) == SIZE_MAX) {
        answer_error(BP_RPC_NOT_FOUND, "no such type in this contract", out);
        return;
    }
    size_t numbers = bp_wire_begin_message(out, ANSWER_NUMBERS);
    bp_wire_put_bytes(out, NUMBERS_TYPE, type);
    bp_symbols_each(s, type, put_number, out);
    bp_wire_end_message(out, numbers);
}

static void put_service(void *out, struct bp_str name, int64_t number)
{
    (void)number;
    size_t service = bp_wire_begin_message(out, SERVICES_SERVICE);
    bp_wire_put_bytes(out, SERVICE_NAME, name);
    bp_wire_end_message(out, service);
}

static void answer_services(const struct bp_symbols *s, struct bp_buf *out)
{
    size_t services = bp_wire_begin_message(out, ANSWER_SERVICES);
    bp_symbols_each(s, BP_STR(""), put_service, out);
    bp_wire_end_message(out, services);
}

static void answer(const struct bp_symbols *s, const struct question *q, struct bp_buf *out)
{
    switch (q->kind) {
    case ASK_FILE:
        answer_file(s, bp_symbols_file_named(s, q->text), out);
        break;
    case ASK_SYMBOL:
        answer_file(s, bp_symbols_file_of(s, q->text), out);
        break;
    case ASK_EXTENSION:
        answer_file(s, file_of_extension(s, q->text), out);
        break;
    case ASK_NUMBERS:
        answer_numbers(s, q->text, out);
        break;
    case ASK_SERVICES:
        answer_services(s, out);
        break;
    default:
        answer_error(BP_RPC_INVALID_ARGUMENT, "nothing is asked", out);
        break;
    }
}

static void begin(struct bp_rpc_call *call, void *service)
{
    (void)service;
    bp_rpc_call_read(call);
}

static void fail(struct bp_rpc_call *call, bp_status st)
{
    struct bp_rpc_status status = bp_rpc_status_of(st, NULL);
    bp_rpc_call_finish(call, &status);
}

static void message(struct bp_rpc_call *call, struct bp_str request)
{
    const struct bp_reflection *r = bp_rpc_call_service(call);
    struct question q;
    struct bp_buf out = {0};
    if (!parse(request, &q)) {
        fail(call, BP_EINVAL);
        return;
    }
    bp_wire_put_bytes(&out, ANSWER_HOST, q.host);
    bp_wire_put_bytes(&out, ANSWER_ORIGINAL, request);
    answer(&r->symbols, &q, &out);
    struct bp_blob *blob = bp_blob_take(&out);
    bp_buf_fini(&out);
    if (blob != NULL)
        bp_rpc_call_send(call, &blob, 1);
    else
        fail(call, BP_ENOMEM);
}

static void half_closed(struct bp_rpc_call *call)
{
    bp_rpc_call_finish(call, &BP_RPC_STATUS_OK);
}

static void over(struct bp_rpc_call *call)
{
    (void)call;
}

static const struct bp_rpc_method method = {
    .path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    .callers = BP_RPC_FOR_ANYONE,
    .client_streams = true,
    .server_streams = true,
    .most_request_bytes = REQUEST_MOST_BYTES,
    .begin = begin,
    .message = message,
    .half_closed = half_closed,
    .sent = bp_rpc_call_read,
    .over = over,
};

bp_status bp_reflection_service_add(struct bp_rpc_server *server, struct bp_reflection *r)
{
    return bp_rpc_server_add(server, &method, r);
}
