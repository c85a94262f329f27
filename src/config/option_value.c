#include "option_value.h"

#include "ascii.h"
#include "control_path.h"
#include "duration.h"
#include "signal_name.h"
#include "surroundings_option.h"
#include "syslog_socket.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* --- a setter for each option ------------------------------------------------------------------
 */

int options_add_address(struct options *options, const struct address *address, struct error *error)
{
    struct address *grown =
        realloc(options->addresses, (options->address_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set(error, "out of memory");
    }
    options->addresses = grown;
    grown[options->address_count++] = *address;
    return 0;
}

static int set_port(struct options *options, const char *value, struct error *error)
{
    struct address address;
    return address_parse_port(value, &address, error) == 0
               ? options_add_address(options, &address, error)
               : -1;
}

static int set_path(struct options *options, const char *value, struct error *error)
{
    struct address address;
    return address_parse_path(value, &address, error) == 0
               ? options_add_address(options, &address, error)
               : -1;
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

int parse_yes_or_no(const char *value, bool *yes, struct error *error)
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

int parse_text(const char *value, const char *what, const char **text, struct error *error)
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

static int set_inherit(struct options *options, const char *value, struct error *error)
{
    return inheritance_parse(value, &options->inherit, error);
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
    static const char *const words[] = {"delay", "notify", "listen", NULL, NULL, "auto"};
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
    return error_set(error, "expected auto, delay, notify, listen, fd:N or exec:COMMAND, got '%s'",
                     value);
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

static int set_stop_timeout(struct options *options, const char *value, struct error *error)
{
    return duration_parse(value, &options->stop_timeout_ms, error);
}

static int set_exit_with_worker(struct options *options, const char *value, struct error *error)
{
    options->exit_with_worker = true;
    return value != NULL ? parse_yes_or_no(value, &options->exit_with_worker, error) : 0;
}

/* What the supervisor takes for itself, or cannot take, is never handed on. */
static int parse_forwarded(const char *name, uint64_t *forward, struct error *error)
{
    static const int own[] = {SIGHUP,  SIGTERM, SIGINT,  SIGQUIT, SIGUSR1, SIGCHLD, SIGKILL,
                              SIGSTOP, SIGPIPE, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE};
    int signal = signal_parse(name, error);
    if (signal < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (signal == own[i]) {
            return error_set(error, "%s cannot be handed on: the supervisor takes it itself",
                             signal_name(signal));
        }
    }
    *forward |= UINT64_C(1) << (signal - 1);
    return 0;
}

static int set_forward(struct options *options, const char *value, struct error *error)
{
    char name[32];
    options->forward = 0;
    if (strcmp(value, "none") == 0) {
        return 0;
    }
    for (const char *at = value;; at++) {
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (parse_forwarded(name, &options->forward, error) != 0) {
            return -1;
        }
        at += length;
        if (*at == '\0') {
            return 0;
        }
    }
}

/* 0: off, 1: on, 2: auto. */
static int parse_off_on_auto(const char *value, int *choice, struct error *error)
{
    static const char *const words[] = {"off", "on", "auto"};
    for (*choice = 0; *choice < 3; ++*choice) {
        if (strcmp(value, words[*choice]) == 0) {
            return 0;
        }
    }
    return error_set(error, "expected on, off or auto, got '%s'", value);
}

static int set_capture(struct options *options, const char *value, struct error *error)
{
    int choice;
    int result = parse_off_on_auto(value, &choice, error);
    options->capture = (enum capture_mode)choice;
    return result;
}

static int set_adopt(struct options *options, const char *value, struct error *error)
{
    int choice;
    int result = parse_off_on_auto(value, &choice, error);
    options->adopt = (enum adopt_mode)choice;
    return result;
}

static int set_restart_on_change(struct options *options, const char *value, struct error *error)
{
    if (*value == '\0') {
        return error_set(error, "expected a file or a directory, got nothing");
    }
    size_t size = (options->watched_path_count + 1) * sizeof(const char *);
    const char **grown = realloc(options->watched_paths, size);
    if (grown == NULL) {
        return error_set(error, "out of memory");
    }
    options->watched_paths = grown;
    grown[options->watched_path_count++] = value;
    return 0;
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

static int set_log_level(struct options *options, const char *value, struct error *error)
{
    for (int level = 0; level < LOG_LEVELS; level++) {
        if (strcmp(value, log_level_name((enum log_level)level)) == 0) {
            options->log.level = (enum log_level)level;
            return 0;
        }
    }
    return error_set(error, "expected error, warning, info or debug, got '%s'", value);
}

static int set_log_format(struct options *options, const char *value, struct error *error)
{
    bool is_json = strcmp(value, "json") == 0;
    options->log.format = is_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return is_json || strcmp(value, "text") == 0
               ? 0
               : error_set(error, "expected text or json, got '%s'", value);
}

static int set_syslog(struct options *options, const char *value, struct error *error)
{
    options->log.syslog_facility = value != NULL ? syslog_facility_parse(value) : LOG_DAEMON;
    return options->log.syslog_facility >= 0
               ? 0
               : error_set(error,
                           "expected a facility such as daemon, user or local0 to local7, got '%s'",
                           value);
}

/* The tag ends where syslog daemons see its end. */
static int set_syslog_tag(struct options *options, const char *value, struct error *error)
{
    size_t length = strlen(value);
    options->log.syslog_tag = value;
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~' || strchr("[]:", value[i]) != NULL) {
            length = 0;
        }
    }
    return length >= 1 && length <= SYSLOG_TAG_MAX
               ? 0
               : error_set(error,
                           "expected 1 to %d ASCII characters, no space, bracket or colon "
                           "among them, got '%s'",
                           SYSLOG_TAG_MAX, value);
}

static int set_config(struct options *options, const char *value, struct error *error)
{
    return parse_text(value, "a file", &options->config, error);
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

const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(id, section, name, argument, value, repeatable, start_server, tasuki, help)         \
    {name, section, value, {start_server, tasuki}, help, set_##id, argument, repeatable},
#include "option_table.h"
#undef OPTION
};

static int set(struct options *options, const struct option_row *row, const char *value,
               struct error *error)
{
    if (row->set(options, value, error) != 0) {
        return -1;
    }
    options->values[row - option_rows] = value != NULL ? value : "yes";
    return 0;
}

int option_set(struct options *options, const struct option_row *row, const char *value,
               struct error *error)
{
    struct error reason;
    if (set(options, row, value, &reason) != 0) {
        return error_set(error, "--%s: %s", row->name, reason.text);
    }
    return 0;
}

int option_set_key(struct options *options, const struct option_row *row, const char *value,
                   struct error *error)
{
    bool yes = true;
    if (row->argument == NONE) {
        return parse_yes_or_no(value, &yes, error) != 0 ? -1
               : yes                                    ? set(options, row, NULL, error)
                                                        : 0;
    }
    return set(options, row, value, error);
}
