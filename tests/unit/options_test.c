/*
 * The options: their forms, their defaults under both names, and what is refused.
 */
#include "options_check.h"

#include "scratch.h"

#include <signal.h>
#include <sys/socket.h>

#define WORDS_MAX 16

/* A command line is one string here, its words divided by single spaces; `buffer` keeps them. */
struct command_line {
    char buffer[1024];
    char *argv[WORDS_MAX + 2];
    int argc;
};

static void split(struct command_line *line, const char *text)
{
    char *rest = line->buffer;
    snprintf(line->buffer, sizeof line->buffer, "%s", text);
    static char program[] = "program";
    line->argc = 0;
    line->argv[line->argc++] = program;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        assert_true(line->argc < WORDS_MAX);
        line->argv[line->argc++] = word;
    }
    line->argv[line->argc] = NULL;
}

/* What a test holds: `options` points into `line`. */
struct parsed {
    struct command_line line;
    struct options options;
    struct error error;
};

static int parse_as(struct parsed *parsed, enum personality personality, const char *text)
{
    split(&parsed->line, text);
    parsed->error.text[0] = '\0';
    return options_parse(&parsed->options, personality, parsed->line.argc, parsed->line.argv,
                         &parsed->error);
}

static struct options *assert_parsed(struct parsed *parsed, const char *text)
{
    if (parse_as(parsed, PERSONALITY_TASUKI, text) != 0) {
        fail_msg("'%s' was refused: %s", text, parsed->error.text);
    }
    return &parsed->options;
}

static void assert_refused(const char *text, const char *reason)
{
    struct parsed parsed;
    if (parse_as(&parsed, PERSONALITY_TASUKI, text) != -1) {
        fail_msg("'%s' was taken", text);
    }
    if (strstr(parsed.error.text, reason) == NULL) {
        fail_msg("'%s' was refused with '%s', expected '%s'", text, parsed.error.text, reason);
    }
    options_free(&parsed.options);
}

static void the_two_names_differ_in_their_defaults_only(void **state)
{
    (void)state;
    struct parsed parsed;
    for (int personality = 0; personality < PERSONALITIES; personality++) {
        bool is_tasuki = personality == PERSONALITY_TASUKI;
        assert_int_equal(parse_as(&parsed, (enum personality)personality, "server"), 0);
        const struct options *options = &parsed.options;
        assert_int_equal(options->personality, personality);
        assert_int_equal(options->mode, MODE_RUN);
        assert_int_equal(options->address_count, 0);
        assert_int_equal(options->backlog, 0);
        assert_int_equal(options->interval_ms, 1000);
        assert_int_equal(options->signal_on_hup, SIGTERM);
        assert_int_equal(options->signal_on_term, SIGTERM);
        assert_false(options->daemonize);
        assert_null(options->directory);
        assert_null(options->pid_file);
        assert_null(options->status_file);
        assert_null(options->log_file);
        assert_null(options->envdir);
        assert_null(options->enable_auto_restart);
        assert_null(options->auto_restart_interval);
        assert_null(options->kill_old_delay);
        assert_int_equal(options->deploy_attempts, is_tasuki ? 1 : 0);
        assert_int_equal(options->backoff, is_tasuki);
        options_free(&parsed.options);
    }
}

static void the_name_that_it_is_called_by_chooses_the_personality(void **state)
{
    (void)state;
    assert_int_equal(personality_of("start_server"), PERSONALITY_START_SERVER);
    assert_int_equal(personality_of("/usr/bin/start_server"), PERSONALITY_START_SERVER);
    assert_int_equal(personality_of("tasuki"), PERSONALITY_TASUKI);
    assert_int_equal(personality_of("/opt/start_server/tasuki"), PERSONALITY_TASUKI);
    assert_int_equal(personality_of(""), PERSONALITY_TASUKI);
    assert_string_equal(personality_name(PERSONALITY_START_SERVER), "start_server");
    assert_string_equal(personality_name(PERSONALITY_TASUKI), "tasuki");
}

