/*
 * The syntax of a configuration file: text, read with inih, becomes a list of sections, keys and
 * values with their lines. What inih ignores silently (a line that is too long for it, a
 * second bad line, what follows a section's name or an inline semicolon) is an error here.
 * This file knows no key; what they mean is configuration.c's.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "config_errors.h"

#include <stddef.h>

/* A file that is larger is none of ours. */
#define CONFIG_FILE_SIZE_MAX ((size_t)1 << 20)

struct config_entry {
    unsigned line;
    char *section; /* owned */
    char *key;     /* owned; NULL: this is the section's own line */
    char *value;   /* owned; further lines that begin with a blank joined by a blank */
};

struct config_file {
    struct config_entry *entries; /* owned, in the order of the file */
    size_t count;
};

/* Reads the whole file into `text`, to be freed. Returns 0, or -1 with the reason in `error`. */
int config_file_read(const char *path, char **text, size_t *size, struct error *error);

/* Takes the text apart. Returns 0, or -1 when there are errors; what could be read is in `file`
   all the same, to be freed. */
int config_file_parse(struct config_file *file, const char *text, size_t size,
                      struct config_errors *errors);

void config_file_free(struct config_file *file);

#endif
