/* SPDX-License-Identifier: Apache-2.0
 * auth/passwd.c, auth/passwd_file.c */
#include "unit/unit.h"

#include "auth/passwd.h"
#include "auth/passwd_file.h"

#include <crypt.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of "secret", each. */
#define BCRYPT_Y "$2y$04$z73rQVrKCtOGNO489Xrd8e8OnLq3SSn.AAyZ9tV5WvhgghSIlpXPm"
#define BCRYPT_B "$2b$04$gSJ.Y7lGwMJJllx/3ijEQuTa7oCW9bAL51bZnGTd4aUUo/5sBRy9G"
#define BCRYPT_A "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
#define MD5 "$1$salt$ez2vlPGdaLYkJam5pWs/Y1"
#define SHA512                                                                                     \
    "$6$rounds=1000$RGGUNCMnCHLhDDcf$LJDXn7Y5OH7R0.zMaTx8hMfgOyPAUiuTXhF5WIf6yS5SaTlTcKmPtTd33cd." \
    "IIeKOX2h3LxwBtqXU0O22dKqA."
#define SHA256 "$5$rounds=1000$9WPlo7kVSTWthv41$v81SURp6JwzJzhVBU4KjRp4LY4da5xYV6jT/vtVO5w2"
#define YESCRYPT "$y$j75$OL0tFm0XODh1RmTBbq6du0$BgAFmeT8B9ua.j9.XWGv5/ePkKjryudglPtWIuGUCj8"

static struct passwd *load(const struct unit_dir *dir, const char *text, int64_t cache_seconds)
{
    unit_put(dir->path, "htpasswd", text);
    struct passwd *passwd = passwd_read(unit_path(dir, "htpasswd"), cache_seconds, &failure);
    assert_non_null(passwd);
    return passwd;
}

static void test_hashes_of_libcrypt(void **state)
{
    static const char *const hashes[] = {BCRYPT_Y, BCRYPT_B, BCRYPT_A, SHA512,
                                         SHA256,   YESCRYPT, MD5};

    for (size_t i = 0; i < LENGTH_OF(hashes); i++) {
        char line[256];
        snprintf(line, sizeof line, "alice:%s\n", hashes[i]);
        struct passwd *passwd = load(*state, line, 0);
        assert_false(passwd_unusable(passwd, 0, &failure));
        assert_true(passwd_verify(passwd, "alice", "secret"));
        assert_false(passwd_verify(passwd, "alice", "Secret"));
        assert_false(passwd_verify(passwd, "alice", "secre"));
        assert_false(passwd_verify(passwd, "alice", ""));
        assert_false(passwd_verify(passwd, "alice", hashes[i]));
        assert_false(passwd_verify(passwd, "bob", "secret"));
        assert_false(passwd_verify(passwd, "", "secret"));
        passwd_free(passwd);
    }
}

static void test_what_cannot_be_checked(void **state)
{
    static const struct {
        const char *hash, *kind;
    } table[] = {
        {"$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "$apr1$"},
        {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{SHA}"},
        {"rqXexS6ZhobKA", "no kind that is safe"}, /* DES */
        {"secret", "no kind that is safe"},
        {"", "no kind that is safe"},
        {"*", "no kind that is safe"},
        {"!" BCRYPT_B, "no kind that is safe"},
        {"$2y$04$z73rQVrKCtOGNO489Xrd8e8OnLq3SSn.AAyZ9tV5WvhgghSIlpXP", "cut off"},
        {"$2y$04$z73rQVrKCtOGNO489Xrd8e8OnLq3SSn.AAyZ9tV5WvhgghSIlpXPmm", "cut off"},
        {"$6$rounds=1000$salt$HNxBeBnDfSfUrTj6KiLnmd7tGCvHEmcExh8kl", "cut off"},
        {"$6$salt", "cut off"},
        {"$y$j75$abcdefgh$uMUXG79B2cFpoAYyDccUnsaH", "cut off"},
        {"$99$abc$def", "unknown to libcrypt"},
        {"$", "unknown to libcrypt"},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        char text[256];
        struct err why;
        snprintf(text, sizeof text, "good:%s\n\nalice:%s\n", BCRYPT_B, table[i].hash);
        struct passwd *passwd = load(*state, text, 0);
        assert_true(passwd_unusable(passwd, 0, &failure));
        assert_int_equal(ERR_CONFIG, failure.code);
        if (!strstr(failure.msg, table[i].kind) || !strstr(failure.msg, "htpasswd:3: ") ||
            !strstr(failure.msg, "\"alice\"") || !strstr(failure.msg, "`berth user passwd`"))
            fail_msg("\"%s\": %s", table[i].hash, failure.msg);
        assert_true(passwd_unusable(passwd, 0, &why));
        assert_string_equal(failure.msg, why.msg);
        assert_false(passwd_unusable(passwd, 1, &why));
        assert_false(passwd_verify(passwd, "alice", "secret"));
        assert_false(passwd_verify(passwd, "alice", table[i].hash));
        assert_true(passwd_verify(passwd, "good", "secret"));
        passwd_free(passwd);
    }
}

/* What hashing took, as the beginnings of the settings with which it succeeded, in order. How long
 * that takes is libcrypt's affair, and the machine's. */
static struct buf hashed;

static void assert_hashes(const char *expected, struct passwd *passwd, const char *user,
                          const char *password, bool right)
{
    buf_clear(&hashed);
    assert_int_equal(right, passwd_verify(passwd, user, password));
    assert_string_equal(expected, hashed.len ? hashed.s : "");
}

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);

char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    char *result = __real_crypt_r(phrase, setting, data);

    if (result && *result != '*')
        buf_addf(&hashed, "%.7s ", setting);
    return result;
}

