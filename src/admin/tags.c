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
    struct view_tags view;
    struct table table;

    if (view_tags(registry, name, &view, err) < 0)
        return -1;
    if (out->json)
        json_writer_string(out->json, "name", name->s);
    table_begin(&table, columns, "tags", out);
    for (size_t i = 0; i < view.tags.n; i++) /* the digest is behind, so its width is no matter */
        table_measure(&table, &(struct view_tag){.tag = names_get(&view.tags, i)});
    for (size_t i = 0; i < view.tags.n; i++) {
        struct view_tag tag = view_tags_one(&view, i);
        if (!tag.digest)
            fprintf(stderr, "berth: the tag %s of %s points at nothing\n", tag.tag, name->s);
        table_row(&table, &tag);
    }
    table_end(&table);
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
