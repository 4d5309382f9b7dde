/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth inspect`. */
#include "admin/command.h"
#include "admin/open.h"
#include "cli/table.h"
#include "registry/view.h"

#include <string.h>

#define PIECE 65536

struct inspect_line {
    struct options_common common;
    bool raw;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct inspect_line, raw, 'R', "raw", NULL,
                "print the manifest itself, byte for byte"),
    OPTIONS_END,
};

static const struct table_column columns[] = {
    TABLE_COLUMN(struct view_image, name, TABLE_TEXT, "name", "repository"),
    TABLE_COLUMN(struct view_image, digest, TABLE_TEXT, "digest", "digest"),
    TABLE_COLUMN(struct view_image, media_type, TABLE_TEXT, "mediaType", "type"),
    TABLE_COLUMN(struct view_image, size, TABLE_SIZE, "size", NULL),
    TABLE_COLUMN(struct view_image, total_size, TABLE_SIZE, "totalSize", "total size"),
    TABLE_COLUMN(struct view_image, tags, TABLE_LIST, "tags", "tag"),
    TABLE_COLUMN(struct view_image, subject, TABLE_TEXT, "subject", "subject"),
    TABLE_END,
};

/* JSON has the descriptors whole. */
static const struct table_column part_columns[] = {
    TABLE_COLUMN(struct view_part, role, TABLE_TEXT, NULL, "PART"),
    TABLE_COLUMN(struct view_part, digest, TABLE_TEXT, NULL, "DIGEST"),
    TABLE_COLUMN(struct view_part, size, TABLE_SIZE, NULL, "SIZE"),
    TABLE_COLUMN(struct view_part, what, TABLE_TEXT, NULL, ""),
    TABLE_END,
};

static void print_parts(const struct view_image *image, struct output *out)
{
    struct table table;

    if (image->n_parts + image->n_referrers == 0)
        return;
    buf_addc(&out->text, '\n');
    table_begin(&table, part_columns, NULL, out);
    for (size_t i = 0; i < image->n_parts; i++)
        table_row(&table, &image->parts[i]);
    for (size_t i = 0; i < image->n_referrers; i++)
        table_row(&table, &image->referrers[i]);
    table_end(&table);
}

static void write_parts(const struct view_part *parts, size_t n, const char *role, const char *key,
                        struct json_writer *json)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(parts[i].role, role))
            json_writer_value(json, NULL, parts[i].json);
    json_writer_end(json);
}

static void write_all(const struct view_image *image, struct json_writer *json)
{
    bool has_config = image->n_parts && !strcmp(image->parts[0].role, "config");

    json_writer_value(json, "config", has_config ? image->parts[0].json : NULL);
    write_parts(image->parts, image->n_parts, "layer", "layers", json);
    write_parts(image->parts, image->n_parts, "manifest", "manifests", json);
}

static int write_referrer(void *context, const struct json *descriptor, struct err *err)
{
    struct output *out = context;

    (void)err;
    json_writer_value(out->json, NULL, descriptor);
    output_relieve(out);
    return 0;
}

/* Whole, and so one at a time, without the image beside it. */
static int write_referrers(const struct registry *registry, const struct name *name,
                           struct view_image *image, struct output *out, struct err *err)
{
    const struct digest digest = image->pulled.digest;

    pull_free(&image->pulled);
    json_writer_array(out->json, "referrers");
    int result = list_referrers_each(registry, name, &digest, write_referrer, out, err);
    json_writer_end(out->json);
    return result;
}

/* A long one from its file. */
static int print_raw(const struct pulled_manifest *pulled, struct output *out, struct err *err)
{
    if (!pulled->has_file)
        buf_add(&out->text, pulled->bytes.s, pulled->bytes.len);
    for (int64_t off = 0, len; pulled->has_file && off < pulled->size; off += len) {
        len = pulled->size - off < PIECE ? pulled->size - off : PIECE;
        if (file_pread_all(pulled->fd, buf_reserve(&out->text, PIECE), (size_t)len, off, err) < 0)
            return -1;
        out->text.len += (size_t)len;
        if (output_print(out, err) < 0)
            return -1;
    }
    return output_end(out, err);
}

static int print(const struct registry *registry, const struct name *name, struct view_image *image,
                 const struct inspect_line *options, struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, options->common.json && !options->raw);
    if (options->raw)
        return print_raw(&image->pulled, &out, err);
    table_sheet(columns, image, &out);
    if (out.json) {
        write_all(image, out.json);
        if (write_referrers(registry, name, image, &out, err) < 0)
            return -1;
    } else {
        print_parts(image, &out);
    }
    return output_end(&out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct inspect_line *options = said;
    struct opened opened;
    struct name name;
    struct reference reference;
    struct view_image image;

    if (reference_parse_full(&name, &reference, args[0], err) < 0 ||
        open_store(&options->common, false, &opened, err) < 0)
        return -1;
    int result = view_image(&opened.registry, &name, &reference, &image, err);
    if (result == 0) {
        result = print(&opened.registry, &name, &image, options, err);
        view_image_free(&image);
    }
    open_close(&opened);
    return result;
}

const struct command inspect_command = {
    .name = "inspect",
    .arguments = "REPOSITORY[:TAG|@DIGEST]",
    .summary = "show a manifest and what belongs to it",
    .args_min = 1,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct inspect_line),
    .run = run,
};
