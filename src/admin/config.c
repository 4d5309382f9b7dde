/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth config check`: mistakes in the configuration. */
#include "admin/command.h"
#include "admin/open.h"
#include "base/amount.h"
#include "check/check.h"
#include "cli/output.h"

static void write_list(const struct findings *findings, bool errors, const char *key,
                       struct json_writer *json)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < findings->n; i++)
        if (findings->v[i].is_error == errors)
            json_writer_string(json, NULL, findings->v[i].text);
    json_writer_end(json);
}

static int print_findings(const struct findings *findings, bool json, struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json) {
        json_writer_bool(out.json, "ok", findings->errors == 0);
        write_list(findings, true, "errors", out.json);
        write_list(findings, false, "warnings", out.json);
        return output_end(&out, err);
    }
    for (size_t i = 0; i < findings->n; i++)
        buf_addf(&out.text, "%s: %s\n", findings->v[i].is_error ? "error" : "warning",
                 findings->v[i].text);
    if (findings->n == 0)
        buf_addstr(&out.text, "OK\n");
    return output_end(&out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct findings findings = {0};
    struct config conf;
    struct err wrong;
    char mistakes[AMOUNT_TEXT];

    (void)args;
    if (open_config(options, &conf, &wrong) < 0) {
        findings_error(&findings, &wrong);
    } else {
        check_config(&conf, &findings);
        config_free(&conf);
    }
    int result = print_findings(&findings, options->json, err);
    amount_count(mistakes, (int64_t)findings.errors, "mistake");
    if (result == 0 && findings.errors)
        result = err_set(err, ERR_CONFIG, "%s in the configuration", mistakes);
    findings_free(&findings);
    return result;
}

const struct command config_check_command = {
    .name = "config check",
    .arguments = "",
    .summary = "find mistakes in the configuration",
    .args_min = 0,
    .args_max = 0,
    .size = sizeof(struct options_common),
    .run = run,
};
