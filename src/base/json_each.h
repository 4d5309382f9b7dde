/* SPDX-License-Identifier: Apache-2.0
 *
 * A long list within a JSON object, read element by element, so that a large document takes no more
 * memory than its text and one element's tree.
 */
#ifndef BERTH_BASE_JSON_EACH_H
#define BERTH_BASE_JSON_EACH_H

#include "base/json.h"

/* The element is gone when it returns. Other than 0: enough, with *err set. */
typedef int json_each_fn(void *context, const struct json *element, struct err *err);

/* Visits the objects in the list `key` of the object that text is, in their order. What is returned
 * is the whole with "" in the place of each; json_free afterwards. NULL: text is no such JSON, as
 * by json_parse, some of which is known only behind the list; or visit had enough. Without the
 * list, or where it is none, nothing is visited. */
struct json *json_each(const char *text, size_t len, int depth_max, const char *key,
                       json_each_fn *visit, void *context, struct err *err);

#endif
