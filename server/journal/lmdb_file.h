/* LMDB's data file, made whole before it is read. Only for files that call LMDB. */
#ifndef BERBAGI_LMDB_FILE_H
#define BERBAGI_LMDB_FILE_H

#include <lmdb.h>

/* Where the folder has no data file: makes an empty one under another name and moves it into its
 * place when it is on disk, because LMDB refuses one whose first pages a power cut left half
 * written. Before mdb_env_open. Returns LMDB's or the system's code. */
int bp_lmdb_file_make(const char *dir);

/* Extends a file that ends before its last page, which a map would answer with SIGBUS: of a sound
 * one only pages that are free can be missing, and of one that was cut the zeros are told as
 * damage. Behind mdb_env_open, before the first transaction. Returns LMDB's or the system's code.
 */
int bp_lmdb_file_fill(MDB_env *env);

#endif
