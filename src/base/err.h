/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors as values. A function that can fail takes `struct err *err` as its last argument and
 * returns 0 (or 1/0 for found/not found) or -1. On -1 *err is set, otherwise it is untouched. err
 * may be NULL where nobody asks why. A library function never logs the error that it returns and
 * never exits on one.
 *
 * A message names what it speaks of in full, whatever its length: where it does not fit, the middle
 * of the longest names goes, never the reason (base/text.h).
 *
 * What a client sees of an error (OCI Distribution Specification, "Error Codes"): the public text
 * of its code and, for statuses below 500, the message, which then speaks only of what the client
 * sent. The message of a 5xx goes to the log alone.
 */
#ifndef BERTH_BASE_ERR_H
#define BERTH_BASE_ERR_H

enum err_code {
    ERR_NONE,
#define ERR(name, status, oci, exit_code, text) ERR_##name,
#include "base/err.def"
#undef ERR
};

struct err {
    enum err_code code;
    int sys;   /* errno where a system call failed, else 0 */
    int retry; /* seconds after which to try again, where somebody said so, else 0 */
    char msg[1024];
};

/* Sets *err; always returns -1, so that a caller can `return err_set(...)`. What the message is
 * made of may be the old message. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: chooses the code by errnum (ENOSPC and EDQUOT become
 * ERR_NO_SPACE, EROFS ERR_READ_ONLY, those of a file system that has gone ERR_UNREACHABLE) and
 * appends its text to the message. */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Gives the error another code; always returns -1. */
int err_recode(struct err *err, enum err_code code);
/* Passes *from on; always returns -1. */
int err_copy(struct err *err, const struct err *from);

int err_http_status(enum err_code code);
const char *err_oci_code(enum err_code code);
const char *err_public_text(enum err_code code);
int err_exit_code(enum err_code code); /* sysexits.h */

#endif
