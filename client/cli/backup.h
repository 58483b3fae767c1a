/* berbagi operator backup FILE: the exit code. */
#ifndef BERBAGI_CLI_BACKUP_H
#define BERBAGI_CLI_BACKUP_H

#include "cli.h"

int bp_operator_backup(struct berbagi_client *client, const char *path);

#endif
