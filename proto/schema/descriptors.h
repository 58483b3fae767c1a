/* The messages and enums of descriptor sets as flat lists with full names: what bp_schema_load
 * reads types from. Lives for the time of a load. Names and built enums stand in the arena and
 * outlive it. */
#ifndef BERBAGI_DESCRIPTORS_H
#define BERBAGI_DESCRIPTORS_H

#include "arena.h"
#include "error.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "schema.h"

struct bp_file_entry {
    struct bp_str bytes; /* borrowed from the set */
    Google__Protobuf__FileDescriptorProto *file;
};

struct bp_message_entry {
    struct bp_str name; /* full, no leading dot */
    const Google__Protobuf__DescriptorProto *message;
    size_t set;
    bool is_proto3;
};

struct bp_enum_entry {
    struct bp_str name;
    const Google__Protobuf__EnumDescriptorProto *source;
    size_t set;
    const struct bp_enum *built; /* NULL until something refers to it */
};

struct bp_descriptors {
    struct bp_arena *arena;
    struct bp_file_entry *files;
    struct bp_message_entry *messages;
    struct bp_enum_entry *enums;
    size_t n_files, n_messages, n_enums;
    size_t n_sets;
};

/* Adds a serialized FileDescriptorSet; its bytes stay borrowed until fini. A file that is there
 * already with the same bytes is passed over. BP_EINVAL: malformed, or nested deeper than 64. */
BP_MUST_USE bp_status bp_descriptors_add(struct bp_descriptors *d, struct bp_str set,
                                         struct bp_err *err);
void bp_descriptors_fini(struct bp_descriptors *d);

/* The enum of this name ("." in front, as in FieldDescriptorProto.type_name) as a field in the
 * given set sees it: of the same set, else of an earlier one. BP_ENOENT. */
BP_MUST_USE bp_status bp_descriptors_enum(struct bp_descriptors *d, const char *type_name,
                                          size_t set, const struct bp_enum **out);

#endif
