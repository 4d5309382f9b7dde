/* SPDX-License-Identifier: Apache-2.0
 * L2: checking passwords against an htpasswd file (the only user of crypt.h). Changing the file is
 * in passwd_file.c. */
#include "auth/passwd.h"

#include "base/array.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings_value.h"
#include "base/strings.h"
#include "oci/digest.h"
#include "oci/digester.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define CACHE_ENTRIES 256

static const struct settings_key keys[] = {
    SETTINGS_TEXT(struct passwd_settings, htpasswd, "htpasswd", "", NULL),
    SETTINGS_TEXT(struct passwd_settings, realm, "realm", "berth", settings_value_quotable),
    SETTINGS_NUMBER(struct passwd_settings, credential_cache, "credential_cache", "300", 0, 86400),
    SETTINGS_END,
};

const struct settings_table passwd_table = SETTINGS_TABLE(struct passwd_settings, keys, NULL);

struct entry {
    char *user;
    char *hash;
    int line;
    bool usable;
    size_t kind; /* in passwd->kinds, if it is usable */
};

/* That a user showed the right password, without the password: the key is random in each process.
 */
struct remembered {
    struct digest proof;
    time_t until;
};

struct passwd {
    char *path;
    struct entry *entries;
    size_t n;
    struct strings kinds; /* of hashes, see kind_of */
    int64_t cache_seconds;
    unsigned char key[32];
    struct remembered cache[CACHE_ENTRIES];
    size_t next;
};

/* Digits that end a hash. One that was cut off would be of no use, and fail in no time. */
static const struct {
    const char *kind;
    size_t digits;
} hash_ends[] = {
    {"$2", 53},  {"$y$", 43}, {"$gy$", 43},   {"$7$", 43},
    {"$6$", 86}, {"$5$", 43}, {"$sha1$", 28}, {"$1$", 22},
};

static bool is_complete(const char *hash)
{
    const char *end = strrchr(hash, '$') + 1;

    for (size_t i = 0; i < sizeof hash_ends / sizeof *hash_ends; i++)
        if (!strncmp(hash, hash_ends[i].kind, strlen(hash_ends[i].kind)))
            return strlen(end) == hash_ends[i].digits;
    return true;
}

static bool is_usable(const char *hash)
{
    int check = *hash == '$' ? crypt_checksalt(hash) : CRYPT_SALT_INVALID;

    return check != CRYPT_SALT_INVALID && check != CRYPT_SALT_METHOD_DISABLED && is_complete(hash);
}

/* What stands behind the next dollar sign. */
static const char *next_field(const char *s)
{
    s += strcspn(s, "$");
    return *s ? s + 1 : s;
}

/* Appends what decides how long a hash takes: method and costs. The salt begins behind that. */
static void kind_of(const char *hash, struct buf *kind)
{
    static const size_t scrypt_costs = 11; /* digits behind "$7$", before the salt */
    const char *end = next_field(hash + 1);

    if (!strncmp(hash, "$2", 2)) {
        buf_addf(kind, "$2$%.2s", end); /* the letter tells only which program made it */
        return;
    }
    if (!strncmp(hash, "$7$", 3))
        end += strnlen(end, scrypt_costs);
    else if (strchr("yg", hash[1]) || !strncmp(hash, "$sha1$", 6) || !strncmp(end, "rounds=", 7))
        end = next_field(end);
    buf_add(kind, hash, (size_t)(end - hash));
}

static size_t find_kind(struct passwd *passwd, const char *hash)
{
    AUTO_BUF kind = BUF_INIT;
    size_t i;

    kind_of(hash, &kind);
    for (i = 0; i < passwd->kinds.n; i++)
        if (!strcmp(passwd->kinds.v[i], kind.s))
            return i;
    strings_add(&passwd->kinds, kind.s);
    return i;
}

