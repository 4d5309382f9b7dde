/* SPDX-License-Identifier: Apache-2.0
 * L4: export: which manifests the names on the command line stand for. */
#include "transfer/export_select.h"

#include "oci/attached.h"
#include "oci/glob.h"
#include "oci/reference.h"
#include "registry/pull.h"
#include "store/repo.h"
#include "store/tag.h"
#include "transfer/export_platform.h"

#include <stdio.h>
#include <string.h>

/* How often a tag is looked at again that moves or goes away meanwhile. */
#define ATTEMPTS 5

/* What of one repository is being selected. */
struct selection {
    struct export_plan *plan;
    struct name name;
    bool is_asked;       /* by its name: then it must be there, and whole */
    struct strings tags; /* that were selected by name or glob, sorted */
    struct strings more; /* that refer to what was selected */
};

static void selection_free(struct selection *selection)
{
    strings_free(&selection->tags);
    strings_free(&selection->more);
}

/* Whoever named it may say which one to take. */
static const struct export_platform *ask(const struct selection *selection, const char *label,
                                         const char *has, const struct export_platforms *platforms)
{
    AUTO_BUF question = BUF_INIT;
    AUTO_STRINGS choices = {0};
    char text[PLATFORM_TEXT_SIZE];

    platform_text(text, &selection->plan->request->platform);
    buf_addf(&question, "%s %s for %s", label, has, text);
    for (size_t i = 0; i < platforms->n; i++) {
        platform_text(text, &platforms->v[i].platform);
        strings_add(&choices, text);
    }
    int choice = transfer_choose(selection->plan->options, question.s, &choices);
    return choice < 0 ? NULL : &platforms->v[choice];
}

static int refuse(const struct selection *selection, const char *label, const char *has,
                  const struct export_platforms *platforms, struct err *err)
{
    AUTO_BUF listed = BUF_INIT;
    char wanted[PLATFORM_TEXT_SIZE];

    export_platform_texts(platforms, &listed);
    platform_text(wanted, &selection->plan->request->platform);
    if (selection->is_asked)
        return err_set(err, ERR_NOT_FOUND,
                       "%s %s for %s, but for %s: choose with --platform or take --all", label, has,
                       wanted, listed.s);
    transfer_note(selection->plan->options, "%s is left out: it %s for %s, but for %s", label, has,
                  wanted, listed.s);
    return 0;
}

/* Replaces the digest of an index by that of one of its images. 1, 0: the image is passed over. An
 * index that names no platforms is something else, and goes as it is. */
static int choose_platform(const struct selection *selection, const char *label,
                           struct digest *digest, char *text, struct err *err)
{
    const struct export_plan *plan = selection->plan;
    const struct registry *registry = plan->options->registry;
    AUTO_PULLED pulled = {0};
    AUTO_EXPORT_PLATFORMS platforms = {0};
    AUTO_EXPORT_PLATFORMS rivals = {0};
    struct reference reference = {.is_digest = true, .digest = *digest};

    text[0] = '\0';
    if (plan->request->all_platforms)
        return 1;
    if (pull_read(registry, &selection->name, &reference, &pulled, err) < 0)
        return -1;
    if (!pulled.manifest.is_index)
        return 1;
    if (export_platform_list(registry, &selection->name, &pulled.manifest, &platforms, err) < 0)
        return -1;
    if (platforms.n == 0)
        return 1;
    const struct export_platform *chosen =
        export_platform_best(&platforms, &plan->request->platform);
    export_platform_rivals(&platforms, &plan->request->platform, chosen, &rivals);
    const struct export_platforms *choices = rivals.n > 1 ? &rivals : &platforms;
    const char *has = rivals.n > 1 ? "has no single image" : "has no image";
    if (rivals.n > 1)
        chosen = NULL;
    if (!chosen && selection->is_asked)
        chosen = ask(selection, label, has, choices);
    if (!chosen)
        return refuse(selection, label, has, choices, err);
    *digest = chosen->digest;
    platform_text(text, &chosen->platform);
    return 1;
}

static bool is_attached(const char *tag)
{
    struct attached attached;

    return attached_parse(&attached, tag);
}

static bool is_referrers_list(const char *tag)
{
    struct attached attached;

    return attached_parse(&attached, tag) && attached.kind == ATTACHED_REFERRERS;
}

