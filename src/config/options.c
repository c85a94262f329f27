#include "options.h"

#include "array.h"
#include "ascii.h"
#include "control_path.h"
#include "duration.h"
#include "signal_name.h"
#include "span.h"
#include "syslog_socket.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what only looks at a text ---------------------------------------------------------------- */

static int check_duration(const char *value, struct error *error)
{
    int64_t milliseconds;
    return duration_parse(value, &milliseconds, error);
}

static int check_oom_score_adj(const char *value, struct error *error)
{
    int number;
    return option_parse_number(value, -1000, 1000, &number, error);
}

/* Nothing is a list, too: no groups. */
static int check_groups(const char *value, struct error *error)
{
    size_t length = strlen(value);
    bool has_gap =
        *value == ',' || strstr(value, ",,") != NULL || (length > 0 && value[length - 1] == ',');
    return has_gap ? error_set(error, "expected groups separated by commas, got '%s'", value) : 0;
}

static int check_variable(const char *value, struct error *error)
{
    const char *equals = strchr(value, '=');
    return equals != NULL && equals > value
               ? 0
               : error_set(error, "expected NAME=VALUE, got '%s'", value);
}

static int check_name(const char *value, struct error *error)
{
    return control_name_is_valid(value)
               ? 0
               : error_set(error, "expected 1 to %d letters, digits and . _ - @ +, got '%s'",
                           CONTROL_NAME_MAX, value);
}

static int check_control(const char *value, struct error *error)
{
    if (*value == '\0') {
        return error_set(error, "expected a path or off, got nothing");
    }
    return strlen(value) <= ADDRESS_PATH_MAX
               ? 0
               : error_set(error, "expected a path of at most %zu bytes, got %zu", ADDRESS_PATH_MAX,
                           strlen(value));
}

/* A file, or a command after a bar. */
static int check_log_file(const char *value, struct error *error)
{
    struct span target = span_trim(value, value + strlen(value));
    return *value != '\0' && !span_is(target, "|")
               ? 0
               : error_set(error, "expected a file or \"| COMMAND\", got '%s'", value);
}

/* The tag ends where syslog daemons see its end. */
static int check_syslog_tag(const char *value, struct error *error)
{
    size_t length = strlen(value);
    for (size_t i = 0; i < strlen(value); i++) {
        if (value[i] <= ' ' || value[i] > '~' || strchr("[]:", value[i]) != NULL) {
            length = 0;
        }
    }
    return length >= 1 && length <= SYSLOG_TAG_MAX
               ? 0
               : error_set(error,
                           "expected 1 to %d ASCII characters without spaces, brackets and colons, "
                           "got '%s'",
                           SYSLOG_TAG_MAX, value);
}

/* --- what is no field of a plain kind --------------------------------------------------------- */

int options_add_address(struct options *options, const struct address *address, struct error *error)
{
    struct address *grown = array_grow(options->addresses, options->address_count, sizeof *grown);
    if (grown == NULL) {
        return error_set(error, "out of memory");
    }
    options->addresses = grown;
    grown[options->address_count++] = *address;
    return 0;
}

static int set_port(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    struct address address;
    return address_parse_port(value, &address, error) == 0
               ? options_add_address(options, &address, error)
               : -1;
}

static int set_path(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    struct address address;
    return address_parse_path(value, &address, error) == 0
               ? options_add_address(options, &address, error)
               : -1;
}

static int set_inherit(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    return inheritance_parse(value, &options->inherit, error);
}

static int set_ready(void *field, const char *value, struct error *error)
{
    struct options *options = field;
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
    if (strncmp(value, "fd:", 3) == 0 &&
        option_parse_number(value + 3, 0, 1 << 20, &options->ready_fd, NULL) == 0) {
        options->ready = READY_FD;
        return 0;
    }
    return error_set(error, "expected auto, delay, notify, listen, fd:N or exec:COMMAND, got '%s'",
                     value);
}

static int set_kill_mode(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    options->kill_group = strcmp(value, "group") == 0;
    return options->kill_group || strcmp(value, "process") == 0
               ? 0
               : error_set(error, "expected process or group, got '%s'", value);
}

static int set_start_limit(void *field, const char *value, struct error *error)
{
    struct options *options = field;
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

/* What the supervisor takes for itself, or cannot take, is never forwarded. */
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
            return error_set(error, "%s cannot be forwarded: the supervisor handles it",
                             signal_name(signal));
        }
    }
    *forward |= UINT64_C(1) << (signal - 1);
    return 0;
}

