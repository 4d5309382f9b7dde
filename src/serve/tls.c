/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: certificates, the user's or berth's own. */
#include "serve/serve.h"

#include "base/file.h"
#include "base/fs_lock.h"
#include "serve/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define RENEW_SECONDS ((time_t)30 * 86400) /* before its end */
#define LOCK_MS 10000

#define AUTHORITY "ca.crt"
#define AUTHORITY_KEY "ca.key"
#define SERVER "server.crt"
#define SERVER_KEY "server.key"
#define LOCK "lock"

void tls_free(struct serve_tls *tls)
{
    buf_free(&tls->certificate);
    certificate_wipe(&tls->key);
    buf_free(&tls->authority);
    certificate_wipe(&tls->authority_key);
    buf_free(&tls->dir);
    strings_free(&tls->names);
}

static int check_options(const struct serve_options *options, struct err *err)
{
    if (options->tls_self_signed && (options->tls_cert || options->tls_key))
        return err_set(err, ERR_USAGE,
                       "--tls-self-signed makes a certificate itself: leave out "
                       "either it or --tls-cert and --tls-key");
    if (!options->tls_self_signed && (options->tls_dir || options->n_tls_names))
        return err_set(err, ERR_USAGE, "--tls-name and --tls-dir belong to --tls-self-signed");
    if (options->tls_cert && !options->tls_key)
        return err_set(err, ERR_USAGE,
                       "--tls-cert wants --tls-key FILE too: if the key is in the "
                       "same file, name that file for both");
    if (options->tls_key && !options->tls_cert)
        return err_set(err, ERR_USAGE, "--tls-key wants --tls-cert FILE too");
    return 0;
}

static int read_pem(const char *path, const char *option, struct buf *text, struct err *err)
{
    struct err why;

    if (file_read(path, FILE_MAX_BYTES, text, &why) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "%s %s: %s", option, path, why.msg);
}

/* What says them, for messages. */
struct said_by {
    const char *certificate, *key;
};

static struct said_by said_by(const struct serve_options *options)
{
    if (!options->listen_by)
        return (struct said_by){"--tls-cert", "--tls-key"};
    return (struct said_by){"http.tls.certificate (REGISTRY_HTTP_TLS_CERTIFICATE)",
                            "http.tls.key (REGISTRY_HTTP_TLS_KEY)"};
}

static int load(const struct serve_options *options, struct serve_tls *tls, struct err *err)
{
    const struct said_by by = said_by(options);
    struct err why;

    if (read_pem(options->tls_cert, by.certificate, &tls->certificate, err) < 0 ||
        read_pem(options->tls_key, by.key, &tls->key, err) < 0)
        return -1;
    if (certificate_check_pair(&tls->certificate, &tls->key, &why) < 0)
        return err_set(err, ERR_CONFIG, "%s %s, %s %s: %s", by.certificate, options->tls_cert,
                       by.key, options->tls_key, why.msg);
    if (certificate_end(&tls->certificate) <= time(NULL))
        fprintf(stderr, "berth serve: clients will refuse %s, which has expired\n",
                options->tls_cert);
    return 0;
}

static void add_once(struct strings *names, const char *kind, const char *name)
{
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text, "%s:%s", kind, name);
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->v[i], text.s))
            return;
    if (certificate_name_valid(text.s))
        strings_add(names, text.s);
}

/* Not the addresses that mean something only together with an interface. */
static void add_address(struct strings *names, const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    char text[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    else if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    if (*text)
        add_once(names, "IP", text);
}

static int add_interfaces(struct strings *names, struct err *err)
{
    struct ifaddrs *interfaces;

    if (getifaddrs(&interfaces) < 0)
        return err_sys(err, errno, "list the addresses of this machine");
    for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next)
        if (i->ifa_addr)
            add_address(names, i->ifa_addr);
    freeifaddrs(interfaces);
    return 0;
}

/* --tls-name: an address is brought into the one form that a certificate gives back. */
static int add_given(struct strings *names, const char *name, struct err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    AUTO_BUF dns = BUF_INIT;

    for (int family = AF_INET;; family = AF_INET6) {
        if (inet_pton(family, name, address) == 1) {
            inet_ntop(family, address, text, sizeof text);
            add_once(names, "IP", text);
            return 0;
        }
        if (family == AF_INET6)
            break;
    }
    buf_addf(&dns, "DNS:%s", name);
    if (!certificate_name_valid(dns.s))
        return err_set(err, ERR_USAGE, "--tls-name %s: neither a host name nor an address", name);
    add_once(names, "DNS", name);
    return 0;
}

