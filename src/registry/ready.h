/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a store could take a push at this moment. What it asks may never come back where a
 * network file system has gone: ask in a process that can be spared.
 */
#ifndef BERTH_REGISTRY_READY_H
#define BERTH_REGISTRY_READY_H

#include "store/store.h"

enum ready {
    READY = 0,
    READY_NOT_REACHED,  /* it is not there, or at its path is another than the one that is open */
    READY_NOT_WRITABLE, /* and was not said to be (store_settings.readonly) */
    READY_NO_ROOM,
};

struct ready_plan {
    const struct store *store; /* that requests are answered from; it may be lost, or
                                not have been opened */
    const struct store_settings *settings;
    bool write;   /* something is to be written there */
    int64_t room; /* bytes that must be free; 0: any number */
};

/* Opens the store anew, by its path, and with `write` writes a byte into a file that has no name.
 * *why says more for the log; it is untouched where all is well. */
enum ready ready_look(const struct ready_plan *plan, struct err *why);

#endif
