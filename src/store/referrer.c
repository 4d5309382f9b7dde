/* SPDX-License-Identifier: Apache-2.0
 * L2: the referrers index. Owns repositories/<name>/_referrers. */
#include "store/referrer.h"

#include "base/dir.h"
#include "store/layout.h"

/* A descriptor is not longer than the manifest whose annotations it repeats, whatever its limit is.
 */
#define DESCRIPTOR_SIZE_MAX ((size_t)1 << 30)

int referrer_add(const struct store *store, const struct name *name, const struct digest *subject,
                 const struct digest *referrer, const struct buf *descriptor, struct dirty *dirty,
                 struct err *err)
{
    struct layout_path path;

    return store_write(store, layout_referrer(&path, name, subject, referrer), descriptor->s,
                       descriptor->len, dirty, err);
}

int referrer_remove(const struct store *store, const struct name *name,
                    const struct digest *subject, const struct digest *referrer,
                    struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_unlink(&store->fs, layout_referrer(&path, name, subject, referrer), dirty, err);
}

int referrer_list(const struct store *store, const struct name *name, const struct digest *subject,
                  struct strings *digests, struct err *err)
{
    struct layout_path path;

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_STRINGS hex = {0};
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        if (dir_list(&store->fs, layout_referrers(&path, name, subject, algorithm), &hex, err) < 0)
            return -1;
        for (size_t k = 0; k < hex.n; k++) {
            struct digest digest;
            if (digest_from_hex(&digest, algorithm, hex.v[k], NULL) == 0)
                strings_add(digests, digest.s);
        }
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