/* Of the hash that stands in where a file has none. */
#define STAND_IN "$2b$10$ "

static void test_an_unknown_user_takes_as_long(void **state)
{
    AUTO_BUF text = BUF_INIT;

    /* Hashes that only crypt_r finds to be damaged stand before the first good one. */
    buf_addstr(&text, "apache:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n"
                      "cut:$2y$04$z73rQVrKCtOGNO489Xrd8e8\n"
                      "bad:$2y$10$z73rQVrKCtOGNO489Xrd8!8OnLq3SSn.AAyZ9tV5WvhgghSIlpXPm\n"
                      "worse:$2y$99$z73rQVrKCtOGNO489Xrd8e8OnLq3SSn.AAyZ9tV5WvhgghSIlpXPm\n"
                      "alice:");
    assert_returns(0, passwd_hash("secret", 5, &text, &failure));
    struct passwd *passwd = load(*state, text.s, 0);
    assert_hashes("$2y$05$ ", passwd, "alice", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "nobody", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "apache", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "cut", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "bad", "wrong", false);
    assert_hashes("$2y$05$ ", passwd, "worse", "wrong", false);
    passwd_free(passwd);
    passwd = load(*state, "", 0);
    assert_hashes(STAND_IN, passwd, "nobody", "wrong", false);
    passwd_free(passwd);
    passwd = load(*state, "apache:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n", 0);
    assert_hashes(STAND_IN, passwd, "apache", "wrong", false);
    passwd_free(passwd);
}

/* Another cost than the stand-in's: it is the file's that counts. */
static void test_the_files_own_cost_counts(void **state)
{
    struct passwd *passwd = load(*state, "alice:" BCRYPT_Y "\n", 0);

    assert_hashes("$2y$04$ ", passwd, "nobody", "wrong", false);
    passwd_free(passwd);
}

/* One hash of each kind that the file has, whoever it is that is not let in: what a method costs
 * cannot be read from another's numbers. */
static void test_18_the_dearest_hash_of_the_file_counts(void **state)
{
    static const char *const users[] = {"cheap", "same", "dear", "yes", "sha", "plain", "nobody"};
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, "cheap:" BCRYPT_Y "\nsame:" BCRYPT_B "\nbroken:$apr1$x$x\ndear:");
    assert_returns(0, passwd_hash("secret", 6, &text, &failure));
    buf_addstr(&text, "\nyes:" YESCRYPT "\nsha:" SHA512 "\nmore:" SHA512 "\nplain:" MD5 "\n");
    struct passwd *passwd = load(*state, text.s, 60);
    for (size_t i = 0; i < LENGTH_OF(users); i++) {
        size_t hashes = 0;
        buf_clear(&hashed);
        assert_false(passwd_verify(passwd, users[i], "wrong"));
        for (const char *p = hashed.s; (p = strchr(p, ' ')); p++)
            hashes++;
        assert_int_equal(5, hashes);
        assert_true(strstr(hashed.s, "$04$ ") && strstr(hashed.s, "$2y$06$ ") &&
                    strstr(hashed.s, "$y$j75$ ") && strstr(hashed.s, "$6$roun ") &&
                    strstr(hashed.s, "$1$salt "));
    }
    assert_hashes("$2b$04$ ", passwd, "same", "secret", true); /* nobody who is let in waits */
    assert_hashes("", passwd, "same", "secret", true);
    passwd_free(passwd);
}

