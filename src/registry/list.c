/* SPDX-License-Identifier: Apache-2.0
 * L3: listings of tags and repositories. Referrers are in list_referrers.c. */
#include "registry/list.h"

#include "store/repo.h"
#include "store/tag.h"

#include <errno.h>
#include <string.h>

/* What is known of a repository in which no tags were found. */
static int unless_unknown(const struct registry *registry, const struct name *name, int found,
                          struct err *err)
{
    if (found == 0)
        found = repo_exists(registry->store, name, err);
    if (found == 0)
        return err_set(err, ERR_NAME_UNKNOWN, "%s", name->s);
    return found < 0 ? -1 : 0;
}

int list_tags(const struct registry *registry, const struct name *name, struct page page,
              struct strings *tags, bool *more, struct err *err)
{
    int found = tag_page(registry->store, name, page.last, (size_t)page.n, tags, more, err);

    return unless_unknown(registry, name, found, err);
}

int list_all_tags(const struct registry *registry, const struct name *name, struct names *tags,
                  struct err *err)
{
    return unless_unknown(registry, name, tag_names(registry->store, name, tags, err), err);
}

int list_tags_of(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct strings *tags, struct err *err)
{
    AUTO_NAMES names = {0};

    if (tag_list_of(registry->store, name, digest, &names, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++)
        strings_add(tags, names_get(&names, i));
    return 0;
}

struct repository_page {
    const struct registry *registry;
    struct page page;
    struct strings *names;
    bool more;
};

static int visit_repository(void *context, const struct name *name, struct err *err)
{
    struct repository_page *list = context;
    const struct registry_rules *rules = &list->registry->rules;

    if (rules->may_list && !rules->may_list(rules->context, name))
        return 0;
    int has = repo_has_manifests(list->registry->store, name, err);
    if (has <= 0)
        return has;
    if ((int64_t)list->names->n == list->page.n) {
        list->more = true;
        return 1;
    }
    strings_add(list->names, name->s);
    return 0;
}

int list_repositories(const struct registry *registry, struct page page, struct strings *names,
                      bool *more, struct err *err)
{
    struct repository_page list = {registry, page, names, false};

    int walked = page.n < INT32_MAX
                     ? repo_walk_page(registry->store, page.last, (size_t)page.n, visit_repository,
                                      &list, err)
                     : repo_walk(registry->store, page.last, visit_repository, &list, err);
    if (walked < 0)
        return -1;
    *more = list.more;
    return 0;
}
