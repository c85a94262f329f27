/*
 * A configuration is one reading of all that the user has said: the command line and, where that
 * names one, the configuration file. It knows what the file's sections and keys mean, and owns
 * every string that its options point to. It is counted, since a generation outlives the
 * configuration after its own: whoever keeps a pointer has a reference. It never changes.
 */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "config_errors.h"
#include "config_file.h"
#include "control_path.h"
#include "options.h"

#include <stdbool.h>

struct configuration {
    struct options options;
    struct config_file file;      /* what the options of the file point to; owned */
    char **command;               /* of the file; owned; NULL: none */
    char name[CONTROL_NAME_SIZE]; /* of the service, after its file */
    int argc;                     /* what it was read from; the caller's */
    char *const *argv;
    unsigned holders;
};

/* Reads the command line and the file that it names. Returns it with one reference; or NULL, and
   then `config_errors` has all that is wrong, to be freed. The arguments stay the caller's and must
   outlive it. */
struct configuration *configuration_read(enum personality personality, int argc, char *const argv[],
                                         struct config_errors *errors);

/* The same command line, and the file that it names as it is now. */
struct configuration *configuration_read_again(const struct configuration *configuration,
                                               struct config_errors *errors);

/* Writes the names of the keys that differ, although a running supervisor cannot change them, into
   `buffer`, with ", " between them. Returns whether there are any. */
bool configuration_fixed_changes(const struct configuration *running,
                                 const struct configuration *next, char *buffer, size_t size);

/* Reads a file to find its supervisor: whatever is wrong elsewhere, the name and the control socket
   are in its options if they make sense. Returns NULL if it cannot be read.
 */
struct configuration *configuration_glance(const char *path, struct error *error);

struct configuration *configuration_hold(struct configuration *configuration);

/* Takes NULL. The last one frees it. */
void configuration_release(struct configuration *configuration);

#endif
