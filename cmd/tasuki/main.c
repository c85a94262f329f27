/*
 * tasuki, and start_server: the name it is called by picks the personality, the options pick what
 * is to be done.
 */
#include "check.h"
#include "commands.h"
#include "configuration.h"
#include "descriptor.h"
#include "file_client.h"
#include "help.h"
#include "log.h"
#include "lookup.h"
#include "restart_option.h"
#include "run.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_OK = 0, EXIT_REQUEST_FAILED = 1, EXIT_BAD_OPTIONS = 2 };

/* An empty reason has been printed where it was found. */
static int fail(const struct options *options, int status, const struct error *error)
{
    if (error->text[0] != '\0') {
        fprintf(stderr, "%s: %s\n", personality_name(options->personality), error->text);
    }
    return status;
}

/* What could not be written was not shown. */
static int finish_output(const struct options *options)
{
    struct error error;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return EXIT_OK;
    }
    error_set(&error, "cannot write to standard output: %s", strerror(errno));
    return fail(options, EXIT_REQUEST_FAILED, &error);
}

static int do_what_is_asked(struct configuration *configuration)
{
    const struct options *options = &configuration->options;
    struct error error;
    switch (options->mode) {
    case MODE_HELP:
        help_print(options->personality);
        return finish_output(options);
    case MODE_VERSION:
        printf("tasuki %s\n", TASUKI_VERSION);
        return finish_output(options);
    case MODE_RESTART:
        return restart_by_files(options, &error) == 0 ? EXIT_OK
                                                      : fail(options, EXIT_REQUEST_FAILED, &error);
    case MODE_STOP:
        return file_client_stop(options->pid_file, &error) == 0
                   ? EXIT_OK
                   : fail(options, EXIT_REQUEST_FAILED, &error);
    case MODE_RUN:
        return run_service(configuration);
    }
    return EXIT_BAD_OPTIONS;
}

/* "tasuki run" is "tasuki", and "tasuki check" stops short of it: the word may stand first. */
static bool has_first_word(enum personality personality, int argc, char *argv[], const char *word)
{
    return personality == PERSONALITY_TASUKI && argc > 1 && strcmp(argv[1], word) == 0;
}

/* Prints all of them, a line each. */
static int fail_for_errors(enum personality personality, struct config_errors *errors)
{
    for (size_t i = 0; i < errors->kept; i++) {
        fprintf(stderr, "%s: %s\n", personality_name(personality), errors->items[i].text);
    }
    if (errors->count > errors->kept) {
        fprintf(stderr, "%s: and %zu more\n", personality_name(personality),
                errors->count - errors->kept);
    }
    config_errors_free(errors);
    return EXIT_BAD_OPTIONS;
}

/* What the options name, before anything is done for it. A listener that cannot be had is no usage
   error, unless it was asked whether the options are good. */
static int look_up(struct configuration *configuration, bool is_check)
{
    struct error error;
    enum lookup_failure failure = lookup_now(&configuration->options, &error);
    if (failure == LOOKUP_SUCCEEDED) {
        return EXIT_OK;
    }
    return fail(&configuration->options,
                failure == LOOKUP_OF_LISTENERS && !is_check ? EXIT_REQUEST_FAILED
                                                            : EXIT_BAD_OPTIONS,
                &error);
}

static int run_or_ask(enum personality personality, int argc, char *argv[])
{
    bool is_check = has_first_word(personality, argc, argv, "check");
    int skipped = is_check || has_first_word(personality, argc, argv, "run");
    struct config_errors errors;
    struct configuration *configuration =
        configuration_read(personality, argc - skipped, argv + skipped, &errors);
    if (configuration == NULL) {
        return fail_for_errors(personality, &errors);
    }
    const struct options *options = &configuration->options;
    int status = options->mode == MODE_RUN ? look_up(configuration, is_check) : EXIT_OK;
    if (status == EXIT_OK) {
        status = is_check && options->mode == MODE_RUN ? check_service(options)
                                                       : do_what_is_asked(configuration);
    }
    configuration_release(configuration);
    return status;
}

int main(int argc, char *argv[])
{
    descriptors_sanitize();
    enum personality personality = personality_of(argc > 0 ? argv[0] : "");
    log_set_name(personality_name(personality));
    /* Tested here, so that a supervisor never touches the commands' tables (src/README.md). */
    const struct command *command = personality == PERSONALITY_TASUKI && argc > 1 && *argv[1] != '-'
                                        ? command_find(argv[1])
                                        : NULL;
    if (command != NULL) {
        return command_run(command, argv + 2);
    }
    return run_or_ask(personality, argc, argv);
}
