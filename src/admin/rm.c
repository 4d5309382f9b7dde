/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth rm`; of a whole repository in rm_repository.c. */
#include "admin/admin.h"

#include "base/json.h"
#include "registry/list.h"
#include "registry/pull.h"
#include "registry/remove.h"

#include <string.h>

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
                          const struct strings *tags, const struct admin_options *options,
                          struct buf *out)
{
    const char *verb = options->dry_run ? "would remove" : "removed";

    if (!options->json) {
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

int admin_rm(const struct admin_options *options, char **args, struct err *err)
{
    struct precondition none = {0};
    struct admin_store admin;
    struct name name;
    struct reference reference;
    AUTO_STRINGS tags = {0};
    AUTO_BUF out = BUF_INIT;

    if (options->recursive)
        return admin_rm_repository(options, args, err);
    if (!strpbrk(args[0], ":@"))
        return err_set(err, ERR_USAGE,
                       "%s: say which tag or digest, or remove the whole repository with -r",
                       args[0]);
    if (reference_parse_full(&name, &reference, args[0], err) < 0 ||
        admin_open(options, !options->dry_run, &admin, err) < 0)
        return -1;
    int result = options->dry_run
                     ? would_remove(&admin.registry, &name, &reference, &tags, err)
                     : remove_manifest(&admin.registry, &name, &reference, none, &tags, err);
    if (result == 0) {
        print_removed(&name, &reference, &tags, options, &out);
        result = admin_print(&out, err);
    }
    admin_close(&admin);
    return result;
}
