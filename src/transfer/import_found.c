/* SPDX-License-Identifier: Apache-2.0
 * L4: import: the images that a source was found to hold. */
#include "transfer/import_found.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

void import_found_free(struct import_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        strings_free(&found->v[i].names);
        strings_free(&found->v[i].tags);
        free(found->v[i].exact);
        free(found->v[i].targets);
    }
    free(found->v);
    for (size_t i = 0; i < found->n_saved; i++)
        saved_images_free(&found->saved[i]);
    free(found->saved);
    free(found->referrers);
    arena_free(&found->texts);
    *found = (struct import_found){0};
}

struct import_found_image *import_found_add(struct import_found *found, enum import_found_form form,
                                            const char *prefix)
{
    struct import_found_image *image = ARRAY_ADD(found->v, found->n);

    *image = (struct import_found_image){.form = form, .prefix = prefix, .size = -1};
    return image;
}

struct saved_images *import_found_keep(struct import_found *found, const struct saved_images *saved)
{
    struct saved_images *kept = ARRAY_ADD(found->saved, found->n_saved);

    *kept = *saved;
    return kept;
}

void import_found_add_names(struct import_found_image *image, const struct strings *names)
{
    for (size_t i = 0; i < names->n; i++)
        strings_add(&image->names, names->v[i]);
}

bool import_found_is_named(const struct import_found_image *image)
{
    for (size_t i = 0; i < image->n_exact; i++)
        if (image->exact[i].has_tag)
            return true;
    return image->names.n > 0 || image->tags.n > 0;
}

void import_found_add_referrer(struct import_found *found, const char *prefix,
                               const struct digest *subject, const struct digest *digest,
                               bool is_listed)
{
    *ARRAY_ADD(found->referrers, found->n_referrers) =
        (struct import_found_referrer){prefix, *subject, *digest, is_listed};
}

static int compare_referrers(const void *a, const void *b)
{
    const struct import_found_referrer *left = a, *right = b;
    int order = strcmp(left->subject.s, right->subject.s);

    return order ? order : strcmp(left->digest.s, right->digest.s);
}

void import_found_sort_referrers(struct import_found *found)
{
    if (found->n_referrers)
        qsort(found->referrers, found->n_referrers, sizeof *found->referrers, compare_referrers);
}

size_t import_found_first_referrer(const struct import_found *found, const struct digest *subject)
{
    size_t low = 0, high = found->n_referrers;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(found->referrers[middle].subject.s, subject->s) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
