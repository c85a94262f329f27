#include "options.h"

#include "ascii.h"
#include "control_path.h"
#include "duration.h"
#include "listener.h"
#include "signal_name.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum argument { NONE = no_argument, REQUIRED = required_argument, OPTIONAL = optional_argument };

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "option_table.h"
#undef OPTION
    OPTION_COUNT
};

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

/* --- a setter for each option ------------------------------------------------------------------
 */

static struct address *add_address(struct options *options, struct error *error)
{
    struct address *grown =
        realloc(options->addresses, (options->address_count + 1) * sizeof *grown);
    if (grown == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    options->addresses = grown;
    return &grown[options->address_count];
}

static int set_port(struct options *options, const char *value, struct error *error)
{
    struct address *address = add_address(options, error);
    if (address == NULL || address_parse_port(value, address, error) != 0) {
        return -1;
    }
    options->address_count++;
    return 0;
}

static int set_path(struct options *options, const char *value, struct error *error)
{
    struct address *address = add_address(options, error);
    if (address == NULL || address_parse_path(value, address, error) != 0) {
        return -1;
    }
    options->address_count++;
    return 0;
}

static int parse_number(const char *value, long max, long *number, struct error *error)
{
    const char *end;
    *number = ascii_parse_number(value, max, &end);
    if (*number < 0 || *end != '\0') {
        return error_set(error, "expected a number from 0 to %ld, got '%s'", max, value);
    }
    return 0;
}

static int parse_yes_or_no(const char *value, bool *yes, struct error *error)
{
    static const char *const words[2][4] = {{"no", "0", "false", "off"},
                                            {"yes", "1", "true", "on"}};
    for (int answer = 0; answer < 2; answer++) {
        for (int i = 0; i < 4; i++) {
            if (ascii_is_word(value, words[answer][i])) {
                *yes = answer == 1;
                return 0;
            }
        }
    }
    return error_set(error, "expected yes or no, got '%s'", value);
}

static int parse_text(const char *value, const char *what, const char **text, struct error *error)
{
    if (*value == '\0') {
        return error_set(error, "expected %s, got nothing", what);
    }
    *text = value;
    return 0;
}

static int parse_duration_text(const char *value, const char **text, struct error *error)
{
    int64_t milliseconds;
    *text = value;
    return duration_parse(value, &milliseconds, error);
}

static int set_backlog(struct options *options, const char *value, struct error *error)
{
    long number;
    if (parse_number(value, INT32_MAX, &number, error) != 0) {
        return -1;
    }
    options->backlog = (int)number;
    return 0;
}

static int set_dir(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a directory", &options->directory, error);
}

static int set_interval(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->interval_ms, error);
}

static int set_signal_on_hup(struct options *options, const char *value, struct error *error)
{
    options->signal_on_hup = signal_parse(value, error);
    return options->signal_on_hup > 0 ? 0 : -1;
}

static int set_signal_on_term(struct options *options, const char *value, struct error *error)
{
    options->signal_on_term = signal_parse(value, error);
    return options->signal_on_term > 0 ? 0 : -1;
}

static int set_kill_old_delay(struct options *options, const char *value, struct error *error)
{
    return parse_duration_text(value, &options->kill_old_delay, error);
}

static int set_deploy_attempts(struct options *options, const char *value, struct error *error)
{
    long number;
    if (parse_number(value, INT32_MAX, &number, error) != 0) {
        return -1;
    }
    options->deploy_attempts = (unsigned)number;
    return 0;
}

