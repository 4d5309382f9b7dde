/* SPDX-License-Identifier: Apache-2.0
 * L5: opening a store for a subcommand. */
#include "admin/admin.h"

#include "base/mem.h"
#include "store/layout.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
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

static int stat_store(const struct conf *conf, struct stat *st)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" LAYOUT_PREFIX, conf->root);
    return stat(path.s, st);
}

/* As root, become the store's owner for good: a file of root's in it would lock the web server's
 * workers out. An empty directory is a store that is about to be made. */
int admin_become_owner(const struct conf *conf, struct err *err)
{
    struct stat st;

    if (geteuid() != 0 || (stat_store(conf, &st) < 0 && stat(conf->root, &st) < 0) ||
        st.st_uid == 0)
        return 0;
    const struct passwd *owner = getpwuid(st.st_uid);
    int groups = owner ? initgroups(owner->pw_name, st.st_gid) : setgroups(1, &st.st_gid);
    if (groups < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
        setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
        return err_sys(err, errno, "become the owner of %.120s", conf->root);
    return 0;
}

static int check_store(const struct conf *conf, struct err *err)
{
    struct stat st;

    if (stat_store(conf, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return 0;
    return err_set(err, ERR_IO, "%.120s holds no store (no %s): give its directory with --root",
                   conf->root, LAYOUT_PREFIX);
}

int admin_open(const struct admin_options *options, bool change, struct admin_store *admin,
               struct err *err)
{
    if (admin_conf(options, &admin->conf, err) < 0)
        return -1;
    if (check_store(&admin->conf, err) == 0 && admin_become_owner(&admin->conf, err) == 0 &&
        store_open(&admin->store, &admin->conf, change, err) == 0)
        return 0;
    conf_free(&admin->conf);
    return -1;
}

void admin_close(struct admin_store *admin)
{
    store_close(&admin->store);
    conf_free(&admin->conf);
}