/* Methods and costs, but not salts, are told apart. */
static void test_18_kinds_of_hashes(void **state)
{
    static const char *const hashes[] = {
        BCRYPT_Y,
        SHA256,
        "$5$rounds=2000$saltstring$Kb5ay8DUTTG.S4C87lfhqXUJDZBqOqAhKsqNh8bDg04",
        "$y$j75$OL0tFm0XODh1RmTBbq6du1$BgAFmeT8B9ua.j9.XWGv5/ePkKjryudglPtWIuGUCj8",
        "$y$j85$OL0tFm0XODh1RmTBbq6du0$BgAFmeT8B9ua.j9.XWGv5/ePkKjryudglPtWIuGUCj8",
        "$7$5/..../....saltsalt$BgAFmeT8B9ua.j9.XWGv5/ePkKjryudglPtWIuGUCj8",
        "$sha1$1000$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$sha1$2000$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    AUTO_BUF text = BUF_INIT;

    for (size_t i = 0; i < 2 * LENGTH_OF(hashes); i++)
        buf_addf(&text, "user%zu:%s\n", i, hashes[i / 2]);
    struct passwd *passwd = load(*state, text.s, 0);
    buf_clear(&hashed);
    assert_false(passwd_verify(passwd, "nobody", "wrong"));
    assert_string_equal("$2y$04$ $5$roun $5$roun $y$j75$ $y$j85$ $7$5/.. $sha1$1 $sha1$2 ",
                        hashed.s);
    passwd_free(passwd);
}

/* bcrypt sees 72 bytes. */
static void test_18_bcrypt_takes_no_longer_passwords(void **state)
{
    char password[75];
    AUTO_BUF text = BUF_INIT;

    memset(password, 'x', sizeof password);
    password[72] = '\0';
    buf_addstr(&text, "alice:");
    assert_returns(0, passwd_hash(password, 4, &text, &failure));
    buf_addstr(&text, "\nbob:" SHA256 "\n");
    struct passwd *passwd = load(*state, text.s, 60);
    assert_true(passwd_verify(passwd, "alice", password));
    password[72] = 'x';
    password[73] = '\0';
    assert_fails(USAGE, passwd_hash(password, 4, &text, &failure));
    assert_hashes("$2y$04$ $5$roun ", passwd, "alice", password, false);
    assert_hashes("$5$roun $2y$04$ ", passwd, "bob", password, false);
    password[72] = '\0';
    assert_hashes("", passwd, "alice", password, true);
    passwd_free(passwd);
}

#define ALICE "alice:" BCRYPT_Y "\n"

static void test_cache(void **state)
{
    struct passwd *passwd = load(*state, ALICE, 60), *none = load(*state, ALICE, 0);

    assert_hashes("$2y$04$ ", passwd, "alice", "wrong", false); /* is not remembered */
    assert_hashes("$2y$04$ ", passwd, "alice", "wrong", false);
    assert_hashes("$2y$04$ ", passwd, "alice", "secret", true);
    for (int i = 0; i < 20; i++)
        assert_hashes("", passwd, "alice", "secret", true);
    for (int i = 0; i < 4; i++)
        assert_hashes("$2y$04$ ", none, "alice", "secret", true);
    assert_hashes("$2y$04$ ", passwd, "alice", "wrong", false);
    assert_hashes("$2y$04$ ", passwd, "bob", "secret", false);
    passwd_free(passwd);
    passwd_free(none);
}

/* The clock by which it forgets. */
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

static time_t later; /* seconds */

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    int result = __real_clock_gettime(id, ts);

    ts->tv_sec += later;
    return result;
}

