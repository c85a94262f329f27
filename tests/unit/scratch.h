/*
 * What the unit tests share: cmocka with the headers that it needs, a scratch directory that is the
 * current directory while a test runs, and small files in it. Every function fails the test when
 * it cannot do its work, so callers have nothing to check.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRATCH_TEMPLATE "/tmp/tasuki-unit-XXXXXX"

static inline int scratch_remove_entry(const char *path, const struct stat *status, int type,
                                       struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

/* Set-up: an empty directory, its path in *state, and the current directory is in it. */
static inline int scratch_enter(void **state)
{
    char *directory = strdup(SCRATCH_TEMPLATE);
    if (directory == NULL || mkdtemp(directory) == NULL || chdir(directory) != 0) {
        free(directory);
        return -1;
    }
    *state = directory;
    return 0;
}

/* Tear-down: removes the directory with all that is in it. */
static inline int scratch_leave(void **state)
{
    char *directory = *state;
    int result =
        chdir("/") != 0 ? -1 : nftw(directory, scratch_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(directory);
    return result;
}

static inline void scratch_write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void scratch_write(const char *path, const char *text)
{
    scratch_write_bytes(path, text, strlen(text));
}

/* The file's beginning, up to the buffer's size. Returns the buffer. */
static inline const char *scratch_read(const char *path, char *buffer, size_t size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    buffer[fread(buffer, 1, size - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return buffer;
}

static inline void assert_file_holds(const char *path, const char *text)
{
    char buffer[4096];
    assert_string_equal(scratch_read(path, buffer, sizeof buffer), text);
}

static inline void assert_exists(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        fail_msg("%s should be there", path);
    }
}

static inline void assert_missing(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0) {
        fail_msg("%s should not be there", path);
    }
}

static inline void assert_text_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' should have '%s' in it", text, part);
    }
}

static inline size_t count_open_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* Waits for a child and returns its wait status. */
static inline int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#endif
