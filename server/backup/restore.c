/* The journal is made under another name and moved into its place when it is whole. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "journal_import.h"
#include "unsealer.h"

/* Address space for the journal, which takes less than twice the file: pages hold whole records, and
 * those of one transaction stand beside those of the last. */
#define MAP_BYTES_MORE ((uint64_t)1 << 30)

struct restore {
    const struct bp_restore_config *config;
    FILE *file;
    uint64_t file_bytes, read_bytes;
    uint64_t page; /* number of the one being read, from 1 */
    char *place, *making;
    struct bp_unsealer *unsealer;
    struct bp_journal_import *import;
    struct bp_buf piece, content;
    bool is_begun, is_complete;
    uint64_t entries, subscriptions;
};

static bp_status fail(const struct restore *r, bp_status st, struct bp_err *err, const char *what)
{
    return bp_fail(err, st, "%s: page %" PRIu64 ": %s", r->config->file, r->page, what);
}

/* --- the folder --- */

static bp_status remove_file(const char *dir, const char *name)
{
    char *path = bp_path_join(dir, name);
    bool is_gone = path != NULL && (unlink(path) == 0 || errno == ENOENT);
    free(path);
    return is_gone ? BP_OK : BP_EIO;
}

/* What an earlier try left, of which nothing was ever used. */
static bp_status clear(const char *dir, struct bp_err *err)
{
    static const char *const names[] = {"data.mdb", "data.new", "lock.mdb", "owner"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (remove_file(dir, names[i]) != BP_OK)
            return bp_fail(err, BP_EIO, "%s: cannot be cleared: %s", dir, strerror(errno));
    }
    return BP_OK;
}

static bp_status prepare_folder(struct restore *r, struct bp_err *err)
{
    const char *data = r->config->data_dir;
    struct stat info;
    r->place = bp_path_join(data, "journal");
    r->making = bp_path_join(data, "journal.restoring");
    if (r->place == NULL || r->making == NULL)
        return bp_fail(err, BP_ENOMEM, "restore: out of memory");
    if (stat(r->place, &info) == 0)
        return bp_fail(err, BP_EEXIST, "%s: there is a journal already; restore into a new folder",
                       r->place);
    bp_status st = bp_dir_make(r->making, 0700, err);
    if (st == BP_OK)
        st = clear(r->making, err);
    return st == BP_OK ? bp_journal_import_open(r->making, MAP_BYTES_MORE + 8 * r->file_bytes,
                                                &r->import, err)
                       : st;
}

static bp_status move_into_place(struct restore *r, struct bp_err *err)
{
    bp_journal_import_close(r->import);
    r->import = NULL;
    bp_status st = bp_dir_flush(r->making, err);
    if (st != BP_OK)
        return st;
    if (rename(r->making, r->place) != 0)
        return bp_fail(err, BP_EIO, "%s: cannot be moved into place: %s", r->making,
                       strerror(errno));
    return bp_dir_flush(r->config->data_dir, err);
}

/* --- the file --- */

static bp_status open_file(struct restore *r, struct bp_err *err)
{
    struct stat info;
    struct bp_sealed_piece header;
    const char *path = r->config->file;
    r->file = fopen(path, "rbe");
    if (r->file == NULL || fstat(fileno(r->file), &info) != 0)
        return bp_fail(err, errno == ENOENT ? BP_ENOENT : BP_EIO, "%s: %s", path, strerror(errno));
    r->file_bytes = (uint64_t)info.st_size;
    bp_status st = bp_sealed_piece_read(r->file, &r->piece, &header);
    if (st != BP_OK)
        return bp_fail(err, st == BP_ENOENT ? BP_ECORRUPT : st, "%s: not a backup, or damaged",
                       path);
    r->read_bytes = r->piece.n;
    return bp_unsealer_create(&header, r->config->key, &r->unsealer, err);
}