static void test_what_was_verified_is_forgotten_in_time(void **state)
{
    struct passwd *passwd = load(*state, ALICE, 1000);

    assert_hashes("$2y$04$ ", passwd, "alice", "secret", true);
    later = 900;
    assert_hashes("", passwd, "alice", "secret", true);
    later = 1000;
    assert_hashes("$2y$04$ ", passwd, "alice", "secret", true);
    assert_hashes("", passwd, "alice", "secret", true);
    later = 0;
    passwd_free(passwd);
}

/* More than are remembered; the oldest go. */
static void test_the_cache_is_bounded(void **state)
{
    AUTO_BUF text = BUF_INIT;

    for (int i = 0; i < 300; i++)
        buf_addf(&text, "user%d:" SHA256 "\n", i);
    struct passwd *passwd = load(*state, text.s, 60);
    for (int i = 0; i < 600; i++) {
        char user[16];
        snprintf(user, sizeof user, "user%d", i % 300);
        assert_true(passwd_verify(passwd, user, "secret"));
        assert_false(passwd_verify(passwd, user, "Secret"));
    }
    passwd_free(passwd);
}

/* Built as it is needed, so that this program does not hold it either. */
static void spell(char *out)
{
    static const unsigned char masked[] = {0x2b, 0x30, 0x2d, 0x21, 0x6c, 0x37, 0x2b, 0x27,
                                           0x3a, 0x72, 0x76, 0x71, 0x69, 0x2f, 0x3b, 0x24};

    for (size_t i = 0; i < sizeof masked; i++)
        out[i] = (char)(masked[i] ^ 0x55);
    out[sizeof masked] = '\0';
}

/* How often the spelt word is in what this process can write to. */
static int count_in_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), found = 0;
    unsigned long from, to;
    char *line = NULL, *end, word[17];
    size_t size = 0;

    assert_true(maps && memory >= 0);
    spell(word);
    while (getline(&line, &size, maps) >= 0) {
        from = strtoul(line, &end, 16);
        to = strtoul(end + 1, &end, 16);
        if (strncmp(end, " rw", 3) != 0 || to - from > (64UL << 20))
            continue;
        char *copy = malloc(to - from);
        assert_non_null(copy);
        ssize_t n = pread(memory, copy, to - from, (off_t)from);
        for (char *s = copy; n > 0 && (s = memmem(s, (size_t)(copy + n - s), word, 16)); s++)
            found += from + (unsigned long)(s - copy) != (unsigned long)word;
        explicit_bzero(copy, to - from);
        free(copy);
    }
    free(line);
    fclose(maps);
    close(memory);
    explicit_bzero(word, sizeof word);
    return found;
}

static void test_memory_holds_no_password(void **state)
{
    AUTO_BUF text = BUF_INIT;
    char password[17];

    buf_addstr(&text, "alice:");
    spell(password);
    assert_returns(0, passwd_hash(password, 4, &text, &failure));
    struct passwd *passwd = load(*state, text.s, 60);
    assert_true(passwd_verify(passwd, "alice", password));
    assert_true(passwd_verify(passwd, "alice", password));
    assert_false(passwd_verify(passwd, "bob", password));
    assert_int_equal(1, count_in_memory()); /* the one here */
    explicit_bzero(password, sizeof password);
    assert_int_equal(0, count_in_memory());
    passwd_free(passwd);
}

static void test_cache_does_not_survive_a_changed_hash(void **state)
{
    const struct unit_dir *dir = *state;
    struct passwd *passwd = load(dir, "alice:" BCRYPT_Y "\n", 60);
    AUTO_BUF hash = BUF_INIT;

    assert_true(passwd_verify(passwd, "alice", "secret"));
    passwd_free(passwd);
    assert_returns(0, passwd_hash("other", 4, &hash, &failure));
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", hash.s,
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    passwd = passwd_read(unit_path(dir, "htpasswd"), 60, &failure);
    assert_non_null(passwd);
    assert_false(passwd_verify(passwd, "alice", "secret"));
    assert_true(passwd_verify(passwd, "alice", "other"));
    passwd_free(passwd);
}

