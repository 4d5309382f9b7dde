/* SPDX-License-Identifier: Apache-2.0
 *
 * Paging of listings: `n` and `last`, and the Link to the next page (OCI Distribution
 * Specification, "Listing Tags").
 */
#ifndef BERTH_API_PAGE_H
#define BERTH_API_PAGE_H

#include "api/api_settings.h"
#include "base/json_writer.h"
#include "base/strings.h"
#include "http/request.h"
#include "http/response.h"
#include "registry/list.h"

/* Reads n and last. An n beyond the configured limit is cut to it; without n the page has n_default
 * entries. PAGINATION if n is no number. */
int page_parse(const struct request *request, const struct api_settings *settings,
               int64_t n_default, struct page *page, struct err *err);

/* Adds the Link to what follows `last`, with the same n and the other query given (a key with its
 * value, or NULL). A page of none has no next one. */
void page_link(const struct request *request, struct page page, const char *last, const char *key,
               const char *value, struct response *response);

/* Writes names as a list of strings. */
void page_write_names(const struct strings *names, struct json_writer *json, const char *key);

#endif
