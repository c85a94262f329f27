#include "configuration.h"

#include "builder.h"
#include "config_keys.h"
#include "options_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns -1 if there was nothing to read. */
static int read_file(struct configuration *configuration, const char *path,
                     struct config_errors *errors)
{
    char *text;
    size_t size;
    struct error error;
    if (config_file_read(path, &text, &size, &error) != 0) {
        errors->path = NULL; /* the sentence has it */
        return config_errors_add(errors, 0, "%s", error.text);
    }
    config_file_parse(&configuration->file, text, size, errors);
    free(text);
    config_keys_take(&configuration->file, &configuration->options, &configuration->command,
                     errors);
    return 0;
}

/* A service without a name gets its file's, so that one command can be many services. */
static void name_after_file(struct configuration *configuration)
{
    struct options *options = &configuration->options;
    const char *slash = strrchr(options->config, '/');
    const char *file = slash != NULL ? slash + 1 : options->config;
    const char *dot = strrchr(file, '.');
    int length = dot != NULL && dot > file ? (int)(dot - file) : (int)strlen(file);
    snprintf(configuration->name, sizeof configuration->name, "%.*s", length, file);
    if (options->name == NULL && control_name_is_valid(configuration->name)) {
        options->name = configuration->name;
    }
}

/* --- reading it all --------------------------------------------------------------------------- */

/* Defaults, then the file, then the command line: the last one wins. */
static int read_with_file(struct configuration *configuration, int argc, char *const argv[],
                          struct config_errors *errors, struct error *error)
{
    struct options *options = &configuration->options;
    const struct options arguments = *options;
    static char *const no_command[] = {NULL};
    errors->path = arguments.config;
    options_free(options);
    if (options_begin(options, arguments.personality, error) != 0) {
        return -1;
    }
    options->command = no_command;
    read_file(configuration, arguments.config, errors);
    if (arguments.address_count > 0) {
        options->address_count = 0; /* those of the command line replace all of the file's */
    }
    if (options_take_arguments(options, argc, argv, error) != 0) {
        return -1;
    }
    if (options->command[0] == NULL && configuration->command != NULL) {
        options->command = configuration->command;
    }
    name_after_file(configuration);
    return 0;
}

static void read_all(struct configuration *configuration, enum personality personality, int argc,
                     char *const argv[], struct config_errors *errors)
{
    struct options *options = &configuration->options;
    struct error error;
    if (options_begin(options, personality, &error) != 0 ||
        options_take_arguments(options, argc, argv, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
        return;
    }
    bool is_question = options->mode == MODE_HELP || options->mode == MODE_VERSION;
    if (options->config != NULL && !is_question &&
        read_with_file(configuration, argc, argv, errors, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
        return;
    }
    /* What is missing may be what could not be read. */
    if (errors->count == 0 && options_finish(options, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
    }
}

struct configuration *configuration_read(enum personality personality, int argc, char *const argv[],
                                         struct config_errors *errors)
{
    struct configuration *configuration = calloc(1, sizeof *configuration);
    *errors = (struct config_errors){.path = NULL};
    if (configuration == NULL) {
        config_errors_add(errors, 0, "out of memory");
        return NULL;
    }
    configuration->holders = 1;
    configuration->argc = argc;
    configuration->argv = argv;
    read_all(configuration, personality, argc, argv, errors);
    if (errors->count > 0) {
        config_errors_sort(errors);
        configuration_release(configuration);
        return NULL;
    }
    return configuration;
}

struct configuration *configuration_glance(const char *path, struct error *error)
{
    __attribute__((cleanup(config_errors_free))) struct config_errors errors = {.path = path};
    struct configuration *configuration = calloc(1, sizeof *configuration);
    if (configuration == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    configuration->holders = 1;
    bool is_read = options_begin(&configuration->options, PERSONALITY_TASUKI, error) == 0;
    if (is_read) {
        configuration->options.config = path;
        is_read = read_file(configuration, path, &errors) == 0;
    }
    if (!is_read) {
        config_errors_as_error(&errors, error);
        configuration_release(configuration);
        return NULL;
    }
    name_after_file(configuration);
    return configuration;
}

struct configuration *configuration_read_again(const struct configuration *configuration,
                                               struct config_errors *errors)
{
    return configuration_read(configuration->options.personality, configuration->argc,
                              configuration->argv, errors);
}

static bool is_same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

bool configuration_fixed_changes(const struct configuration *running,
                                 const struct configuration *next, char *buffer, size_t size)
{
    struct builder names = builder_in(buffer, size);
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = &options_table.rows[id];
        if (option->is_fixed &&
            !is_same_text(running->options.values[id], next->options.values[id])) {
            builder_add(&names, "%s%s", names.length > 0 ? ", " : "", option->name);
        }
    }
    return names.length > 0;
}

struct configuration *configuration_hold(struct configuration *configuration)
{
    configuration->holders++;
    return configuration;
}

void configuration_release(struct configuration *configuration)
{
    if (configuration == NULL || --configuration->holders > 0) {
        return;
    }
    options_free(&configuration->options);
    config_file_free(&configuration->file);
    free(configuration->command);
    free(configuration);
}
