/* Options are read from the unknown fields of the descriptor's own options, because protobuf-c
 * knows no extensions. Every rule is checked against the field it stands on, so that the code which
 * applies it need not ask again. */
#include "type_build.h"

#include <stdio.h>

#include "berbagi/v1/annotations.pb-c.h"
#include "event.h"
#include "wire.h"

#define OPTION_TAG 52707 /* of both extensions in annotations.proto */
#define TEXT_MAX_DEFAULT 256

typedef Google__Protobuf__FieldDescriptorProto field_descriptor;

/* What a build hands from function to function. */
struct build {
    struct bp_descriptors *d;
    const struct bp_message_entry *entry;
    bool is_envelope;
    struct bp_err *err;
};

static bp_status refuse(const struct build *b, const char *field, const char *why)
{
    return bp_fail(b->err, BP_EINVAL, "%.*s%s%s: %s", BP_STR_ARGS(b->entry->name),
                   field != NULL ? "." : "", field != NULL ? field : "", why);
}

static bp_status no_memory(const struct build *b)
{
    return bp_fail(b->err, BP_ENOMEM, "%.*s: out of memory", BP_STR_ARGS(b->entry->name));
}

/* Appends the content of every occurrence of the option: one message, by protobuf's rule of
 * merging. False: malformed. */
static bool collect_option(const ProtobufCMessage *options, struct bp_buf *out, bool *found)
{
    *found = false;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];
        if (u->tag != OPTION_TAG)
            continue;
        struct bp_wire r = bp_wire_of(bp_str_of(u->data, u->len));
        uint64_t n; /* protobuf-c keeps the length before the content */
        if (u->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || !bp_wire_varint(&r, &n) ||
            n != (uint64_t)(r.end - r.p))
            return false;
        bp_buf_add(out, r.p, (size_t)n);
        *found = true;
    }
    return true;
}

static const struct {
    int proto; /* FieldDescriptorProto.Type */
    enum bp_field_type type;
} field_types[] = {
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING, BP_FIELD_STRING},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES, BP_FIELD_BYTES},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL, BP_FIELD_BOOL},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32, BP_FIELD_INT32},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64, BP_FIELD_INT64},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32, BP_FIELD_UINT32},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64, BP_FIELD_UINT64},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM, BP_FIELD_ENUM},
    {GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE, BP_FIELD_TIMESTAMP},
};

static bp_status set_type(const struct build *b, const field_descriptor *source, struct bp_field *f)
{
    size_t i = 0, n = sizeof(field_types) / sizeof(field_types[0]);
    while (i < n && (int)source->type != field_types[i].proto)
        i++;
    if (i == n)
        return refuse(b, source->name, "its kind (float, fixed, sint or group) is not supported");
    f->type = field_types[i].type;
    if (f->type == BP_FIELD_TIMESTAMP &&
        !bp_str_is(bp_str(source->type_name), ".google.protobuf.Timestamp"))
        return refuse(b, source->name, "of messages, google.protobuf.Timestamp alone is supported");
    if (f->repeated && (f->type == BP_FIELD_TIMESTAMP || f->type == BP_FIELD_BYTES))
        return refuse(b, source->name, "lists are of strings or numbers");
    if (f->type != BP_FIELD_ENUM)
        return BP_OK;
    bp_status st = source->type_name != NULL ? bp_descriptors_enum(b->d, source->type_name,
                                                                   b->entry->set, &f->enumeration)
                                             : BP_ENOENT;
    if (st == BP_ENOENT)
        return refuse(b, source->name, "its enum is not in the descriptor set");
    return st == BP_OK ? BP_OK : no_memory(b);
}

static void set_shape(const struct build *b, const field_descriptor *source, struct bp_field *f)
{
    const Google__Protobuf__FieldOptions *options = source->options;
    f->number = (uint32_t)source->number;
    f->repeated = source->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    f->packed = options != NULL && options->has_packed ? options->packed != 0 : b->entry->is_proto3;
    f->has_presence = !f->repeated && (!b->entry->is_proto3 || source->has_oneof_index);
}

/* Numbers outside of these enums come from a newer annotations.proto, whose rules this program
 * would not apply. */
