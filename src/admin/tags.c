/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth tags`. */
#include "admin/command.h"
#include "admin/open.h"
#include "cli/table.h"
#include "registry/view.h"

#include <stdio.h>
#include <string.h>

static const struct table_column columns[] = {
    TABLE_COLUMN(struct view_tag, tag, TABLE_TEXT, "tag", "TAG"),
    TABLE_COLUMN(struct view_tag, digest, TABLE_TEXT, "digest", "DIGEST"),
    TABLE_END,
};

static int print_tags(const struct registry *registry, const struct name *name, struct output *out,
                      struct err *err)
{
    const struct page everything = {NULL, INT64_MAX};
    struct view_tags view;
    bool more;

    if (view_tags(registry, name, everything, &view, &more, err) < 0)
        return -1;
    for (size_t i = 0; i < view.n; i++)
        if (!view.v[i].digest)
            fprintf(stderr, "berth: the tag %s of %s points at nothing\n", view.v[i].tag, name->s);
    if (out->json)
        json_writer_string(out->json, "name", name->s);
    table_print(columns, "tags", view.v, view.n, sizeof *view.v, out);
    view_tags_free(&view);
    return output_end(out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct opened opened;
    struct name name;
    AUTO_OUTPUT out = OUTPUT_INIT;

    if (name_parse(&name, args[0], strlen(args[0]), err) < 0 ||
        open_store(options, false, &opened, err) < 0)
        return -1;
    output_begin(&out, options->json);
    int result = print_tags(&opened.registry, &name, &out, err);
    open_close(&opened);
    return result;
}

const struct command tags_command = {
    .name = "tags",
    .arguments = "REPOSITORY",
    .summary = "list the tags of a repository",
    .args_min = 1,
    .args_max = 1,
    .size = sizeof(struct options_common),
    .run = run,
};
