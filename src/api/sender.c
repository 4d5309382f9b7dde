/* SPDX-License-Identifier: Apache-2.0
 * L4: who sends the bytes of a blob. */
#include "api/sender.h"

#include "base/log.h"

#include <string.h>
#include <strings.h>

static const char *const ways[] = {
    [API_SENDFILE_OFF] = "off",
    [API_SENDFILE_X_SENDFILE] = "x-sendfile",
    [API_SENDFILE_X_ACCEL] = "x-accel-redirect",
};

/* What each of these understands, of itself or by a module. Others are believed. */
static const struct {
    const char *software; /* SERVER_SOFTWARE begins with it */
    enum api_sendfile way;
} servers[] = {
    {"nginx", API_SENDFILE_X_ACCEL},
    {"lighttpd", API_SENDFILE_X_SENDFILE},
    {"Apache", API_SENDFILE_X_SENDFILE},
};

static void say_once(const char *what, const char *asked, const char *remedy)
{
    static bool said;

    if (!said)
        log_warning("sendfile is \"%s\", %s: berth sends blobs itself, more slowly%s", asked, what,
                    remedy);
    said = true;
}

/* False, and said: the server would not send the file. */
static bool is_understood(const struct request *request, enum api_sendfile way)
{
    const char *software = request_variable(request, "SERVER_SOFTWARE");

    for (size_t i = 0; software && i < sizeof servers / sizeof *servers; i++) {
        AUTO_BUF what = BUF_INIT;
        AUTO_BUF remedy = BUF_INIT;
        const char *name = servers[i].software;
        if (strncasecmp(software, name, strlen(name)) != 0 || servers[i].way == way)
            continue;
        buf_addf(&what, "which %s does not know", name);
        buf_addf(&remedy, "; set BERTH_SENDFILE to %s, as %s's file of /etc/berth does",
                 ways[servers[i].way], name);
        say_once(what.s, ways[way], remedy.s);
        return false;
    }
    return true;
}

enum api_sendfile sender_choose(const struct api *api, const struct request *request)
{
    const char *said = request_variable(request, "BERTH_SENDFILE");
    enum api_sendfile way = api->frozen->api.sendfile;

    for (size_t i = 0; said && i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(said, ways[i])) {
            way = (enum api_sendfile)i;
            said = NULL;
        }
    if (said) {
        say_once("which is no way of sending", said, ": see berth.conf(5)");
        return API_SENDFILE_OFF;
    }
    /* lighttpd decodes escapes in X-Sendfile, Apache does not. */
    if (way == API_SENDFILE_X_SENDFILE && strchr(api->frozen->store.root, '%')) {
        say_once("which cannot carry the % sign of root", ways[way], "");
        return API_SENDFILE_OFF;
    }
    return way == API_SENDFILE_OFF || is_understood(request, way) ? way : API_SENDFILE_OFF;
}