static bool rules_are_known(const Berbagi__V1__FieldRules *r)
{
    return r->base.n_unknown_fields == 0 &&
           (unsigned)r->data_class <= BERBAGI__V1__DATA_CLASS__DATA_CLASS_SPECIFIC &&
           (unsigned)r->specific_kind <= BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_FINANCE &&
           (unsigned)r->format <= BERBAGI__V1__FORMAT__FORMAT_SHA256 &&
           (unsigned)r->coarsen <= BERBAGI__V1__COARSEN__COARSEN_YEAR;
}

/* What is wrong with the rules of a field; NULL if nothing is. */
static const char *rules_fault(const struct build *b, const Berbagi__V1__FieldRules *r,
                               const struct bp_field *f)
{
    bool is_specific = r->data_class == BERBAGI__V1__DATA_CLASS__DATA_CLASS_SPECIFIC;
    bool is_personal = is_specific || r->data_class == BERBAGI__V1__DATA_CLASS__DATA_CLASS_PERSONAL;
    if (!rules_are_known(r))
        return "it has rules that this version does not know";
    if (!b->is_envelope && r->data_class == BERBAGI__V1__DATA_CLASS__DATA_CLASS_UNSPECIFIED)
        return "it has no data_class";
    if (is_specific != (r->specific_kind != BERBAGI__V1__SPECIFIC_KIND__SPECIFIC_KIND_UNSPECIFIED))
        return "data_class SPECIFIC and specific_kind go together";
    if (is_personal && f->type == BP_FIELD_BOOL)
        return "a personal field may not be a bool: its absence would tell its value";
    if (f->type != BP_FIELD_STRING && (r->format != 0 || r->coarsen != 0 || r->pseudonym))
        return "format, coarsen and pseudonym are for strings";
    if (f->type != BP_FIELD_STRING && f->type != BP_FIELD_BYTES && r->max_bytes != 0)
        return "max_bytes is for strings and bytes";
    return NULL;
}

static void apply_rules(const struct build *b, const Berbagi__V1__FieldRules *r, struct bp_field *f)
{
    f->data_class = (int)r->data_class;
    if (b->is_envelope && f->data_class == 0)
        f->data_class = BERBAGI__V1__DATA_CLASS__DATA_CLASS_PUBLIC;
    f->specific_kind = (int)r->specific_kind;
    f->required = r->required != 0;
    f->format = (int)r->format;
    f->max_bytes = r->max_bytes;
    if (f->max_bytes == 0 && f->type == BP_FIELD_STRING)
        f->max_bytes = TEXT_MAX_DEFAULT;
    if (f->max_bytes == 0 && f->type == BP_FIELD_BYTES)
        f->max_bytes = BP_EVENT_DATA_MAX;
    f->direct_identifier = r->direct_identifier != 0;
    f->free_text = r->free_text != 0;
    f->coarsen = (int)r->coarsen;
    f->pseudonym = r->pseudonym != 0;
    f->identified_only = r->identified_only != 0;
}

static bp_status set_rules(const struct build *b, const field_descriptor *source,
                           struct bp_field *f)
{
    struct bp_buf option = {0};
    bool found;
    bp_status st = BP_OK;
    Berbagi__V1__FieldRules *rules = NULL;
    if (collect_option((const ProtobufCMessage *)source->options, &option, &found) &&
        !option.failed)
        rules = berbagi__v1__field_rules__unpack(NULL, option.n, option.p);
    const char *fault =
        rules != NULL ? rules_fault(b, rules, f) : "its rules are malformed, or memory ran out";
    if (fault != NULL)
        st = refuse(b, source->name, fault);
    else
        apply_rules(b, rules, f);
    if (rules != NULL)
        berbagi__v1__field_rules__free_unpacked(rules, NULL);
    bp_buf_fini(&option);
    return st;
}

static bp_status build_field(const struct build *b, const field_descriptor *source,
                             struct bp_field *f)
{
    if (source->name == NULL || source->name[0] == '\0' || source->number < 1 ||
        source->number > 0x1fffffff)
        return refuse(b, source->name, "a field needs a name and a number");
    if ((f->name = bp_arena_text(b->d->arena, source->name)).p == NULL)
        return no_memory(b);
    set_shape(b, source, f);
    bp_status st = set_type(b, source, f);
    return st == BP_OK ? set_rules(b, source, f) : st;
}

