/* Certificates to seal for, each signed by itself, with their keys in files. Everything asserts for
 * itself. */
#ifndef BERBAGI_TEST_RECIPIENT_H
#define BERBAGI_TEST_RECIPIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* FOLDER/NAME.pem and FOLDER/NAME.key (0600). kind: "P-256", "P-384", "RSA", "ED25519". */
void recipient_make(const char *folder, const char *name, const char *kind);

/* FOLDER/NAME.WHAT; the texts of the last eight calls are kept. */
const char *recipient_path(const char *folder, const char *name, const char *what);

#endif
