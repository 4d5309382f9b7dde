/* SPDX-License-Identifier: Apache-2.0
 * L2: how long to wait before something is tried again. */
#include "remote/pace.h"

#include "base/clock.h"

#include <stdint.h>
#include <sys/random.h>
#include <time.h>

int pace_ms(int n)
{
    int whole = PACE_FIRST_MS;
    uint32_t random = 0;

    while (--n > 0 && whole < PACE_MAX_MS)
        whole *= 2;
    if (whole > PACE_MAX_MS)
        whole = PACE_MAX_MS;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)clock_ms();
    return whole / 2 + (int)(random % (uint32_t)(whole / 2 + 1));
}

void pace_sleep(int ms)
{
    int64_t end = clock_ms() + ms;

    for (int64_t rest = ms; rest > 0; rest = end - clock_ms()) {
        const struct timespec pause = {.tv_sec = rest / 1000, .tv_nsec = rest % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
}