/* Something that a manifest in the store needs is not there. A list of referrers that a client
 * keeps in a tag is easily out of date. */
static int incomplete(const struct selection *selection, const char *label, bool is_referrer_tag,
                      const struct err *failure, struct err *err)
{
    if (is_referrer_tag && !selection->is_asked) {
        transfer_note(selection->plan->options, "%s is left out: %s: %s", label,
                      err_public_text(failure->code), failure->msg);
        return 0;
    }
    return err_set(err, ERR_IO, "%s is incomplete, see berth fsck: %s: %s", label,
                   err_public_text(failure->code), failure->msg);
}

static bool is_unknown(const struct err *failure)
{
    return failure->code == ERR_MANIFEST_UNKNOWN || failure->code == ERR_BLOB_UNKNOWN;
}

static int add_manifest(struct selection *selection, const char *tag, const char *label,
                        const struct digest *named, struct strings *manifests, struct err *err)
{
    char platform[PLATFORM_TEXT_SIZE];
    struct digest digest = *named;

    int chosen = choose_platform(selection, label, &digest, platform, err);
    if (chosen <= 0)
        return chosen;
    return export_plan_add(selection->plan, &selection->name, tag, &digest,
                           platform[0] ? platform : NULL, manifests, err);
}

/* Adds what the tag points at. 0: there is no such tag, or it is passed over. While it is looked
 * at, the tag may move and what it pointed at may go. */
static int add_tag(struct selection *selection, const char *text, struct strings *manifests,
                   struct err *err)
{
    const struct registry *registry = selection->plan->options->registry;
    struct reference reference = {.is_digest = false};
    struct digest digest, again;
    struct err failure;
    char label[sizeof(struct name) + sizeof(struct tag)];

    if (tag_parse(&reference.tag, text, strlen(text), err) < 0)
        return -1;
    snprintf(label, sizeof label, "%s:%s", selection->name.s, text);
    for (int i = 0; i < ATTEMPTS; i++) {
        int found = pull_resolve(registry, &selection->name, &reference, &digest, err);
        if (found <= 0)
            return found;
        if (add_manifest(selection, text, label, &digest, manifests, &failure) == 0)
            return 1;
        found = is_unknown(&failure)
                    ? pull_resolve(registry, &selection->name, &reference, &again, err)
                    : -1;
        if (found < 0 || digest_equal(&digest, &again))
            break;
    }
    if (is_unknown(&failure))
        return incomplete(selection, label, is_referrers_list(text), &failure, err);
    return err_copy(err, &failure);
}

static bool is_selected(const struct selection *selection, const char *tag)
{
    const struct strings *lists[] = {&selection->tags, &selection->more};

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->n; i++)
            if (!strcmp(lists[k]->v[i], tag))
                return true;
    return false;
}

/* The tags in which clients keep what refers to a manifest where a registry has no list of
 * referrers, and in which cosign always does. */
static int find_referrer_tags(struct selection *selection, const char *manifest, struct err *err)
{
    const struct export_plan *plan = selection->plan;
    struct digest digest, points_at;

    if (!plan->request->referrers)
        return 0;
    if (digest_parse(&digest, manifest, strlen(manifest), err) < 0)
        return -1;
    for (int i = 0; i < ATTACHED_KINDS; i++) {
        struct tag tag;
        if (!attached_tag(&tag, &digest, (enum attached_kind)i))
            continue;
        int found =
            tag_get(plan->options->registry->store, &selection->name, &tag, &points_at, err);
        if (found < 0)
            return -1;
        if (found && !is_selected(selection, tag.s))
            strings_add(&selection->more, tag.s);
    }
    return 0;
}

/* And what refers to that in turn. Each tag is added once, so there is an end. */
static int add_referrer_tags(struct selection *selection, struct strings *manifests,
                             struct err *err)
{
    size_t looked = 0, added = 0;

