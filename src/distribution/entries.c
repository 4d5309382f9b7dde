/* SPDX-License-Identifier: Apache-2.0
 * L0: YAML as a list of paths and values. The only user of yaml.h. */
#include "distribution/entries.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Aliases make much of little. */
#define ENTRIES_MAX 10000
#define DEPTH_MAX 32

struct reading {
    struct entries *entries;
    const struct entries_source *source;
    yaml_document_t *document;
    struct buf path;
    int depth;
};

static int fail(const struct entries_source *source, size_t line, const char *what,
                const char *which, struct err *err)
{
    AUTO_BUF shown = BUF_INIT;

    buf_addstr(&shown, "");
    text_add_escaped(&shown, which);
    if (*source->under)
        return err_set(err, ERR_CONFIG, "%s: %s%s", source->name, what, shown.s);
    return err_set(err, ERR_CONFIG, "%s:%zu: %s%s", source->name, line + 1, what, shown.s);
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (!strcmp(text_of(node), nulls[i]))
            return true;
    return false;
}

static void add(struct reading *reading, const yaml_node_t *node, const char *value)
{
    struct entry *entry = ARRAY_ADD(reading->entries->v, reading->entries->n);
    AUTO_BUF where = BUF_INIT;

    buf_addstr(&where, reading->source->name);
    if (!*reading->source->under)
        buf_addf(&where, ":%zu", node->start_mark.line + 1);
    *entry = (struct entry){.path = mem_strdup(reading->path.s),
                            .value = value ? mem_strdup(value) : NULL,
                            .where = mem_strdup(where.s)};
}

static int walk(struct reading *reading, int number, struct err *err);

static int walk_below(struct reading *reading, int number, size_t len, struct err *err)
{
    int result = walk(reading, number, err);

    reading->path.len = len;
    if (reading->path.s)
        reading->path.s[len] = '\0';
    return result;
}

static int check_key(const struct reading *reading, const yaml_node_t *map,
                     const yaml_node_pair_t *pair, struct err *err)
{
    const yaml_node_t *key = yaml_document_get_node(reading->document, pair->key);

    if (key->type != YAML_SCALAR_NODE || strlen(text_of(key)) != key->data.scalar.length)
        return fail(reading->source, key->start_mark.line, "a key must be plain text", "", err);
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = yaml_document_get_node(reading->document, p->key);
        if (!strcmp(text_of(other), text_of(key)))
            return fail(reading->source, key->start_mark.line, "stands twice: ", text_of(key), err);
    }
    return 0;
}

static int walk_map(struct reading *reading, const yaml_node_t *map, struct err *err)
{
    size_t len = reading->path.len;

    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
         pair < map->data.mapping.pairs.top; pair++) {
        if (check_key(reading, map, pair, err) < 0)
            return -1;
        buf_addstr(&reading->path, len ? "." : "");
        text_add_escaped(&reading->path,
                         text_of(yaml_document_get_node(reading->document, pair->key)));
        if (walk_below(reading, pair->value, len, err) < 0)
            return -1;
    }
    if (map->data.mapping.pairs.start == map->data.mapping.pairs.top)
        add(reading, map, NULL);
    return 0;
}

static int walk_list(struct reading *reading, const yaml_node_t *list, struct err *err)
{
    const yaml_node_item_t *start = list->data.sequence.items.start;
    size_t len = reading->path.len;

    for (const yaml_node_item_t *item = start; item < list->data.sequence.items.top; item++) {
        buf_addf(&reading->path, "[%zu]", (size_t)(item - start));
        if (walk_below(reading, *item, len, err) < 0)
            return -1;
    }
    if (start == list->data.sequence.items.top)
        add(reading, list, NULL);
    return 0;
}

static int walk_scalar(struct reading *reading, const yaml_node_t *node, struct err *err)
{
    if (strlen(text_of(node)) != node->data.scalar.length)
        return fail(reading->source, node->start_mark.line, "there is a NUL in it", "", err);
    add(reading, node, is_null(node) ? NULL : text_of(node));
    return 0;
}

/* The node of this number, and what is below it. */
static int walk(struct reading *reading, int number, struct err *err)
{
    const yaml_node_t *node = yaml_document_get_node(reading->document, number);
    int result;

    if (reading->depth == DEPTH_MAX || reading->entries->n >= ENTRIES_MAX)
        return fail(reading->source, node->start_mark.line, "there is too much in it", "", err);
    reading->depth++;
    result = node->type == YAML_MAPPING_NODE    ? walk_map(reading, node, err)
             : node->type == YAML_SEQUENCE_NODE ? walk_list(reading, node, err)
                                                : walk_scalar(reading, node, err);
    reading->depth--;
    return result;
}

static int walk_document(struct reading *reading, struct err *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(reading->document);

    if (!root)
        return 0;
    buf_addstr(&reading->path, reading->source->under);
    if (!*reading->source->under && root->type != YAML_MAPPING_NODE)
        return fail(reading->source, root->start_mark.line, "begins with no key", "", err);
    return walk(reading, (int)(root - reading->document->nodes.start) + 1, err);
}

int entries_read(struct entries *entries, const struct entries_source *source, const char *text,
                 size_t len, struct err *err)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct reading reading = {.entries = entries, .source = source, .document = &document};
    int result;

    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "libyaml does not begin");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    if (yaml_parser_load(&parser, &document)) {
        result = walk_document(&reading, err);
        yaml_document_delete(&document);
    } else {
        result = fail(source, parser.problem_mark.line,
                      "is no YAML: ", parser.problem ? parser.problem : "it cannot be read", err);
    }
    yaml_parser_delete(&parser);
    buf_free(&reading.path);
    return result;
}

static void free_entry(struct entry *entry)
{
    free(entry->path);
    free(entry->value);
    free(entry->where);
}

void entries_remove(struct entries *entries, const char *path)
{
    size_t len = strlen(path), kept = 0;

    for (size_t i = 0; i < entries->n; i++) {
        struct entry *entry = &entries->v[i];
        if (!strncmp(entry->path, path, len) && strchr(".[", entry->path[len]))
            free_entry(entry); /* strchr finds the NUL, too */
        else
            entries->v[kept++] = *entry;
    }
    entries->n = kept;
}

void entries_free(struct entries *entries)
{
    for (size_t i = 0; i < entries->n; i++)
        free_entry(&entries->v[i]);
    free(entries->v);
    *entries = (struct entries){0};
}