static void a_value_may_follow_an_equals_sign_or_in_the_next_word(void **state)
{
    (void)state;
    static const char *const forms[] = {"--interval=2.5 -- server", "--interval 2.5 -- server",
                                        "-interval=2.5 -- server",  "-interval 2.5 -- server",
                                        "--int=2.5 -- server",      "--interval 2.5 server"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct parsed parsed;
        struct options *options = assert_parsed(&parsed, forms[i]);
        assert_int_equal(options->interval_ms, 2500);
        assert_string_equal(options->command[0], "server");
        options_free(options);
    }
}

static void every_value_reaches_its_field(void **state)
{
    (void)state;
    struct parsed parsed;
    struct options *options =
        assert_parsed(&parsed, "--dir=d --pid-file=p --status-file=s --log-file=l --envdir=e "
                               "--signal-on-hup=usr1 --signal-on-term=SIGINT --backlog=7 "
                               "--auto-restart-interval=60 --kill-old-delay=5 --daemonize server");
    assert_string_equal(options->directory, "d");
    assert_string_equal(options->pid_file, "p");
    assert_string_equal(options->status_file, "s");
    assert_string_equal(options->log_file, "l");
    assert_string_equal(options->envdir, "e");
    assert_int_equal(options->signal_on_hup, SIGUSR1);
    assert_int_equal(options->signal_on_term, SIGINT);
    assert_int_equal(options->backlog, 7);
    assert_string_equal(options->auto_restart_interval, "60");
    assert_string_equal(options->kill_old_delay, "5");
    assert_true(options->daemonize);
    options_free(options);

    options = assert_parsed(&parsed, "--deploy-attempts=3 --backoff=no server");
    assert_int_equal(options->deploy_attempts, 3);
    assert_false(options->backoff);
    options_free(options);
}

static void a_value_that_is_optional_needs_the_equals_sign(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"--enable-auto-restart server", "1"},       {"--enable-auto-restart=1 server", "1"},
        {"--enable-auto-restart=yes server", "1"},   {"--enable-auto-restart=ON server", "1"},
        {"--enable-auto-restart=0 server", "0"},     {"--enable-auto-restart=No server", "0"},
        {"--enable-auto-restart=false server", "0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed;
        struct options *options = assert_parsed(&parsed, rows[i].text);
        assert_string_equal(options->enable_auto_restart, rows[i].value);
        assert_string_equal(options->command[0], "server");
        options_free(options);
    }
}

static void the_command_begins_at_the_first_word_that_is_no_option(void **state)
{
    (void)state;
    struct parsed parsed;
    struct options *options = assert_parsed(&parsed, "--port=1 server --port 2 -- -x");
    assert_int_equal(options->address_count, 1);
    assert_string_equal(options->command[0], "server");
    assert_string_equal(options->command[4], "-x");
    assert_null(options->command[5]);
    options_free(options);

    options = assert_parsed(&parsed, "-- --port");
    assert_int_equal(options->address_count, 0);
    assert_string_equal(options->command[0], "--port");
    options_free(options);
}

static void ports_come_before_paths_each_in_their_order(void **state)
{
    (void)state;
    struct parsed parsed;
    struct options *options =
        assert_parsed(&parsed, "--path=a --port=1 --path=b --port=u2 --port=[::1]:3 -- server");
    assert_int_equal(options->address_count, 5);
    assert_int_equal(options->addresses[0].port, 1);
    assert_int_equal(options->addresses[1].port, 2);
    assert_int_equal(options->addresses[1].socket_type, SOCK_DGRAM);
    assert_int_equal(options->addresses[2].port, 3);
    assert_string_equal(options->addresses[3].text, "a");
    assert_string_equal(options->addresses[4].text, "b");
    options_free(options);
}