    selection->is_asked = false;
    while (looked < manifests->n || added < selection->more.n) {
        if (looked < manifests->n) {
            if (find_referrer_tags(selection, manifests->v[looked++], err) < 0)
                return -1;
        } else if (add_tag(selection, selection->more.v[added++], manifests, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int add_tags(struct selection *selection, struct err *err)
{
    AUTO_STRINGS manifests = {0};

    for (size_t i = 0; i < selection->tags.n; i++)
        if (add_tag(selection, selection->tags.v[i], &manifests, err) < 0)
            return -1;
    /* All tags were selected already. */
    if (selection->plan->request->n_references == 0)
        return 0;
    return add_referrer_tags(selection, &manifests, err);
}

/* The tags of one repository that a glob matches. */
static int add_glob_tags(struct export_plan *plan, const struct name *name, const char *glob,
                         size_t *matched, struct err *err)
{
    struct selection selection = {.plan = plan, .name = *name};
    AUTO_STRINGS all = {0};

    if (tag_list(plan->options->registry->store, name, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        if (glob_matches(glob, all.v[i]) &&
            (plan->request->referrers || !is_attached(all.v[i]) || !strcmp(glob, all.v[i])))
            strings_add(&selection.tags, all.v[i]);
    *matched += selection.tags.n;
    int result = add_tags(&selection, err);
    selection_free(&selection);
    return result;
}

struct glob_walk {
    struct export_plan *plan;
    const char *repository, *tag; /* globs */
    size_t matched;
};

static int visit_repository(void *context, const struct name *name, struct err *err)
{
    struct glob_walk *walk = context;

    if (!glob_matches(walk->repository, name->s))
        return 0;
    return add_glob_tags(walk->plan, name, walk->tag, &walk->matched, err);
}

static int select_glob(struct export_plan *plan, const char *ref, struct err *err)
{
    char repository[NAME_LEN_MAX + 1];
    const char *colon = strchr(ref, ':');
    size_t len = colon ? (size_t)(colon - ref) : strlen(ref);
    struct glob_walk walk = {plan, repository, colon ? colon + 1 : "*", 0};

    if (strchr(ref, '@') || len >= sizeof repository)
        return err_set(err, ERR_USAGE, "%s: a pattern is REPOSITORY[:TAG]", ref);
    snprintf(repository, sizeof repository, "%.*s", (int)len, ref);
    if (repo_walk(plan->options->registry->store, NULL, visit_repository, &walk, err) < 0)
        return -1;
    if (walk.matched == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no tag that %s matches", ref);
    return 0;
}

static int add_digest(struct selection *selection, const struct reference *reference,
                      struct strings *manifests, struct err *err)
{
    char label[sizeof(struct name) + sizeof(struct digest)];
    struct digest digest;
    struct err failure;

    int found =
        pull_resolve(selection->plan->options->registry, &selection->name, reference, &digest, err);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference->digest.s,
                       selection->name.s);
    if (found < 0)
        return -1;
    snprintf(label, sizeof label, "%s@%s", selection->name.s, digest.s);
    if (add_manifest(selection, NULL, label, &digest, manifests, &failure) == 0)
        return 0;
    if (is_unknown(&failure))
        return incomplete(selection, label, false, &failure, err);
    return err_copy(err, &failure);
}

static int select_reference(struct export_plan *plan, const char *ref, struct err *err)
{
    struct selection selection = {.plan = plan, .is_asked = true};
    struct reference reference;
    AUTO_STRINGS manifests = {0};
    int result;

    if (strpbrk(ref, "*?"))
        return select_glob(plan, ref, err);
    if (reference_parse_full(&selection.name, &reference, ref, err) < 0)
        return -1;
    if (reference.is_digest) {
        result = add_digest(&selection, &reference, &manifests, err);
    } else {
        strings_add(&selection.tags, reference.tag.s);
        result = add_tag(&selection, reference.tag.s, &manifests, err);
        if (result == 0)
            result =
                err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference.tag.s, selection.name.s);
    }
    if (result >= 0)
        result = add_referrer_tags(&selection, &manifests, err);
    selection_free(&selection);
    return result;
}

int export_select(struct export_plan *plan, struct err *err)
{
    const struct export_request *request = plan->request;
    struct glob_walk all = {plan, "**", "*", 0};

    if (request->n_references == 0)
        return repo_walk(plan->options->registry->store, NULL, visit_repository, &all, err);
    for (size_t i = 0; i < request->n_references; i++)
        if (select_reference(plan, request->references[i], err) < 0)
            return -1;
    return 0;
}
