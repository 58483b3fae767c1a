/* The commands of `berbagi policy` that need the exchange. Each returns the exit code. */
#ifndef BERBAGI_POLICY_COMMANDS_H
#define BERBAGI_POLICY_COMMANDS_H

#include "options.h"

int bp_policy_diff(const struct bp_options *o, const char *dir);
int bp_policy_rehearse(const struct bp_options *o, const char *dir);
int bp_policy_apply(const struct bp_options *o, const char *dir);
int bp_policy_approve(const struct bp_options *o, const char *version);
int bp_policy_history(const struct bp_options *o);
int bp_policy_show(const struct bp_options *o);

#endif