static void test_lines(void **state)
{
    struct passwd *passwd = load(*state,
                                 "# a comment: not a user\r\n"
                                 "#alice:" BCRYPT_Y "\r\n"
                                 "\r\n"
                                 "no colon\n"
                                 ":" BCRYPT_Y "\n"
                                 "alice:" BCRYPT_Y "\r\n"
                                 "alice:$2y$04$damaged\n" /* the first counts */
                                 "bob:" SHA512 ":a remark\n"
                                 "last:" YESCRYPT,
                                 0);

    assert_true(passwd_verify(passwd, "alice", "secret"));
    assert_true(passwd_verify(passwd, "bob", "secret"));
    assert_true(passwd_verify(passwd, "last", "secret"));
    assert_false(passwd_verify(passwd, "#alice", "secret"));
    assert_false(passwd_verify(passwd, "", "secret"));
    assert_false(passwd_verify(passwd, "no colon", "secret"));
    assert_false(passwd_verify(passwd, "Alice", "secret"));
    assert_false(passwd_verify(passwd, "alic", "secret"));
    passwd_free(passwd);
}

/* The first line of a user counts, also if it shuts him out. */
static void test_the_first_of_two_lines_counts(void **state)
{
    struct passwd *passwd = load(*state,
                                 "alice:!\nalice:" BCRYPT_Y "\n"
                                 "bob:" BCRYPT_Y "  \t\nbob:*\n",
                                 0);

    assert_false(passwd_verify(passwd, "alice", "secret"));
    assert_true(passwd_verify(passwd, "bob", "secret"));
    passwd_free(passwd);
}

static void test_long_passwords(void **state)
{
    struct passwd *passwd = load(*state, "alice:" BCRYPT_Y "\n", 60);
    char password[100001];

    memset(password, 'x', sizeof password - 1);
    password[sizeof password - 1] = '\0';
    assert_false(passwd_verify(passwd, "alice", password));
    assert_false(passwd_verify(passwd, "bob", password));
    passwd_free(passwd);
}

static void test_loading_says_what_cannot_be_checked(void **state)
{
    const struct unit_dir *dir = *state;
    char log[160];

    unit_put(dir->path, "htpasswd", "a:" BCRYPT_Y "\nb:{SHA}x\nc:$apr1$x$y\n");
    snprintf(log, sizeof log, "%s/log", dir->path);
    int before = dup(2), fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(fd, 2);
    struct passwd *passwd = passwd_load(unit_path(dir, "htpasswd"), 0, &failure);
    dup2(before, 2);
    close(before);
    close(fd);
    assert_non_null(passwd);
    assert_true(passwd_verify(passwd, "a", "secret"));
    passwd_free(passwd);
    char *text = unit_get(dir->path, "log");
    assert_non_null(strstr(text, "htpasswd:2: the hash of \"b\" is {SHA}: set the password again"));
    assert_non_null(strstr(text, "htpasswd:3: the hash of \"c\" is Apache's MD5 ($apr1$): set"));
    assert_null(strstr(text, "htpasswd:1:"));
    free(text);
}

static void test_no_file(void **state)
{
    assert_null(passwd_read(unit_path(*state, "htpasswd"), 0, &failure));
    assert_int_equal(ERR_CONFIG, failure.code);
    assert_non_null(strstr(failure.msg, "htpasswd\": "));
    assert_int_equal(0, mkdir(unit_path(*state, "htpasswd"), 0755)); /* opens, but cannot be read */
    assert_null(passwd_read(unit_path(*state, "htpasswd"), 0, &failure));
    assert_int_equal(ERR_CONFIG, failure.code);
    assert_non_null(strstr(failure.msg, "it cannot be read"));
    assert_null(passwd_load(unit_path(*state, "htpasswd"), 0, &failure));
}

static void test_hash(void **state)
{
    AUTO_BUF first = BUF_INIT;
    AUTO_BUF second = BUF_INIT;
    char longest[74];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[73] = '\0';
    assert_fails(USAGE, passwd_hash(longest, 4, &first, &failure));
    assert_fails(USAGE, passwd_hash("", 4, &first, &failure));
    longest[72] = '\0';
    assert_returns(0, passwd_hash(longest, 4, &first, &failure));
    assert_returns(0, passwd_hash(longest, 4, &second, &failure));
    assert_int_equal(60, first.len);
    assert_memory_equal("$2y$04$", first.s, 7);
    assert_fails(IO, passwd_hash("x", 3, &first, &failure));
    assert_fails(IO, passwd_hash("x", 32, &first, &failure));
    assert_int_equal(60, first.len);
    assert_string_not_equal(first.s, second.s); /* salted */
}

