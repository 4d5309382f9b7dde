/* SPDX-License-Identifier: Apache-2.0
 *
 * Where `berth export` writes, opened as who calls, before he becomes the owner of the store. It is
 * made at the end, or not at all: a file has another name until then, and a directory that was made
 * goes if nothing came into it.
 */
#ifndef BERTH_ADMIN_EXPORT_FILE_H
#define BERTH_ADMIN_EXPORT_FILE_H

#include "pack/archive.h"
#include "transfer/output.h"
#include "transfer/partial.h"

struct export_file {
    char *path;                   /* NULL: standard output */
    enum archive_packing packing; /* by the name that was said */
    bool is_directory;            /* then it is the output's: */
    int fd;                 /* a directory, or what is no plain file, such as a pipe or a tape */
    struct partial partial; /* of a plain file */
    int dir;                /* the one that it is in */
    bool made;              /* the directory was not there */
};

/* path NULL: standard output. A directory is one that is there, or whose name ends with a slash.
 * export_file_close afterwards, also if it failed. */
int export_file_open(struct export_file *file, const char *path, struct err *err);
/* The output, closed by output_close before the file. sync: what is there at the end survives a
 * power cut. */
int export_file_output(struct export_file *file, bool sync, struct output **output,
                       struct err *err);
/* All was written: gives a plain file its name. */
int export_file_commit(struct export_file *file, bool sync, struct err *err);
void export_file_close(struct export_file *file);

#endif
