/* SPDX-License-Identifier: Apache-2.0
 *
 * What a check can find: the codes of its findings.
 */
#ifndef BERTH_FSCK_FSCK_CODE_H
#define BERTH_FSCK_FSCK_CODE_H

#include <stdbool.h>

enum fsck_code {
#define FSCK(name, code, severity, mendable, text) FSCK_##name,
#include "fsck/fsck.def"
#undef FSCK
    FSCK_CODES
};

const char *fsck_code_text(enum fsck_code code); /* "BLOB-DIGEST" */
bool fsck_code_is_error(enum fsck_code code);
const char *fsck_code_severity(enum fsck_code code); /* "error", "warning", "note" */
bool fsck_code_is_note(enum fsck_code code);         /* it is no fault */
bool fsck_code_is_mendable(enum fsck_code code);

#endif
