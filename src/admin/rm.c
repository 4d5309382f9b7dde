/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth rm`; of a whole repository in rm_repository.c. */
#include "admin/rm.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "base/json.h"
#include "registry/list.h"
#include "registry/pull.h"
#include "registry/remove.h"

#include <string.h>

static const struct options_row rows[] = {
    OPTIONS_ROW(struct rm_line, recursive, 'r', "recursive", NULL, "remove the whole repository"),
    OPTIONS_DRY_RUN(struct rm_line),
    OPTIONS_QUIET(struct rm_line),
    OPTIONS_END,
};

/* What remove_manifest would remove. */
static int would_remove(const struct registry *registry, const struct name *name,
                        const struct reference *reference, struct strings *tags, struct err *err)
{
    struct digest digest;

    int found = pull_resolve(registry, name, reference, &digest, err);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    if (found < 0)
        return -1;
    return reference->is_digest ? list_tags_of(registry, name, &digest, tags, err) : 0;
}

static void print_removed(const struct name *name, const struct reference *reference,
                          const struct strings *tags, const struct rm_line *options,
                          struct buf *out)
{
    const char *verb = options->dry_run ? "would remove" : "removed";

    if (!options->common.json) {
        buf_addf(out, "%s %s%c%s\n", verb, name->s, reference->is_digest ? '@' : ':',
                 reference_text(reference));
        for (size_t i = 0; i < tags->n; i++)
            buf_addf(out, "%s %s:%s\n", verb, name->s, tags->v[i]);
        return;
    }
    buf_addf(out, "{\"name\":\"%s\",\"dryRun\":%s,\"digest\":", name->s,
             options->dry_run ? "true" : "false");
    if (reference->is_digest)
        json_quote(reference->digest.s, out);
    else
        buf_addstr(out, "null");
    buf_addstr(out, ",\"tags\":[");
    if (!reference->is_digest)
        json_quote(reference->tag.s, out);
    for (size_t i = 0; i < tags->n; i++) {
        buf_addstr(out, i ? "," : "");
        json_quote(tags->v[i], out);
    }
    buf_addstr(out, "]}\n");
}

static int run(const void *said, char **args, struct err *err)
{
    const struct rm_line *options = said;
    struct precondition none = {0};
    struct opened admin;
    struct name name;
    struct reference reference;
    AUTO_STRINGS tags = {0};
    AUTO_BUF out = BUF_INIT;

    if (options->recursive)
        return rm_repository(options, args[0], err);
    if (!strpbrk(args[0], ":@"))
        return err_set(err, ERR_USAGE,
                       "%s: say which tag or digest, or remove the whole repository with -r",
                       args[0]);
    if (reference_parse_full(&name, &reference, args[0], err) < 0 ||
        open_store(&options->common, !options->dry_run, &admin, err) < 0)
        return -1;
    int result = options->dry_run
                     ? would_remove(&admin.registry, &name, &reference, &tags, err)
                     : remove_manifest(&admin.registry, &name, &reference, none, &tags, err);
    if (result == 0) {
        print_removed(&name, &reference, &tags, options, &out);
        result = print_out(&out, err);
    }
    open_close(&admin);
    return result;
}

const struct command rm_command = {
    .name = "rm",
    .arguments = "REPOSITORY[:TAG|@DIGEST]",
    .summary = "remove a tag, a manifest with all its tags, or a repository",
    .args_min = 1,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct rm_line),
    .run = run,
};
