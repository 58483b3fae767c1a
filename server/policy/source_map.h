/* From a path of the policy message to the file and line it was read from. Filled by policy_yaml.c.
 */
#ifndef BERBAGI_SOURCE_MAP_H
#define BERBAGI_SOURCE_MAP_H

#include "policy_yaml.h"

/* NULL when out of memory. */
struct bp_source_map *bp_source_map_create(void);
/* The number of a file name, for bp_source_map_add. BP_ENOMEM. */
BP_MUST_USE bp_status bp_source_map_add_file(struct bp_source_map *m, const char *name,
                                             unsigned *number);
BP_MUST_USE bp_status bp_source_map_add(struct bp_source_map *m, const char *path, unsigned file,
                                        unsigned line);
void bp_source_map_sort(struct bp_source_map *m); /* before the first find */

#endif
