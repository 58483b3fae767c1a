/* What the two halves of an explanation share: explain.c (verdict, grants), explain_fields.c
 * (payload fields). */
#ifndef BERBAGI_EXPLAIN_INTERNAL_H
#define BERBAGI_EXPLAIN_INTERNAL_H

#include "buffer.h"
#include "explain.h"
#include "policy_internal.h"

/* A grant that applies, and what the ceiling left of it. */
struct applied {
    const struct grant *grant;
    struct rest rest;
};

/* One explanation while it is made. */
struct explanation {
    const struct bp_policy *p;
    const struct bp_agency *agency;
    const struct bp_event_type *type;
    enum direction direction;
    struct bp_facts facts;
    bp_day day;
    struct bp_sight sight;          /* what decide.c gives; of publishing, the view alone */
    const struct right *next, *end; /* rights of the cell, in the order of their grants */
    struct applied *applied;
    size_t n_applied;
    struct bp_buf words; /* the sentence under way */
    bool is_out_of_memory;
    Berbagi__V1__ExplainResponse *out;
};

/* The sentence as a text of a message; words is empty afterwards. */
char *bp_explain_take_words(struct explanation *e);
/* A copy as a text of a message. */
char *bp_explain_copy(struct explanation *e, struct bp_str text);
/* calloc that remembers failure in e and never asks for zero bytes. */
void *bp_explain_alloc(struct explanation *e, size_t n, size_t size);

/* The word of the contract without its prefix: "IDENTIFIED". */
const char *bp_explain_level(enum bp_level level);
const char *bp_explain_kind(int kind);

/* Fills fields, visible_fields and withheld_fields from e->applied and the sight. */
void bp_explain_fields(struct explanation *e);

#endif
