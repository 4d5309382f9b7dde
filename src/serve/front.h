/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth serve` serves with: lighttpd in front of berth.fcgi's workers.
 */
#ifndef BERTH_SERVE_FRONT_H
#define BERTH_SERVE_FRONT_H

#include "serve/banner.h"
#include "serve/spool.h"

struct programs {
    struct buf fcgi, lighttpd; /* paths */
};
#define AUTO_PROGRAMS __attribute__((cleanup(front_forget))) struct programs
/* Set to {0}; front_forget afterwards, also after an error. ERR_CONFIG: one is not installed. */
int front_find(struct programs *programs, struct err *err);
void front_forget(struct programs *programs);

/* How many workers, where 0 is what was not said. ERR_USAGE. */
int front_choose_workers(struct serve_options *options, struct err *err);

/* Opens both to serve from; of a store that cannot be written and is not to be, no spool. */
int front_open(const struct config *conf, struct store *store, struct spool *spool,
               struct err *err);

/* Serves until a signal ends it. */
int front_serve(const struct banner *front, const struct programs *programs,
                const struct store *store, const struct spool *spool, struct err *err);

#endif
