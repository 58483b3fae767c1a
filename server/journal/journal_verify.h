/* Looks at every entry of a journal that no server has open: its checksum, its number, its place
 * among positions, its time, the parts of a policy, and the table of control entries. Changes no
 * entry. A damaged file may end the program: who calls does so in a process of its own. */
#ifndef BERBAGI_JOURNAL_VERIFY_H
#define BERBAGI_JOURNAL_VERIFY_H

#include "journal.h"

struct bp_journal_damage {
    uint64_t number;   /* of the entry; 0: of none in particular */
    uint64_t position; /* of the event that stands or should stand there; 0: none */
    const char *what;  /* "fails its check" */
};

struct bp_journal_verify_config {
    const char *dir;
    uint64_t map_bytes; /* address space for it, as it was served with or more than it takes */
    uint64_t from;      /* the first entry to look at; 0 = the first of all */
    /* Each in turn, before it is looked at: what a death would be about. last: the newest. */
    void (*at)(void *context, uint64_t number, uint64_t position, uint64_t last);
    void (*damaged)(void *context, const struct bp_journal_damage *damage);
    void (*event)(void *context, const struct bp_record *record); /* each sound one */
    void *context;
};

struct bp_journal_verified {
    struct bp_log_id log_id;
    uint64_t entries, events; /* sound ones */
    uint64_t last, head;
};

/* BP_OK also where there was damage. BP_ENOENT: there is no journal; BP_EEXIST: a server has it open;
 * others: it cannot be looked at, and the server cannot start either. */
BP_MUST_USE bp_status bp_journal_verify(const struct bp_journal_verify_config *config,
                                        struct bp_journal_verified *out, struct bp_err *err);

#endif