static void what_is_wrong_is_refused_and_the_option_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"--no-such-option server", "--no-such-option: unknown option (see --help)"},
        {"--no-such=x server", "--no-such=x: unknown option (see --help)"},
        {"--prot=80 server", "--prot=80: unknown option; did you mean --port?"},
        {"--loglevel=info server", "--loglevel=info: unknown option; did you mean --log-level?"},
        {"-x server", "-x: unknown option (see --help)"},
        {"-: server", "-:: unknown option"},
        {"-+ server", "-+: unknown option"},
        {"--=x server", "--=x: unknown option"},
        {"--port=1 --unknown server", "--unknown: unknown option"},
        {"--interval 2 --unknown server", "--unknown: unknown option"},
        {"--log server", "--log is ambiguous: --log-file, --log-level, --log-format"},
        {"--p=1 server", "--p is ambiguous: --port, --path, --pro"},
        {"-s server", "--s is ambiguous: --signal-on-hup, --"},
        {"--port", "--port: expected ADDRESS, got nothing"},
        {"--interval", "--interval: expected DURATION, got nothing"},
        {"--daemonize=yes server", "--daemonize: expected no value, got 'yes'"},
        {"--stop=now", "--stop: expected no value"},
        {"--port=x server", "--port: expected PORT"},
        {"--port= server", "--port: expected PORT"},
        {"--path= server", "--path: expected the path"},
        {"--interval=x server", "--interval: expected a duration"},
        {"--interval= server", "--interval: expected a duration"},
        {"--kill-old-delay=x server", "--kill-old-delay: expected a duration"},
        {"--auto-restart-interval=x server", "--auto-restart-interval: expected a duration"},
        {"--enable-auto-restart=x server", "--enable-auto-restart: expected yes or no"},
        {"--enable-auto-restart= server", "--enable-auto-restart: expected yes or no"},
        {"--backoff=x server", "--backoff: expected yes or no"},
        {"--signal-on-hup=x server", "--signal-on-hup: expected a signal"},
        {"--signal-on-term=0 server", "--signal-on-term: expected a signal"},
        {"--backlog=x server", "--backlog: expected a number from 0"},
        {"--backlog=-1 server", "--backlog: expected a number from 0"},
        {"--backlog=5x server", "--backlog: expected a number from 0"},
        {"--backlog=2147483648 server", "--backlog: expected a number from 0 to 2147483647"},
        {"--backlog=99999999999999999999 server", "--backlog: expected a number from 0"},
        {"--deploy-attempts= server", "--deploy-attempts: expected a number from 0"},
        {"--dir= server", "--dir: expected DIRECTORY, got nothing"},
        {"--envdir= server", "--envdir: expected DIRECTORY"},
        {"--pid-file= server", "--pid-file: expected FILE"},
        {"--status-file= server", "--status-file: expected FILE"},
        {"--log-file= server", "--log-file: expected a file or \"| COMMAND\", got ''"},
        {"--log-file=| server", "--log-file: expected a file or \"| COMMAND\", got '|'"},
        {"--port=1=4 --port=2=4 server", "--port: two sockets ask for descriptor 4"},
        {"--daemonize server", "--daemonize needs --log-file"},
        {"--restart", "--restart needs --pid-file and --status-file"},
        {"--restart --pid-file=p", "--restart needs --pid-file and --status-file"},
        {"--restart --status-file=s", "--restart needs --pid-file and --status-file"},
        {"--stop", "--stop needs --pid-file"},
        {"--restart --stop --pid-file=p", "--restart and --stop exclude each other"},
        {"--stop --restart --pid-file=p", "--restart and --stop exclude each other"},
        {"--port=8080", "missing command; usage: tasuki [OPTIONS] -- COMMAND [ARGUMENTS]"},
        {"--", "missing command; usage: "},
        {"", "missing command: its name is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].text, rows[i].reason);
    }
}

