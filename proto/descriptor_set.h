/* The contract as a serialized google.protobuf.FileDescriptorSet with all imports, embedded at
 * build time: server reflection answers from it, and bp_schema_load reads the event types out of
 * it. */
#ifndef BERBAGI_DESCRIPTOR_SET_H
#define BERBAGI_DESCRIPTOR_SET_H

#include <stddef.h>
#include <stdint.h>

/* Borrowed for the life of the program; *size is its length in bytes. Any thread. */
const uint8_t *bp_descriptor_set(size_t *size);

#endif
