#include "options.h"

#include "listener_set.h"
#include "option_value.h"

#include <stdlib.h>
#include <string.h>

/* --- personalities -----------------------------------------------------------------------------
 */

static const char *const personality_names[PERSONALITIES] = {"start_server", "tasuki"};

enum personality personality_of(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    return strcmp(name, personality_names[PERSONALITY_START_SERVER]) == 0 ? PERSONALITY_START_SERVER
                                                                          : PERSONALITY_TASUKI;
}

const char *personality_name(enum personality personality)
{
    return personality_names[personality];
}

static int set_defaults(struct options *options, struct error *error)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *value = option_rows[i].defaults[options->personality];
        if (value != NULL && option_set(options, &option_rows[i], value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* --- the command line --------------------------------------------------------------------------
 */

/* An option's name as it was given: without its dashes, and without a value behind "=". */
struct given_name {
    const char *text;
    size_t length;
};

/* Any beginning that only one option has will do. Returns NULL with the reason in `error`. */
static const struct option_row *find_option(const struct given_name *name, const char *argument,
                                            struct error *error)
{
    const struct option_row *found = NULL;
    int count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (name->length > 0 && strncmp(row->name, name->text, name->length) == 0) {
            if (row->name[name->length] == '\0') {
                return row;
            }
            found = row;
            count++;
        }
    }
    if (count > 1) {
        error_set(error, "%s: more than one option begins like this (see --help)", argument);
        return NULL;
    }
    if (count == 0) {
        error_set(error, "%s: no such option (see --help)", argument);
    }
    return found;
}

/* Takes the option that *argument is, and leaves *argument behind it and its value. */
static int take_option(struct options *options, char *const **argument, bool seen[OPTION_COUNT],
                       struct error *error)
{
    const char *word = *(*argument)++;
    struct given_name name = {.text = word + (word[1] == '-' ? 2 : 1)};
    name.length = strcspn(name.text, "=");
    const struct option_row *row = find_option(&name, word, error);
    if (row == NULL) {
        return -1;
    }
    const char *value = name.text[name.length] == '=' ? name.text + name.length + 1 : NULL;
    if (value != NULL && row->argument == NONE) {
        return error_set(error, "--%s: expected no value, got '%s'", row->name, word);
    }
    if (value == NULL && row->argument == REQUIRED) {
        value = **argument;
        if (value == NULL) {
            return error_set(error, "--%s: expected %s", row->name, row->value);
        }
        (*argument)++;
    }
    if (seen[row - option_rows] && !row->repeatable) {
        return error_set(error, "--%s: expected once, got it twice", row->name);
    }
    seen[row - option_rows] = true;
    return option_set(options, row, value, error);
}

/* The first word that is no option, or what follows "--", begins the command. Read by hand: getopt
   tells that something is wrong, not what, and its part of the C library would stay in memory. */
int options_take_arguments(struct options *options, int argc, char *const argv[],
                           struct error *error)
{
    bool seen[OPTION_COUNT] = {false};
    char *const *argument = argv + (argc > 0 ? 1 : 0);
    while (*argument != NULL && (*argument)[0] == '-' && (*argument)[1] != '\0') {
        if (strcmp(*argument, "--") == 0) {
            argument++;
            break;
        }
        if (take_option(options, &argument, seen, error) != 0) {
            return -1;
        }
    }
    options->command = argument;
    return 0;
}

/* Ports go before paths, as Server::Starter hands them on. */
static void sort_addresses(struct options *options)
{
    for (size_t i = 1; i < options->address_count; i++) {
        struct address address = options->addresses[i];
        size_t j = i;
        while (j > 0 && !address_is_unix(&address) && address_is_unix(&options->addresses[j - 1])) {
            options->addresses[j] = options->addresses[j - 1];
            j--;
        }
        options->addresses[j] = address;
    }
}

static int check_descriptors(const struct options *options, struct error *error)
{
    for (size_t i = 0; i < options->address_count; i++) {
        for (size_t j = 0; j < i; j++) {
            int fd = options->addresses[i].fd;
            if (fd >= 0 && fd == options->addresses[j].fd) {
                return error_set(error, "--port: expected a descriptor for each, got =%d twice",
                                 fd);
            }
        }
    }
    return 0;
}

/* The readiness descriptor must not be where a socket is. */
static int check_ready_fd(const struct options *options, struct error *error)
{
    int first = 3;
    int end = first + (int)listener_count(options->addresses, options->address_count);
    if (options->ready != READY_FD) {
        return 0;
    }
    bool is_taken = options->ready_fd >= first && options->ready_fd < end;
    for (size_t i = 0; i < options->address_count; i++) {
        is_taken = is_taken || options->addresses[i].fd == options->ready_fd;
    }
    return is_taken ? error_set(error,
                                "--ready: expected a descriptor that no socket has, got %d "
                                "(try %d)",
                                options->ready_fd, end)
                    : 0;
}

/* Each would destroy what the other holds. */
static int check_files(const struct options *options, struct error *error)
{
    const struct {
        const char *option;
        const char *path;
    } files[] = {{"pid-file", options->pid_file},
                 {"status-file", options->status_file},
                 {"log-file", options->log_file}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (size_t j = 0; j < i; j++) {
            if (files[i].path != NULL && files[j].path != NULL &&
                strcmp(files[i].path, files[j].path) == 0) {
                return error_set(error, "--%s: expected another file than that of --%s, got %.300s",
                                 files[i].option, files[j].option, files[i].path);
            }
        }
    }
    return 0;
}

/* Who names a service wants to speak to it: then there is a control socket, unless it was turned
   off by name, too. The default is one string of the table; what a user wrote is another. */
static void turn_control_on(struct options *options)
{
    if (options->name != NULL &&
        options->control == option_rows[OPTION_control].defaults[options->personality]) {
        options->control = NULL;
    }
}

/* Only a server that binds for itself can be seen to listen. */
static int check_ready_listen(const struct options *options, struct error *error)
{
    return options->ready == READY_LISTEN && options->adopt == ADOPT_OFF
               ? error_set(error, "--ready=listen: expected --adopt=auto or --adopt=on with it")
               : 0;
}

static int check(const struct options *options, struct error *error)
{
    bool has_pid_file = options->pid_file != NULL;
    switch (options->mode) {
    case MODE_RESTART:
        if (!has_pid_file || options->status_file == NULL) {
            return error_set(error, "--restart: expected --pid-file and --status-file with it");
        }
        return 0;
    case MODE_STOP:
        return has_pid_file ? 0 : error_set(error, "--stop: expected --pid-file with it");
    case MODE_RUN:
        if (options->daemonize && options->log_file == NULL) {
            return error_set(error, "--daemonize: expected --log-file with it");
        }
        if (options->log.syslog_tag != NULL && options->log.syslog_facility < 0) {
            return error_set(error, "--syslog-tag: expected --syslog with it");
        }
        if (options->command[0] == NULL) {
            return error_set(error,
                             "expected the command to run behind the options: %s [OPTION...] "
                             "-- COMMAND [ARGUMENT...] (see --help)",
                             personality_name(options->personality));
        }
        if (options->command[0][0] == '\0') {
            return error_set(error, "expected a command, got an empty word");
        }
        return check_files(options, error) != 0 || check_descriptors(options, error) != 0 ||
                       check_ready_fd(options, error) != 0 ||
                       check_ready_listen(options, error) != 0
                   ? -1
                   : 0;
    case MODE_HELP:
    case MODE_VERSION:
        return 0;
    }
    return 0;
}

int options_begin(struct options *options, enum personality personality, struct error *error)
{
    *options = (struct options){.personality = personality, .log = {.syslog_facility = -1}};
    return set_defaults(options, error);
}

int options_finish(struct options *options, struct error *error)
{
    sort_addresses(options);
    turn_control_on(options);
    return check(options, error);
}

int options_parse(struct options *options, enum personality personality, int argc,
                  char *const argv[], struct error *error)
{
    return options_begin(options, personality, error) != 0 ||
                   options_take_arguments(options, argc, argv, error) != 0
               ? -1
               : options_finish(options, error);
}

void options_free(struct options *options)
{
    free(options->addresses);
    free(options->variables);
    free(options->watched_paths);
    *options = (struct options){.address_count = 0};
}
