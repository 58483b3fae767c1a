/* A policy as it stands in files. */
#ifndef BERBAGI_POLICY_FOLDER_H
#define BERBAGI_POLICY_FOLDER_H

#include "berbagi/v1/policy.pb-c.h"
#include "buffer.h"
#include "cli.h"

/* Loads a folder or file and judges it; every finding is told. CLI_GO_ON and *out, or the exit code
 * after words. */
int bp_policy_folder_load(const struct bp_options *o, const char *path, Berbagi__V1__Policy **out);

/* The same, serialized; appended to out. */
int bp_policy_folder_pack(const struct bp_options *o, const char *path, struct bp_buf *out);

#endif
