#include "options_check.h"

#include "listener_set.h"

#include <string.h>

/* Ports come before paths, as Server::Starter has them. */
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
                return error_set(error, "--port: two sockets ask for descriptor %d", fd);
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
    return is_taken ? error_set(error, "--ready: descriptor %d is a socket's (try %d)",
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
                return error_set(error, "--%s and --%s name the same file: %.300s", files[i].option,
                                 files[j].option, files[i].path);
            }
        }
    }
    return 0;
}

/* Who names a service wants to speak to it: a control socket then, unless the user said off. The
   default is one string of the table; what a user wrote is another. */
static void turn_control_on(struct options *options)
{
    if (options->name != NULL &&
        options->control == options_table.rows[OPTION_control].defaults[options->personality]) {
        options->control = NULL;
    }
}

/* Only a server that binds for itself can be seen to listen. */
static int check_ready_listen(const struct options *options, struct error *error)
{
    return options->ready == READY_LISTEN && options->adopt == ADOPT_OFF
               ? error_set(error, "--ready=listen needs --adopt=auto or --adopt=on")
               : 0;
}

static int check(const struct options *options, struct error *error)
{
    bool has_pid_file = options->pid_file != NULL;
    switch (options->mode) {
    case MODE_RESTART:
        if (!has_pid_file || options->status_file == NULL) {
            return error_set(error, "--restart needs --pid-file and --status-file");
        }
        return 0;
    case MODE_STOP:
        return has_pid_file ? 0 : error_set(error, "--stop needs --pid-file");
    case MODE_RUN:
        if (options->daemonize && options->log_file == NULL) {
            return error_set(error, "--daemonize needs --log-file");
        }
        if (options->log.syslog_tag != NULL && options->log.syslog_facility < 0) {
            return error_set(error, "--syslog-tag needs --syslog");
        }
        if (options->command[0] == NULL) {
            return error_set(error, "missing command; usage: %s [OPTIONS] -- COMMAND [ARGUMENTS]",
                             personality_name(options->personality));
        }
        if (options->command[0][0] == '\0') {
            return error_set(error, "missing command: its name is empty");
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
