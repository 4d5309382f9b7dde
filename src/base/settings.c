/* SPDX-License-Identifier: Apache-2.0
 * L0: berth.conf and BERTH_* variables (the only user of confuse.h). */
#include "base/settings.h"

#include "base/array.h"
#include "base/mem.h"
#include "base/settings_text.h"
#include "base/settings_value.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 100 /* that are read for one configuration */

/* The line behind the last one of a file calls this. A file that ends too early makes something
 * else of it, which is an error in that line. */
#define END_OF_FILE "end-of-file"

/* Where a key outside of sections was set. */
struct origin {
    const char *key;
    const char *file;
    int line;
};

/* libconfuse's callbacks have no context. */
static struct reading {
    struct strings *files;
    struct err *err;
    bool failed;                 /* err is set: the first error counts */
    const char *file;            /* the one that is read, one of files */
    int lines;                   /* how many it has */
    bool ended;                  /* its end was seen */
    const cfg_t *section;        /* the one that was opened last */
    struct settings_place place; /* of it */
    struct origin *origins;      /* in the order of the files: the last one counts */
    size_t n_origins;
} reading;

static int fail(const char *file, int line, const char *why)
{
    if (!reading.failed)
        err_set(reading.err, ERR_CONFIG, "%s:%d: %s", file, line, why);
    reading.failed = true;
    return -1;
}

static int fail_at_end(void)
{
    return fail(reading.file, reading.lines, "the file ends in the middle of something");
}

static void report(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void report(cfg_t *cfg, const char *fmt, va_list ap)
{
    AUTO_BUF text = BUF_INIT;

    if (cfg->line > reading.lines && cfg == reading.section) {
        fail(reading.place.file, reading.place.line, "what begins here has no end: a } is missing");
    } else if (cfg->line > reading.lines) {
        fail_at_end();
    } else {
        buf_addvf(&text, fmt, ap);
        fail(reading.file, cfg->line, text.s);
    }
}

static int note_key(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    *ARRAY_ADD(reading.origins, reading.n_origins) =
        (struct origin){option->name, reading.file, cfg->line};
    *(const char **)result = value;
    return 0;
}

/* The first option of a section gets its default when the section is opened: its value is the line
 * of the brace. */
static int note_section(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    (void)value;
    if (cfg == reading.section) {
        cfg_error(cfg, "no such option '%s'", option->name);
        return -1;
    }
    reading.section = cfg;
    reading.place = (struct settings_place){cfg->filename, cfg->line};
    *(void **)result = (void *)(intptr_t)cfg->line; /* NOLINT(performance-no-int-to-ptr) */
    return 0;
}

static int see_end(cfg_t *cfg, cfg_opt_t *option, int argc, const char **argv)
{
    (void)argc;
    (void)argv;
    if (cfg->line <= reading.lines) {
        cfg_error(cfg, "no such option '%s'", option->name);
        return -1;
    }
    reading.ended = true;
    return 0;
}

static int count_lines(const struct buf *text)
{
    int lines = text->s[text->len - 1] == '\n' ? 0 : 1;

    for (size_t i = 0; i < text->len; i++)
        lines += text->s[i] == '\n';
    return lines;
}

/* reading.file is the file. */
static int parse_text(cfg_t *cfg, struct buf *text)
{
    reading.lines = count_lines(text);
    reading.ended = false;
    buf_addf(text, "%s" END_OF_FILE "()\n", text->s[text->len - 1] == '\n' ? "" : "\n");
    FILE *file = fmemopen(text->s, text->len, "r");
    if (!file)
        abort(); /* out of memory */
    free(cfg->filename);
    cfg->filename = mem_strdup(reading.file);
    int parsed = cfg_parse_fp(cfg, file);
    fclose(file);
    if (parsed != CFG_SUCCESS || !reading.ended)
        fail_at_end(); /* unless it is said already what is wrong */
    return reading.failed ? -1 : 0;
}

static int parse_file(cfg_t *cfg, const char *path, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    strings_add(reading.files, path);
    reading.file = reading.files->v[reading.files->n - 1];
    if (settings_text_read(&text, path, err) < 0)
        return -1;
    return parse_text(cfg, &text);
}

/* Relative to the file that includes it. */
static void add_included(struct buf *path, const char *from, const char *name)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(from, '/');

    if (slash)
        buf_add(path, from, (size_t)(slash + 1 - from));
    buf_addstr(path, name);
}

