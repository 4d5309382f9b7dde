/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth tags`. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "registry/list.h"
#include "store/tag.h"

#include <stdio.h>
#include <string.h>

/* A tag whose link is damaged is shown without a digest, and said. */
static void print_tag(const struct registry *registry, const struct name *name, const char *text,
                      bool json, bool first, int width, struct buf *out)
{
    struct tag tag;
    struct digest digest;
    struct err err;

    bool known = tag_parse(&tag, text, strlen(text), &err) == 0 &&
                 tag_get(registry->store, name, &tag, &digest, &err) > 0;
    if (!known)
        fprintf(stderr, "berth: the tag %s of %s points at nothing\n", text, name->s);
    if (json)
        buf_addf(out, "%s{\"tag\":\"%s\",\"digest\":%s%s%s}", first ? "" : ",", text,
                 known ? "\"" : "", known ? digest.s : "null", known ? "\"" : "");
    else
        buf_addf(out, "%-*s  %s\n", width, text, known ? digest.s : "-");
}

static int print_tags(const struct registry *registry, const struct name *name, bool json,
                      struct buf *out, struct err *err)
{
    AUTO_STRINGS tags = {0};
    bool more;

    if (list_tags(registry, name, (struct page){NULL, INT64_MAX}, &tags, &more, err) < 0)
        return -1;
    int width = print_width(&tags, "TAG");
    if (json)
        buf_addf(out, "{\"name\":\"%s\",\"tags\":[", name->s);
    else
        buf_addf(out, "%-*s  DIGEST\n", width, "TAG");
    for (size_t i = 0; i < tags.n; i++)
        print_tag(registry, name, tags.v[i], json, i == 0, width, out);
    buf_addstr(out, json ? "]}\n" : "");
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct opened admin;
    struct name name;
    AUTO_BUF out = BUF_INIT;

    if (name_parse(&name, args[0], strlen(args[0]), err) < 0 ||
        open_store(options, false, &admin, err) < 0)
        return -1;
    int result = print_tags(&admin.registry, &name, options->json, &out, err);
    if (result == 0)
        result = print_out(&out, err);
    open_close(&admin);
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