static int set_forward(void *field, const char *value, struct error *error)
{
    struct options *options = field;
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

static int set_enable_auto_restart(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    int answer = span_parse_answer(span_of(value));
    options->enable_auto_restart = answer == 1 ? "1" : "0";
    return answer >= 0 ? 0 : error_set(error, "expected yes or no, got '%s'", value);
}

static int set_syslog(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    options->log.syslog_facility = syslog_facility_parse(value);
    return options->log.syslog_facility >= 0
               ? 0
               : error_set(error,
                           "expected a facility such as daemon, user or local0 to local7, got '%s'",
                           value);
}

static int set_umask(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    int64_t mask = span_parse_number(span_of(value), 8, 0777);
    options->surroundings.has_umask = true;
    options->surroundings.umask = (mode_t)mask;
    return mask >= 0
               ? 0
               : error_set(error, "expected an octal number from 0 to 777 such as 027, got '%s'",
                           value);
}

static int set_nice(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    options->surroundings.has_nice = true;
    return option_parse_number(value, -20, 19, &options->surroundings.nice, error);
}

static const char *parse_bound(const char *text, rlim_t *bound)
{
    static const char infinity[] = "infinity";
    if (strncmp(text, infinity, sizeof infinity - 1) == 0) {
        *bound = RLIM_INFINITY;
        return text + sizeof infinity - 1;
    }
    const char *end;
    long number = ascii_parse_number(text, LONG_MAX, &end);
    *bound = (rlim_t)number;
    return number >= 0 ? end : NULL;
}

static int set_limit(void *field, const char *text, struct error *error)
{
    struct surroundings_limit *limit = field;
    *limit = (struct surroundings_limit){.is_set = true};
    const char *end = parse_bound(text, &limit->soft);
    limit->hard = limit->soft;
    if (end != NULL && *end == ':') {
        end = parse_bound(end + 1, &limit->hard);
    }
    if (end == NULL || *end != '\0') {
        return error_set(error, "expected N, SOFT:HARD or infinity, got '%s'", text);
    }
    return limit->soft <= limit->hard /* infinity is the greatest number */
               ? 0
               : error_set(error, "expected a soft limit no higher than the hard one, got '%s'",
                           text);
}

static int set_stdin(void *field, const char *value, struct error *error)
{
    struct options *options = field;
    options->surroundings.stdin_path = strcmp(value, "null") == 0      ? "/dev/null"
                                       : strcmp(value, "inherit") == 0 ? NULL
                                                                       : value;
    return *value != '\0' ? 0 : error_set(error, "expected null, inherit or a file, got nothing");
}

/* --- the table -------------------------------------------------------------------------------- */

#define TEXT(member) OPTION_TAKES_TEXT(struct options, member)
#define LIST(member) OPTION_TAKES_LIST(struct options, member)
#define ANSWER(member) OPTION_TAKES_ANSWER(struct options, member)
#define FLAG(member) ANSWER(member), .alone = "yes"
#define NUMBER(member, least, most) OPTION_TAKES_NUMBER(struct options, member, least, most)
#define DURATION(member) OPTION_TAKES_DURATION(struct options, member)
#define SIGNAL(member) OPTION_TAKES_SIGNAL(struct options, member)
#define CHOICE(member) OPTION_TAKES_CHOICE(struct options, member)
#define SPECIAL(function) .kind = OPTION_SPECIAL, .set = function
#define LIMIT(member)                                                                              \
    SPECIAL(set_limit), .offset = OPTION_FIELD(struct surroundings_limit, struct options, member)
#define FIXED .is_fixed = true

static const struct option rows[OPTION_COUNT] = {
#define OPTION(id, name, section, value, start_server, tasuki, help, ...)                          \
    {name, section, value, {start_server, tasuki}, help, __VA_ARGS__},
#include "option_table.h"
#undef OPTION
};

const struct option_table options_table = {.rows = rows, .count = OPTION_COUNT};

int options_set(struct options *options, const struct option *option, const char *value,
                struct error *error)
{
    options->values[option - rows] = value;
    return option_set(option, options, value, error);
}

int options_begin(struct options *options, enum personality personality, struct error *error)
{
    *options = (struct options){.personality = personality, .log = {.syslog_facility = -1}};
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *value = rows[i].defaults[personality];
        if (value != NULL && options_set(options, &rows[i], value, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* --- the command line ------------------------------------------------------------------------- */

/* Who asks for help gets help. */
static int choose_mode(struct options *options, struct error *error)
{
    options->mode = options->is_help      ? MODE_HELP
                    : options->is_version ? MODE_VERSION
                    : options->is_stop    ? MODE_STOP
                    : options->is_restart ? MODE_RESTART
                                          : MODE_RUN;
    return options->is_stop && options->is_restart
               ? error_set(error, "--restart and --stop exclude each other")
               : 0;
}

/* The first word that is no option, or what follows "--", begins the command. */
int options_take_arguments(struct options *options, int argc, char *const argv[],
                           struct error *error)
{
    const char *given[OPTION_COUNT] = {NULL};
    char *const *rest = argv + (argc > 0 ? 1 : 0);
    while (*rest != NULL && option_is_word(*rest) && strcmp(*rest, "--") != 0) {
        if (option_take(&options_table, options, given, &rest, error) != 0) {
            return -1;
        }
    }
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (given[i] != NULL) {
            options->values[i] = given[i];
        }
    }
    options->command = *rest != NULL && strcmp(*rest, "--") == 0 ? rest + 1 : rest;
    return choose_mode(options, error);
}

void options_free(struct options *options)
{
    free(options->addresses);
    free(options->variables.items);
    free(options->watched_paths.items);
    identity_free(&options->identity);
    *options = (struct options){.address_count = 0};
}

/* --- personalities ---------------------------------------------------------------------------- */

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