static int by_number(const void *a, const void *b)
{
    const struct bp_field *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Builds all fields, sorted by number, and what the type sums up of them. */
static bp_status build_fields(const struct build *b, struct bp_event_type *type)
{
    const Google__Protobuf__DescriptorProto *message = b->entry->message;
    size_t n = message->n_field;
    if (n > BP_FIELDS_MAX)
        return refuse(b, NULL, "it has more than 64 fields");
    struct bp_field *fields = bp_arena_alloc(b->d->arena, n * sizeof(*fields));
    if (fields == NULL)
        return no_memory(b);
    for (size_t i = 0; i < n; i++) {
        bp_status st = build_field(b, message->field[i], &fields[i]);
        if (st != BP_OK)
            return st;
    }
    qsort(fields, n, sizeof(*fields), by_number);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && fields[i].number == fields[i - 1].number)
            return refuse(b, fields[i].name.p, "its number is taken");
        fields[i].index = i;
        if (fields[i].required)
            type->required |= UINT64_C(1) << i;
        if (fields[i].specific_kind != 0)
            type->kinds |= 1u << fields[i].specific_kind;
    }
    type->fields = fields;
    type->n_fields = n;
    return BP_OK;
}

/* "[a-z0-9_]+" in two or more parts with dots between, at most 64 bytes. */
static bool type_name_is_valid(struct bp_str name)
{
    size_t dots = 0;
    if (name.n == 0 || name.n > 64 || name.p[0] == '.' || name.p[name.n - 1] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c == '.' && name.p[i - 1] == '.')
            return false;
        dots += c == '.';
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
            return false;
    }
    return dots >= 1;
}

static bp_status copy_texts(const struct build *b, const Berbagi__V1__EventRules *r,
                            struct bp_event_type *type)
{
    struct bp_arena *arena = b->d->arena;
    struct bp_str *purposes = bp_arena_alloc(arena, r->n_purposes * sizeof(*purposes));
    type->name = bp_arena_text(arena, r->type);
    type->group = bp_arena_text(arena, r->group);
    type->title_en = bp_arena_text(arena, r->title_en);
    type->title_id = bp_arena_text(arena, r->title_id);
    type->machine = bp_arena_text(arena, r->machine);
    bool complete = purposes != NULL && type->name.p != NULL && type->group.p != NULL &&
                    type->title_en.p != NULL && type->title_id.p != NULL && type->machine.p != NULL;
    for (size_t i = 0; complete && i < r->n_purposes; i++) {
        purposes[i] = bp_arena_text(arena, r->purposes[i]);
        complete = purposes[i].p != NULL;
    }
    type->purposes = purposes;
    type->n_purposes = r->n_purposes;
    return complete ? BP_OK : no_memory(b);
}

static bp_status set_addressee(const struct build *b, const char *name, struct bp_event_type *type)
{
    if (name[0] == '\0')
        return BP_OK;
    const struct bp_field *f = bp_type_field(type, bp_str(name));
    if (f == NULL || f->repeated || f->format != BERBAGI__V1__FORMAT__FORMAT_AGENCY)
        return refuse(b, name, "the addressee field must be a field of FORMAT_AGENCY");
    type->addressee_field = f;
    return BP_OK;
}

/* Splits "worker:REGISTERED>VERIFIED"; false if it is not of that form. */
static bool split_transition(const char *text, struct bp_str *machine, struct bp_str *from,
                             struct bp_str *to)
{
    const char *colon = strchr(text, ':');
    const char *arrow = colon != NULL ? strchr(colon, '>') : NULL;
    if (arrow == NULL)
        return false;
    *machine = bp_str_of(text, (size_t)(colon - text));
    *from = bp_str_of(colon + 1, (size_t)(arrow - colon - 1));
    *to = bp_str(arrow + 1);
    return machine->n != 0 && machine->n <= 40 && from->n != 0 && to->n != 0;
}

/* The field <machine>_status, if the type has it with a previous_status of the same enum. */
static const struct bp_field *judged_status(const struct bp_event_type *type, struct bp_str machine)
{
    char name[64];
    int n = snprintf(name, sizeof(name), "%.*s_status", BP_STR_ARGS(machine));
    const struct bp_field *status = bp_type_field(type, bp_str_of(name, (size_t)n));
    const struct bp_field *previous = bp_type_field(type, BP_STR("previous_status"));
    if (status == NULL || previous == NULL || status->enumeration == NULL || status->repeated ||
        previous->repeated)
        return NULL;
    return status->enumeration == previous->enumeration ? status : NULL;
}