static int set_ready(struct options *options, const char *value, struct error *error)
{
    static const char *const words[] = {"delay", "notify", NULL, NULL, "auto"};
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        if (words[i] != NULL && strcmp(value, words[i]) == 0) {
            options->ready = (enum ready_source)i;
            return 0;
        }
    }
    if (strncmp(value, "exec:", 5) == 0 && value[5] != '\0') {
        options->ready = READY_EXEC;
        options->ready_command = value + 5;
        return 0;
    }
    long fd;
    if (strncmp(value, "fd:", 3) == 0 && parse_number(value + 3, 1 << 20, &fd, NULL) == 0) {
        options->ready = READY_FD;
        options->ready_fd = (int)fd;
        return 0;
    }
    return error_set(error, "expected auto, delay, notify, fd:N or exec:COMMAND, got '%s'", value);
}

static int set_ready_timeout(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->ready_timeout_ms, error);
}

static int set_ready_interval(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->ready_interval_ms, error);
}

static int set_check(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a command", &options->check, error);
}

static int set_check_timeout(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->check_timeout_ms, error);
}

static int set_probation(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->probation_ms, error);
}

static int set_kill_timeout(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->kill_timeout_ms, error);
}

static int set_kill_mode(struct options *options, const char *value, struct error *error)
{
    options->kill_group = strcmp(value, "group") == 0;
    return options->kill_group || strcmp(value, "process") == 0
               ? 0
               : error_set(error, "expected process or group, got '%s'", value);
}

static int set_max_old(struct options *options, const char *value, struct error *error)
{
    long number;
    if (parse_number(value, INT32_MAX, &number, error) != 0) {
        return -1;
    }
    options->max_old = (unsigned)number;
    return 0;
}

static int set_start_limit(struct options *options, const char *value, struct error *error)
{
    const char *slash;
    long number = ascii_parse_number(value, INT32_MAX, &slash);
    if (number < 1 || *slash != '/' ||
        duration_parse(slash + 1, &options->start_limit_ms, NULL) != 0 ||
        options->start_limit_ms == 0) {
        return error_set(error, "expected N/DURATION such as 5/60, got '%s'", value);
    }
    options->start_limit = (unsigned)number;
    return 0;
}

static int set_watchdog(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->watchdog_ms, error);
}

static int set_capture(struct options *options, const char *value, struct error *error)
{
    static const char *const words[] = {"off", "on", "auto"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(value, words[i]) == 0) {
            options->capture = (enum capture_mode)i;
            return 0;
        }
    }
    return error_set(error, "expected on, off or auto, got '%s'", value);
}

static int set_on_event(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a command", &options->on_event, error);
}

static int set_name(struct options *options, const char *value, struct error *error)
{
    options->name = value;
    return control_name_is_valid(value)
               ? 0
               : error_set(error, "expected 1 to %d letters, digits and . _ - @ +, got '%s'",
                           CONTROL_NAME_MAX, value);
}

static int set_control(struct options *options, const char *value, struct error *error)
{
    if (strlen(value) > ADDRESS_PATH_MAX) {
        return error_set(error, "the path of a unix socket has at most %zu bytes, this has %zu",
                         ADDRESS_PATH_MAX, strlen(value));
    }
    return parse_text(value, "a path or off", &options->control, error);
}

static int set_enable_auto_restart(struct options *options, const char *value, struct error *error)
{
    bool yes = true;
    if (value != NULL && parse_yes_or_no(value, &yes, error) != 0) {
        return -1;
    }
    options->enable_auto_restart = yes ? "1" : "0";
    return 0;
}

static int set_auto_restart_interval(struct options *options, const char *value,
                                     struct error *error)
{
    return parse_duration_text(value, &options->auto_restart_interval, error);
}

static int set_backoff(struct options *options, const char *value, struct error *error)
{
    return parse_yes_or_no(value, &options->backoff, error);
}

static int set_envdir(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a directory", &options->envdir, error);
}

static int set_pid_file(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a file", &options->pid_file, error);
}

static int set_status_file(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a file", &options->status_file, error);
}

static int set_log_file(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a file or \"| COMMAND\"", &options->log_file, error);
}

static int set_daemonize(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    options->daemonize = true;
    return 0;
}

