/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what can be found, and what is known of each. */
#include "fsck/fsck_code.h"

enum severity { ERROR, WARNING, NOTE };

static const struct {
    const char *text;
    enum severity severity;
    bool mendable;
} codes[FSCK_CODES] = {
#define FSCK(name, code, severity, mendable, text) [FSCK_##name] = {code, severity, mendable},
#include "fsck/fsck.def"
#undef FSCK
};

const char *fsck_code_text(enum fsck_code code)
{
    return codes[code].text;
}

bool fsck_code_is_error(enum fsck_code code)
{
    return codes[code].severity == ERROR;
}

const char *fsck_code_severity(enum fsck_code code)
{
    static const char *const names[] = {"error", "warning", "note"};

    return names[codes[code].severity];
}

bool fsck_code_is_note(enum fsck_code code)
{
    return codes[code].severity == NOTE;
}

bool fsck_code_is_mendable(enum fsck_code code)
{
    return codes[code].mendable;
}
