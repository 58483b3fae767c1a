#include "reflection.h"

#include "check.h"
#include "client.h"

static struct pki pki;
static struct bp_credentials *credentials;
static struct bp_reflection *reflection;
static struct bp_rpc_server *server;
static struct client client;
static struct call call;

/* FileDescriptorSet of site.proto: package site; message Outer { message Inner {} } */
#define SITE                                                                                       \
    "\x0a\x28\x0a\x0a"                                                                             \
    "site.proto\x12\x04"                                                                           \
    "site\x22\x14\x0a\x05"                                                                         \
    "Outer\x1a\x0b\x0a\x09"                                                                        \
    "InnerMost"

static int setup(void **state)
{
    (void)state;
    unsigned port;
    struct bp_str site = BP_STR(SITE);
    struct bp_rpc_config config = {
        .listen = "127.0.0.1:0", .trust_domain = "exchange.test", .clock = &bp_system_clock};
    credentials = pki_server(&pki, "server", NULL);
    assert_int_equal(bp_reflection_create(&site, 1, &reflection, NULL), BP_OK);
    assert_int_equal(bp_rpc_server_create(&config, credentials, &server, NULL), BP_OK);
    assert_int_equal(bp_reflection_service_add(server, reflection), BP_OK);
    assert_int_equal(bp_rpc_server_start(server, &port, NULL), BP_OK);
    client_open(&client, &pki, port, "agency", "ca.pem");
    call_open(&call, &client, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    call_half_close(&call);
    assert_int_equal(call_status(&call), BP_RPC_OK);
    call_close(&call);
    client_close(&client);
    bp_rpc_server_destroy(server);
    bp_reflection_destroy(reflection);
    bp_credentials_destroy(credentials);
    return 0;
}

static void ask(struct bp_str request)
{
    call_send(&call, request);
    assert_true(call_receive(&call));
}

static bool answer_holds(const char *text)
{
    return memmem(call.received.p, call.received.n, text, strlen(text)) != NULL;
}

static void test_reflection_lists_the_services(void **state)
{
    (void)state;
    ask(BP_STR("\x3a\x00"));

    assert_true(answer_holds("berbagi.v1.PublisherService"));
    assert_true(answer_holds("grpc.health.v1.Health"));
    assert_true(answer_holds("grpc.reflection.v1alpha.ServerReflection"));
    assert_false(answer_holds("berbagi.v1.PublishRequest"));
}

static void test_reflection_gives_a_file_with_what_it_imports(void **state)
{
    (void)state;
    ask(BP_STR("\x1a\x1a"
               "berbagi/v1/exchange.proto"
               "\x00"));

    assert_true(answer_holds("no such name")); /* a NUL is part of the name */

    ask(BP_STR("\x1a\x19"
               "berbagi/v1/exchange.proto"));

    assert_true(answer_holds("PublishStream"));
    assert_true(answer_holds("google/protobuf/timestamp.proto"));
    assert_false(answer_holds("no such name"));
}

static void test_reflection_finds_symbols_of_all_depths(void **state)
{
    (void)state;
    static const struct bp_str known[] = {
        BP_STR("\x22\x1b"
               "berbagi.v1.PublisherService"),
        BP_STR("\x22\x23"
               "berbagi.v1.PublisherService.Publish"),
        BP_STR("\x22\x27"
               "berbagi.v1.SubscribeResponse.Batch.deliveries"),
        BP_STR("\x22\x14"
               "site.Outer.InnerMost"),
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char request[128];
        memcpy(request, known[i].p, known[i].n);
        request[1] = (char)(known[i].n - 2);
        ask(bp_str_of(request, known[i].n));
        assert_false(answer_holds("no such name"));
    }

    ask(BP_STR("\x22\x0b"
               "site.Outer."));

    assert_true(answer_holds("no such name"));
}

static void test_reflection_knows_extensions(void **state)
{
    (void)state;
    /* google.protobuf.FieldOptions extended by 52707 */
    ask(BP_STR("\x2a\x22\x0a\x1c"
               "google.protobuf.FieldOptions\x10\xe3\x9b\x03"));
    assert_true(answer_holds("berbagi/v1/annotations.proto"));

    ask(BP_STR("\x32\x1c"
               "google.protobuf.FieldOptions"));
    assert_true(answer_holds("\x10\xe3\x9b\x03"));

    ask(BP_STR("\x2a\x21\x0a\x1c"
               "google.protobuf.FieldOptions\x10\xe4\x03"));
    assert_true(answer_holds("no such name"));
}

static void test_reflection_without_a_question_says_so(void **state)
{
    (void)state;
    ask(BP_STR(""));

    assert_true(answer_holds("nothing is asked"));
}

static void test_reflection_of_a_broken_set_is_refused(void **state)
{
    (void)state;
    for (size_t n = 1; n < sizeof(SITE) - 1; n++) {
        struct bp_reflection *r = NULL;
        struct bp_str cut = bp_str_of(SITE, n);
        assert_int_equal(bp_reflection_create(&cut, 1, &r, NULL), BP_EINVAL);
        assert_null(r);
    }
}

static void test_reflection_of_a_set_nested_too_deep_is_refused(void **state)
{
    (void)state;
    struct bp_buf set = {0};
    bp_buf_add_text(&set, "\x0a\x01x");
    for (int depth = 0; depth < 100; depth++) {
        struct bp_buf outer = {0};
        bp_buf_add_text(&outer, "\x0a\x01m");
        bp_buf_add_byte(&outer, depth == 99 ? 0x22 : 0x1a);
        for (size_t n = set.n;; n >>= 7) {
            bp_buf_add_byte(&outer, (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
            if (n <= 0x7f)
                break;
        }
        bp_buf_add_str(&outer, bp_buf_str(&set));
        bp_buf_fini(&set);
        set = outer;
    }
    struct bp_buf whole = {0};
    bp_buf_add_byte(&whole, 0x0a);
    bp_buf_add_byte(&whole, (uint8_t)((set.n & 0x7f) | 0x80));
    bp_buf_add_byte(&whole, (uint8_t)(set.n >> 7));
    bp_buf_add_str(&whole, bp_buf_str(&set));
    struct bp_str deep = bp_buf_str(&whole);
    struct bp_reflection *r = NULL;

    assert_int_equal(bp_reflection_create(&deep, 1, &r, NULL), BP_EINVAL);

    bp_buf_fini(&set);
    bp_buf_fini(&whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reflection_lists_the_services),
        TEST(test_reflection_gives_a_file_with_what_it_imports),
        TEST(test_reflection_finds_symbols_of_all_depths),
        TEST(test_reflection_knows_extensions),
        TEST(test_reflection_without_a_question_says_so),
        cmocka_unit_test(test_reflection_of_a_broken_set_is_refused),
        cmocka_unit_test(test_reflection_of_a_set_nested_too_deep_is_refused),
    };
    assert_int_equal(bp_rpc_init(NULL), BP_OK);
    pki_create(&pki);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_destroy(&pki);
    bp_rpc_fini();
    return failed;
}
