/* SPDX-License-Identifier: Apache-2.0
 * L4: export: reading lists of digests. */
#include "transfer/have.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_line(struct digest_map *map, char *line, struct err *err)
{
    struct digest digest;

    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    size_t len = strcspn(line, " \t");
    if (line[len + strspn(line + len, " \t")])
        return err_set(err, ERR_USAGE, "more than a digest");
    if (len == 0)
        return 0;
    if (digest_parse(&digest, line, len, err) < 0)
        return -1;
    digest_map_put(map, &digest);
    return 0;
}

int have_read(struct digest_map *map, FILE *file, const char *label, struct err *err)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    struct err failure;
    int result = 0;

    errno = 0;
    while (result == 0 && getline(&line, &size, file) >= 0) {
        number++;
        if (add_line(map, line, &failure) < 0)
            result = err_set(err, ERR_USAGE,
                             "%s, line %zu: %s: %s. It must be a list of digests, one a "
                             "line, as berth ls --digests prints it",
                             label, number, line, failure.msg);
    }
    if (result == 0 && ferror(file))
        result = err_sys(err, errno, "%s", label);
    free(line);
    return result;
}