static bool read_pair(const struct bp_enum *e, struct bp_str from, struct bp_str to,
                      struct bp_transition *out)
{
    const struct bp_enum_value *f = bp_enum_by_name(e, from), *t = bp_enum_by_name(e, to);
    if (t == NULL || (f == NULL && !bp_str_is(from, "NONE")))
        return false;
    *out = (struct bp_transition){f != NULL ? f->number : 0, t->number};
    return true;
}

static bp_status set_transitions(const struct build *b, const Berbagi__V1__EventRules *r,
                                 struct bp_event_type *type)
{
    struct bp_transition *pairs = bp_arena_alloc(b->d->arena, r->n_transitions * sizeof(*pairs));
    if (pairs == NULL)
        return no_memory(b);
    for (size_t i = 0; i < r->n_transitions; i++) {
        struct bp_str machine, from, to;
        if (!split_transition(r->transitions[i], &machine, &from, &to))
            return refuse(b, NULL, "a transition reads machine:FROM>TO");
        const struct bp_field *status = judged_status(type, machine);
        if (status == NULL)
            continue;
        if (!read_pair(status->enumeration, from, to, &pairs[type->n_transitions]))
            return refuse(b, status->name.p,
                          "a transition names a status that its enum does not have");
        type->n_transitions++;
        type->status_field = status;
        type->previous_field = bp_type_field(type, BP_STR("previous_status"));
    }
    type->transitions = pairs;
    return BP_OK;
}

static bp_status apply_event_rules(const struct build *b, const Berbagi__V1__EventRules *r,
                                   struct bp_event_type *type)
{
    if (r->base.n_unknown_fields != 0)
        return refuse(b, NULL, "it has rules that this version does not know");
    bp_status st = copy_texts(b, r, type);
    if (st != BP_OK)
        return st;
    if (!type_name_is_valid(type->name))
        return refuse(b, NULL, "its type is no name like departure.recorded");
    type->about_person = r->about_person != 0;
    type->aggregate = r->aggregate != 0;
    type->version = r->version != 0 ? r->version : 1;
    type->hash = bp_schema_hash(type->name);
    if ((st = build_fields(b, type)) != BP_OK)
        return st;
    if ((st = set_addressee(b, r->addressee_field, type)) != BP_OK)
        return st;
    return set_transitions(b, r, type);
}

bp_status bp_type_build(struct bp_descriptors *d, const struct bp_message_entry *entry,
                        struct bp_event_type *type, bool *is_event, struct bp_err *err)
{
    struct build b = {.d = d, .entry = entry, .err = err};
    struct bp_buf option = {0};
    bp_status st;
    *is_event = false;
    if (!collect_option((const ProtobufCMessage *)entry->message->options, &option, is_event)) {
        bp_buf_fini(&option);
        return refuse(&b, NULL, "its rules are malformed, or memory ran out");
    }
    if (!*is_event)
        return BP_OK;
    memset(type, 0, sizeof(*type));
    type->message_name = entry->name;
    Berbagi__V1__EventRules *rules =
        option.failed ? NULL : berbagi__v1__event_rules__unpack(NULL, option.n, option.p);
    if (rules == NULL) {
        st = refuse(&b, NULL, "its rules are malformed, or memory ran out");
    } else {
        st = apply_event_rules(&b, rules, type);
        berbagi__v1__event_rules__free_unpacked(rules, NULL);
    }
    bp_buf_fini(&option);
    return st;
}

bp_status bp_envelope_build(struct bp_descriptors *d, const struct bp_message_entry *entry,
                            struct bp_event_type *type, struct bp_err *err)
{
    struct build b = {.d = d, .entry = entry, .is_envelope = true, .err = err};
    memset(type, 0, sizeof(*type));
    type->name = BP_STR("(envelope)");
    type->message_name = entry->name;
    type->version = 1;
    type->hash = bp_schema_hash(type->name);
    bp_status st = build_fields(&b, type);
    for (uint32_t number = BP_EVENT_ID; st == BP_OK && number <= BP_EVENT_DATA; number++) {
        if (number != BP_EVENT_UNUSED && bp_type_field_by_number(type, number) == NULL)
            st = refuse(&b, NULL, "a field that this program knows is missing");
    }
    return st;
}
