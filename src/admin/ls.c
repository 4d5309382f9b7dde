/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth ls`, with --digests too, and `berth tags`. */
#include "admin/admin.h"

#include "base/json.h"
#include "registry/list.h"
#include "store/tag.h"

#include <stdio.h>
#include <string.h>

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

static int widest(const struct strings *names, const char *title)
{
    size_t width = strlen(title);

    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->v[i]) > width)
            width = strlen(names->v[i]);
    return (int)width;
}

static int print_repositories(const struct registry *registry, bool json, struct buf *out,
                              struct err *err)
{
    AUTO_STRINGS names = {0};
    bool more;

    if (list_repositories(registry, everything, &names, &more, err) < 0)
        return -1;
    int width = widest(&names, "REPOSITORY");
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
    int result = admin_print(&out->text, err);
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

int admin_ls(const struct admin_options *options, char **args, struct err *err)
{
    struct admin_store admin;
    AUTO_BUF out = BUF_INIT;

    (void)args;
    if (admin_open(options, false, &admin, err) < 0)
        return -1;
    int result = options->digests ? print_digests(&admin.registry, options->json, &out, err)
                                  : print_repositories(&admin.registry, options->json, &out, err);
    if (result == 0)
        result = admin_print(&out, err);
    admin_close(&admin);
    return result;
}

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

    if (list_tags(registry, name, everything, &tags, &more, err) < 0)
        return -1;
    int width = widest(&tags, "TAG");
    if (json)
        buf_addf(out, "{\"name\":\"%s\",\"tags\":[", name->s);
    else
        buf_addf(out, "%-*s  DIGEST\n", width, "TAG");
    for (size_t i = 0; i < tags.n; i++)
        print_tag(registry, name, tags.v[i], json, i == 0, width, out);
    buf_addstr(out, json ? "]}\n" : "");
    return 0;
}

int admin_tags(const struct admin_options *options, char **args, struct err *err)
{
    struct admin_store admin;
    struct name name;
    AUTO_BUF out = BUF_INIT;

    if (name_parse(&name, args[0], strlen(args[0]), err) < 0 ||
        admin_open(options, false, &admin, err) < 0)
        return -1;
    int result = print_tags(&admin.registry, &name, options->json, &out, err);
    if (result == 0)
        result = admin_print(&out, err);
    admin_close(&admin);
    return result;
}
