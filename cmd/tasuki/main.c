/*
 * tasuki, and start_server: the name it is called by picks the personality, the options pick what
 * is to be done.
 */
#include "descriptor.h"
#include "file_client.h"
#include "log.h"
#include "options.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_OK = 0, EXIT_REQUEST_FAILED = 1, EXIT_BAD_OPTIONS = 2 };

static int fail(const struct options *options, int status, const struct error *error)
{
    fprintf(stderr, "%s: %s\n", personality_name(options->personality), error->text);
    return status;
}

static int do_what_is_asked(const struct options *options)
{
    struct error error;
    switch (options->mode) {
    case MODE_HELP:
        options_print_help(stdout, options->personality);
        return EXIT_OK;
    case MODE_VERSION:
        printf("tasuki %s\n", TASUKI_VERSION);
        return EXIT_OK;
    case MODE_RESTART:
        return file_client_restart(options->pid_file, options->status_file, &error) == 0
                   ? EXIT_OK
                   : fail(options, EXIT_REQUEST_FAILED, &error);
    case MODE_STOP:
        return file_client_stop(options->pid_file, &error) == 0
                   ? EXIT_OK
                   : fail(options, EXIT_REQUEST_FAILED, &error);
    case MODE_RUN:
        return run_service(options);
    }
    return EXIT_BAD_OPTIONS;
}

int main(int argc, char *argv[])
{
    descriptors_sanitize();
    enum personality personality = personality_of(argc > 0 ? argv[0] : "");
    log_set_name(personality_name(personality));
    /* "tasuki run" is "tasuki": the word may stand first. */
    int skipped = argc > 1 && strcmp(argv[1], "run") == 0 && personality == PERSONALITY_TASUKI;
    struct options options;
    struct error error;
    int status;
    if (options_parse(&options, personality, argc - skipped, argv + skipped, &error) != 0) {
        status = fail(&options, EXIT_BAD_OPTIONS, &error);
    } else {
        status = do_what_is_asked(&options);
    }
    options_free(&options);
    return status;
}
