/* SPDX-License-Identifier: Apache-2.0
 * A clock that a test puts forward. */
#include "unit/later.h"

#include <time.h>

int64_t later;

time_t __real_time(time_t *now);
time_t __wrap_time(time_t *now);
time_t __wrap_time(time_t *now)
{
    (void)now;
    return __real_time(NULL) + later;
}
