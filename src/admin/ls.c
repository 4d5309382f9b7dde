/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth ls`, with --digests too. */
#include "admin/command.h"
#include "admin/open.h"
#include "cli/table.h"
#include "registry/view.h"

struct ls_line {
    struct options_common common;
    bool digests;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct ls_line, digests, 0, "digests", NULL,
                "list the digests of all blobs and manifests, for export --have"),
    OPTIONS_END,
};

static const struct table_column columns[] = {
    TABLE_COLUMN(struct view_repository, name, TABLE_TEXT, "name", "REPOSITORY"),
    TABLE_COLUMN(struct view_repository, tags, TABLE_NUMBER, "tags", "TAGS"),
    TABLE_END,
};

static int print_repositories(const struct registry *registry, struct output *out, struct err *err)
{
    const struct page everything = {NULL, INT64_MAX};
    struct view_repositories view;
    bool more;

    if (view_repositories(registry, everything, &view, &more, err) < 0)
        return -1;
    table_print(columns, "repositories", view.v, view.n, sizeof *view.v, out);
    view_repositories_free(&view);
    return 0;
}

static int print_digest(void *context, const struct digest *digest, struct err *err)
{
    struct output *out = context;

    if (out->json)
        json_writer_string(out->json, NULL, digest->s);
    else
        buf_addf(&out->text, "%s\n", digest->s);
    return output_flush(out, err);
}

static int print_digests(const struct registry *registry, struct output *out, struct err *err)
{
    if (out->json)
        json_writer_array(out->json, "digests");
    if (list_digests(registry, print_digest, out, err) < 0)
        return -1;
    if (out->json)
        json_writer_end(out->json);
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct ls_line *options = said;
    struct opened opened;
    AUTO_OUTPUT out = OUTPUT_INIT;

    (void)args;
    if (open_store(&options->common, false, &opened, err) < 0)
        return -1;
    output_begin(&out, options->common.json);
    int result = options->digests ? print_digests(&opened.registry, &out, err)
                                  : print_repositories(&opened.registry, &out, err);
    if (result == 0)
        result = output_end(&out, err);
    open_close(&opened);
    return result;
}

const struct command ls_command = {
    .name = "ls",
    .arguments = "",
    .summary = "list the repositories, or the digests of all that they have",
    .args_min = 0,
    .args_max = 0,
    .rows = rows,
    .size = sizeof(struct ls_line),
    .run = run,
};