static void no_words_at_all_are_refused(void **state)
{
    (void)state;
    char program[] = "tasuki";
    char *argv[] = {program, NULL};
    struct options options;
    struct error error;
    assert_int_equal(options_parse(&options, PERSONALITY_TASUKI, 1, argv, &error), -1);
    assert_text_has(error.text, "missing command; usage: tasuki ");
    options_free(&options);
}

static void the_modes_are_told_from_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum option_mode mode;
    } rows[] = {
        {"server", MODE_RUN},
        {"--restart --pid-file=p --status-file=s", MODE_RESTART},
        {"--stop --pid-file=p", MODE_STOP},
        {"--help", MODE_HELP},
        {"--version", MODE_VERSION},
        {"--help --daemonize", MODE_HELP},
        {"--restart --help", MODE_HELP},
        {"--help --stop", MODE_HELP},
        {"--version --restart", MODE_VERSION},
        {"--help --version", MODE_HELP},
        {"--version --help", MODE_HELP},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed;
        struct options *options = assert_parsed(&parsed, rows[i].text);
        if (options->mode != rows[i].mode) {
            fail_msg("'%s' is mode %d, expected %d", rows[i].text, options->mode, rows[i].mode);
        }
        options_free(options);
    }
}

/* A value that each kind of option takes, by what --help calls the value. */
static const char *sample_value(const struct option *option)
{
    static const struct {
        const char *kind;
        const char *value;
    } samples[] = {
        {"ADDRESS", "8080"},
        {"PATH", "a.sock"},
        {"N", "5"},
        {"DIRECTORY", "d"},
        {"DURATION", "2"},
        {"SIGNAL", "USR1"},
        {"yes|no", "no"},
        {"LIST", "nginx"},
        {"FILE", "f"},
        {"MODE", "notify"},
        {"COMMAND", "true"},
        {"NAME", "web"},
        {"process|group", "group"},
        {"N/DURATION", "5/60"},
        {"on|off|auto", "on"},
        {"PATH|off", "off"},
        {"FACILITY", "local0"},
        {"TAG", "shop"},
        {"text|json", "json"},
        {"error|warning|info|debug", "debug"},
        {"USER", "root"},
        {"GROUP", "0"},
        {"LIST", "0,1"},
        {"MASK", "027"},
        {"LIMIT", "64:1024"},
        {"NAME=VALUE", "A=b"},
        {"null|inherit|FILE", "null"},
        {"SIGNAL,...", "USR2"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (option->value != NULL && strcmp(samples[i].kind, option->value) == 0) {
            return samples[i].value;
        }
    }
    fail_msg("--%s takes a %s: add a sample of that to the test", option->name, option->value);
    return NULL;
}

/* The option, so often, with what some options need beside them. */
static void make_line(char *text, size_t size, const struct option *option, int times)
{
    static const char *const others[][2] = {
        {"pid-file", "=p"}, {"status-file", "=s"}, {"log-file", "=l"}, {"syslog", ""}};
    size_t length = 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(option->name, others[i][0]) != 0) {
            length += (size_t)snprintf(text + length, size - length, "--%s%s ", others[i][0],
                                       others[i][1]);
        }
    }
    for (int i = 0; i < times; i++) {
        length += (size_t)snprintf(text + length, size - length, "--%s%s%s ", option->name,
                                   option->value == NULL ? "" : "=",
                                   option->value == NULL ? "" : sample_value(option));
    }
    snprintf(text + length, size - length, "server");
}

static void assert_control(const char *text, const char *expected)
{
    struct parsed parsed;
    assert_int_equal(parse_as(&parsed, PERSONALITY_START_SERVER, text), 0);
    if (expected == NULL) {
        assert_null(parsed.options.control);
    } else {
        assert_string_equal(parsed.options.control, expected);
    }
    options_free(&parsed.options);
}

