/* SPDX-License-Identifier: Apache-2.0
 * L2: the referrers index. Owns repositories/<name>/_referrers. */
#include "store/referrer.h"

#include "base/dir_page.h"
#include "base/fs_settle.h"
#include "store/layout.h"

#include <string.h>

/* A descriptor is not longer than the manifest whose annotations it repeats, of whatever limit. */
#define DESCRIPTOR_SIZE_MAX ((size_t)1 << 30)

int referrer_add(const struct store *store, const struct name *name, const struct digest *subject,
                 const struct digest *referrer, const struct buf *descriptor, struct dirty *dirty,
                 struct err *err)
{
    struct layout_path path;

    return store_write(store, layout_referrer(&path, name, subject, referrer), descriptor->s,
                       descriptor->len, dirty, err);
}

int referrer_place(const struct name *name, const struct digest *subject,
                   const struct digest *referrer, struct fs_new *descriptor, struct dirty *dirty,
                   struct err *err)
{
    struct layout_path path;

    return fs_new_place(descriptor, layout_referrer(&path, name, subject, referrer), dirty, err);
}

int referrer_settle(const struct store *store, const struct name *name,
                    const struct digest *subject, const struct digest *referrer,
                    struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_referrer(&path, name, subject, referrer), dirty, err);
}

int referrer_remove(const struct store *store, const struct name *name,
                    const struct digest *subject, const struct digest *referrer,
                    struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_unlink(&store->fs, layout_referrer(&path, name, subject, referrer), dirty, err);
}

/* The digests of a page, of which there are n at most. */
struct digests_page {
    enum digest_algorithm algorithm;
    size_t n;
    struct strings *digests;
    bool *more;
};

static int add_digest(void *context, const char *hex, struct err *err)
{
    const struct digests_page *page = context;
    struct digest digest;

    (void)err;
    if (digest_from_hex(&digest, page->algorithm, hex, NULL) < 0)
        return 0;
    *page->more = page->digests->n == page->n;
    if (!*page->more)
        strings_add(page->digests, digest.s);
    return *page->more;
}

/* Digests in byte order are in that of their algorithms first. */
int referrer_page(const struct store *store, const struct name *name, const struct digest *subject,
                  const char *after, size_t n, struct strings *digests, bool *more, struct err *err)
{
    struct layout_path path;

    *more = false;
    for (int i = 0; i < DIGEST_ALGORITHMS && !*more; i++) {
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        const char *text = digest_algorithm_name(algorithm);
        const size_t len = strlen(text);
        int order = after ? strncmp(after, text, len) : -1;
        if (order > 0 || (order == 0 && after[len] > ':')) /* all of these are before it */
            continue;
        layout_referrers(&path, name, subject, algorithm);
        const char *behind = order == 0 && after[len] == ':' ? after + len + 1 : NULL;
        struct digests_page page = {algorithm, n, digests, more};
        if (dir_page_walk(&store->fs, path.s, behind, n - digests->n + 1, !store->shared,
                          add_digest, &page, err) < 0)
            return -1;
    }
    return 0;
}

int referrer_read(const struct store *store, const struct name *name, const struct digest *subject,
                  const struct digest *referrer, struct buf *descriptor, struct err *err)
{
    struct layout_path path;

    return fs_read(&store->fs, layout_referrer(&path, name, subject, referrer), DESCRIPTOR_SIZE_MAX,
                   descriptor, err);
}
