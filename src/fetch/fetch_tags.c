/* SPDX-License-Identifier: Apache-2.0
 * L4: lists of tags. */
#include "fetch/fetch.h"

#define TAGS_MAX 1000000

int fetch_tags(struct fetch *fetch, struct buf *text, struct err *err)
{
    AUTO_STRINGS tags = {0};
    AUTO_BUF lines = BUF_INIT;

    (void)text;
    int found = remote_list_tags(fetch->remote, &fetch->origin.remote, TAGS_MAX, &tags, err);
    if (found == 0)
        return fetch_unknown(fetch, ERR_NAME_UNKNOWN, err);
    if (found < 0)
        return -1;
    strings_sort(&tags);
    buf_addstr(&lines, "");
    for (size_t i = 0; i < tags.n; i++)
        buf_addf(&lines, "%s\n", tags.v[i]);
    return fetch_keep_list(fetch, &lines, err);
}
