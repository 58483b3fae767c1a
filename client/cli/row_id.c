#include "row_id.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"

#define HEX_CHARS (2 * BP_ROW_KEY_BYTES)

/* Puts a new key at path unless somebody else was faster: two programs that start at once must end
 * with one key, or they would give the same row two ids. */
static bp_status make_key(const char *path, struct bp_err *err)
{
    uint8_t key[BP_ROW_KEY_BYTES];
    char text[HEX_CHARS + 2], temporary[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return bp_fail(err, BP_EINVAL, "row key: the path is too long");
    bp_random(key, sizeof(key));
    bp_hex(key, sizeof(key), text);
    text[HEX_CHARS] = '\n';
    bp_status st = bp_file_write(temporary, text, HEX_CHARS + 1, 0600, err);
    bp_wipe(key, sizeof(key));
    bp_wipe(text, sizeof(text));
    if (st == BP_OK && link(temporary, path) != 0 && errno != EEXIST)
        st = bp_fail(err, BP_EIO, "%s: %s", path, strerror(errno));
    (void)unlink(temporary);
    return st;
}

static bp_status make_folder(const char *path, struct bp_err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return BP_OK;
    char *dir = bp_str_dup(bp_str_of(path, (size_t)(slash - path)));
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    bp_status st = bp_dir_make(dir, 0700, err);
    free(dir);
    return st;
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static bool read_hex(struct bp_str text, uint8_t out[BP_ROW_KEY_BYTES])
{
    if (text.n != HEX_CHARS + 1 || text.p[HEX_CHARS] != '\n')
        return false;
    for (size_t i = 0; i < BP_ROW_KEY_BYTES; i++) {
        int high = nibble(text.p[2 * i]), low = nibble(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bp_status read_key(const char *path, uint8_t out[BP_ROW_KEY_BYTES], struct bp_err *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & 077) != 0)
        return bp_fail(err, BP_EPERM, "%s: others may read it; chmod 600 first", path);
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, 4096, &text, err);
    if (st == BP_OK && !read_hex(bp_buf_str(&text), out))
        st = bp_fail(err, BP_EINVAL, "%s: is no row key (64 hexadecimal digits)", path);
    if (text.n > 0)
        bp_wipe(text.p, text.n);
    bp_buf_fini(&text);
    return st;
}

bp_status bp_row_id_open(const char *path, const struct bp_schema *schema, struct bp_str source,
                         struct bp_row_id *out, struct bp_err *err)
{
    *out = (struct bp_row_id){.schema = schema, .source = source};
    bp_status st = BP_OK;
    if (access(path, F_OK) != 0) {
        st = make_folder(path, err);
        if (st == BP_OK)
            st = make_key(path, err);
    }
    return st == BP_OK ? read_key(path, out->key, err) : st;
}

void bp_row_id_close(struct bp_row_id *r)
{
    bp_wipe(r->key, sizeof(r->key));
    bp_buf_fini(&r->payload);
    bp_buf_fini(&r->content);
}

/* The event as it is identified: its source named, no id, no traceparent, its payload in canonical
 * form. */
static bp_status encode_content(struct bp_row_id *r, const struct bp_event *event,
                                struct bp_err *err)
{
    struct bp_event e = *event;
    const struct bp_event_type *type = bp_schema_type(r->schema, e.type);
    bp_buf_clear(&r->payload);
    bp_buf_clear(&r->content);
    if (type == NULL || !bp_payload_canonical(type, e.data, &r->payload))
        return bp_fail(err, BP_EINVAL, "the event cannot be read");
    e.id = e.traceparent = (struct bp_str){0};
    e.data = bp_buf_str(&r->payload);
    if (e.source.n == 0)
        e.source = r->source;
    bp_event_encode(&e, &r->content);
    return r->payload.failed || r->content.failed ? bp_fail(err, BP_ENOMEM, "out of memory")
                                                  : BP_OK;
}

bp_status bp_row_id_add(struct bp_row_id *r, struct bp_str bytes, struct bp_buf *out,
                        struct bp_err *err)
{
    struct bp_event e;
    if (!bp_event_parse(bytes, &e))
        return bp_fail(err, BP_EINVAL, "the event cannot be read");
    char id[37];
    if (e.id.n == 0) {
        uint8_t digest[BP_SHA256_BYTES];
        bp_status st = encode_content(r, &e, err);
        if (st != BP_OK)
            return st;
        const struct bp_str parts[] = {BP_STR("berbagi row id 1\n"), bp_buf_str(&r->content)};
        bp_hmac_sha256(r->key, sizeof(r->key), parts, 2, digest);
        bp_uuid_v8(digest, id);
        e.id = bp_str(id);
    }
    bp_event_encode(&e, out);
    return out->failed ? bp_fail(err, BP_ENOMEM, "out of memory") : BP_OK;
}
