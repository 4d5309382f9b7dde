/* SPDX-License-Identifier: Apache-2.0
 * L0: what is nobody's in a store, wherever it stands. */
#include "base/litter.h"

#include <fnmatch.h>
#include <stddef.h>

bool litter_is(const char *name, bool is_directory)
{
    static const struct {
        const char *pattern;
        bool never_directory;
    } litter[] = {
        {"lost+found", false}, {"@eaDir", false}, {"#recycle", false}, {".snapshot", false},
        {".Trash-*", false},   {".nfs*", false},  {"aquota.*", true},  {"*.tmp", true},
    };

    for (size_t i = 0; i < sizeof litter / sizeof *litter; i++)
        if (!(is_directory && litter[i].never_directory) &&
            fnmatch(litter[i].pattern, name, 0) == 0)
            return true;
    return false;
}