static int include(cfg_t *cfg, cfg_opt_t *option, int argc, const char **argv)
{
    AUTO_BUF path = BUF_INIT;
    const char *file = reading.file;
    const int line = cfg->line, lines = reading.lines;
    struct err why = {0};

    (void)option;
    if (argc != 1 || !*argv[0])
        return fail(file, line, "include takes one file, as include(\"more.conf\")");
    if (reading.files->n == FILES_MAX)
        return fail(file, line, "too many files: do they include each other?");
    add_included(&path, file, argv[0]);
    int result = parse_file(cfg, path.s, &why);
    if (result < 0) /* unless it is said where in the other file */
        return fail(file, line, why.msg);
    free(cfg->filename);
    cfg->filename = mem_strdup(file);
    cfg->line = line;
    reading.file = file;
    reading.lines = lines;
    reading.ended = false;
    return 0;
}

static size_t count_keys(const struct settings_key *keys)
{
    size_t n = 0;

    while (keys[n].name)
        n++;
    return n;
}

static size_t count_sections(const struct settings_section *sections)
{
    size_t n = 0;

    while (sections && sections[n].kind)
        n++;
    return n;
}

static cfg_opt_t *section_options(const struct settings_section *section)
{
    static char line[] = "0";
    size_t n = count_keys(section->keys);
    cfg_opt_t *options = mem_alloc((n + 2) * sizeof *options);

    options[0] = (cfg_opt_t){
        .name = "line", .type = CFGT_PTR, .def = {.parsed = line}, .parsecb = note_section};
    for (size_t i = 0; i < n; i++) {
        const struct settings_key *key = &section->keys[i];
        if (key->kind == SETTINGS_KIND_LIST)
            options[i + 1] = (cfg_opt_t)CFG_STR_LIST(key->name, NULL, CFGF_NONE);
        else if (key->kind == SETTINGS_KIND_SWITCH)
            options[i + 1] = (cfg_opt_t)CFG_BOOL(key->name, cfg_false, CFGF_NONE);
        else
            options[i + 1] = (cfg_opt_t)CFG_STR(key->name, NULL, CFGF_NONE);
    }
    options[n + 1] = (cfg_opt_t)CFG_END();
    return options;
}

static cfg_opt_t key_option(const struct settings_key *key)
{
    cfg_opt_t text = CFG_STR_CB(key->name, NULL, CFGF_NONE, note_key);

    if (key->kind == SETTINGS_KIND_LIST)
        text.flags |= CFGF_LIST;
    return text;
}

static bool is_known(const cfg_opt_t *options, size_t n, const char *name)
{
    while (n-- > 0)
        if (!strcmp(options[n].name, name))
            return true;
    return false;
}

/* All keys and sections are known to one parser; all values are text, so that files and the
 * environment take one way. */
