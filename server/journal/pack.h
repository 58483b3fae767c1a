/* Neighbours of the log packed together as one value of the store, so that what a value costs is
 * paid once for some forty entries, and what they have in common with the first of them stands
 * there alone: a log id, a policy version, a source, a type. What is common is looked for in an
 * entry's beginning, at the same places; the rest, an event's data, is kept as it is. Any entry is
 * found and put together without the others but the first. Entries are bytes here, and check
 * themselves; the pack's own table has a checksum. Pure; any thread. */
#ifndef BERBAGI_PACK_H
#define BERBAGI_PACK_H

#include "buffer.h"

/* A pack fills four pages of the store, whose header takes the first bytes. */
#define BP_PACK_BYTES_MAX (4u * 4096u - 16u)
#define BP_PACK_ENTRIES_MAX 256u

/* A pack in the making. */
struct bp_pack_writer {
    uint64_t first; /* number of its first entry */
    size_t n;       /* entries; 0: nothing is begun */
    /* private */
    uint16_t starts[BP_PACK_ENTRIES_MAX];
    struct bp_buf data;
};

void bp_pack_writer_fini(struct bp_pack_writer *w); /* zeroed allowed; zeroed afterwards */

/* Begins a pack with this entry, of any size. BP_ENOMEM: nothing is begun. */
BP_MUST_USE bp_status bp_pack_begin(struct bp_pack_writer *w, uint64_t number, struct bp_str entry);
/* Adds the entry with the next number. BP_ETOOLARGE: the pack is full; BP_ENOMEM; nothing changed
 * with either. */
BP_MUST_USE bp_status bp_pack_add(struct bp_pack_writer *w, struct bp_str entry);
/* Goes on with what was written before. BP_ECORRUPT, BP_ENOMEM: nothing is begun. */
BP_MUST_USE bp_status bp_pack_resume(struct bp_pack_writer *w, uint64_t first, struct bp_str value);

/* The value, of a pack with entries. */
size_t bp_pack_size(const struct bp_pack_writer *w);
void bp_pack_write(const struct bp_pack_writer *w, uint8_t *out);

/* A pack that is read; points into the value. */
struct bp_pack {
    uint64_t first;
    size_t n;
    /* private */
    const uint8_t *starts;
    struct bp_str data;
};

/* The value that stands under this number. BP_ECORRUPT: its table fails its check, or the data is
 * not as long as that says. */
BP_MUST_USE bp_status bp_pack_open(uint64_t first, struct bp_str value, struct bp_pack *out);
/* The entry with this number, which is one of the pack's: in the value, or put together in scratch,
 * whose content goes. BP_ECORRUPT, BP_ENOMEM. */
BP_MUST_USE bp_status bp_pack_get(const struct bp_pack *p, uint64_t number, struct bp_buf *scratch,
                                  struct bp_str *entry);

static inline bool bp_pack_has(const struct bp_pack *p, uint64_t number)
{
    return number >= p->first && number - p->first < p->n;
}

#endif
