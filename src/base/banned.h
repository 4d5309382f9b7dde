/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that nobody may call, by the compiler: included before everything else (-include). They
 * overflow, share static memory, or run a shell.
 */
#ifndef BERTH_BASE_BANNED_H
#define BERTH_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* glibc makes it a macro for clang with _FORTIFY_SOURCE, and macros cannot be poisoned. */
#undef sprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets gmtime localtime ctime asctime       \
    system popen

#endif
