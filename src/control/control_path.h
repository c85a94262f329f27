/*
 * Where control sockets are: /run/tasuki/NAME.sock for root, $XDG_RUNTIME_DIR/tasuki/NAME.sock for
 * others, unless --control says otherwise. Used by the supervisor and by its clients.
 */
#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest service name, and the size of a buffer for one. */
#define CONTROL_NAME_MAX 64
#define CONTROL_NAME_SIZE (CONTROL_NAME_MAX + 1)
/* The size of a buffer for any of the paths here: a unix address's (unix(7)). */
#define CONTROL_PATH_SIZE 108

/* Writes the directory of control sockets for this user into `buffer`. Returns 0, or -1 if there is
   none (no XDG_RUNTIME_DIR). The variable TASUKI_RUNTIME_DIR overrides it, for tests and for
   unusual systems. */
int control_directory(char *buffer, size_t size, struct error *error);

/* Letters, digits, and . _ - @ +, not beginning with a dot or a dash, 1 to 64 bytes. */
bool control_name_is_valid(const char *name);

/* Writes the socket's path for a service name. Returns 0 or -1. */
int control_path(const char *name, char *buffer, size_t size, struct error *error);

/* Reads the service name from a file name of the directory, NAME.sock, into `buffer`. Returns false
   if it is another file. */
bool control_name_of_file(const char *file, char *buffer, size_t size);

/* The default service name of a command: its base name, with "_" for each character that a name
   must not have. */
void control_default_name(const char *command, char *buffer, size_t size);

#endif
