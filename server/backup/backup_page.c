#include "backup_page.h"

#include "bytes.h"

#define ITEM_BEGIN 5u
#define ABOUT_BYTES 28u
#define SUBSCRIPTION_BYTES 24u /* before its texts */
#define END_BYTES 32u

static void put_item(struct bp_buf *page, enum bp_backup_kind kind, const void *p, size_t n)
{
    uint8_t begin[ITEM_BEGIN] = {(uint8_t)kind};
    bp_put_u32(begin + 1, (uint32_t)n);
    bp_buf_add(page, begin, sizeof(begin));
    bp_buf_add(page, p, n);
}

void bp_backup_put_about(struct bp_buf *page, const struct bp_backup_about *about)
{
    uint8_t body[ABOUT_BYTES];
    bp_put_u32(body, BP_BACKUP_FORMAT);
    memcpy(body + 4, about->log_id.bytes, BP_LOG_ID_BYTES);
    bp_put_u64(body + 20, (uint64_t)about->taken_at_ns);
    put_item(page, BP_BACKUP_ABOUT, body, sizeof(body));
}

static uint8_t *put_text(uint8_t *to, const char *text)
{
    size_t n = strlen(text);
    *to++ = (uint8_t)n;
    memcpy(to, text, n);
    return to + n;
}

void bp_backup_put_subscription(struct bp_buf *page, const struct bp_subscription *row)
{
    struct bp_buf body = {0};
    uint8_t fixed[SUBSCRIPTION_BYTES + 2 + sizeof(row->agency) + sizeof(row->name)];
    bp_put_u64(fixed, row->acknowledged_position);
    bp_put_u64(fixed + 8, (uint64_t)row->last_active_ns);
    bp_put_u64(fixed + 16, (uint64_t)row->created_ns);
    const uint8_t *end = put_text(put_text(fixed + SUBSCRIPTION_BYTES, row->agency), row->name);
    bp_buf_add(&body, fixed, (size_t)(end - fixed));
    bp_buf_add_str(&body, row->filter);
    if (body.failed)
        page->failed = true;
    else
        put_item(page, BP_BACKUP_SUBSCRIPTION, body.p, body.n);
    bp_buf_fini(&body);
}

void bp_backup_put_entry(struct bp_buf *page, struct bp_str stored)
{
    put_item(page, BP_BACKUP_ENTRY, stored.p, stored.n);
}

void bp_backup_put_end(struct bp_buf *page, const struct bp_backup_end *end)
{
    uint8_t body[END_BYTES];
    bp_put_u64(body, end->last_number);
    bp_put_u64(body + 8, end->head);
    bp_put_u64(body + 16, end->entries);
    bp_put_u64(body + 24, end->subscriptions);
    put_item(page, BP_BACKUP_END, body, sizeof(body));
}

/* --- taking --- */

static bp_status take_about(struct bp_str body, struct bp_backup_about *out)
{
    const uint8_t *p = (const uint8_t *)body.p;
    if (body.n >= 4 && bp_get_u32(p) > BP_BACKUP_FORMAT)
        return BP_EVERSION;
    if (body.n != ABOUT_BYTES)
        return BP_ECORRUPT;
    memcpy(out->log_id.bytes, p + 4, BP_LOG_ID_BYTES);
    out->taken_at_ns = (int64_t)bp_get_u64(p + 20);
    return BP_OK;
}

/* A text with its length before it, off the front of body; false: it is not there, empty, or does
 * not fit into out. */
static bool take_text(struct bp_str *body, char *out, size_t size)
{
    size_t n = body->n == 0 ? 0 : (uint8_t)body->p[0];
    if (n == 0 || body->n < 1 + n || !bp_str_copy(out, size, bp_str_of(body->p + 1, n)))
        return false;
    *body = bp_str_of(body->p + 1 + n, body->n - 1 - n);
    return true;
}

static bp_status take_subscription(struct bp_str body, struct bp_subscription *out)
{
    const uint8_t *p = (const uint8_t *)body.p;
    if (body.n < SUBSCRIPTION_BYTES)
        return BP_ECORRUPT;
    out->acknowledged_position = bp_get_u64(p);
    out->last_active_ns = (int64_t)bp_get_u64(p + 8);
    out->created_ns = (int64_t)bp_get_u64(p + 16);
    body = bp_str_of(p + SUBSCRIPTION_BYTES, body.n - SUBSCRIPTION_BYTES);
    if (!take_text(&body, out->agency, sizeof(out->agency)) ||
        !take_text(&body, out->name, sizeof(out->name)))
        return BP_ECORRUPT;
    out->filter = body;
    return BP_OK;
}

static bp_status take_end(struct bp_str body, struct bp_backup_end *out)
{
    const uint8_t *p = (const uint8_t *)body.p;
    if (body.n != END_BYTES)
        return BP_ECORRUPT;
    out->last_number = bp_get_u64(p);
    out->head = bp_get_u64(p + 8);
    out->entries = bp_get_u64(p + 16);
    out->subscriptions = bp_get_u64(p + 24);
    return BP_OK;
}

bp_status bp_backup_take(struct bp_str *page, struct bp_backup_item *out)
{
    const uint8_t *p = (const uint8_t *)page->p;
    if (page->n == 0)
        return BP_ENOENT;
    if (page->n < ITEM_BEGIN || bp_get_u32(p + 1) > page->n - ITEM_BEGIN)
        return BP_ECORRUPT;
    struct bp_str body = bp_str_of(p + ITEM_BEGIN, bp_get_u32(p + 1));
    *page = bp_str_of(body.p + body.n, page->n - ITEM_BEGIN - body.n);
    out->kind = (enum bp_backup_kind)p[0];
    switch (out->kind) {
    case BP_BACKUP_ABOUT:
        return take_about(body, &out->about);
    case BP_BACKUP_SUBSCRIPTION:
        return take_subscription(body, &out->subscription);
    case BP_BACKUP_ENTRY:
        out->entry = body;
        return BP_OK;
    case BP_BACKUP_END:
        return take_end(body, &out->end);
    }
    return BP_ECORRUPT;
}
