/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth registry`: serves as registry:2 would, by its config.yml and its environment. */
#include "admin/command.h"
#include "admin/serve.h"
#include "serve/stand_in.h"

static int run(const void *said, char **args, struct err *err)
{
    struct options_common common = *(const struct options_common *)said;
    AUTO_STAND_IN stand_in = {0};

    if (stand_in_prepare(&stand_in, args, common.config, err) < 0)
        return -1;
    stand_in_say(&stand_in);
    common.config = NULL; /* it is included in what is read now */
    struct serve_options how = {.listen = stand_in.listen.s,
                                .listen_by = "http.addr (REGISTRY_HTTP_ADDR)",
                                .tls_cert = stand_in.distribution.certificate,
                                .tls_key = stand_in.distribution.key};
    struct err why;
    return serve_with(&common, &how, &why) == 0 ? 0 : stand_in_explain(&stand_in, &why, err);
}

const struct command registry_command = {
    .name = "registry",
    .arguments = "[serve] [CONFIG.YML]",
    .summary = "serve as registry:2 would, by its config.yml and its variables REGISTRY_*",
    .args_min = 0,
    .args_max = 2,
    .size = sizeof(struct options_common),
    .run = run,
};
