/* SPDX-License-Identifier: Apache-2.0
 *
 * `berth serve`, for other commands that serve in the same way.
 */
#ifndef BERTH_ADMIN_SERVE_H
#define BERTH_ADMIN_SERVE_H

#include "cli/options.h"
#include "serve/serve.h"

/* Serves until a signal ends it. *how is completed. */
int serve_with(const struct options_common *common, struct serve_options *how, struct err *err);

#endif
