/* Open addressing with linear probing; half of the slots stay free, so a probe is short and always
 * ends. */
#include "names.h"

#include "crc32c.h"

bp_status bp_names_init(struct bp_names *t, size_t most)
{
    size_t n = 4;
    while (n < most * 2)
        n *= 2;
    t->slots = calloc(n, sizeof(*t->slots));
    if (t->slots == NULL)
        return BP_ENOMEM;
    t->n_slots = n;
    return BP_OK;
}

void bp_names_fini(struct bp_names *t)
{
    free(t->slots);
    *t = (struct bp_names){0};
}

/* The slot that holds the name, or the free one where it belongs. */
static struct bp_names_slot *slot_of(const struct bp_names *t, struct bp_str name)
{
    size_t i = bp_crc32c(0, name.p, name.n) & (t->n_slots - 1);
    while (t->slots[i].is_taken && !bp_str_eq(t->slots[i].name, name))
        i = (i + 1) & (t->n_slots - 1);
    return &t->slots[i];
}

bool bp_names_add(struct bp_names *t, struct bp_str name, uint32_t value)
{
    struct bp_names_slot *slot = slot_of(t, name);
    if (slot->is_taken)
        return false;
    *slot = (struct bp_names_slot){name, value, true};
    return true;
}

bool bp_names_find(const struct bp_names *t, struct bp_str name, uint32_t *value)
{
    if (t->n_slots == 0)
        return false;
    const struct bp_names_slot *slot = slot_of(t, name);
    if (slot->is_taken)
        *value = slot->value;
    return slot->is_taken;
}
