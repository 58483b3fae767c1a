#include "backup.h"

#include <inttypes.h>

#include "backup_page.h"
#include "sealer.h"

#define PAGE_BYTES (1u << 20) /* a page ends with the item that reaches this */

enum phase { AT_HEADER, AT_SUBSCRIPTIONS, AT_ENTRIES, AT_END };

struct bp_backup {
    struct bp_backup_config config;
    struct bp_sealer *sealer;
    struct bp_buf header; /* until it is given away */
    struct bp_buf page;
    enum phase phase;
    struct bp_subscription last; /* of those in the file; its filter is not kept */
    uint64_t number;             /* of the newest entry in the file */
    struct bp_backup_end end;
};

bp_status bp_backup_create(const struct bp_backup_config *config, struct bp_backup **out,
                           struct bp_err *err)
{
    struct bp_backup *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return bp_fail(err, BP_ENOMEM, "backup: out of memory");
    b->config = *config;
    bp_status st = bp_sealer_create(config->recipient, &b->header, &b->sealer, err);
    if (st == BP_OK)
        *out = b;
    else
        bp_backup_destroy(b);
    return st;
}

void bp_backup_destroy(struct bp_backup *b)
{
    if (b == NULL)
        return;
    bp_sealer_destroy(b->sealer);
    bp_buf_fini(&b->header);
    bp_buf_fini(&b->page);
    free(b);
}

void bp_backup_progress(const struct bp_backup *b, uint64_t *done, uint64_t *total)
{
    *done = b->number;
    *total = b->end.last_number;
}

/* --- filling a page --- */

static bool is_full(const struct bp_backup *b)
{
    return b->page.n >= PAGE_BYTES || b->page.failed;
}

static bool put_subscription(void *context, const struct bp_subscription *row)
{
    struct bp_backup *b = context;
    bp_backup_put_subscription(&b->page, row);
    b->last = *row;
    b->end.subscriptions++;
    return !is_full(b);
}

/* From here on the end of the backup stands. */
static void begin_entries(struct bp_backup *b)
{
    b->end.last_number = bp_journal_last_number(b->config.journal);
    b->phase = AT_ENTRIES;
}

static bp_status fill_subscriptions(struct bp_backup *b, struct bp_err *err)
{
    bool is_first = b->end.subscriptions == 0;
    bp_status st =
        bp_sequencer_list_subscriptions(b->config.sequencer, NULL, is_first ? NULL : b->last.agency,
                                        is_first ? NULL : b->last.name, put_subscription, b);
    if (st == BP_OK && !is_full(b))
        begin_entries(b);
    return st == BP_OK ? st : bp_fail(err, st, "backup: cannot list the subscriptions");
}

static bp_status fill_entries(struct bp_backup *b, struct bp_err *err)
{
    struct bp_journal_reader *r;
    bp_status st = bp_journal_read_begin(b->config.journal, &r);
    if (st != BP_OK)
        return bp_fail(err, st, "backup: cannot read the journal (%s)", bp_status_name(st));
    while (st == BP_OK && b->number < b->end.last_number && !is_full(b)) {
        struct bp_str stored;
        uint64_t position;
        st = bp_journal_read_stored(r, b->number + 1, &stored, &position);
        if (st != BP_OK)
            break;
        bp_backup_put_entry(&b->page, stored);
        if (position != 0)
            b->end.head = position;
        b->end.entries++;
        b->number++;
    }
    bp_journal_read_end(r);
    if (st != BP_OK)
        return bp_fail(err, st, "backup: entry %" PRIu64 " of the log fails its check",
                       b->number + 1);
    if (b->number == b->end.last_number)
        b->phase = AT_END;
    return BP_OK;
}

static bp_status fill_page(struct bp_backup *b, struct bp_err *err)
{
    bp_status st = BP_OK;
    bp_buf_clear(&b->page);
    if (b->phase == AT_HEADER) {
        struct bp_backup_about about = {bp_journal_log_id(b->config.journal),
                                        bp_now_ns(b->config.clock)};
        bp_backup_put_about(&b->page, &about);
        b->phase = AT_SUBSCRIPTIONS;
    }
    if (b->phase == AT_SUBSCRIPTIONS)
        st = fill_subscriptions(b, err);
    if (st == BP_OK && b->phase == AT_ENTRIES)
        st = fill_entries(b, err);
    if (st == BP_OK && b->phase == AT_END)
        bp_backup_put_end(&b->page, &b->end);
    return st == BP_OK && b->page.failed ? bp_fail(err, BP_ENOMEM, "backup: out of memory") : st;
}

bp_status bp_backup_next(struct bp_backup *b, struct bp_buf *piece, bool *is_last,
                         struct bp_err *err)
{
    bp_buf_clear(piece);
    *is_last = false;
    if (b->header.n != 0) {
        bp_buf_add_str(piece, bp_buf_str(&b->header));
        bp_buf_fini(&b->header);
        return piece->failed ? bp_fail(err, BP_ENOMEM, "backup: out of memory") : BP_OK;
    }
    bp_status st = fill_page(b, err);
    if (st != BP_OK)
        return st;
    *is_last = b->phase == AT_END;
    st = bp_sealer_page(b->sealer, bp_buf_str(&b->page), *is_last, piece);
    return st == BP_OK ? st
                       : bp_fail(err, st, "backup: cannot seal a page (%s)", bp_status_name(st));
}
