#include "output.h"

#include <stdio.h>

#include "clock.h"
#include "file.h"

bp_status bp_pem_write(const struct bp_buf *pem, const char *path, struct bp_err *err)
{
    if (path != NULL)
        return bp_file_write(path, pem->p, pem->n, 0644, err);
    return fwrite(pem->p, 1, pem->n, stdout) == pem->n
               ? BP_OK
               : bp_fail(err, BP_EIO, "standard output cannot be written");
}

/* A crash behind the commit leaves a certificate that is known here and held by nobody. */
bp_status bp_signed_write(const struct bp_signed *s, const char *verb, const char *who,
                          const char *path, struct bp_err *err)
{
    char end[36];
    bp_status st = bp_pem_write(&s->pem, path, err);
    if (st != BP_OK)
        return bp_fail_in(err, st,
                          "%s and recorded but not written (berbagi-ca export %s writes it again)",
                          verb, s->serial);
    bp_time_format(s->not_after_s * BP_NS_PER_S, end);
    fprintf(stderr, "%s %s, serial %s, until %s\n", verb, who, s->serial, end);
    return BP_OK;
}

bp_status bp_pem_read(const char *path, struct bp_buf *out, struct bp_err *err)
{
    return bp_file_read(path, BP_PEM_MOST_BYTES, out, err);
}
