/* A folder of the test's own, and files in it. */
#ifndef BERBAGI_TEMPORARY_H
#define BERBAGI_TEMPORARY_H

#include "text.h"

void temporary_make(void);   /* the folder; once before the rest */
void temporary_remove(void); /* with all files in it */
/* Path of a file in it; valid until the fourth call from here. */
const char *temporary_path(const char *name);
/* Writes a file and returns its path. */
const char *temporary_write(const char *name, struct bp_str content);
/* Whole content, terminated; valid until the next call. */
const char *temporary_read(const char *path);

#endif
