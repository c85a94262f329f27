/*
 * An envdir (envdir(8) of daemontools, as Server::Starter reads it): a directory with one file for
 * each variable. The file's name is the variable's name, its first line the value. Empty files and
 * names that start with a dot do not count.
 */
#ifndef ENVDIR_H
#define ENVDIR_H

#include "environment.h"

/* Sets the directory's variables in `environment`; a missing directory has none. Returns how many
   variables it could not read; `error` has the name and reason of the last one, without the
   directory. It follows no links of another user (trusted_path.h). */
int envdir_read(const char *directory, struct environment *environment, struct error *error);

/* Reads a variable's value from the first `size` bytes of its file: cuts the buffer (which has room
   for one more byte) at the end of the first line. Returns the start of the value, or NULL if the
   file is empty. */
char *envdir_parse_value(char *buffer, size_t size);

#endif
