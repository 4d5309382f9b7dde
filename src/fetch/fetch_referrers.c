/* SPDX-License-Identifier: Apache-2.0
 * L4: lists of referrers. */
#include "fetch/fetch.h"

int fetch_referrers(struct fetch *fetch, struct buf *text, struct err *err)
{
    struct digest subject;
    AUTO_BUF index = BUF_INIT;

    (void)text;
    if (fetch_digest(fetch, &subject, err) < 0)
        return -1;
    int found = remote_list_referrers(fetch->remote, &fetch->origin.remote, &subject, &index, err);
    if (found == 0)
        return fetch_unknown(fetch, ERR_NAME_UNKNOWN, err);
    return found < 0 ? -1 : fetch_keep_list(fetch, &index, err);
}
