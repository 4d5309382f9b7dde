/* SPDX-License-Identifier: Apache-2.0
 * L2: scopes of tokens. */
#include "auth/scope.h"

#include <string.h>

/* More are nobody's need; a request has one or two. */
#define SCOPES_MAX 64

static const struct {
    const char *word;
    int actions;
} action_words[] = {
    {"pull", ACTION_PULL},   {"push", ACTION_PUSH}, {"delete", ACTION_DELETE},
    {"admin", ACTION_ADMIN}, {"*", ACTION_ALL},
};

int scope_actions(const char *text, size_t len)
{
    int actions = 0;

    while (len > 0) {
        const char *comma = memchr(text, ',', len);
        size_t word = comma ? (size_t)(comma - text) : len;
        for (size_t i = 0; i < sizeof action_words / sizeof *action_words; i++)
            if (strlen(action_words[i].word) == word && !memcmp(action_words[i].word, text, word))
                actions |= action_words[i].actions;
        size_t used = word + (comma != NULL);
        text += used;
        len -= used;
    }
    return actions;
}

static void write_actions(int actions, struct json_writer *json)
{
    json_writer_array(json, "actions");
    for (size_t i = 0; i < sizeof action_words / sizeof *action_words; i++)
        if (action_words[i].actions != ACTION_ALL && actions & action_words[i].actions)
            json_writer_string(json, NULL, action_words[i].word);
    json_writer_end(json);
}

static void add(struct scopes *scopes, struct arena *arena, const char *type, size_t type_len,
                const char *name, size_t name_len, int actions)
{
    if (type_len == 8 && !memcmp(type, "registry", 8) && name_len == 7 &&
        !memcmp(name, "catalog", 7)) {
        scopes->catalog |= actions == ACTION_ALL; /* "*", the one action that it has */
        return;
    }
    if (type_len != 10 || memcmp(type, "repository", 10) != 0 || !actions || name_len == 0 ||
        scopes->n == SCOPES_MAX)
        return;
    if (!scopes->grants)
        scopes->grants = arena_alloc(arena, SCOPES_MAX * sizeof *scopes->grants);
    scopes->grants[scopes->n++] = (struct grant){arena_strndup(arena, name, name_len), actions};
}

/* "<type>:<name>:<actions>". The type may have a class, "repository(plugin)". */
static void parse_one(struct scopes *scopes, struct arena *arena, const char *text, size_t len)
{
    const char *first = memchr(text, ':', len);
    const char *last = memrchr(text, ':', len);

    if (!first || first == last)
        return;
    size_t type_len = (size_t)(first - text);
    const char *class = memchr(text, '(', type_len);
    add(scopes, arena, text, class ? (size_t)(class - text) : type_len, first + 1,
        (size_t)(last - first - 1), scope_actions(last + 1, (size_t)(text + len - last - 1)));
}

void scope_parse(struct scopes *scopes, struct arena *arena, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        parse_one(scopes, arena, text, len);
        text += len + (text[len] == ' ');
    }
}

void scope_parse_access(struct scopes *scopes, struct arena *arena, const struct json *access)
{
    for (size_t i = 0; i < json_array_len(access); i++) {
        const struct json *entry = json_array_at(access, i);
        const char *type = json_text(json_get(entry, "type"));
        const char *name = json_text(json_get(entry, "name"));
        const struct json *words = json_get(entry, "actions");
        int actions = 0;
        for (size_t k = 0; k < json_array_len(words); k++) {
            const char *word = json_text(json_array_at(words, k));
            actions |= word ? scope_actions(word, strlen(word)) : 0;
        }
        if (type && name)
            add(scopes, arena, type, strlen(type), name, strlen(name), actions);
    }
}

static void write_type(struct json_writer *json, const char *type, const char *name)
{
    json_writer_object(json, NULL);
    json_writer_string(json, "type", type);
    json_writer_string(json, "name", name);
}

void scope_write_access(const struct scopes *scopes, struct json_writer *json, const char *key)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < scopes->n; i++) {
        write_type(json, "repository", scopes->grants[i].pattern);
        write_actions(scopes->grants[i].actions, json);
        json_writer_end(json);
    }
    if (scopes->catalog) {
        write_type(json, "registry", "catalog");
        json_writer_array(json, "actions");
        json_writer_string(json, NULL, "*");
        json_writer_end(json);
        json_writer_end(json);
    }
    json_writer_end(json);
}
