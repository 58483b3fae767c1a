/* HMAC-SHA-256 under one key for three uses. Each input begins with a label of its own and a NUL,
 * so that no value of one use can equal a value of another; the reader's id, which holds no NUL,
 * ends with one, so that where it ends is never in doubt. */
#include "pseudonym.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"

#define KEY_BYTES 32
#define KEY_CHARS (2 * KEY_BYTES)
#define REFERENCE_CHARS 20
#define UUID_CHARS 36

#define LABEL(text) bp_str_of(text, sizeof(text)) /* with its NUL */

struct bp_pseudonyms {
    uint8_t key[KEY_BYTES];
    uint32_t key_id;
};

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_key(const char *text, size_t n, uint8_t key[KEY_BYTES])
{
    if (n == KEY_CHARS + 1 && text[KEY_CHARS] == '\n')
        n--;
    if (n != KEY_CHARS)
        return false;
    for (size_t i = 0; i < KEY_BYTES; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Reads up to size bytes of an open file. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, out + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static bp_status read_key(int fd, const char *path, uint8_t key[KEY_BYTES], struct bp_err *err)
{
    char text[KEY_CHARS + 2]; /* one more than is sound */
    struct stat info;
    if (fstat(fd, &info) != 0)
        return bp_fail(err, BP_EIO, "pseudonym key %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return bp_fail(err, BP_EPERM, "pseudonym key %s: not a regular file", path);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bp_fail(err, BP_EPERM, "pseudonym key %s: mode %04o lets others at it; chmod 0600",
                       path, (unsigned)info.st_mode & 07777u);
    ssize_t n = read_all(fd, text, sizeof(text));
    bp_status st = BP_OK;
    if (n < 0)
        st = bp_fail(err, BP_EIO, "pseudonym key %s: %s", path, strerror(errno));
    else if (!parse_key(text, (size_t)n, key))
        st = bp_fail(err, BP_EINVAL, "pseudonym key %s: not 64 hexadecimal digits", path);
    bp_wipe(text, sizeof(text));
    return st;
}

static bp_status make_key(const char *path, struct bp_err *err)
{
    uint8_t key[KEY_BYTES];
    char text[KEY_CHARS + 2];
    bp_random(key, sizeof(key));
    bp_hex(key, sizeof(key), text);
    text[KEY_CHARS] = '\n';
    bp_status st = bp_file_write(path, text, KEY_CHARS + 1, 0600, err);
    bp_wipe(key, sizeof(key));
    bp_wipe(text, sizeof(text));
    return st;
}

static bp_status open_key(const char *path, bool may_create, int *fd, struct bp_err *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0 && errno == ENOENT && may_create) {
        bp_status st = make_key(path, err);
        if (st != BP_OK)
            return st;
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    if (*fd >= 0)
        return BP_OK;
    return bp_fail(err, errno == ENOENT ? BP_ENOENT : BP_EIO, "pseudonym key %s: %s", path,
                   strerror(errno));
}

static uint32_t id_of(const uint8_t key[KEY_BYTES])
{
    uint8_t digest[BP_SHA256_BYTES];
    uint32_t id;
    bp_hmac_sha256(key, KEY_BYTES, (const struct bp_str[]){LABEL("berbagi key id")}, 1, digest);
    memcpy(&id, digest, sizeof(id));
    return id != 0 ? id : 1;
}

bp_status bp_pseudonyms_open(const char *path, bool may_create, struct bp_pseudonyms **out,
                             struct bp_err *err)
{
    int fd;
    bp_status st = open_key(path, may_create, &fd, err);
    if (st != BP_OK)
        return st;
    struct bp_pseudonyms *p = calloc(1, sizeof(*p));
    st = p != NULL ? read_key(fd, path, p->key, err)
                   : bp_fail(err, BP_ENOMEM, "pseudonym key %s: out of memory", path);
    close(fd);
    if (st != BP_OK) {
        bp_pseudonyms_close(p);
        return st;
    }
    p->key_id = id_of(p->key);
    *out = p;
    return BP_OK;
}

void bp_pseudonyms_close(struct bp_pseudonyms *p)
{
    if (p != NULL)
        bp_wipe(p, sizeof(*p));
    free(p);
}

uint32_t bp_pseudonyms_key_id(const struct bp_pseudonyms *p)
{
    return p->key_id;
}

void bp_pseudonym_of_nik(const struct bp_pseudonyms *p, struct bp_str nik,
                         char out[BP_SUBJECT_CHARS + 1])
{
    const struct bp_str parts[] = {LABEL("berbagi nik"), nik};
    uint8_t digest[BP_SHA256_BYTES];
    bp_hmac_sha256(p->key, KEY_BYTES, parts, 2, digest);
    out[0] = 'w';
    out[1] = '_';
    bp_base32_crockford(digest, REFERENCE_CHARS, out + 2);
}

/* The first letter of the prefix that a reader gets; 0: none, the reference becomes a UUID. Only
 * one lower-case letter and '_' count as a prefix (w_, c_, e_, o_, s_): whatever else stands before
 * a '_' may be the publisher's own words and tell of the person. */
static char prefix_of(struct bp_str original)
{
    if (original.n < 2 || original.p[1] != '_' || original.p[0] < 'a' || original.p[0] > 'z')
        return 0;
    return original.p[0] == 'w' ? 'p' : original.p[0];
}

size_t bp_pseudonym_for_reader(const struct bp_pseudonyms *p, struct bp_str reader,
                               struct bp_str original, char *out, size_t size)
{
    const struct bp_str parts[] = {LABEL("berbagi reference"), reader, LABEL(""), original};
    uint8_t digest[BP_SHA256_BYTES];
    char form[UUID_CHARS + 1], prefix = prefix_of(original);
    bp_hmac_sha256(p->key, KEY_BYTES, parts, 4, digest);
    size_t n = UUID_CHARS;
    if (prefix != 0) {
        form[0] = prefix;
        form[1] = '_';
        bp_base32_crockford(digest, REFERENCE_CHARS, form + 2);
        n = 2 + REFERENCE_CHARS;
    } else {
        bp_uuid_v8(digest, form);
    }
    if (size < n)
        return 0;
    memcpy(out, form, n);
    if (size > n)
        out[n] = '\0';
    return n;
}
