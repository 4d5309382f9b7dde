/* SPDX-License-Identifier: Apache-2.0
 *
 * The `berth` command, berth(1): one row in a table and one function for each subcommand, over the
 * registry's verbs. What it does to a store is what the HTTP interface does, under the same locks,
 * while the store is being served or not.
 */
#ifndef BERTH_ADMIN_ADMIN_H
#define BERTH_ADMIN_ADMIN_H

#include "base/buf.h"
#include "base/conf.h"
#include "oci/name.h"
#include "registry/registry.h"

#include <stdbool.h>
#include <stdint.h>

#define ADMIN_LIST_MAX 64
struct admin_list {
    const char *v[ADMIN_LIST_MAX];
    int n;
};

/* What the command line said; options.c says what each means. */
struct admin_options {
    const char *root;   /* NULL: the configuration's */
    const char *config; /* NULL: as for conf_load */
    bool json, help;
    bool raw;
    bool dry_run;
    const char *listen;
    int workers; /* 0: not said */
    const char *cost;
    const char *algorithm;
    const char *user;
    const char *scope;
    const char *expires;
    const char *htpasswd, *realm;
    const char *tls_cert, *tls_key;
    bool tls_self_signed;
    const char *tls_dir;
    struct admin_list tls_names;
    int64_t grace; /* seconds; -1: not said */
    bool verbose, quiet;
    bool recursive, digests;
    bool fast, repair;
    const char *state;
    int jobs; /* 0: not said */
    const char *compress, *as;
    const char *output, *platform, *have;
    bool all, no_referrers;
};

/* Runs one subcommand; args end with NULL. Returns 0, or -1 with *err set. */
typedef int admin_run(const struct admin_options *options, char **args, struct err *err);

admin_run admin_serve;
admin_run admin_ls, admin_tags;
admin_run admin_inspect;
admin_run admin_gc, admin_expire;
admin_run admin_retain;
admin_run admin_rm, admin_rm_repository;
admin_run admin_tag, admin_cp;
admin_run admin_du;
admin_run admin_fsck;
admin_run admin_export;
admin_run admin_import;
admin_run admin_user_add, admin_user_passwd, admin_user_rm, admin_user_ls;
admin_run admin_access;
admin_run admin_config_check;
admin_run admin_token_init, admin_token_keys;
admin_run admin_token_issue, admin_token_ls, admin_token_revoke;

/* Loads the configuration and opens the store, as the store's owner, to read or to change it.
 * admin_close afterwards, unless it failed. (open.c) */
struct admin_store {
    struct conf conf;
    struct store store;
    struct registry registry; /* with everything permitted */
};
int admin_open(const struct admin_options *options, bool change, struct admin_store *admin,
               struct err *err);
void admin_close(struct admin_store *admin);
/* Opens it as who calls, whatever stands in it, and writes nothing: for fsck, which becomes the
 * owner later. */
int admin_open_any(const struct admin_options *options, struct admin_store *admin, struct err *err);
/* The configuration alone, with root made absolute. */
int admin_conf(const struct admin_options *options, struct conf *conf, struct err *err);
/* stat(2) of the store's directory. */
int admin_stat_store(const struct conf *conf, struct stat *st);
/* Gives up root for the owner of the store, if there is a store and it belongs to somebody else. */
int admin_become_owner(const struct conf *conf, struct err *err);
/* The same for another directory, also where only its group is another. */
int admin_become_owner_of(const char *directory, struct err *err);
/* As root, gives what root made there to the group of the store, whose user is to read it. */
int admin_give_to_group(const struct conf *conf, const char *path, struct err *err);
/* Says on standard error if only root can read what root made. */
void admin_note_root(const char *path);

/* Writes text to standard output; ERR_IO if that fails, as when a pipe or disk is full.
 * (print.c) */
int admin_print(const struct buf *text, struct err *err);

#endif
