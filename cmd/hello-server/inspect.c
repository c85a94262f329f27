/* The record that inspect.h describes: three texts, taken once at the start. A container need not
   have a /proc, and the server serves without one. */
#include "inspect.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct page {
    const char *target;
    char *data;
    size_t length;
};

enum { ENVIRON, FDS, SIGNALS, PAGE_COUNT };

static struct page pages[PAGE_COUNT] = {
    [ENVIRON] = {.target = "/environ"},
    [FDS] = {.target = "/fds"},
    [SIGNALS] = {.target = "/signals"},
};

static FILE *page_open(struct page *page)
{
    FILE *stream = open_memstream(&page->data, &page->length);
    if (stream == NULL) {
        err(1, "cannot record %s", page->target);
    }
    return stream;
}

static void take_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    FILE *stream = page_open(&pages[FDS]);
    if (directory == NULL) {
        fprintf(stream, "cannot read /proc/self/fd: %s\n", strerror(errno));
        fclose(stream);
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        char what[PATH_MAX];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, what, sizeof what);
        /* "." and ".." are no links, and the directory itself was not open before. */
        if (length >= 0 && strtol(entry->d_name, NULL, 10) != dirfd(directory)) {
            fprintf(stream, "%s %.*s\n", entry->d_name, (int)length, what);
        }
    }
    fclose(stream);
    closedir(directory);
}

static void take_environ(void)
{
    FILE *stream = page_open(&pages[ENVIRON]);
    for (char **variable = environ; *variable != NULL; variable++) {
        fprintf(stream, "%s\n", *variable);
    }
    fclose(stream);
}

static void take_signals(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    FILE *stream = page_open(&pages[SIGNALS]);
    if (status == NULL) {
        fprintf(stream, "cannot read /proc/self/status: %s\n", strerror(errno));
        fclose(stream);
        return;
    }
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, status) > 0) {
        if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0) {
            fputs(line, stream);
        }
    }
    free(line);
    fclose(stream);
    fclose(status);
}

void inspect_take(void)
{
    take_fds();
    take_environ();
    take_signals();
}

struct text inspect_page(struct text target)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        const struct page *page = &pages[i];
        if (target.length == strlen(page->target) &&
            memcmp(target.data, page->target, target.length) == 0) {
            return (struct text){page->data, page->length};
        }
    }
    return (struct text){NULL, 0};
}

void inspect_free(void)
{
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        free(pages[i].data);
        pages[i].data = NULL;
    }
}