static void add_entry(struct passwd *passwd, char *line, int number)
{
    char *colon = strchr(line, ':');

    if (*line == '#' || !colon || colon == line)
        return;
    *colon = '\0';
    char *hash = colon + 1;
    hash[strcspn(hash, ": \t\r\n")] = '\0'; /* behind a colon is a comment to htpasswd(1) */
    bool usable = is_usable(hash);
    *ARRAY_ADD(passwd->entries, passwd->n) = (struct entry){
        .user = mem_strdup(line),
        .hash = mem_strdup(hash),
        .line = number,
        .usable = usable,
        .kind = usable ? find_kind(passwd, hash) : 0,
    };
}

static void describe_unusable(const struct passwd *passwd, const struct entry *entry,
                              struct err *err)
{
    const char *kind = !strncmp(entry->hash, "$apr1$", 6)  ? "Apache's MD5 ($apr1$)"
                       : !strncmp(entry->hash, "{SHA}", 5) ? "{SHA}"
                       : *entry->hash == '$'               ? "unknown to libcrypt, or cut off"
                                                           : "of no kind that is safe";

    err_set(err, ERR_CONFIG,
            "%s:%d: the hash of \"%s\" is %s: set the password again with `berth user passwd`",
            passwd->path, entry->line, entry->user, kind);
}

bool passwd_unusable(const struct passwd *passwd, size_t nth, struct err *why)
{
    for (size_t i = 0; i < passwd->n; i++) {
        if (!passwd->entries[i].usable && nth-- == 0) {
            describe_unusable(passwd, &passwd->entries[i], why);
            return true;
        }
    }
    return false;
}

struct passwd *passwd_read(const char *path, int64_t cache_seconds, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    struct err why;
    size_t at = 0;
    char *line;

    if (file_read(path, PASSWD_FILE_MAX, &text, &why) < 0) {
        err_set(err, ERR_CONFIG, "htpasswd = \"%s\": %s", path, why.msg);
        return NULL;
    }
    struct passwd *passwd = mem_alloc(sizeof *passwd);
    passwd->path = mem_strdup(path);
    passwd->cache_seconds = cache_seconds;
    if (getrandom(passwd->key, sizeof passwd->key, 0) != sizeof passwd->key)
        abort();
    for (int number = 1; (line = buf_line(&text, &at)); number++)
        add_entry(passwd, line, number);
    return passwd;
}

struct passwd *passwd_load(const char *path, int64_t cache_seconds, struct err *err)
{
    struct passwd *passwd = passwd_read(path, cache_seconds, err);
    struct err why;

    for (size_t i = 0; passwd && passwd_unusable(passwd, i, &why); i++)
        log_error("%s", why.msg);
    return passwd;
}

void passwd_free(struct passwd *passwd)
{
    if (!passwd)
        return;
    for (size_t i = 0; i < passwd->n; i++) {
        free(passwd->entries[i].user);
        free(passwd->entries[i].hash);
    }
    explicit_bzero(passwd->key, sizeof passwd->key);
    strings_free(&passwd->kinds);
    free(passwd->entries);
    free(passwd->path);
    free(passwd);
}

static const struct entry *find(const struct passwd *passwd, const char *user)
{
    for (size_t i = 0; i < passwd->n; i++)
        if (!strcmp(passwd->entries[i].user, user))
            return &passwd->entries[i];
    return NULL;
}

/* Strings of the same length in the same time. */
static bool equal_secret(const char *a, const char *b)
{
    size_t len = strlen(a);
    unsigned char difference = len != strlen(b);

    if (difference)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

enum outcome { OUTCOME_SAME, OUTCOME_OTHER, OUTCOME_FAILED };

static enum outcome compare(const char *password, const char *hash)
{
    static struct crypt_data data; /* 32 KiB; one request at a time in a process */
    const char *result = crypt_r(password, hash, &data);
    enum outcome outcome = !result || *result == '*'    ? OUTCOME_FAILED
                           : equal_secret(result, hash) ? OUTCOME_SAME
                                                        : OUTCOME_OTHER;

    explicit_bzero(&data, sizeof data);
    return outcome;
}

/* Keyed hash over user, stored hash and password, each with its NUL. The stored hash is in it, so
 * that a changed password ends what was remembered. */
static void make_proof(const struct passwd *passwd, const struct entry *entry, const char *password,
                       struct digest *proof)
{
    AUTO_DIGESTER digester;

    digester_init(&digester, DIGEST_SHA512);
    digester_update(&digester, passwd->key, sizeof passwd->key);
    digester_update(&digester, entry->user, strlen(entry->user) + 1);
    digester_update(&digester, entry->hash, strlen(entry->hash) + 1);
    digester_update(&digester, password, strlen(password) + 1);
    digester_final(&digester, proof);
}

/* A clock that nobody sets. */
static time_t seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return ts.tv_sec;
}

