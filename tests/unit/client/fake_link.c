#include "fake_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST 64

struct bp_link {
    bool write_under_way, half_closed, ended;
    unsigned files; /* it was made with */
    struct berbagi_error error;
    struct bp_buf message;
};

static struct {
    struct {
        bool is_end;
        struct bp_buf message;
        struct berbagi_error error;
    } script[MOST];
    size_t n_script, at;
    struct {
        struct bp_buf bytes;
        unsigned link;
    } written[MOST];
    size_t n_written;
    unsigned links, bad_files, files;
    bool half_closed;
    int64_t now_ms;
} world;

int64_t bp_client_now_ms(void)
{
    return world.now_ms;
}

int64_t bp_client_until_ms(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : world.now_ms + timeout_ms;
}

void bp_client_wait_until(int64_t point_ms)
{
    if (point_ms > world.now_ms)
        world.now_ms = point_ms;
}

void fake_message(const struct bp_buf *message)
{
    assert_true(world.n_script < MOST);
    bp_buf_add(&world.script[world.n_script++].message, message->p, message->n);
}

void fake_end(int code, const char *reason, int64_t retry_after_ms)
{
    assert_true(world.n_script < MOST);
    struct berbagi_error *e = &world.script[world.n_script].error;
    *e = (struct berbagi_error){.code = code, .retry_after_ms = retry_after_ms};
    assert_true(bp_str_copy(e->reason, sizeof(e->reason), bp_str(reason)));
    world.script[world.n_script++].is_end = true;
}

void fake_bad_files(unsigned times)
{
    world.bad_files = times;
}

void fake_renew(void)
{
    world.files++;
    world.now_ms += 1000;
}

size_t fake_written(void)
{
    return world.n_written;
}

struct bp_str fake_message_at(size_t i, unsigned *link)
{
    assert_true(i < world.n_written);
    if (link != NULL)
        *link = world.written[i].link;
    return bp_buf_str(&world.written[i].bytes);
}

bool fake_was_half_closed(void)
{
    return world.half_closed;
}

unsigned fake_links(void)
{
    return world.links;
}

int64_t fake_now_ms(void)
{
    return world.now_ms;
}

void fake_reset(void)
{
    for (size_t i = 0; i < MOST; i++) {
        bp_buf_fini(&world.script[i].message);
        bp_buf_fini(&world.written[i].bytes);
    }
    memset(&world, 0, sizeof(world));
    world.now_ms = 1000000;
}

berbagi_status bp_link_open(struct berbagi_client *client, const char *path, struct bp_link **out,
                            struct berbagi_error *error)
{
    (void)client;
    assert_non_null(path);
    if (world.bad_files > 0) {
        world.bad_files--;
        return bp_client_fail(error, BERBAGI_ELOCAL, "key.pem: no such file");
    }
    *out = calloc(1, sizeof(**out));
    assert_non_null(*out);
    world.links++;
    (*out)->files = world.files;
    return BERBAGI_OK;
}

bool bp_link_is_outdated(const struct bp_link *l)
{
    return l->files != world.files;
}

void bp_link_close(struct bp_link *l)
{
    if (l != NULL)
        bp_buf_fini(&l->message);
    free(l);
}

bool bp_link_is_writable(const struct bp_link *l)
{
    return !l->write_under_way && !l->half_closed && !l->ended;
}

void bp_link_write(struct bp_link *l, const struct bp_str *parts, size_t n)
{
    assert_true(bp_link_is_writable(l));
    assert_true(world.n_written < MOST);
    for (size_t i = 0; i < n; i++)
        bp_buf_add_str(&world.written[world.n_written].bytes, parts[i]);
    world.written[world.n_written++].link = world.links;
    l->write_under_way = true;
}

void bp_link_half_close(struct bp_link *l)
{
    assert_true(bp_link_is_writable(l));
    l->half_closed = world.half_closed = true;
}

static enum bp_link_event play(struct bp_link *l)
{
    size_t i = world.at++;
    if (world.script[i].is_end) {
        l->ended = true;
        l->error = world.script[i].error;
        return LINK_ENDED;
    }
    bp_buf_clear(&l->message);
    bp_buf_add_str(&l->message, bp_buf_str(&world.script[i].message));
    return LINK_MESSAGE;
}

enum bp_link_event bp_link_next(struct bp_link *l, int64_t until_ms)
{
    if (l->ended)
        return LINK_ENDED;
    if (l->write_under_way) {
        l->write_under_way = false;
        return LINK_WRITABLE;
    }
    if (world.at < world.n_script)
        return play(l);
    if (l->half_closed) {
        l->ended = true; /* in order */
        return LINK_ENDED;
    }
    assert_true(until_ms != INT64_MAX); /* it would wait for ever */
    bp_client_wait_until(until_ms);
    return LINK_NOTHING;
}

struct bp_str bp_link_message(const struct bp_link *l)
{
    return bp_buf_str(&l->message);
}

const struct berbagi_error *bp_link_error(const struct bp_link *l)
{
    return &l->error;
}

void bp_link_give_up(struct bp_link *l, const char *words)
{
    l->ended = true;
    l->error = (struct berbagi_error){.code = GRPC_STATUS_UNAVAILABLE};
    assert_true(bp_str_copy(l->error.message, sizeof(l->error.message), bp_str(words)));
}
