/* What a connection may bring in: so much a turn, the rest in later turns, and an end of it where
 * nothing comes of it. A poller and sockets as gRPC has them, without gRPC. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc_intake.h"
#include "rpc_sockets.h"

#define TURN_MOST ((size_t)16 << 10)

struct link {
    int client, server, poller;
    char address[BP_RPC_ADDRESS_BYTES];
};

static void link_open(struct link *l)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in peer;
    socklen_t n = (socklen_t)sizeof(at), peer_n = (socklen_t)sizeof(peer);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    l->client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(l->client, (struct sockaddr *)&at, n), 0);
    l->server = accept4(listener, (struct sockaddr *)&peer, &peer_n, SOCK_NONBLOCK);
    assert_true(l->server >= 0);
    assert_true(bp_rpc_sockets_describe((struct sockaddr *)&peer, l->address));
    bp_rpc_intake_open(l->server, l->address);
    close(listener);

    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    l->poller = epoll_create1(0);
    assert_int_equal(epoll_ctl(l->poller, EPOLL_CTL_ADD, l->server, &event), 0);
}

static void link_close(struct link *l)
{
    close(l->poller);
    close(l->server);
    close(l->client);
}

/* Sends as much as the kernel takes of n bytes; the number. */
static size_t put(const struct link *l, size_t n)
{
    static const char bytes[1 << 20];
    assert_true(n <= sizeof(bytes));
    ssize_t sent = send(l->client, bytes, n, MSG_DONTWAIT);
    assert_true(sent > 0);
    return (size_t)sent;
}

/* Reads, as gRPC does, until there is no more for now; the bytes. *end: there will be none. */
static size_t read_turn(const struct link *l, bool *end)
{
    static char first[3000], second[60000];
    size_t sum = 0;
    for (;;) {
        struct iovec parts[] = {{first, sizeof(first)}, {second, sizeof(second)}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t got = recvmsg(l->server, &message, 0);
        assert_int_equal(message.msg_iovlen, 2);
        assert_int_equal(parts[1].iov_len, sizeof(second));
        *end = got == 0;
        if (got <= 0) {
            assert_true(got == 0 || errno == EAGAIN);
            return sum;
        }
        sum += (size_t)got;
    }
}

static bool wait_for_bytes(const struct link *l)
{
    struct epoll_event event;
    return epoll_wait(l->poller, &event, 1, 10000) == 1;
}

static void test_rpc_intake_of_much_at_once_takes_turns(void **state)
{
    (void)state;
    struct link l;
    bool end;
    bp_rpc_intake_start(1 << 30);
    link_open(&l);
    size_t left = put(&l, 200000);
    unsigned turns = 0;
    while (left != 0) {
        assert_true(wait_for_bytes(&l));
        size_t got = read_turn(&l, &end);
        assert_true(got <= TURN_MOST && got <= left);
        left -= got;
        turns++;
    }
    assert_true(turns > 1);
    link_close(&l);
}

/* Bytes are brought and read turn by turn until that ends, or `rounds` times. */
static bool is_cut_off(struct link *l, unsigned rounds, bool comes_to_something)
{
    bool end = false;
    while (rounds-- != 0 && !end) {
        (void)put(l, TURN_MOST);
        assert_true(wait_for_bytes(l));
        size_t got = read_turn(l, &end);
        if (comes_to_something)
            bp_rpc_intake_accept(bp_rpc_intake_account(l->address), got);
    }
    assert_int_equal(end, bp_rpc_intake_is_closed(bp_rpc_intake_account(l->address)));
    return end;
}

static void test_rpc_intake_that_comes_to_nothing_is_cut_off(void **state)
{
    (void)state;
    struct link l;
    bp_rpc_intake_start(16 << 20);
    link_open(&l);
    assert_true(is_cut_off(&l, 1 << 16, false));
    link_close(&l);
}

static void test_rpc_intake_that_comes_to_calls_goes_on(void **state)
{
    (void)state;
    struct link l;
    bp_rpc_intake_start(1 << 20);
    link_open(&l);
    assert_false(is_cut_off(&l, 1000, true));
    link_close(&l);
}

static void test_rpc_intake_of_a_new_connection_begins_anew(void **state)
{
    (void)state;
    struct link l;
    bp_rpc_intake_start(16 << 20);
    link_open(&l);
    assert_true(is_cut_off(&l, 1 << 16, false));
    link_close(&l);
    link_open(&l);
    assert_false(is_cut_off(&l, 10, false));
    link_close(&l);
}

static void test_rpc_intake_account_of_nobody_is_none(void **state)
{
    (void)state;
    assert_int_equal(bp_rpc_intake_account("ipv4:192.0.2.1:1"), -1);
    bp_rpc_intake_accept(-1, 1);
    assert_false(bp_rpc_intake_is_closed(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_intake_of_much_at_once_takes_turns),
        cmocka_unit_test(test_rpc_intake_that_comes_to_nothing_is_cut_off),
        cmocka_unit_test(test_rpc_intake_that_comes_to_calls_goes_on),
        cmocka_unit_test(test_rpc_intake_of_a_new_connection_begins_anew),
        cmocka_unit_test(test_rpc_intake_account_of_nobody_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
