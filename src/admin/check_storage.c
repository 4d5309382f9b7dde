/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth check-storage`: whether several hosts can serve a store from this file system. */
#include "admin/check_storage_report.h"
#include "admin/command.h"
#include "admin/open.h"
#include "base/dir.h"
#include "base/uuid.h"
#include "storage/storage_kind.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct check_storage_line {
    struct options_common common;
    const char *word;
    int64_t wait;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct check_storage_line, word, 'w', "word", "WORD",
                "with another host, where the same is run with the same word"),
    OPTIONS_ROW(struct check_storage_line, wait, 0, "wait", "AGE",
                "for the other host to come (default: 10m)"),
    OPTIONS_END,
};

#define WAIT 600

/* That it is a store that several hosts serve: an empty directory, where nothing is mounted, is
 * none. */
static int give_id(const struct store *store, struct err *err)
{
    AUTO_DIRTY dirty = {0};
    char id[UUID_SIZE];

    int found = store_has_link(store, LAYOUT_ID, err);
    if (found)
        return found < 0 ? -1 : 0;
    uuid_make(id);
    if (store_write(store, LAYOUT_ID, id, strlen(id), &dirty, err) < 0)
        return -1;
    return dirty_sync(&store->fs, &dirty, err);
}

static int meet(const struct check_storage_line *line, const struct store *store,
                struct check_storage_report *report, struct storage_checked *checked,
                struct err *err)
{
    const struct storage_meeting meeting = {
        .root = &store->fs,
        .dir = LAYOUT_CHECK,
        .word = line->word,
        .patience_ms = (int)(line->wait < 0 ? WAIT : line->wait) * 1000,
    };
    AUTO_DIRTY dirty = {0};

    if (dir_make(&store->fs, LAYOUT_CHECK, &dirty, err) < 0)
        return -1;
    fprintf(stderr, "berth: on the other host, run berth check-storage %s --word %s\n",
            report->root, line->word);
    if (storage_check(&meeting, checked, err) < 0)
        return -1;
    report->verdict = storage_check_verdict(checked);
    if (checked->first && give_id(store, err) < 0)
        return -1;
    return storage_note(store, &report->verdict, err);
}

static int check_together(const struct check_storage_line *line, struct store_settings *settings,
                          struct check_storage_report *report, struct storage_checked *checked,
                          struct err *err)
{
    struct store store;
    const char *local = storage_kind_local(report->mount);

    if (local)
        return err_set(err, ERR_CONFIG,
                       "%s is on %s, a file system of this host alone: mount there the one that "
                       "the hosts share",
                       report->root, local);
    settings->shared = false; /* it becomes what is wanted of it */
    if (store_open(&store, settings, true, err) < 0)
        return -1;
    int met = meet(line, &store, report, checked, err);
    store_close(&store);
    return met;
}

static int check_alone(const struct store_settings *settings, struct check_storage_report *report,
                       struct storage_checked *checked, struct err *err)
{
    struct fs_root root = {.file_mode = settings->file_mode, .dir_mode = settings->dir_mode};

    report->alone = true;
    if (fs_root_open(&root, settings->root, false, err) < 0)
        return -1;
    int looked = storage_check_alone(&root, ".", checked, err);
    fs_root_close(&root);
    report->verdict.sound = checked->locks && checked->server_ms <= STORAGE_CLOCK_MAX_MS;
    return looked;
}

static int find_mount(const struct store_settings *settings, struct buf *mount, struct err *err)
{
    AUTO_FD fd = open(settings->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, errno, "open %s", settings->root);
    return storage_mount(fd, mount, err);
}

static int check(const struct check_storage_line *line, struct config *conf, struct err *err)
{
    AUTO_BUF mount = BUF_INIT;
    struct storage_checked checked = {0};

    if (open_as_owner(conf, err) < 0 || find_mount(&conf->frozen.store, &mount, err) < 0)
        return -1;
    struct check_storage_report report = {
        .root = conf->frozen.store.root, .mount = mount.s, .checked = &checked};
    int looked = line->word ? check_together(line, &conf->frozen.store, &report, &checked, err)
                            : check_alone(&conf->frozen.store, &report, &checked, err);
    if (looked < 0 || check_storage_report_print(&report, line->common.json, err) < 0)
        return -1;
    if (!report.verdict.sound)
        return err_set(err, ERR_STORAGE, "%s is not fit for several hosts as it is mounted here",
                       conf->frozen.store.root);
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct check_storage_line *line = said;
    struct options_common common = line->common;
    struct config conf;

    common.root = args[0];
    if (open_config(&common, &conf, err) < 0)
        return -1;
    int result = check(line, &conf, err);
    config_free(&conf);
    return result;
}

const struct command check_storage_command = {
    .name = "check-storage",
    .arguments = "DIR",
    .summary = "find out whether several hosts can serve a store from this file system",
    .args_min = 1,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct check_storage_line),
    .run = run,
};
