/* SPDX-License-Identifier: Apache-2.0
 * L5: opening a store for a subcommand. */
#include "admin/admin.h"

#include "base/mem.h"
#include "store/layout.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* `berth serve` may make the directory, so it need not exist yet. */
static void set_root(struct conf *conf, const char *root)
{
    AUTO_BUF path = BUF_INIT;
    char *here = root[0] == '/' ? NULL : getcwd(NULL, 0);

    buf_addf(&path, "%s%s%s", here ? here : "", here ? "/" : "", root);
    free(here);
    free(conf->root);
    conf->root = realpath(path.s, NULL);
    if (!conf->root)
        conf->root = mem_strdup(path.s);
}

int admin_conf(const struct admin_options *options, struct conf *conf, struct err *err)
{
    if (conf_load(conf, options->config, err) < 0) {
        conf_free(conf);
        return -1;
    }
    log_set_level(conf->log_level);
    if (options->root)
        set_root(conf, options->root);
    return 0;
}

int admin_stat_store(const struct conf *conf, struct stat *st)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" LAYOUT_PREFIX, conf->root);
    return stat(path.s, st);
}

static int become(uid_t uid, gid_t gid, const char *directory, struct err *err)
{
    const struct passwd *owner = getpwuid(uid);
    int groups = owner ? initgroups(owner->pw_name, gid) : setgroups(1, &gid);

    if (groups < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return err_sys(err, errno, "become the owner of %s", directory);
    return 0;
}

/* As root, become the store's owner for good: a file of root's in it would lock the web server's
 * workers out. An empty directory is a store that is about to be made. */
int admin_become_owner(const struct conf *conf, struct err *err)
{
    struct stat st;

    if (geteuid() != 0 || (admin_stat_store(conf, &st) < 0 && stat(conf->root, &st) < 0) ||
        st.st_uid == 0)
        return 0;
    return become(st.st_uid, st.st_gid, conf->root, err);
}

int admin_become_owner_of(const char *directory, struct err *err)
{
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (stat(directory, &st) < 0)
        return err_sys(err, errno, "%s", directory);
    return become(st.st_uid, st.st_gid, directory, err);
}

int admin_give_to_group(const struct conf *conf, const char *path, struct err *err)
{
    struct stat st;

    if (geteuid() != 0 || admin_stat_store(conf, &st) < 0)
        return 0;
    if (chown(path, (uid_t)-1, st.st_gid) < 0)
        return err_sys(err, errno, "give %s to the group of the store", path);
    return 0;
}

void admin_note_root(const char *path)
{
    struct stat st;

    if (geteuid() == 0 && stat(path, &st) == 0 && st.st_uid == 0 && st.st_gid == 0)
        fprintf(stderr,
                "berth: %s is for root only: if the web server runs as another user, give it to "
                "that group with chgrp -R\n",
                path);
}

static int check_store(const struct conf *conf, struct err *err)
{
    struct stat st;

    if (admin_stat_store(conf, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return 0;
    return err_set(err, ERR_IO, "%s holds no store (no %s): give its directory with --root",
                   conf->root, LAYOUT_PREFIX);
}

int admin_open(const struct admin_options *options, bool change, struct admin_store *admin,
               struct err *err)
{
    if (admin_conf(options, &admin->conf, err) < 0)
        return -1;
    if (check_store(&admin->conf, err) == 0 && admin_become_owner(&admin->conf, err) == 0 &&
        store_open(&admin->store, &admin->conf, change, err) == 0) {
        admin->registry = (struct registry){.store = &admin->store};
        return 0;
    }
    conf_free(&admin->conf);
    return -1;
}

int admin_open_any(const struct admin_options *options, struct admin_store *admin, struct err *err)
{
    if (admin_conf(options, &admin->conf, err) < 0)
        return -1;
    if (check_store(&admin->conf, err) == 0 &&
        store_open_any(&admin->store, &admin->conf, err) == 0) {
        admin->registry = (struct registry){.store = &admin->store};
        return 0;
    }
    conf_free(&admin->conf);
    return -1;
}

void admin_close(struct admin_store *admin)
{
    store_close(&admin->store);
    conf_free(&admin->conf);
}