static void a_name_turns_the_control_socket_on(void **state)
{
    (void)state;
    assert_control("server", "off");
    assert_control("--name=web server", NULL);
    assert_control("--control=off --name=web server", "off");
    assert_control("--name=web --control=a.sock server", "a.sock");
}

static void every_option_of_the_table_can_be_given(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        char text[512];
        struct parsed parsed;
        make_line(text, sizeof text, &options_table.rows[i], 1);
        options_free(assert_parsed(&parsed, text));
    }
}

static void twice_is_refused_where_only_one_makes_sense(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table.rows[i];
        char text[512];
        char reason[128];
        struct parsed parsed;
        make_line(text, sizeof text, option, 2);
        if (option->is_repeatable) {
            options_free(assert_parsed(&parsed, text));
        } else {
            snprintf(reason, sizeof reason, "--%s: given twice", option->name);
            assert_refused(text, reason);
        }
    }
}

static void a_missing_value_is_refused_for_every_option_that_needs_one(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table.rows[i];
        if (option->alone == NULL) {
            char text[64];
            char reason[128];
            snprintf(text, sizeof text, "--%s", option->name);
            snprintf(reason, sizeof reason, "--%s: expected %s, got nothing", option->name,
                     option->value);
            assert_refused(text, reason);
        }
    }
}

/* What no test above would miss. */
static void every_row_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table.rows[i];
        assert_ptr_equal(option_find(&options_table, option->name), option);
        assert_non_null(option->help);
        assert_true(option->value != NULL || option->alone != NULL);
        assert_int_equal(option->set != NULL, option->kind == OPTION_SPECIAL);
        assert_true(option->kind != OPTION_NUMBER || option->least < option->most);
    }
}

static void a_choice_is_named_by_its_words(void **state)
{
    (void)state;
    struct parsed parsed;
    struct options *options = assert_parsed(
        &parsed, "--adopt=off --capture=on --log-level=debug --log-format=json server");
    assert_int_equal(options->adopt, ADOPT_OFF);
    assert_int_equal(options->capture, CAPTURE_ON);
    assert_int_equal(options->log.level, LOG_LEVEL_DEBUG);
    assert_int_equal(options->log.format, LOG_FORMAT_JSON);
    options_free(options);
    assert_refused("--adopt=offf server", "--adopt: expected on, off or auto, got 'offf'");
    assert_refused("--log-format= server", "--log-format: expected text or json, got ''");
}

static void parsing_can_be_done_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct parsed parsed;
        struct options *options = assert_parsed(&parsed, "--port 1 --interval 3 server argument");
        assert_int_equal(options->interval_ms, 3000);
        assert_string_equal(options->command[1], "argument");
        options_free(options);
        assert_refused("--port 1 --nonsense server", "--nonsense");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_names_differ_in_their_defaults_only),
        cmocka_unit_test(the_name_that_it_is_called_by_chooses_the_personality),
        cmocka_unit_test(a_value_may_follow_an_equals_sign_or_in_the_next_word),
        cmocka_unit_test(every_value_reaches_its_field),
        cmocka_unit_test(a_value_that_is_optional_needs_the_equals_sign),
        cmocka_unit_test(the_command_begins_at_the_first_word_that_is_no_option),
        cmocka_unit_test(ports_come_before_paths_each_in_their_order),
        cmocka_unit_test(what_is_wrong_is_refused_and_the_option_named),
        cmocka_unit_test(no_words_at_all_are_refused),
        cmocka_unit_test(the_modes_are_told_from_each_other),
        cmocka_unit_test(a_name_turns_the_control_socket_on),
        cmocka_unit_test(every_option_of_the_table_can_be_given),
        cmocka_unit_test(twice_is_refused_where_only_one_makes_sense),
        cmocka_unit_test(a_missing_value_is_refused_for_every_option_that_needs_one),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(a_choice_is_named_by_its_words),
        cmocka_unit_test(parsing_can_be_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
