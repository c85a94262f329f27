/*
 * The errors in what a user wrote, each a sentence with its place, so that all of them can be
 * printed and not only the first. It keeps them; the caller prints them, or takes the first.
 */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "error.h"

#include <stddef.h>

/* More are counted, but not kept: a file that is something else altogether has thousands. */
#define CONFIG_ERRORS_MAX 100

struct config_error {
    unsigned line; /* 0: of no line */
    char *text;    /* owned */
};

struct config_errors {
    const char *path;           /* of the file whose lines they are; NULL: none. The caller's */
    struct config_error *items; /* owned */
    size_t kept;
    size_t count; /* those that were not kept included */
};

/* Adds an error: "PATH:LINE: " and the sentence. Returns -1, as error_set does. */
int config_errors_add(struct config_errors *errors, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts them into the order of their lines. */
void config_errors_sort(struct config_errors *errors);

/* The first one, and how many more there are. Returns -1. */
int config_errors_as_error(const struct config_errors *errors, struct error *error);

/* For __attribute__((cleanup)). */
void config_errors_free(struct config_errors *errors);

#endif
