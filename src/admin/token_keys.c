/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token keys`. */
#include "admin/command.h"
#include "admin/open.h"
#include "auth/key_set.h"
#include "cli/table.h"

struct key_row {
    const char *id, *algorithm;
    bool signs;
    const char *does;
};

static const struct table_column key_columns[] = {
    TABLE_COLUMN(struct key_row, id, TABLE_TEXT, "id", "KEY"),
    TABLE_COLUMN(struct key_row, algorithm, TABLE_TEXT, "algorithm", "ALGORITHM"),
    TABLE_COLUMN(struct key_row, signs, TABLE_FLAG, "signs", NULL),
    TABLE_COLUMN(struct key_row, does, TABLE_TEXT, NULL, ""),
    TABLE_END,
};

static int print_keys(const struct key_set *keys, bool json, struct err *err)
{
    struct table table;
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    table_begin(&table, key_columns, "keys", &out);
    for (size_t i = 0; i < keys->n; i++) {
        bool signs = i + 1 == keys->n;
        table_row(&table, &(struct key_row){key_id(keys->v[i]), key_algorithm(keys->v[i]), signs,
                                            signs ? "signs" : "verifies"});
    }
    table_end(&table);
    return output_end(&out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct key_set keys = {0};
    struct config conf;
    int result;

    (void)args;
    if (open_config(options, &conf, err) < 0)
        return -1;
    if (*conf.live.token.keys)
        result = key_set_add_dir(&keys, conf.live.token.keys, err);
    else
        result =
            err_set(err, ERR_CONFIG, "token_keys is not configured: run `berth token init DIR`");
    if (result == 0)
        result = print_keys(&keys, options->json, err);
    key_set_free(&keys);
    config_free(&conf);
    return result;
}

const struct command token_keys_command = {
    .name = "token keys",
    .arguments = "",
    .summary = "list the keys of tokens",
    .args_min = 0,
    .args_max = 0,
    .size = sizeof(struct options_common),
    .run = run,
};
