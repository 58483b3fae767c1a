/* The formats of annotations.proto, each as a check of a text that is not empty. The registry of
 * agencies is not known here: FORMAT_AGENCY is judged by shape. Pure; any thread. */
#ifndef BERBAGI_FORMATS_H
#define BERBAGI_FORMATS_H

#include "text.h"

/* format: number of berbagi.v1.Format. */
bool bp_format_obeys(int format, struct bp_str value);
const char *bp_format_name(int format);  /* "NIK": the reason word of a violation; static */
const char *bp_format_words(int format); /* what such a value is, behind "must be"; static */

#endif