static int set_mode(struct options *options, enum option_mode mode)
{
    if (mode > options->mode) {
        options->mode = mode;
    }
    return 0;
}

static int set_restart(struct options *options, const char *value, struct error *error)
{
    (void)value;
    if (options->mode == MODE_STOP) {
        return error_set(error, "expected either --restart or --stop, got both");
    }
    return set_mode(options, MODE_RESTART);
}

static int set_stop(struct options *options, const char *value, struct error *error)
{
    (void)value;
    if (options->mode == MODE_RESTART) {
        return error_set(error, "expected either --restart or --stop, got both");
    }
    return set_mode(options, MODE_STOP);
}

static int set_help(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    return set_mode(options, MODE_HELP);
}

static int set_version(struct options *options, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    return set_mode(options, MODE_VERSION);
}

/* --- the table ---------------------------------------------------------------------------------
 */

struct option_row {
    const char *name;
    const char *value;
    const char *defaults[PERSONALITIES];
    const char *help;
    int (*set)(struct options *options, const char *value, struct error *error);
    enum argument argument;
    bool repeatable;
};

static const struct option_row table[OPTION_COUNT] = {
#define OPTION(id, name, argument, value, repeatable, start_server, tasuki, help)                  \
    {name, value, {start_server, tasuki}, help, set_##id, argument, repeatable},
#include "option_table.h"
#undef OPTION
};

static int set_option(struct options *options, const struct option_row *row, const char *value,
                      struct error *error)
{
    struct error reason;
    if (row->set(options, value, &reason) != 0) {
        return error_set(error, "--%s: %s", row->name, reason.text);
    }
    return 0;
}

static int set_defaults(struct options *options, struct error *error)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *value = table[i].defaults[options->personality];
        if (value != NULL && set_option(options, &table[i], value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* --- the command line --------------------------------------------------------------------------
 */

/* getopt_long's values: above every character, so that they are never taken for one. */
#define FIRST_VALUE 256

static void make_long_options(struct option long_options[OPTION_COUNT + 1])
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        long_options[i] = (struct option){
            .name = table[i].name, .has_arg = (int)table[i].argument, .val = FIRST_VALUE + i};
    }
    long_options[OPTION_COUNT] = (struct option){.name = NULL};
}

static int count_abbreviated(const char *name, size_t length)
{
    int count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        count += strncmp(table[i].name, name, length) == 0;
    }
    return count;
}

/* What getopt_long did not take: it tells which option, not why. */
static int explain_refusal(int result, const char *argument, struct error *error)
{
    if (result == ':') {
        const struct option_row *row = &table[optopt - FIRST_VALUE];
        return error_set(error, "--%s: expected %s", row->name, row->value);
    }
    if (optopt >= FIRST_VALUE) {
        return error_set(error, "--%s: expected no value, got '%s'",
                         table[optopt - FIRST_VALUE].name, argument);
    }
    size_t dashes = strspn(argument, "-");
    size_t length = strcspn(argument + dashes, "=");
    if (length > 0 && count_abbreviated(argument + dashes, length) > 1) {
        return error_set(error, "%s: more than one option begins like this (see --help)", argument);
    }
    return error_set(error, "%s: no such option (see --help)", argument);
}

static int parse_options(struct options *options, int argc, char *const argv[], struct error *error)
{
    struct option long_options[OPTION_COUNT + 1];
    bool seen[OPTION_COUNT] = {false};
    make_long_options(long_options);
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    for (;;) {
        int at = optind > 0 ? optind : 1;
        /* "+": the first word that is no option begins the command. */
        int result = getopt_long_only(argc, argv, "+:", long_options, NULL);
        if (result == -1) {
            options->command = argv + optind;
            return 0;
        }
        if (result < FIRST_VALUE) {
            return explain_refusal(result, argv[at], error);
        }
        int id = result - FIRST_VALUE;
        if (seen[id] && !table[id].repeatable) {
            return error_set(error, "--%s: expected once, got it twice", table[id].name);
        }
        seen[id] = true;
        if (set_option(options, &table[id], optarg, error) != 0) {
            return -1;
        }
    }
}

