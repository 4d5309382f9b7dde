/* SPDX-License-Identifier: Apache-2.0
 * L0: the error value and the one table of all errors (err.def). */
#include "base/err.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct err_info {
    int status;
    const char *oci;
    int exit_code;
    const char *text;
};

static const struct err_info err_table[] = {
    [ERR_NONE] = {200, "", EX_OK, "no error"},
#define ERR(name, status, oci, exit_code, text) [ERR_##name] = {status, oci, exit_code, text},
#include "base/err.def"
#undef ERR
};

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    va_start(ap, fmt);
    text_format(err->msg, sizeof err->msg, NULL, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys = 0;
    err->retry = 0;
    return -1;
}

static enum err_code code_of(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case EROFS:
        return ERR_READ_ONLY;
    case ENOTCONN: /* a FUSE client that has died, or has lost its servers */
    case ESHUTDOWN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
    case ESTALE:
        return ERR_UNREACHABLE;
    default:
        return ERR_IO;
    }
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    va_start(ap, fmt);
    text_format(err->msg, sizeof err->msg, strerror(errnum), fmt, ap);
    va_end(ap);
    err->code = code_of(errnum);
    err->sys = errnum;
    err->retry = 0;
    return -1;
}

int err_recode(struct err *err, enum err_code code)
{
    if (err)
        err->code = code;
    return -1;
}

int err_copy(struct err *err, const struct err *from)
{
    if (err)
        *err = *from;
    return -1;
}

int err_http_status(enum err_code code)
{
    return err_table[code].status;
}

const char *err_oci_code(enum err_code code)
{
    return err_table[code].oci;
}

const char *err_public_text(enum err_code code)
{
    return err_table[code].text;
}

int err_exit_code(enum err_code code)
{
    return err_table[code].exit_code;
}
