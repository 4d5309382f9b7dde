/* SPDX-License-Identifier: Apache-2.0
 * L4: import: what images will be called. */
#include "transfer/import_name.h"

#include "base/array.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --as REPOSITORY[:TAG] */
struct rename {
    bool on;
    struct image_name to;
};

static int parse_as(const struct import *import, struct rename *rename, struct err *err)
{
    const char *as = import->request->as;
    const char *colon = as ? strchr(as, ':') : NULL;

    *rename = (struct rename){.on = as != NULL};
    if (!as)
        return 0;
    size_t len = colon ? (size_t)(colon - as) : strlen(as);
    if (name_parse(&rename->to.name, as, len, err) < 0)
        return -1;
    rename->to.has_tag = colon != NULL;
    return colon ? tag_parse(&rename->to.tag, colon + 1, strlen(colon + 1), err) : 0;
}

static int compare_names(const struct image_name *a, const struct image_name *b)
{
    int order = strcmp(a->name.s, b->name.s);

    if (order == 0)
        order = (int)a->has_tag - (int)b->has_tag;
    return order || !a->has_tag ? order : strcmp(a->tag.s, b->tag.s);
}

/* Of two equal ones, that which stands first. */
static int compare(const void *a, const void *b)
{
    const struct image_name *const *left = a, *const *right = b;
    int order = compare_names(*left, *right);

    return order ? order : (*left > *right) - (*left < *right);
}

struct image_name **import_name_order(const struct import_found_image *image)
{
    struct image_name **order = mem_alloc((image->n_targets + 1) * sizeof(struct image_name *));

    for (size_t i = 0; i < image->n_targets; i++)
        order[i] = &image->targets[i];
    qsort(order, image->n_targets, sizeof *order, compare);
    return order;
}

static void add_target(struct import_found_image *image, const struct image_name *target)
{
    *ARRAY_ADD(image->targets, image->n_targets) = *target;
}

/* An archive may say very many, and any of them twice. */
static void drop_repeated(struct import_found_image *image)
{
    struct image_name **order = import_name_order(image);
    const struct image_name *last = image->n_targets ? order[0] : NULL;
    size_t kept = 0;

    for (size_t i = 1; i < image->n_targets; i++) {
        if (compare_names(last, order[i]) == 0)
            *order[i]->name.s = '\0';
        else
            last = order[i];
    }
    for (size_t i = 0; i < image->n_targets; i++)
        if (*image->targets[i].name.s)
            image->targets[kept++] = image->targets[i];
    image->n_targets = kept;
    free(order);
}

static void describe(const struct import_found_image *image, struct buf *out)
{
    for (size_t i = 0; i < image->names.n; i++)
        buf_addf(out, "%s ", image->names.v[i]);
    for (size_t i = 0; i < image->n_exact; i++)
        buf_addf(out, "%s%s%s ", image->exact[i].name.s, image->exact[i].has_tag ? ":" : "",
                 image->exact[i].has_tag ? image->exact[i].tag.s : "");
    if (image->names.n + image->n_exact == 0)
        buf_addstr(out, "(no name) ");
    for (size_t i = 0; i < image->tags.n; i++)
        buf_addf(out, "tag %s ", image->tags.v[i]);
    buf_addstr(out, image->digest.s[0] ? image->digest.s : image->saved->config);
}

/* Says what is there, for who has to choose a name. */
static void show_images(const struct import *import)
{
    const struct import_found *found = &import->found;
    AUTO_BUF heading = BUF_INIT;
    AUTO_STRINGS lines = {0};

    for (size_t i = 0; i < found->n && i < IMPORT_RUN_SHOWN_MAX; i++) {
        AUTO_BUF line = BUF_INIT;
        describe(&found->v[i], &line);
        strings_add(&lines, line.s);
    }
    buf_addf(&heading, "images in %s:", import->source->label);
    import_run_list(import, heading.s, &lines, found->n);
}

/* Under the repository of --as with the tags that the image has. */
static int rename_image(const struct import *import, const struct rename *rename,
                        struct import_found_image *image, struct err *err)
{
    struct image_name target = rename->to;

    if (rename->to.has_tag) {
        add_target(image, &target);
        return 0;
    }
    for (size_t i = 0; i < image->n_exact; i++) {
        target = image->exact[i];
        target.name = rename->to.name;
        add_target(image, &target);
    }
    for (size_t i = 0; i < image->names.n; i++) {
        if (image_name_parse(&target, image->names.v[i], err) < 0)
            return -1;
        target.name = rename->to.name;
        add_target(image, &target);
    }
    target = rename->to;
    target.has_tag = true;
    for (size_t i = 0; i < image->tags.n; i++) {
        if (tag_parse(&target.tag, image->tags.v[i], strlen(image->tags.v[i]), err) < 0)
            return -1;
        add_target(image, &target);
    }
    if (image->n_targets > 0)
        return 0;
    target.has_tag = !image->is_referrer;
    snprintf(target.tag.s, sizeof target.tag.s, "latest");
    if (target.has_tag && import->found.n > 1) {
        show_images(import);
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "there are several images, and one has neither name nor tag: --as cannot "
                       "name them all");
    }
    add_target(image, &target);
    return 0;
}

static int own_names(const struct import *import, struct import_found_image *image, struct err *err)
{
    struct image_name target;

    for (size_t i = 0; i < image->n_exact; i++)
        add_target(image, &image->exact[i]);
    for (size_t i = 0; i < image->names.n; i++) {
        if (image_name_parse(&target, image->names.v[i], err) < 0) {
            show_images(import);
            return -1;
        }
        add_target(image, &target);
    }
    if (image->n_targets > 0)
        return 0;
    show_images(import);
    if (image->tags.n > 0)
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "an image has a tag, but no name: say which with --as REPOSITORY");
    return err_set(err, ERR_ARCHIVE_INVALID,
                   "an image has no name: say which with --as REPOSITORY:TAG");
}

/* No name may stand for two images. */
static int check_names(const struct import *import, struct err *err)
{
    const struct import_found *found = &import->found;
    AUTO_STRINGS all = {0};

    for (size_t i = 0; i < found->n; i++) {
        for (size_t j = 0; j < found->v[i].n_targets; j++) {
            const struct image_name *target = &found->v[i].targets[j];
            AUTO_BUF text = BUF_INIT;
            buf_addf(&text, "%s:%s", target->name.s, target->tag.s);
            if (target->has_tag)
                strings_add(&all, text.s);
        }
    }
    strings_sort(&all);
    for (size_t i = 1; i < all.n; i++) {
        if (strcmp(all.v[i - 1], all.v[i]) != 0)
            continue;
        show_images(import);
        return err_set(err, ERR_ARCHIVE_INVALID, "several images would be %s", all.v[i]);
    }
    return 0;
}

int import_name_all(struct import *import, struct err *err)
{
    struct import_found *found = &import->found;
    struct rename rename;

    if (parse_as(import, &rename, err) < 0)
        return -1;
    if (rename.to.has_tag && found->n > 1) {
        show_images(import);
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "%zu images cannot all be %s: with --as REPOSITORY they keep their tags",
                       found->n, import->request->as);
    }
    for (size_t i = 0; i < found->n; i++) {
        int named = rename.on ? rename_image(import, &rename, &found->v[i], err)
                              : own_names(import, &found->v[i], err);
        if (named < 0)
            return -1;
        drop_repeated(&found->v[i]);
    }
    return check_names(import, err);
}