static void test_set_and_remove_keep_all_else(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "htpasswd", "# people\n\nalice:a\r\nbob:b:remark\nalice:again\nal:c");
    assert_int_equal(0, chmod(unit_path(dir, "htpasswd"), 0604));
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "new",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_content("# people\n\nalice:new\nbob:b:remark\nal:c\n", dir->path, "htpasswd");
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "carol", "hash",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_content("# people\n\nalice:new\nbob:b:remark\nal:c\ncarol:hash\n", dir->path,
                   "htpasswd");
    assert_returns(1, passwd_file_remove(unit_path(dir, "htpasswd"), "alice", &failure));
    assert_returns(0, passwd_file_remove(unit_path(dir, "htpasswd"), "alice", &failure));
    assert_returns(0, passwd_file_remove(unit_path(dir, "htpasswd"), "bo", &failure));
    assert_content("# people\n\nbob:b:remark\nal:c\ncarol:hash\n", dir->path, "htpasswd");
    assert_int_equal(0604, unit_mode(dir->path, "htpasswd"));
    assert_int_equal(1, unit_count(dir->path, ".")); /* no temporary file */
}

static void test_set_makes_the_file(void **state)
{
    const struct unit_dir *dir = *state;

    assert_returns(0, passwd_file_remove(unit_path(dir, "htpasswd"), "alice", &failure));
    assert_false(unit_exists(dir->path, "htpasswd"));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "a:b", "hash",
                                        PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "", "hash", PASSWD_FILE_EITHER,
                                        (gid_t)-1, &failure));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "#a", "hash",
                                        PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "a\nb", "hash",
                                        PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "", PASSWD_FILE_EITHER,
                                        (gid_t)-1, &failure));
    assert_fails(USAGE, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "a\nroot:x",
                                        PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_false(unit_exists(dir->path, "htpasswd"));
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "hash",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_content("alice:hash\n", dir->path, "htpasswd");
    assert_int_equal(0640, unit_mode(dir->path, "htpasswd"));
}

static void test_set_follows_a_link(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "real", "bob:b\n");
    unit_symlink("real", dir->path, "htpasswd");
    assert_returns(0, passwd_file_set(unit_path(dir, "htpasswd"), "alice", "hash",
                                      PASSWD_FILE_EITHER, (gid_t)-1, &failure));
    assert_content("bob:b\nalice:hash\n", dir->path, "real");
    assert_null(unit_get(dir->path, "htpasswd")); /* still a link */
}

static void test_users(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_STRINGS none = {0};
    AUTO_STRINGS users = {0};

    assert_returns(0, passwd_file_users(unit_path(dir, "htpasswd"), &none, &failure));
    assert_int_equal(0, none.n);
    unit_put(dir->path, "htpasswd", "#c:x\nbob:b\r\nalice:a\nbob:again\nnothing\n:x\n");
    assert_returns(0, passwd_file_users(unit_path(dir, "htpasswd"), &users, &failure));
    assert_int_equal(2, users.n);
    assert_string_equal("alice", users.v[0]);
    assert_string_equal("bob", users.v[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_hashes_of_libcrypt),
        DIR_TEST(test_what_cannot_be_checked),
        DIR_TEST(test_an_unknown_user_takes_as_long),
        DIR_TEST(test_the_files_own_cost_counts),
        DIR_TEST(test_18_the_dearest_hash_of_the_file_counts),
        DIR_TEST(test_18_kinds_of_hashes),
        DIR_TEST(test_18_bcrypt_takes_no_longer_passwords),
        DIR_TEST(test_cache),
        DIR_TEST(test_what_was_verified_is_forgotten_in_time),
        DIR_TEST(test_the_cache_is_bounded),
        DIR_TEST(test_memory_holds_no_password),
        DIR_TEST(test_cache_does_not_survive_a_changed_hash),
        DIR_TEST(test_lines),
        DIR_TEST(test_the_first_of_two_lines_counts),
        DIR_TEST(test_long_passwords),
        DIR_TEST(test_loading_says_what_cannot_be_checked),
        DIR_TEST(test_no_file),
        cmocka_unit_test(test_hash),
        DIR_TEST(test_set_and_remove_keep_all_else),
        DIR_TEST(test_set_makes_the_file),
        DIR_TEST(test_set_follows_a_link),
        DIR_TEST(test_users),
    };

    return RUN(tests);
}
