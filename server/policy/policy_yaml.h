/* A policy as people write it: a folder of YAML files, each line of which a finding can be traced
 * to. Layout and keys: README.md here. One thread at a time. */
#ifndef BERBAGI_POLICY_YAML_H
#define BERBAGI_POLICY_YAML_H

#include "berbagi/v1/policy.pb-c.h"
#include "buffer.h"

struct bp_source_map;

/* Reads a policy folder (agencies.yaml, ceilings.yaml, operators.yaml, quotas.yaml if there is one,
 * agreements/ with a file <id>.yaml for each, by their names), or a file as bp_policy_yaml_print
 * writes it. Values are not judged here but for their shape and the words that stand for numbers;
 * bp_policy_compile does the rest. *out   berbagi__v1__policy__free_unpacked(it, NULL) *map   NULL
 * allowed: not wanted BP_ENOENT: a file is missing; BP_EINVAL: "FILE:LINE: words". */
BP_MUST_USE bp_status bp_policy_yaml_load(const char *path, Berbagi__V1__Policy **out,
                                          struct bp_source_map **map, struct bp_err *err);

void bp_source_map_destroy(struct bp_source_map *m); /* NULL allowed */
/* Where a path of the message ("agreements[3].grants[12].events", bp_policy_finding.where) was
 * written: the file (borrowed from the map) and the line of its value, or of what holds it where it
 * was left out. False: nowhere. */
bool bp_source_map_find(const struct bp_source_map *m, const char *where, const char **file,
                        unsigned *line);

/* Appends the policy as one YAML document that bp_policy_yaml_load reads back to the same message.
 * Neighbouring grants that differ in events or grantee alone are written as one. */
void bp_policy_yaml_print(const Berbagi__V1__Policy *policy, struct bp_buf *out);

#endif
