/*
 * The sections and keys of a configuration file: which there are (the options, by the table), and
 * what they say, as options. A [listen NAME] section is one socket. It reads no file: config_file.c
 * does that.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config_errors.h"
#include "config_file.h"
#include "options.h"

/* Puts what the file says into `options`, which point to its strings. `command` is the key of that
   name, as words, to be freed; NULL: there is none. Each error is added with its line. */
void config_keys_take(const struct config_file *file, struct options *options, char ***command,
                      struct config_errors *errors);

#endif
