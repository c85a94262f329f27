/*
 * An envdir (envdir(8) of daemontools, in Server::Starter's reading): a directory in which each
 * file is a variable, the file's name its name, the first line its value. Names that begin with a
 * dot are passed over, and so is an empty file.
 */
#ifndef ENVDIR_H
#define ENVDIR_H

#include "environment.h"

/* Sets the directory's variables in `environment`. A directory that is not there has none. Returns
   how many variables it could not read; the last one's name and reason are in `error`, without the
   directory's. What another user's links lead to is not read (trusted_path.h). */
int envdir_read(const char *directory, struct environment *environment, struct error *error);

/* Takes a variable's value out of the `size` bytes that its file begins with: cuts the buffer
   (which has room for one more byte) at the end of the first line. Returns the value's start, or
   NULL when the file is empty and so says nothing. */
char *envdir_parse_value(char *buffer, size_t size);

#endif
