/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes Range, Content-Range, If-Match and Content-Type. The first byte chooses a size. */
#include "fuzz/fuzz.h"

#include "http/header.h"

static void check_ranges(const char *text, int64_t size)
{
    static struct byte_range ranges[RANGE_MAX];
    size_t n;
    int64_t rest = size; /* together they are not longer than the blob */
    enum range_verdict verdict = header_range(text, size, ranges, &n);

    must_hold((verdict == RANGE_SOME) <= (n > 0) && n <= RANGE_MAX);
    for (size_t i = 0; verdict == RANGE_SOME && i < n; i++) {
        must_hold(ranges[i].first >= 0 && ranges[i].first <= ranges[i].last &&
                  ranges[i].last < size);
        rest -= ranges[i].last - ranges[i].first + 1;
        must_hold(rest >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const int64_t sizes[] = {0, 1, 2, 2048, INT64_C(5) << 30, INT64_MAX};
    char media_type[20];
    int64_t first = 0, last = 0;

    if (len == 0)
        return 0;
    char *text = text_of(bytes + 1, len - 1);
    check_ranges(text, sizes[bytes[0] % (sizeof sizes / sizeof *sizes)]);
    if (header_content_range(text, &first, &last))
        must_hold(first >= 0 && last >= 0);
    if (header_etag_matches(text, "sha256:ab", true, ETAG_WEAK))
        must_hold(strstr(text, "\"sha256:ab\"") || strchr(text, '*'));
    must_hold(!header_etag_matches(text, "", false, ETAG_WEAK));
    header_media_type(text, media_type, sizeof media_type);
    must_hold(strlen(media_type) < sizeof media_type && !strpbrk(media_type, "; \t"));
    free(text);
    return 0;
}
