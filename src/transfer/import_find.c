/* SPDX-License-Identifier: Apache-2.0
 * L4: import: which images a source holds. It goes by content, not by the names that users gave to
 * files. */
#include "transfer/import_find.h"

#include "transfer/import_layout.h"
#include "transfer/import_part.h"
#include "transfer/import_saved.h"
#include "transfer/import_skopeo.h"

#include <string.h>

/* Looks for images at a place. 0: there is nothing known. */
static int find_at(struct import *import, const char *prefix, struct err *err)
{
    AUTO_BUF index = BUF_INIT;
    AUTO_BUF manifest = BUF_INIT;

    int found = import_part_document(import, prefix, "index.json", &index, err);
    if (found < 0)
        return -1;
    if (found)
        return import_layout_find(import, prefix, &index, err) < 0 ? -1 : 1;
    found = import_part_document(import, prefix, "manifest.json", &manifest, err);
    if (found <= 0)
        return found;
    found = saved_images_are_there(manifest.s, manifest.len)
                ? import_saved_find(import, prefix, &manifest, err)
                : import_skopeo_find(import, prefix, &manifest, err);
    return found < 0 ? -1 : 1;
}

/* Images in a directory of skopeo sync. */
#define PLACES_MAX 10000

static int note_place(void *context, const char *name, struct err *err)
{
    struct strings *places = context;
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    AUTO_BUF prefix = BUF_INIT;

    if (strcmp(base, "index.json") != 0 && strcmp(base, "manifest.json") != 0)
        return 0;
    if (places->n == PLACES_MAX)
        return err_set(err, ERR_ARCHIVE_INVALID, "there are images in more than %d places",
                       PLACES_MAX);
    buf_add(&prefix, name, (size_t)(base - name));
    strings_add(places, prefix.s);
    return 0;
}

/* The places below the top where there are images, such as those of skopeo sync, the outermost. */
static int find_below(struct import *import, struct err *err)
{
    AUTO_STRINGS places = {0};
    const char *last = NULL;

    if (source_each(import->source, "", note_place, &places, err) < 0)
        return -1;
    strings_sort(&places);
    for (size_t i = 0; i < places.n; i++) {
        if (last && !strncmp(places.v[i], last, strlen(last)))
            continue;
        last = arena_strndup(&import->found.texts, places.v[i], strlen(places.v[i]));
        if (find_at(import, last, err) < 0)
            return -1;
    }
    return places.n > 0;
}

int import_find(struct import *import, struct err *err)
{
    struct source_file file;
    struct import_found *found = &import->found;

    int there = find_at(import, "", err);
    if (there == 0)
        there = find_below(import, err);
    if (there < 0)
        return -1;
    import_found_sort_referrers(found);
    if (there > 0) /* perhaps of nothing, as of a store without tags */
        return 0;
    int old = source_find(import->source, "repositories", &file, err);
    if (old > 0) {
        source_file_close(&file);
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "saved by a docker before 1.10: load and save it with a newer one");
    }
    return old < 0 ? -1
                   : err_set(err, ERR_ARCHIVE_INVALID,
                             "there is no image: neither index.json of an OCI layout, nor "
                             "manifest.json of docker save or skopeo");
}