/* Ports go before paths, as Server::Starter hands them on. */
static void sort_addresses(struct options *options)
{
    for (size_t i = 1; i < options->address_count; i++) {
        struct address address = options->addresses[i];
        size_t j = i;
        while (j > 0 && address.kind != ADDRESS_UNIX &&
               options->addresses[j - 1].kind == ADDRESS_UNIX) {
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
        if (options->command[0] == NULL) {
            return error_set(error,
                             "expected the command to run behind the options: %s [OPTION...] "
                             "-- COMMAND [ARGUMENT...] (see --help)",
                             personality_name(options->personality));
        }
        if (options->command[0][0] == '\0') {
            return error_set(error, "expected a command, got an empty word");
        }
        return check_descriptors(options, error) != 0 ? -1 : check_ready_fd(options, error);
    case MODE_HELP:
    case MODE_VERSION:
        return 0;
    }
    return 0;
}

int options_parse(struct options *options, enum personality personality, int argc,
                  char *const argv[], struct error *error)
{
    *options = (struct options){.personality = personality};
    if (set_defaults(options, error) != 0 || parse_options(options, argc, argv, error) != 0) {
        return -1;
    }
    sort_addresses(options);
    return check(options, error);
}

void options_free(struct options *options)
{
    free(options->addresses);
    *options = (struct options){.address_count = 0};
}

/* --- help --------------------------------------------------------------------------------------
 */

static void print_wrapped(FILE *stream, const char *text, int indent, int width)
{
    int column = indent;
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > width) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', stream);
            column++;
        }
        fprintf(stream, "%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

static void print_option(FILE *stream, const struct option_row *row, enum personality personality)
{
    fprintf(stream, "  --%s", row->name);
    if (row->argument == REQUIRED) {
        fprintf(stream, "=%s", row->value);
    } else if (row->argument == OPTIONAL) {
        fprintf(stream, "[=%s]", row->value);
    }
    fprintf(stream, "\n%8s", "");
    char text[1024];
    const char *value = row->defaults[personality];
    snprintf(text, sizeof text, "%s%s%s%s", row->help, value != NULL ? " (default: " : "",
             value != NULL ? value : "", value != NULL ? ")" : "");
    print_wrapped(stream, text, 8, 80);
}

void options_print_help(FILE *stream, enum personality personality)
{
    const char *name = personality_name(personality);
    fprintf(
        stream,
        "Usage: %s [OPTION...] -- COMMAND [ARGUMENT...]\n"
        "       %s --restart --pid-file=FILE --status-file=FILE\n"
        "       %s --stop --pid-file=FILE\n\n"
        "Binds a service's sockets once and hands them to each generation of COMMAND. On HUP it\n"
        "starts a new generation and retires the old one, so that no request is lost.\n\n"
        "Options:\n",
        name, name, name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        print_option(stream, &table[i], personality);
    }
    fprintf(stream,
            "\nDurations are seconds, with a fraction or a unit if you like: 5, 0.2, 300ms, 2m.\n\n"
            "Signals:\n"
            "  HUP        start a new generation; once it is ready, retire the older ones\n"
            "  TERM       send --signal-on-term to the workers, wait for them, exit\n"
            "  INT, QUIT  send TERM to the workers, wait for them, exit\n"
            "  USR1       open the log file anew\n\n"
            "Exit status:\n"
            "  0    stopped as it was asked to\n"
            "  1    the service could not be set up, or the request (--restart, --stop) failed\n"
            "  2    bad options\n"
            "  10   gave up: the worker died too often for --start-limit\n"
            "  126  the command was found, but could not be executed, or --dir was not there\n"
            "  127  the command was not found\n");
}
