/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a configuration file on its way to libconfuse, which counts the line of a comment up
 * to three times: so comments are blanks before it sees them.
 */
#ifndef BERTH_BASE_SETTINGS_TEXT_H
#define BERTH_BASE_SETTINGS_TEXT_H

#include "base/buf.h"
#include "base/err.h"

/* Reads the file into text, which is to be empty, and is not then. ERR_CONFIG, also for a string
 * or comment that has no end: it would swallow the rules behind it. */
int settings_text_read(struct buf *text, const char *path, struct err *err);

#endif