static cfg_t *make_parser(const struct settings_part *parts, size_t n_parts)
{
    size_t n = 0, room = 3;

    for (size_t i = 0; i < n_parts; i++)
        room += count_keys(parts[i].table->keys) + count_sections(parts[i].table->sections);
    cfg_opt_t *options = mem_alloc(room * sizeof *options);
    for (size_t i = 0; i < n_parts; i++) {
        const struct settings_table *table = parts[i].table;
        for (const struct settings_key *key = table->keys; key->name; key++)
            if (!is_known(options, n, key->name)) /* another owner may read it, too */
                options[n++] = key_option(key);
        for (size_t k = 0; k < count_sections(table->sections); k++)
            options[n++] =
                (cfg_opt_t)CFG_SEC(table->sections[k].kind, section_options(&table->sections[k]),
                                   CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    }
    options[n++] = (cfg_opt_t)CFG_FUNC("include", include);
    options[n++] = (cfg_opt_t)CFG_FUNC(END_OF_FILE, see_end);
    options[n] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(options, CFGF_NONE); /* which copies them */
    for (size_t i = 0; i < n; i++)
        free(options[i].subopts);
    free(options);
    if (!cfg)
        abort(); /* out of memory */
    cfg_set_error_function(cfg, report);
    return cfg;
}

static const char *from_environment(const struct settings_key *key, struct buf *variable)
{
    buf_addstr(variable, "BERTH_");
    for (const char *c = key->name; *c; c++)
        buf_addc(variable, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    const char *value = getenv(variable->s);
    return value && *value ? value : NULL;
}

/* Appends "FILE:LINE". */
static void add_origin(struct buf *out, const char *key)
{
    for (size_t i = reading.n_origins; i-- > 0;) {
        const struct origin *origin = &reading.origins[i];
        if (strcmp(origin->key, key) != 0)
            continue;
        buf_addf(out, "%s:%d", origin->file, origin->line);
        return;
    }
}

static int wrong(const char *where, const struct settings_key *key, const char *value,
                 const char *must, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s: %s = \"%s\": %s", where, key->name, value, must);
}

static int take_word(const struct settings_key *key, const char *word, const char *where,
                     struct strings *list, struct err *err)
{
    const char *must = "";

    if (key->check && !key->check(word, &must))
        return wrong(where, key, word, must, err);
    strings_add(list, word);
    return 0;
}

static int take_words(const struct settings_key *key, const char *value, const char *where,
                      struct strings *list, struct err *err)
{
    AUTO_BUF copy = BUF_INIT;
    char *save;

    buf_addstr(&copy, value);
    for (char *word = strtok_r(copy.s, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (take_word(key, word, where, list, err) < 0)
            return -1;
    return 0;
}

static int take_list(cfg_t *cfg, const struct settings_key *key, const char *where,
                     struct strings *list, struct err *err)
{
    for (unsigned i = 0; i < cfg_size(cfg, key->name); i++)
        if (take_word(key, cfg_getnstr(cfg, key->name, i), where, list, err) < 0)
            return -1;
    return 0;
}

static int take_key(cfg_t *cfg, const struct settings_key *key, char *owner, struct err *err)
{
    AUTO_BUF origin = BUF_INIT;
    AUTO_BUF must = BUF_INIT;
    const char *value = from_environment(key, &origin);
    void *member = owner + key->offset;

    if (value && key->kind == SETTINGS_KIND_LIST)
        return take_words(key, value, origin.s, member, err);
    if (!value) {
        buf_clear(&origin);
        add_origin(&origin, key->name);
        if (key->kind == SETTINGS_KIND_LIST)
            return take_list(cfg, key, origin.s, member, err);
        value = cfg_getstr(cfg, key->name);
    }
    if (!value)
        value = key->fallback;
    if (!value || settings_value_parse(key, value, member, &must))
        return 0;
    return wrong(origin.s, key, value, must.s, err);
}

static int take_item_key(cfg_t *section, const struct settings_key *key, char *item,
                         const struct settings_place *place, struct err *err)
{
    AUTO_BUF must = BUF_INIT;
    AUTO_BUF where = BUF_INIT;

    buf_addf(&where, "%s:%d", place->file, place->line);
    if (key->kind == SETTINGS_KIND_LIST)
        return take_list(section, key, where.s, (struct strings *)(void *)(item + key->offset),
                         err);
    if (key->kind == SETTINGS_KIND_SWITCH) {
        *(bool *)(item + key->offset) = cfg_getbool(section, key->name);
        return 0;
    }
    const char *value = cfg_getstr(section, key->name);
    if (!value)
        value = key->fallback;
    if (!value || settings_value_parse(key, value, item + key->offset, &must))
        return 0;
    return err_set(err, ERR_CONFIG, "%s: %s = \"%s\" in %s: %s", where.s, key->name, value,
                   section->name, must.s);
}

static int take_item(cfg_t *section, const struct settings_section *kind, char *item,
                     struct err *err)
{
    struct settings_place *place = (struct settings_place *)(void *)(item + kind->place);

    *(char **)(void *)(item + kind->title) = mem_strdup(cfg_title(section));
    place->file = mem_strdup(section->filename);
    place->line = (int)(intptr_t)section->opts[0].values[0]->ptr;
    for (const struct settings_key *key = kind->keys; key->name; key++)
        if (take_item_key(section, key, item, place, err) < 0)
            return -1;
    return 0;
}

static int take_section(cfg_t *cfg, const struct settings_section *kind, char *owner,
                        struct err *err)
{
    size_t n = cfg_size(cfg, kind->kind), *taken = (size_t *)(void *)(owner + kind->n);
    char *items = mem_alloc(n * kind->size);

    *(char **)(void *)(owner + kind->items) = items;
    while (*taken < n) {
        size_t i = (*taken)++;
        if (take_item(cfg_getnsec(cfg, kind->kind, (unsigned)i), kind, items + i * kind->size,
                      err) < 0)
            return -1;
    }
    return 0;
}

static int take_part(cfg_t *cfg, const struct settings_table *table, void *owner, struct err *err)
{
    for (const struct settings_key *key = table->keys; key->name; key++)
        if (take_key(cfg, key, owner, err) < 0)
            return -1;
    for (size_t i = 0; i < count_sections(table->sections); i++)
        if (take_section(cfg, &table->sections[i], owner, err) < 0)
            return -1;
    return 0;
}

static int look_at_part(cfg_t *cfg, const struct settings_table *table, struct err *err)
{
    void *owner = mem_alloc(table->size);
    int result = take_part(cfg, table, owner, err);

    settings_free(table, owner);
    free(owner);
    return result;
}

int settings_read(const char *path, const struct settings_part *parts, size_t n,
                  struct strings *files, struct err *err)
{
    const char *named = path ? path : getenv("BERTH_CONF");
    bool required = named && *named;
    struct err why;
    int result = 0;

    for (size_t i = 0; i < n; i++)
        if (parts[i].into)
            memset(parts[i].into, 0, parts[i].table->size);
    reading = (struct reading){.files = files, .err = &why};
    cfg_t *cfg = make_parser(parts, n);
    if (required || access(SETTINGS_FALLBACK, F_OK) == 0)
        result = parse_file(cfg, required ? named : SETTINGS_FALLBACK, &why);
    for (size_t i = 0; result == 0 && i < n; i++)
        result = parts[i].into ? take_part(cfg, parts[i].table, parts[i].into, &why)
                               : look_at_part(cfg, parts[i].table, &why);
    free(reading.origins);
    cfg_free(cfg);
    return result == 0 ? 0 : err_copy(err, &why);
}

static void free_keys(const struct settings_key *keys, char *owner)
{
    for (; keys->name; keys++)
        settings_value_free(keys, owner + keys->offset);
}

static void free_items(const struct settings_section *kind, char *owner)
{
    char *items = *(char **)(void *)(owner + kind->items);
    size_t n = *(size_t *)(void *)(owner + kind->n);

    for (size_t i = 0; i < n; i++) {
        char *item = items + i * kind->size;
        free(*(char **)(void *)(item + kind->title));
        free(((struct settings_place *)(void *)(item + kind->place))->file);
        free_keys(kind->keys, item);
    }
    free(items);
}

void settings_free(const struct settings_table *table, void *owner)
{
    free_keys(table->keys, owner);
    for (size_t i = 0; i < count_sections(table->sections); i++)
        free_items(&table->sections[i], owner);
    memset(owner, 0, table->size);
}
