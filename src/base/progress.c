/* SPDX-License-Identifier: Apache-2.0
 * L0: progress of long work. */
#include "base/progress.h"

#include <stddef.h>

void progress_at(const struct progress *progress, const char *what, int64_t done, int64_t total)
{
    if (progress && progress->at)
        progress->at(progress->context, what, done, total);
}
