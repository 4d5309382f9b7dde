/* SPDX-License-Identifier: Apache-2.0
 * L4: settings on their way from a worker to a CGI program. */
#include "api/settings_pass.h"

#include "base/file.h"
#include "base/percent.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "BERTH_"
#define CONFIG "BERTH_CONF"

/* NAME=VALUE, with an & behind it, neither of which is in what is escaped. */
static void add(struct buf *all, const char *name, size_t name_len, const char *value)
{
    AUTO_BUF plain = BUF_INIT;

    buf_add(&plain, name, name_len);
    percent_encode(all, plain.s);
    buf_addc(all, '=');
    percent_encode(all, value);
    buf_addc(all, '&');
}

static bool is_named(const char *variable, size_t len, const char *name)
{
    return len == strlen(name) && !strncmp(variable, name, len);
}

void settings_pass_on(const char *config, struct response *response)
{
    AUTO_BUF all = BUF_INIT;
    AUTO_BUF path = BUF_INIT;

    for (char **variable = environ; variable && *variable; variable++) {
        size_t len = strcspn(*variable, "=");
        if (strncmp(*variable, PREFIX, strlen(PREFIX)) != 0 || !(*variable)[len] ||
            is_named(*variable, len, SETTINGS_PASS_VARIABLE) ||
            (config && is_named(*variable, len, CONFIG)))
            continue;
        add(&all, *variable, len, *variable + len + 1);
    }
    /* The program is started in another directory. */
    if (config && file_absolute(config, &path, NULL) == 0)
        add(&all, CONFIG, strlen(CONFIG), path.s);
    response_header(response, "Variable-" SETTINGS_PASS_VARIABLE, "%s", all.len ? all.s : "");
}

static void take(const char *pair, size_t len)
{
    size_t name_len = strcspn(pair, "=");
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF value = BUF_INIT;

    buf_addstr(&name, "");
    buf_addstr(&value, "");
    if (name_len < len && percent_decode_query(&name, pair, name_len) &&
        percent_decode_query(&value, pair + name_len + 1, len - name_len - 1) &&
        !strncmp(name.s, PREFIX, strlen(PREFIX)))
        setenv(name.s, value.s, 1);
}

void settings_pass_take(void)
{
    const char *all = getenv(SETTINGS_PASS_VARIABLE);

    while (all && *all) {
        size_t len = strcspn(all, "&");
        take(all, len);
        all += len + (all[len] == '&');
    }
}
