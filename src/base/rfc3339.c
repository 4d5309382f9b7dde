/* SPDX-License-Identifier: Apache-2.0
 * L0: points in time. */
#include "base/rfc3339.h"

void rfc3339_format(char out[RFC3339_SIZE], time_t when)
{
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(out, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
