/*
 * The mistakes that were found in what a user wrote, each a sentence with the place that it is
 * about, so that all can be told and not only the first. It holds them; who prints them, or takes
 * the first for an error, is the caller's business.
 */
#ifndef MISTAKES_H
#define MISTAKES_H

#include "error.h"

#include <stddef.h>

/* More are counted, but not kept: a file that is something else altogether has thousands. */
#define MISTAKES_MAX 100

struct mistake {
    unsigned line; /* 0: of no line */
    char *text;    /* owned */
};

struct mistakes {
    const char *path;      /* of the file whose lines they are; NULL: none. The caller's */
    struct mistake *items; /* owned */
    size_t kept;
    size_t count; /* those that were not kept included */
};

/* Adds a mistake: "PATH:LINE: " and the sentence. Returns -1, as error_set does. */
int mistakes_add(struct mistakes *mistakes, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts them into the order of their lines. */
void mistakes_sort(struct mistakes *mistakes);

/* The first one, and how many more there are. Returns -1. */
int mistakes_as_error(const struct mistakes *mistakes, struct error *error);

/* For __attribute__((cleanup)). */
void mistakes_free(struct mistakes *mistakes);

#endif
