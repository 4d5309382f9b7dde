/* SPDX-License-Identifier: Apache-2.0
 *
 * What whoever waits sees of an import or export, and is asked: progress bars, notes on standard
 * error, questions on a terminal. Ctrl-C stops the work where interrupt_catch was called.
 */
#ifndef BERTH_ADMIN_WATCH_H
#define BERTH_ADMIN_WATCH_H

#include "cli/bar.h"
#include "transfer/transfer.h"

struct watch {
    struct bar items, bytes;
};

/* Sets the functions of options. Both live until watch_end. quiet: no bars. */
void watch_start(struct watch *watch, bool quiet, struct transfer_options *options);
/* Takes the bars off the terminal, before something else is printed, or for good. */
void watch_end(struct watch *watch);

#endif
