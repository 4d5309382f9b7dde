/* SPDX-License-Identifier: Apache-2.0
 * L5: what is found to be wrong. */
#include "check/findings.h"

#include "base/array.h"
#include "base/buf.h"

#include <stdarg.h>
#include <stdlib.h>

static void add(struct findings *findings, bool is_error, const char *text)
{
    *ARRAY_ADD(findings->v, findings->n) = (struct finding){is_error, mem_strdup(text)};
    findings->errors += is_error;
}

void findings_error(struct findings *findings, const struct err *err)
{
    add(findings, true, err->msg);
}

void findings_warn(struct findings *findings, const char *fmt, ...)
{
    AUTO_BUF text = BUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(&text, fmt, ap);
    va_end(ap);
    add(findings, false, text.s);
}

void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        free(findings->v[i].text);
    free(findings->v);
    *findings = (struct findings){0};
}
