/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes what archives say of themselves: manifest.json, index.json, configurations, paths, names.
 * What is accepted can be shown, stays within the archive, and names repositories. */
#include "fuzz/fuzz.h"

#include "oci/image_name.h"
#include "oci/saved.h"

static void check_text(const char *s)
{
    for (; *s; s++)
        must_hold((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_texts(const struct strings *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        check_text(texts->v[i]);
}

static void check_path(const char *path, const char *link_at)
{
    AUTO_BUF out = BUF_INIT;
    AUTO_BUF again = BUF_INIT;

    if (!saved_path(&out, path, link_at))
        return;
    check_text(out.s);
    must_hold(out.s[0] != '/' && strcmp(out.s, "..") != 0 && strncmp(out.s, "../", 3) != 0);
    must_hold(!strstr(out.s, "/../") && !strstr(out.s, "//"));
    must_hold(saved_path(&again, out.s, NULL) && !strcmp(out.s, again.s));
}

static void check_name(const char *text)
{
    struct image_name image;
    struct name name;
    struct err err;

    if (image_name_parse(&image, text, &err) < 0)
        must_hold(err.code == ERR_NAME_INVALID || err.code == ERR_MANIFEST_INVALID);
    else
        must_hold(name_parse(&name, image.name.s, strlen(image.name.s), &err) == 0);
}

static void check_images(const char *bytes, size_t len)
{
    AUTO_SAVED_IMAGES images = {0};
    struct err err;

    if (saved_images_parse(&images, bytes, len, &err) < 0) {
        must_hold(err.code == ERR_ARCHIVE_INVALID && images.n == 0);
        return;
    }
    must_hold(saved_images_are_there(bytes, len));
    for (size_t i = 0; i < images.n; i++) {
        check_text(images.v[i].config);
        check_texts(&images.v[i].names);
        check_texts(&images.v[i].layers);
        for (size_t j = 0; j < images.v[i].layers.n; j++)
            check_path(images.v[i].layers.v[j], NULL);
        for (size_t j = 0; j < images.v[i].names.n; j++)
            check_name(images.v[i].names.v[j]);
    }
}

static void check_index(const char *bytes, size_t len)
{
    AUTO_SAVED_INDEX index = {0};
    struct err err;

    if (saved_index_parse(&index, bytes, len, &err) < 0) {
        must_hold(err.code == ERR_ARCHIVE_INVALID && index.n == 0);
        return;
    }
    for (size_t i = 0; i < index.n; i++) {
        struct digest digest;
        const char *text = index.v[i].digest.s;
        must_hold(index.v[i].size >= 0);
        must_hold(digest_parse(&digest, text, strlen(text), &err) == 0);
        check_text(index.v[i].name ? index.v[i].name : "");
        check_text(index.v[i].ref ? index.v[i].ref : "");
        check_name(index.v[i].name ? index.v[i].name : "x");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_STRINGS diff_ids = {0};
    struct err err;
    char *text = text_of(bytes, len);

    check_images((const char *)bytes, len);
    check_index((const char *)bytes, len);
    if (saved_diff_ids_parse(&diff_ids, (const char *)bytes, len, &err) == 0)
        check_texts(&diff_ids);
    check_path(text, NULL);
    check_path(text, "a/b/c");
    check_name(text);
    free(text);
    return 0;
}
