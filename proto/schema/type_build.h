/* One message descriptor with its options → one bp_event_type. Part of bp_schema_load. */
#ifndef BERBAGI_TYPE_BUILD_H
#define BERBAGI_TYPE_BUILD_H

#include "descriptors.h"

/* Fills *type from the message and sets *is_event; a message without the option berbagi.v1.event is
 * none and is left alone. Every text and list of *type stands in the arena. BP_EINVAL names message
 * and field and what is wrong with it. */
BP_MUST_USE bp_status bp_type_build(struct bp_descriptors *d, const struct bp_message_entry *entry,
                                    struct bp_event_type *type, bool *is_event, struct bp_err *err);

/* The same for berbagi.v1.Event itself: its fields need no class, which means PUBLIC there. */
BP_MUST_USE bp_status bp_envelope_build(struct bp_descriptors *d,
                                        const struct bp_message_entry *entry,
                                        struct bp_event_type *type, struct bp_err *err);

#endif
