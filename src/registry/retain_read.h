/* SPDX-License-Identifier: Apache-2.0
 *
 * Retention: what a repository holds, as far as a decision needs it.
 */
#ifndef BERTH_REGISTRY_RETAIN_READ_H
#define BERTH_REGISTRY_RETAIN_READ_H

#include "registry/retain_run.h"

/* Fills *history, which is to be {0}. 1: done. 0: the repository changed while it was read. ERR_IO:
 * a tag or a manifest is damaged. Marks, unless it is a dry run, that pulls are recorded from now
 * on where a rule asks for them. */
int retain_read(const struct registry *registry, struct retain_run *run, const struct name *name,
                struct retain_history *history, struct err *err);

#endif
