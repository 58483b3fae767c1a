/* Lines of one agency stand together, because the exchange tells them so. A type may have several,
 * one for each agreement; it is counted once. */
#include "policy_changes.h"

#include <inttypes.h>

#include "progress.h"

static void put_fields(struct bp_buf *out, const char *sign, const char *const *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bp_buf_printf(out, " %s%s", sign, fields[i]);
}

static void note_agency(struct bp_policy_changes *c, const char *agency)
{
    if (c->agencies != 0 && strcmp(c->agency, agency) == 0)
        return;
    (void)snprintf(c->agency, sizeof(c->agency), "%s", agency);
    c->type[0] = '\0';
    c->agencies++;
}

static void count(struct bp_policy_changes *c, const struct berbagi_policy_change *change)
{
    c->rights++;
    c->fields_gained += change->n_fields_gained;
    c->fields_lost += change->n_fields_lost;
    if (c->was_publish == change->is_publish && strcmp(c->type, change->event_type) == 0)
        return;
    (void)snprintf(c->type, sizeof(c->type), "%s", change->event_type);
    c->was_publish = change->is_publish;
    if (change->type_gained)
        c->types_gained++;
    else if (change->type_lost)
        c->types_lost++;
    else
        c->types_changed++;
}

void bp_policy_changes_take(void *context, const struct berbagi_policy_change *change)
{
    struct bp_policy_changes *c = context;
    const char *sign = change->type_gained ? "+" : change->type_lost ? "-" : "~";
    note_agency(c, change->agency);
    count(c, change);
    bp_buf_printf(&c->text, "%s %s %s %s", sign, change->agency,
                  change->is_publish ? "publish" : "subscribe", change->event_type);
    put_fields(&c->text, "+", change->fields_gained, change->n_fields_gained);
    put_fields(&c->text, "-", change->fields_lost, change->n_fields_lost);
    if (change->agreement[0] != '\0')
        bp_buf_printf(&c->text, " (%s)", change->agreement);
    bp_buf_add_byte(&c->text, '\n');
}

void bp_policy_changes_fini(struct bp_policy_changes *c)
{
    bp_buf_fini(&c->text);
}

const char *bp_policy_changes_sum(const struct bp_policy_changes *c, char *out, size_t size)
{
    char n[6][32];
    (void)snprintf(out, size,
                   "%s agencies, %s types gained, %s lost, %s changed, %s fields gained, %s lost",
                   bp_count_text(c->agencies, n[0]), bp_count_text(c->types_gained, n[1]),
                   bp_count_text(c->types_lost, n[2]), bp_count_text(c->types_changed, n[3]),
                   bp_count_text(c->fields_gained, n[4]), bp_count_text(c->fields_lost, n[5]));
    return out;
}
