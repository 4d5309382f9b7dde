/* SPDX-License-Identifier: Apache-2.0
 * L6: opening a store for a subcommand. */
#include "admin/open.h"

#include "base/may.h"
#include "base/mem.h"
#include "base/owner.h"
#include "store/layout.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* `berth serve` may make the directory, so it need not exist yet. */
static void set_root(struct config *conf, const char *root)
{
    AUTO_BUF path = BUF_INIT;
    char *here = root[0] == '/' ? NULL : getcwd(NULL, 0);

    buf_addf(&path, "%s%s%s", here ? here : "", here ? "/" : "", root);
    free(here);
    free(conf->frozen.store.root);
    conf->frozen.store.root = realpath(path.s, NULL);
    if (!conf->frozen.store.root)
        conf->frozen.store.root = mem_strdup(path.s);
}

/* Who called, before he becomes somebody else. */
static struct event_actor actor = {.how = "command"};

static void note_actor(void)
{
    const struct passwd *user = actor.user ? NULL : getpwuid(getuid());

    if (user)
        actor.user = mem_strdup(user->pw_name);
}

struct registry open_registry(const struct config *conf, const struct store *store)
{
    return (struct registry){
        .store = store,
        .policy = &conf->live.policy,
        .actor = actor,
        .observer = config_observer(&conf->frozen),
    };
}

/* In the container of `berth registry` the variable says it to all commands. NULL: the
 * configuration does. */
static const char *find_root(const struct options_common *common)
{
    const char *said = getenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY");

    if (common->root)
        return common->root;
    return said && *said == '/' && !getenv("BERTH_ROOT") ? said : NULL;
}

int open_config(const struct options_common *common, struct config *conf, struct err *err)
{
    note_actor();
    if (config_read(conf, common->config, err) < 0) {
        config_free(conf);
        return -1;
    }
    log_set_level(conf->frozen.log_level);
    const char *root = find_root(common);
    if (root)
        set_root(conf, root);
    return 0;
}

int open_stat(const struct config *conf, struct stat *st)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" LAYOUT_PREFIX, conf->frozen.store.root);
    return stat(path.s, st);
}

/* As root, become the store's owner for good: a file of root's in it would lock the web server's
 * workers out. An empty directory is a store that is about to be made. */
int open_as_owner(const struct config *conf, struct err *err)
{
    struct stat st;

    if (geteuid() != 0 || (open_stat(conf, &st) < 0 && stat(conf->frozen.store.root, &st) < 0) ||
        st.st_uid == 0)
        return 0;
    return owner_become(&st, conf->frozen.store.root, err);
}

int open_as_owner_of(const char *directory, struct err *err)
{
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (stat(directory, &st) < 0)
        return err_sys(err, errno, "%s", directory);
    return owner_become(&st, directory, err);
}

static int check_store(const struct config *conf, struct err *err)
{
    struct stat st;

    if (open_stat(conf, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return 0;
    return err_set(err, ERR_IO, "%s holds no store (no %s): give its directory with --root",
                   conf->frozen.store.root, LAYOUT_PREFIX);
}

/* Where somebody else's store is meant, he who calls is not told to take it from who serves it. */
static int fail(struct opened *opened, const struct err *why, struct err *err)
{
    if (why->sys == EACCES || why->sys == EPERM)
        may_not_use(opened->conf.frozen.store.root, why->sys, err);
    else
        err_copy(err, why);
    config_free(&opened->conf);
    return -1;
}

int open_store(const struct options_common *common, bool change, struct opened *opened,
               struct err *err)
{
    if (open_config(common, &opened->conf, err) < 0)
        return -1;
    struct err why = {0};
    if (check_store(&opened->conf, &why) == 0 && open_as_owner(&opened->conf, &why) == 0 &&
        store_open(&opened->store, &opened->conf.frozen.store, change, &why) == 0) {
        config_open_metrics(&opened->conf.frozen, &opened->conf.live, NULL);
        opened->registry = open_registry(&opened->conf, &opened->store);
        return 0;
    }
    return fail(opened, &why, err);
}

int open_any(const struct options_common *common, struct opened *opened, struct err *err)
{
    if (open_config(common, &opened->conf, err) < 0)
        return -1;
    struct err why = {0};
    if (check_store(&opened->conf, &why) == 0 &&
        store_open_any(&opened->store, &opened->conf.frozen.store, &why) == 0) {
        opened->registry = open_registry(&opened->conf, &opened->store);
        return 0;
    }
    return fail(opened, &why, err);
}

void open_close(struct opened *opened)
{
    store_close(&opened->store);
    config_free(&opened->conf);
}
