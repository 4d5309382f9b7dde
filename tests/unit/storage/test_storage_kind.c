/* SPDX-License-Identifier: Apache-2.0
 * storage/storage_kind.c */
#include "unit/unit.h"

#include "storage/storage_kind.h"

static void test_34_local_ones(void **state)
{
    (void)state;
    assert_string_equal("ext4", storage_kind_local("ext4 /dev/sda1 rw"));
    assert_string_equal("tmpfs", storage_kind_local("tmpfs tmpfs rw"));
    assert_null(storage_kind_local("nfs4 server:/srv rw"));
    assert_null(storage_kind_local("fuse.glusterfs server:/v rw"));
    assert_null(storage_kind_local("ext4x /dev/sda1 rw"));
    assert_null(storage_kind_local(""));
}

static void test_34_remedies(void **state)
{
    (void)state;
    assert_non_null(strstr(storage_kind_remedy("fuse.glusterfs s:/v rw"), "attribute-timeout=0"));
    assert_non_null(strstr(storage_kind_remedy("nfs4 s:/v rw,vers=4.2"), "lookupcache=none"));
    assert_non_null(strstr(storage_kind_remedy("cifs //s/v rw"), "not fit"));
    assert_non_null(strstr(storage_kind_remedy("fuse.unheard-of x rw"), "caches"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_34_local_ones),
        cmocka_unit_test(test_34_remedies),
    };
    return RUN(tests);
}