static bp_status take_item(struct restore *r, const struct bp_backup_item *item,
                           struct bp_restored *out, struct bp_err *err)
{
    bool is_in_turn = !r->is_complete && (item->kind == BP_BACKUP_ABOUT) != r->is_begun;
    if (!is_in_turn)
        return fail(r, BP_ECORRUPT, err, "its items are not in order");
    switch (item->kind) {
    case BP_BACKUP_ABOUT:
        out->about = item->about;
        r->is_begun = true;
        return BP_OK;
    case BP_BACKUP_SUBSCRIPTION:
        r->subscriptions++;
        return bp_journal_import_subscription(r->import, &item->subscription, err);
    case BP_BACKUP_ENTRY:
        r->entries++;
        return bp_journal_import_entry(r->import, item->entry, err);
    case BP_BACKUP_END:
        out->end = item->end;
        r->is_complete = true;
        return BP_OK;
    }
    return BP_ECORRUPT;
}

static bp_status take_page(struct restore *r, const struct bp_sealed_piece *piece,
                           struct bp_restored *out, struct bp_err *err)
{
    struct bp_backup_item item;
    bp_status st = bp_unsealer_page(r->unsealer, piece, &r->content);
    if (st != BP_OK)
        return fail(r, st, err, "does not belong here, or was changed");
    struct bp_str rest = bp_buf_str(&r->content);
    while ((st = bp_backup_take(&rest, &item)) == BP_OK) {
        if ((st = take_item(r, &item, out, err)) != BP_OK)
            return st;
    }
    return st == BP_ENOENT ? BP_OK : fail(r, st, err, "holds what this version does not know");
}

static bp_status read_pages(struct restore *r, struct bp_restored *out, struct bp_err *err)
{
    const struct bp_restore_config *config = r->config;
    while (!bp_unsealer_is_complete(r->unsealer)) {
        struct bp_sealed_piece piece;
        r->page++;
        bp_status st = bp_sealed_piece_read(r->file, &r->piece, &piece);
        if (st == BP_ENOENT)
            return fail(r, BP_ECORRUPT, err, "missing: the file was cut off");
        if (st != BP_OK)
            return fail(r, st, err, "damaged");
        if ((st = take_page(r, &piece, out, err)) != BP_OK)
            return st;
        r->read_bytes += r->piece.n;
        if (config->progress != NULL)
            config->progress(config->context, r->read_bytes, r->file_bytes);
    }
    return BP_OK;
}

/* All that the backup said it holds. */
static bool is_whole(const struct restore *r, const struct bp_restored *out)
{
    return r->is_complete && r->entries == out->end.entries &&
           r->subscriptions == out->end.subscriptions &&
           bp_journal_import_last_number(r->import) == out->end.last_number &&
           bp_journal_import_head(r->import) == out->end.head;
}

static bp_status run(struct restore *r, struct bp_restored *out, struct bp_err *err)
{
    bp_status st = open_file(r, err);
    if (st == BP_OK)
        st = prepare_folder(r, err);
    if (st == BP_OK)
        st = read_pages(r, out, err);
    if (st == BP_OK && !is_whole(r, out))
        st = fail(r, BP_ECORRUPT, err, "the file holds less than it says");
    if (st == BP_OK)
        st = bp_journal_import_finish(r->import, r->config->clock, &out->log_id, err);
    return st == BP_OK ? move_into_place(r, err) : st;
}

bp_status bp_restore(const struct bp_restore_config *config, struct bp_restored *out,
                     struct bp_err *err)
{
    struct restore r = {.config = config};
    bp_status st = run(&r, out, err);
    bp_journal_import_close(r.import);
    bp_unsealer_destroy(r.unsealer);
    if (r.file != NULL)
        (void)fclose(r.file);
    bp_buf_fini(&r.piece);
    if (r.content.p != NULL)
        memset(r.content.p, 0, r.content.n);
    bp_buf_fini(&r.content);
    free(r.place);
    free(r.making);
    return st;
}
