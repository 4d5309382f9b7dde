/* SPDX-License-Identifier: Apache-2.0
 *
 * What subcommands print for people. Text from manifests may hold anything, so control characters
 * are shown as \xHH and cannot reach the terminal.
 */
#ifndef BERTH_ADMIN_OUTPUT_H
#define BERTH_ADMIN_OUTPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* "17 B", "1.2 KiB", "340 MiB" */
const char *output_size(struct arena *arena, int64_t bytes);

/* What went wrong, in a sentence. */
const char *output_error(struct arena *arena, const struct err *err);

/* Rows of cells, whose columns line up. Cells belong to the arena, or live as long as the table. */
#define TABLE_COLUMNS_MAX 6
struct table {
    const char *(*rows)[TABLE_COLUMNS_MAX];
    size_t n;
};
#define AUTO_TABLE __attribute__((cleanup(table_free))) struct table

/* Cells up to a NULL. */
void table_add(struct table *table, ...) __attribute__((sentinel));
/* Each row begins with indent spaces. */
void table_print(const struct table *table, int indent);
void table_free(struct table *table);

/* Prints JSON, or what stands for it in text, with a newline. */
void output_line(const struct buf *text);

#endif