/* What this machine calls itself, with its domain if it knows that. */
static void add_own_names(struct strings *names)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME};
    struct addrinfo *found;
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) < 0)
        return;
    add_once(names, "DNS", host);
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return;
    if (found->ai_canonname)
        add_once(names, "DNS", found->ai_canonname);
    freeaddrinfo(found);
}

static int collect_names(const struct serve_options *options, const struct listener *listener,
                         struct strings *names, struct err *err)
{
    add_once(names, "DNS", "localhost");
    add_once(names, "IP", "127.0.0.1");
    add_once(names, "IP", "::1");
    add_own_names(names);
    if (!listener->any)
        add_once(names, "DNS", listener->name); /* which is left out if it is an address */
    for (size_t i = 0; i < options->n_tls_names; i++)
        if (add_given(names, options->tls_names[i], err) < 0)
            return -1;
    if (!listener->any)
        for (size_t i = 0; i < listener->n; i++)
            add_address(names, (const struct sockaddr *)&listener->sockets[i].address);
    else if (add_interfaces(names, err) < 0)
        return -1;
    strings_sort(names);
    return 0;
}

static int choose_dir(const struct serve_options *options, struct buf *dir, struct err *err)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *here = NULL;

    if (options->tls_dir && options->tls_dir[0] == '/')
        buf_addstr(dir, options->tls_dir);
    else if (options->tls_dir && (here = getcwd(NULL, 0)))
        buf_addf(dir, "%s/%s", here, options->tls_dir);
    else if (options->tls_dir)
        return err_sys(err, errno, "the working directory");
    else if (geteuid() == 0)
        buf_addstr(dir, "/var/lib/berth/tls");
    else if (state && state[0] == '/')
        buf_addf(dir, "%s/berth/tls", state);
    else if (home && home[0] == '/')
        buf_addf(dir, "%s/.local/state/berth/tls", home);
    else
        return err_set(err, ERR_USAGE, "HOME is not set: say with --tls-dir where keys are kept");
    free(here);
    return 0;
}

/* 0: it is not there. */
static int read_kept(const struct fs_root *root, const char *name, struct buf *text,
                     struct err *err)
{
    struct stat st;
    int found = fs_stat(root, name, &st, err);

    return found <= 0 ? found : fs_read(root, name, FILE_MAX_BYTES, text, err) < 0 ? -1 : 1;
}

static int keep(struct fs_root *root, const char *name, mode_t mode, const struct buf *text,
                struct err *err)
{
    AUTO_DIRTY dirty = {0};
    AUTO_BUF tmp = BUF_INIT;

    buf_addf(&tmp, "%s.new", name);
    root->file_mode = mode;
    if (fs_replace(root, tmp.s, name, text->s, text->len, &dirty, err) < 0)
        return -1;
    return dirty_sync(root, &dirty, err);
}

/* A new authority only where there was none: clients would have to be told to trust it. */
static int have_authority(struct fs_root *root, struct serve_tls *tls, struct err *err)
{
    char host[200] = "", name[256];
    struct err why;
    int found = read_kept(root, AUTHORITY, &tls->authority, err);
    int found_key = found < 0 ? -1 : read_kept(root, AUTHORITY_KEY, &tls->authority_key, err);

    if (found < 0 || found_key < 0)
        return -1;
    if (found) {
        if (certificate_check_pair(&tls->authority, &tls->authority_key, &why) < 0)
            return err_set(err, ERR_CONFIG,
                           "%s: " AUTHORITY " and " AUTHORITY_KEY ": %s; remove them to "
                           "make a new CA, which clients must be given anew",
                           tls->dir.s, why.msg);
        return 0;
    }
    if (found_key)
        return err_set(err, ERR_CONFIG,
                       "%s: " AUTHORITY_KEY " without " AUTHORITY ": put that back, or remove "
                       "the key to make a new CA, which clients must be given anew",
                       tls->dir.s);
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    snprintf(name, sizeof name, "berth CA of %.45s", host);
    if (certificate_make_authority(name, &tls->authority, &tls->authority_key, err) < 0 ||
        keep(root, AUTHORITY_KEY, 0600, &tls->authority_key, err) < 0)
        return -1;
    return keep(root, AUTHORITY, 0644, &tls->authority, err);
}

