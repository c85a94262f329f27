/*
 * The name of a listener in the service manager's file descriptor store. It tells people which
 * listener it is. It tells a later supervisor that a supervisor stored it, and which file belongs
 * to a unix socket. Pure.
 */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "unix_file.h"

#include <stdbool.h>

/* As many characters as systemd takes, and the end. */
#define STORE_NAME_SIZE 256

/* The name of the pipe by which the supervisor sees whether the store had room (service_manager.h).
   A supervisor that is started soon afterwards may be given it back. */
#define STORE_NAME_MARKER "tasuki-marker"

/* "tasuki,TYPE,NAME" or, with a file (NULL: there is none), "tasuki,TYPE,DEVICE,INODE,NAME"; what
   cannot stand in such a name is written as %XX, and what is too long is cut. Returns `name`. */
char *store_name_make(char name[STORE_NAME_SIZE], const char *type, const char *listener,
                      const struct unix_file *file);

/* Whether a listener was stored under this name (of `length` characters); then `file` is the one
   that belongs to it, with is_made false if none does. */
bool store_name_parse(const char *name, size_t length, struct unix_file *file);

#endif
