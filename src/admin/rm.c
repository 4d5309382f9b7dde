/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth rm`; of a whole repository in rm_repository.c. */
#include "admin/rm.h"
#include "admin/command.h"
#include "admin/open.h"
#include "auth/policy.h"
#include "base/amount.h"
#include "cli/table.h"
#include "registry/immutable.h"
#include "registry/list.h"
#include "registry/pull.h"
#include "registry/remove.h"

#include <stdio.h>
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
    AUTO_IMMUTABLE immutable = {0};
    struct digest digest;

    int found = pull_resolve(registry, name, reference, &digest, err);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    if (found < 0)
        return -1;
    if (!reference->is_digest)
        return 0;
    return immutable_look(&immutable, registry, name, &digest, err) < 0
               ? -1
               : list_tags_of(registry, name, &digest, tags, err);
}

/* What goes, for JSON. */
struct removed {
    const char *name;
    bool dry_run;
    const char *digest; /* NULL: tags alone */
    struct strings tags;
};

static const struct table_column columns[] = {
    TABLE_COLUMN(struct removed, name, TABLE_TEXT, "name", NULL),
    TABLE_COLUMN(struct removed, dry_run, TABLE_FLAG, "dryRun", NULL),
    TABLE_COLUMN(struct removed, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct removed, tags, TABLE_LIST, "tags", NULL),
    TABLE_END,
};

static int print_removed(const struct removed *removed, bool json, struct err *err)
{
    const char *verb = removed->dry_run ? "would remove" : "removed";
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    table_sheet(columns, removed, &out);
    if (!json && removed->digest)
        buf_addf(&out.text, "%s %s@%s\n", verb, removed->name, removed->digest);
    for (size_t i = 0; !json && i < removed->tags.n; i++)
        buf_addf(&out.text, "%s %s:%s\n", verb, removed->name, removed->tags.v[i]);
    return output_end(&out, err);
}

static int remove_one(const struct registry *registry, const struct name *name,
                      const struct reference *reference, const struct rm_line *options,
                      struct err *err)
{
    struct precondition none = {0};
    AUTO_STRINGS tags = {0};

    int result = options->dry_run ? would_remove(registry, name, reference, &tags, err)
                                  : remove_manifest(registry, name, reference, none, &tags, err);
    if (result < 0)
        return -1;
    if (!reference->is_digest)
        strings_add(&tags, reference->tag.s);
    return print_removed(&(struct removed){name->s, options->dry_run,
                                           reference->is_digest ? reference->digest.s : NULL, tags},
                         options->common.json, err);
}

/* The tag itself may be removed here, but what it needs not while it stays. */
static bool keeps(const void *context, const struct name *name, const struct tag *tag)
{
    struct policy_hold hold;

    return policy_holds(context, name, tag, &hold) && hold.pattern;
}

static int remove_by_rules(struct opened *opened, const struct name *name,
                           const struct reference *reference, const struct rm_line *options,
                           struct err *err)
{
    struct policy *policy =
        policy_new(&opened->conf.live.policy, config_checks_logins(&opened->conf.live), err);

    if (!policy)
        return -1;
    opened->registry.rules = (struct registry_rules){.keeps = keeps, .context = policy};
    int result = remove_one(&opened->registry, name, reference, options, err);
    policy_free(policy);
    return result;
}

/* When and how the space comes back. */
static void note_grace(int64_t grace)
{
    char text[AMOUNT_TEXT];

    amount_age(text, grace);
    fprintf(stderr,
            "berth: the space comes back by `berth gc`, once it is older than the grace (%s)\n",
            text);
}

static int parse(const struct rm_line *options, const char *text, struct name *name,
                 struct reference *reference, struct err *err)
{
    bool whole = !strpbrk(text, ":@");

    if (options->recursive && !whole)
        return err_set(err, ERR_USAGE, "%s: -r removes a whole repository, give its name alone",
                       text);
    if (!options->recursive && whole)
        return err_set(err, ERR_USAGE,
                       "%s: say which tag or digest, or remove the whole repository with -r", text);
    return whole ? name_parse(name, text, strlen(text), err)
                 : reference_parse_full(name, reference, text, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct rm_line *options = said;
    struct opened opened;
    struct name name;
    struct reference reference;

    if (parse(options, args[0], &name, &reference, err) < 0 ||
        open_store(&options->common, !options->dry_run, &opened, err) < 0)
        return -1;
    int result = options->recursive ? rm_repository(&opened.registry, options, &name, err)
                                    : remove_by_rules(&opened, &name, &reference, options, err);
    if (result == 0 && !options->dry_run)
        note_grace(opened.store.grace);
    open_close(&opened);
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