static int have_certificate(struct fs_root *root, struct serve_tls *tls, struct err *err)
{
    struct err why;

    if (read_kept(root, SERVER, &tls->certificate, err) < 0 ||
        read_kept(root, SERVER_KEY, &tls->key, err) < 0)
        return -1;
    if (certificate_serves(&tls->certificate, &tls->key, &tls->authority, &tls->names,
                           time(NULL) + RENEW_SECONDS))
        return 0;
    buf_free(&tls->certificate);
    certificate_wipe(&tls->key);
    if (certificate_issue(&tls->authority, &tls->authority_key, &tls->names, &tls->certificate,
                          &tls->key, &why) < 0)
        return err_set(err, why.code, "%s/" AUTHORITY ": %s", tls->dir.s, why.msg);
    if (keep(root, SERVER_KEY, 0600, &tls->key, err) < 0)
        return -1;
    return keep(root, SERVER, 0644, &tls->certificate, err);
}

/* Under a lock: several registries on one machine share the directory. */
static int use_dir(struct fs_root *root, struct serve_tls *tls, struct err *err)
{
    int fd = -1;

    root->file_mode = 0600;
    if (fs_open(root, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, &fd, err) <= 0)
        return -1;
    int locked = fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, LOCK_MS, err);
    if (locked == 0)
        err_set(err, ERR_BUSY, "%s/" LOCK " is held by another", tls->dir.s);
    int result =
        locked > 0 && have_authority(root, tls, err) == 0 && have_certificate(root, tls, err) == 0
            ? 0
            : -1;
    close(fd);
    certificate_wipe(&tls->authority_key);
    return result;
}

static int make_own(const struct serve_options *options, const struct listener *listener,
                    struct serve_tls *tls, struct err *err)
{
    struct fs_root root = {.fd = -1, .durable = true, .file_mode = 0600, .dir_mode = 0755};
    struct err why;

    if (collect_names(options, listener, &tls->names, err) < 0 ||
        choose_dir(options, &tls->dir, err) < 0)
        return -1;
    if (fs_root_open(&root, tls->dir.s, true, &why) < 0)
        return err_set(err, ERR_CONFIG, "--tls-dir %s: %s", tls->dir.s, strerror(why.sys));
    int result = use_dir(&root, tls, err);
    fs_root_close(&root);
    return result;
}

int tls_prepare(const struct serve_options *options, const struct listener *listener,
                struct serve_tls *tls, struct err *err)
{
    if (check_options(options, err) < 0)
        return -1;
    tls->on = options->tls_self_signed || options->tls_cert;
    if (!tls->on)
        return 0;
    return options->tls_cert ? load(options, tls, err) : make_own(options, listener, tls, err);
}

/* Where others reach it, as in a URL. */
static void find_reach(const struct serve_options *options, const struct listener *listener,
                       struct buf *host)
{
    const char *name = options->n_tls_names ? options->tls_names[0] : listener->host;
    char own[256] = "";

    if (!options->n_tls_names && listener->any && gethostname(own, sizeof own - 1) == 0)
        name = own;
    bool bare = strchr(name, ':') && name[0] != '[';
    buf_addf(host, "%s%s%s:%d", bare ? "[" : "", name, bare ? "]" : "", listener->port);
}

void tls_print_trust(const struct serve_tls *tls, const struct serve_options *options,
                     const struct listener *listener)
{
    char fingerprint[CERTIFICATE_FINGERPRINT_SIZE];
    AUTO_BUF at = BUF_INIT;

    if (!tls->dir.len)
        return;
    certificate_fingerprint(&tls->authority, fingerprint);
    find_reach(options, listener, &at);
    printf("CA        %s/" AUTHORITY "\n"
           "SHA-256   %s\n"
           "For      ",
           tls->dir.s, fingerprint);
    for (size_t i = 0; i < tls->names.n; i++)
        printf(" %s", strchr(tls->names.v[i], ':') + 1); /* behind its kind */
    printf("\n"
           "\n"
           "Clients trust it once they have a copy of this ca.crt, and use %s as here:\n"
           "  docker      /etc/docker/certs.d/%s/ca.crt\n"
           "  podman      /etc/containers/certs.d/%s/ca.crt\n"
           "  containerd  /etc/containerd/certs.d/%s/ca.crt, and beside it hosts.toml with\n"
           "                server = \"https://%s\"\n"
           "                [host.\"https://%s\"]\n"
           "                  ca = \"/etc/containerd/certs.d/%s/ca.crt\"\n"
           "                which it reads only with config_path = \"/etc/containerd/certs.d\" in "
           "config.toml\n"
           "  Debian      /usr/local/share/ca-certificates/berth.crt, then update-ca-certificates\n"
           "  Fedora      /etc/pki/ca-trust/source/anchors/berth.crt, then update-ca-trust\n"
           "  Windows     certutil -addstore -f Root ca.crt\n"
           "  macOS       security add-trusted-cert -d -r trustRoot"
           " -k /Library/Keychains/System.keychain ca.crt\n"
           "\n",
           at.s, at.s, at.s, at.s, at.s, at.s, at.s);
}
