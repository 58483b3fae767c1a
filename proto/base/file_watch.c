#include "file_watch.h"

#include "file.h"

void bp_file_watch_init(struct bp_file_watch *w)
{
    *w = (struct bp_file_watch){.n = 0};
}

bool bp_file_watch_add(struct bp_file_watch *w, const char *path)
{
    if (path == NULL)
        return true;
    if (w->n == BP_FILE_WATCH_PATHS_MAX)
        return false;
    w->paths[w->n++] = path;
    return true;
}

/* FNV-1a over what stat says: 64 bits, so that no change is missed by chance. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t look_of(const char *path, uint64_t hash)
{
    const struct bp_file_stamp s = bp_file_stamp_of(path);
    const uint64_t facts[] = {s.device, s.inode, s.bytes, (uint64_t)s.written_ns,
                              (uint64_t)s.changed_ns};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        hash = mix(hash, facts[i]);
    return hash;
}

static uint64_t look(const struct bp_file_watch *w)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < w->n; i++)
        hash = look_of(w->paths[i], hash);
    return hash;
}

void bp_file_watch_begin(struct bp_file_watch *w)
{
    w->told = w->seen = look(w);
    w->since_ms = 0;
}

bool bp_file_watch_look(struct bp_file_watch *w, int64_t now_ms)
{
    uint64_t now = look(w), before = w->seen;
    w->seen = now;
    if (now == w->told) {
        w->since_ms = 0;
        return false;
    }
    if (w->since_ms == 0)
        w->since_ms = now_ms;
    if (now != before && now_ms - w->since_ms < BP_FILE_WATCH_PATIENCE_MS)
        return false;
    w->told = now;
    w->since_ms = 0;
    return true;
}
