/* What the pages of a backup hold: items one behind the other, each a kind, a length and its bytes.
 *
 *   item           u8 kind · u32 n · n bytes
 *   about          u32 format · log id (16) · i64 taken at
 *   subscription   u64 acknowledged · i64 last active · i64 created · u8 n, agency · u8 n, name · filter
 *   entry          its stored form (journal/record.h)
 *   end            u64 last number · u64 head · u64 entries · u64 subscriptions
 *
 * Little-endian. One about comes first, then the subscriptions, then the entries in order of number,
 * then one end; pages may be cut between any two items. Pure; any thread. */
#ifndef BERBAGI_BACKUP_PAGE_H
#define BERBAGI_BACKUP_PAGE_H

#include "buffer.h"
#include "sequencer.h"

#define BP_BACKUP_FORMAT 1u

enum bp_backup_kind {
    BP_BACKUP_ABOUT = 1,
    BP_BACKUP_SUBSCRIPTION = 2,
    BP_BACKUP_ENTRY = 3,
    BP_BACKUP_END = 4,
};

struct bp_backup_about {
    struct bp_log_id log_id;
    int64_t taken_at_ns;
};

struct bp_backup_end {
    uint64_t last_number, head;
    uint64_t entries, subscriptions; /* how many stand in the file */
};

/* One item; borrowed from the page. */
struct bp_backup_item {
    enum bp_backup_kind kind;
    struct bp_backup_about about;
    struct bp_subscription subscription;
    struct bp_str entry;
    struct bp_backup_end end;
};

void bp_backup_put_about(struct bp_buf *page, const struct bp_backup_about *about);
void bp_backup_put_subscription(struct bp_buf *page, const struct bp_subscription *row);
void bp_backup_put_entry(struct bp_buf *page, struct bp_str stored);
void bp_backup_put_end(struct bp_buf *page, const struct bp_backup_end *end);

/* Takes the first item off the page. BP_ENOENT: none is left; BP_ECORRUPT: not one of these;
 * BP_EVERSION: a newer version wrote it. */
BP_MUST_USE bp_status bp_backup_take(struct bp_str *page, struct bp_backup_item *out);

#endif