static bool is_remembered(const struct passwd *passwd, const struct digest *proof)
{
    time_t now = seconds();

    for (size_t i = 0; i < CACHE_ENTRIES; i++)
        if (passwd->cache[i].until > now && digest_equal(&passwd->cache[i].proof, proof))
            return true;
    return false;
}

static void remember(struct passwd *passwd, const struct digest *proof)
{
    passwd->cache[passwd->next] = (struct remembered){*proof, seconds() + passwd->cache_seconds};
    passwd->next = (passwd->next + 1) % CACHE_ENTRIES;
}

/* Hashes the password in vain with a hash of this kind. One that is damaged inside fails at once.
 * False: there is none other. */
static bool hash_in_vain(const struct passwd *passwd, size_t kind, const char *password)
{
    for (size_t i = 0; i < passwd->n; i++)
        if (passwd->entries[i].usable && passwd->entries[i].kind == kind &&
            compare(password, passwd->entries[i].hash) != OUTCOME_FAILED)
            return true;
    return false;
}

/* Makes whoever is not let in wait for the same: for one hash of each kind that the file's users
 * have, and so for the dearest. done: the kind that took its time already, or NO_KIND. */
#define NO_KIND SIZE_MAX
static void take_time(const struct passwd *passwd, size_t done, const char *password)
{
    bool took = done != NO_KIND;

    for (size_t kind = 0; kind < passwd->kinds.n; kind++)
        if (kind != done)
            took |= hash_in_vain(passwd, kind, password);
    if (!took)
        compare(password, "$2b$10$abcdefghijklmnopqrstuuXDLMu.vbR8DRmzyxKdzPHZsPRPJDuCa");
}

#define BCRYPT_PASSWORD_MAX 72

/* bcrypt does not see what follows: another password would be as good. */
static bool is_cut_off(const char *password, const char *hash)
{
    return !strncmp(hash, "$2", 2) && strlen(password) > BCRYPT_PASSWORD_MAX;
}

bool passwd_verify(struct passwd *passwd, const char *user, const char *password)
{
    const struct entry *entry = find(passwd, user);
    struct digest proof;

    if (!entry || !entry->usable) {
        take_time(passwd, NO_KIND, password);
        return false;
    }
    make_proof(passwd, entry, password, &proof);
    if (is_remembered(passwd, &proof))
        return true;
    enum outcome outcome = compare(password, entry->hash);
    if (outcome != OUTCOME_SAME || is_cut_off(password, entry->hash)) {
        take_time(passwd, outcome == OUTCOME_FAILED ? NO_KIND : entry->kind, password);
        return false;
    }
    if (passwd->cache_seconds > 0)
        remember(passwd, &proof);
    return true;
}

int passwd_hash(const char *password, int cost, struct buf *hash, struct err *err)
{
    static struct crypt_data data;
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];

    if (*password == '\0')
        return err_set(err, ERR_USAGE, "an empty password");
    if (strlen(password) > BCRYPT_PASSWORD_MAX)
        return err_set(err, ERR_USAGE, "bcrypt takes passwords of at most %d bytes",
                       BCRYPT_PASSWORD_MAX);
    if (!crypt_gensalt_rn("$2y$", (unsigned long)cost, NULL, 0, salt, sizeof salt))
        return err_sys(err, errno, "make a salt");
    const char *result = crypt_r(password, salt, &data);
    int errnum = errno;
    bool made = result && *result != '*';
    if (made)
        buf_addstr(hash, result);
    explicit_bzero(&data, sizeof data);
    return made ? 0 : err_sys(err, errnum, "hash a password");
}
