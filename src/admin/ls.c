/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth ls`, with --digests too. */

#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "base/json.h"
#include "registry/list.h"

#include <stdio.h>
#include <string.h>

struct ls_line {
    struct options_common common;
    bool digests;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct ls_line, digests, 0, "digests", NULL,
                "list the digests of all blobs and manifests, for export --have"),
    OPTIONS_END,
};

static const struct page everything = {NULL, INT64_MAX};

static int print_repository(const struct registry *registry, const char *text, bool json,
                            bool first, int width, struct buf *out, struct err *err)
{
    AUTO_STRINGS tags = {0};
    struct name name;
    bool more;

    if (name_parse(&name, text, strlen(text), err) < 0 ||
        list_tags(registry, &name, everything, &tags, &more, err) < 0)
        return -1;
    if (json)
        buf_addf(out, "%s{\"name\":\"%s\",\"tags\":%zu}", first ? "" : ",", name.s, tags.n);
    else
        buf_addf(out, "%-*s  %zu\n", width, name.s, tags.n);
    return 0;
}

static int print_repositories(const struct registry *registry, bool json, struct buf *out,
                              struct err *err)
{
    AUTO_STRINGS names = {0};
    bool more;

    if (list_repositories(registry, everything, &names, &more, err) < 0)
        return -1;
    int width = print_width(&names, "REPOSITORY");
    if (json)
        buf_addstr(out, "{\"repositories\":[");
    else
        buf_addf(out, "%-*s  TAGS\n", width, "REPOSITORY");
    for (size_t i = 0; i < names.n; i++)
        if (print_repository(registry, names.v[i], json, i == 0, width, out, err) < 0)
            return -1;
    buf_addstr(out, json ? "]}\n" : "");
    return 0;
}

#define FLUSH_BYTES 65536

struct digests_output {
    bool json;
    bool any;
    struct buf text;
};

static int print_digest(void *context, const struct digest *digest, struct err *err)
{
    struct digests_output *out = context;

    if (out->json)
        buf_addf(&out->text, "%s\"%s\"", out->any ? "," : "", digest->s);
    else
        buf_addf(&out->text, "%s\n", digest->s);
    out->any = true;
    if (out->text.len < FLUSH_BYTES)
        return 0;
    int result = print_out(&out->text, err);
    buf_clear(&out->text);
    return result;
}

static int print_digests(const struct registry *registry, bool json, struct buf *out,
                         struct err *err)
{
    struct digests_output digests = {.json = json};

    buf_addstr(&digests.text, json ? "{\"digests\":[" : "");
    int result = list_digests(registry, print_digest, &digests, err);
    buf_addstr(&digests.text, json ? "]}\n" : "");
    *out = digests.text;
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct ls_line *options = said;
    struct opened admin;
    AUTO_BUF out = BUF_INIT;

    (void)args;
    if (open_store(&options->common, false, &admin, err) < 0)
        return -1;
    int result = options->digests
                     ? print_digests(&admin.registry, options->common.json, &out, err)
                     : print_repositories(&admin.registry, options->common.json, &out, err);
    if (result == 0)
        result = print_out(&out, err);
    open_close(&admin);
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
