/* SPDX-License-Identifier: Apache-2.0
 * What the fuzzing harnesses share. */
#include "base/dir.h"
#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>

struct store temp_store;
struct config_frozen temp_frozen = {.store = {.durability = STORE_DURABILITY_NONE,
                                              .file_mode = 0600,
                                              .dir_mode = 0700,
                                              .manifest_limit = 4096},
                                    .api = {.page_limit = 10}};

static char temp_root[64];

char *text_of(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);

    must_hold(text);
    if (len)
        memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

struct cgi_input cgi_input_of(const uint8_t *bytes, size_t len)
{
    struct cgi_input input = {.text = text_of(bytes, len)};
    char *text = input.text, *end = text + len;
    size_t n = 0;

    while (text < end && *text != '\n') {
        char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (n < VARIABLES_MAX)
            input.variables[n++] = text;
        text = line_end ? line_end : end;
        *text = '\0';
        text += line_end != NULL;
    }
    text += text < end;
    input.body = text;
    input.body_len = (size_t)(end - text);
    return input;
}

ssize_t cgi_input_read(void *from, void *bytes, size_t len)
{
    struct cgi_input *input = from;
    size_t n = input->body_len < len ? input->body_len : len;

    memcpy(bytes, input->body, n);
    input->body += n;
    input->body_len -= n;
    return (ssize_t)n;
}

void temp_store_remove(void)
{
    struct fs_root parent = {.fd = open("/tmp", O_RDONLY | O_DIRECTORY)};
    struct err err;

    store_close(&temp_store);
    dir_remove_tree(&parent, temp_root + strlen("/tmp/"), &err);
    fs_root_close(&parent);
}

void temp_store_make(void)
{
    struct err err;

    snprintf(temp_root, sizeof temp_root, "/tmp/berth-fuzz-XXXXXX");
    must_hold(mkdtemp(temp_root));
    temp_frozen.store.root = temp_root;
    must_hold(store_open(&temp_store, &temp_frozen.store, true, &err) == 0);
}
