/* What bp_rpc_init sets for the whole process. */
#include <openssl/ssl.h>

#include "abseil.h"
#include "check.h"
#include "rpc.h"

static int setup(void **state)
{
    (void)state;
    return bp_rpc_init(NULL) == BP_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    bp_rpc_fini();
    return 0;
}

static void test_rpc_process_every_context_gives_idle_buffers_back(void **state)
{
    (void)state;
    SSL_CTX *context = SSL_CTX_new(TLS_method());

    assert_non_null(context);
    assert_true((SSL_CTX_get_mode(context) & SSL_MODE_RELEASE_BUFFERS) != 0);
    SSL_CTX_free(context);
}

/* Under another name it would go on unseen. */
static void test_rpc_process_search_for_deadlocks_can_be_ended(void **state)
{
    (void)state;
    assert_true(bp_abseil_stop_deadlock_search());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_process_every_context_gives_idle_buffers_back),
        cmocka_unit_test(test_rpc_process_search_for_deadlocks_can_be_ended),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
