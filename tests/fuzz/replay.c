/* SPDX-License-Identifier: Apache-2.0
 * Runs a harness over files: those named, else (`make check`) all of corpus/<harness>, and reports
 * each in TAP. An input that breaks a promise ends the program. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static void replay(const char *path)
{
    struct stat st;
    FILE *file = fopen(path, "rb");

    if (!file || fstat(fileno(file), &st) < 0) {
        perror(path);
        exit(1);
    }
    size_t len = (size_t)st.st_size;
    uint8_t *bytes = malloc(len ? len : 1);
    must_hold(bytes && fread(bytes, 1, len, file) == len);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
}

static int no_dot_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* $srcdir is the checkout, by automake; the program is called as its harness. */
static int replay_corpus(const char *program)
{
    const char *srcdir = getenv("srcdir"), *slash = strrchr(program, '/');
    char dir[4096], path[8192];
    struct dirent **entries;

    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
             slash ? slash + 1 : program);
    int n = scandir(dir, &entries, no_dot_file, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: no corpus\n", dir);
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        replay(path);
        printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        fflush(stdout);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return replay_corpus(argv[0]);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    return 0;
}
