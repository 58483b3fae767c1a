/* Events and grounds in words, for a person at a terminal, and a ground as a line of JSON. */
#ifndef BERBAGI_PRETTY_H
#define BERBAGI_PRETTY_H

#include "berbagi.h"
#include "event_json.h"

/* Appends text as it came, but for control characters, which could steer a terminal (C1 too: 0xC2
 * 0x80 to 0x9F). */
void bp_words_add(struct bp_buf *out, struct bp_str text);

/* Appends a heading and a line for each field that is there. What could steer a terminal is
 * replaced. False: malformed or out of memory. */
bool bp_event_to_words(const struct bp_schema *schema, const struct bp_event *e,
                       const struct bp_delivery_notes *notes, struct bp_buf *out);

void bp_ground_to_words(const struct berbagi_ground *g, struct bp_buf *out);

/* {"ground":7,"agreement":...,"hidden":[...],"coarsened":[...]} and a line end. */
void bp_ground_to_json(const struct berbagi_ground *g, struct bp_buf *out);

#endif
