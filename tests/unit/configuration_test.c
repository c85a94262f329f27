/*
 * Configuration files, from text to options: what is taken, what goes before what, and that every
 * mistake is told with its line.
 */
#include "configuration.h"

#include "scratch.h"

#include <ini.h>

#define FILE_NAME "web.ini"

/* Reads web.ini with more arguments behind --config, ended by a NULL. */
static struct configuration *read_with(struct config_errors *errors, const char *const *more)
{
    static char *argv[16] = {"tasuki", "--config=" FILE_NAME};
    int argc = 2;
    for (; *more != NULL; more++) {
        argv[argc++] = (char *)*more;
    }
    argv[argc] = NULL;
    return configuration_read(PERSONALITY_TASUKI, argc, argv, errors);
}

static struct configuration *read_text(const char *text, const char *const *more)
{
    struct config_errors errors;
    scratch_write(FILE_NAME, text);
    struct configuration *configuration = read_with(&errors, more);
    if (configuration == NULL) {
        fail_msg("refused: %s", errors.items[0].text);
    }
    return configuration;
}

static const char *const nothing[] = {NULL};

/* The errors are these, in this order, and no other. */
static void assert_mistakes(const char *text, const char *const *expected)
{
    struct config_errors errors;
    scratch_write(FILE_NAME, text);
    assert_null(read_with(&errors, nothing));
    for (size_t i = 0; expected[i] != NULL; i++) {
        if (i >= errors.kept) {
            fail_msg("not told: %s", expected[i]);
        }
        assert_text_has(errors.items[i].text, expected[i]);
    }
    for (size_t i = 0; i < errors.kept; i++) {
        if (expected[i] == NULL) {
            fail_msg("told as well: %s", errors.items[i].text);
        }
    }
    config_errors_free(&errors);
}

static void assert_mistake(const char *text, const char *expected)
{
    assert_mistakes(text, (const char *const[]){expected, NULL});
}

static void keys_are_options(void **state)
{
    (void)state;
    struct configuration *configuration = read_text("; a comment\n"
                                                    "[service]\n"
                                                    "command = app 'a b'\n"
                                                    "  -c \"d\"\n"
                                                    "pid-file=app.pid\n"
                                                    "[listen]\n"
                                                    "path = /x.sock\n"
                                                    "port: 8080\n"
                                                    "port = 8081\n"
                                                    "# another\n"
                                                    "[deploy]\n"
                                                    "interval = 300ms\n"
                                                    "enable-auto-restart = no\n",
                                                    nothing);
    const struct options *options = &configuration->options;
    assert_string_equal(options->command[0], "app");
    assert_string_equal(options->command[1], "a b");
    assert_string_equal(options->command[2], "-c");
    assert_string_equal(options->command[3], "d");
    assert_null(options->command[4]);
    assert_string_equal(options->pid_file, "app.pid");
    assert_int_equal(options->address_count, 3);
    assert_int_equal(options->addresses[0].port, 8080);
    assert_int_equal(options->addresses[1].port, 8081);
    assert_string_equal(options->addresses[2].text, "/x.sock");
    assert_int_equal(options->interval_ms, 300);
    assert_string_equal(options->enable_auto_restart, "0");
    assert_int_equal(options->deploy_attempts, 1);
    configuration_release(configuration);
}

static void the_command_line_goes_before_the_file(void **state)
{
    (void)state;
    static const char *const more[] = {"--interval=2", "--port=9", "--", "other", "x", NULL};
    struct configuration *configuration = read_text("[service]\ncommand = app\n"
                                                    "[listen]\nport = 8080\npath = /x\n"
                                                    "[deploy]\ninterval = 5\nmax-old = 3\n",
                                                    more);
    assert_string_equal(configuration->options.command[0], "other");
    assert_int_equal(configuration->options.interval_ms, 2000);
    assert_int_equal(configuration->options.max_old, 3);
    assert_int_equal(configuration->options.address_count, 1);
    assert_int_equal(configuration->options.addresses[0].port, 9);
    configuration_release(configuration);
}

static void the_service_is_named_after_its_file_unless_it_has_a_name(void **state)
{
    (void)state;
    struct configuration *configuration = read_text("[service]\ncommand = app\n", nothing);
    assert_string_equal(configuration->options.name, "web");
    configuration_release(configuration);
    configuration = read_text("[service]\ncommand = app\nname = shop\n", nothing);
    assert_string_equal(configuration->options.name, "shop");
    configuration_release(configuration);
}

static void an_option_without_a_value_is_yes_or_no(void **state)
{
    (void)state;
    struct configuration *configuration =
        read_text("[service]\ncommand = app\ndaemonize = no\n", nothing);
    assert_false(configuration->options.daemonize);
    configuration_release(configuration);
    configuration =
        read_text("[service]\ncommand = app\ndaemonize = yes\n[log]\nlog-file = l\n", nothing);
    assert_true(configuration->options.daemonize);
    configuration_release(configuration);
    assert_mistake("[service]\ncommand = app\ndaemonize = maybe\n",
                   "web.ini:3: daemonize: expected yes or no, got 'maybe'");
}

static void other_editors_files_are_read(void **state)
{
    (void)state;
    struct configuration *configuration = read_text(
        "\xef\xbb\xbf[service]\r\ncommand = app x\r\n\r\n[deploy]\r\ninterval = 3", nothing);
    assert_string_equal(configuration->options.command[1], "x");
    assert_int_equal(configuration->options.interval_ms, 3000);
    configuration_release(configuration);
}

static void every_mistake_is_told_in_the_order_of_lines(void **state)
{
    (void)state;
    assert_mistakes("interval = 5\n"
                    "[depoly]\n"
                    "[nowhere]\n"
                    "[deploy\n"
                    "[deploy] x\n"
                    "junk\n"
                    "intervall = 5\n"
                    "interval = x\n"
                    "port = 80\n"
                    "interval = 5\n"
                    "command = app\n"
                    "[service]\n"
                    "whatever-this-is = 1\n"
                    "command = app 'x\n",
                    (const char *const[]){
                        "web.ini:1: expected the section [deploy] before the key 'interval'",
                        "web.ini:2: unknown section [depoly]; did you mean [deploy]?",
                        "web.ini:3: unknown section [nowhere]; expected [service], ",
                        "web.ini:4: expected a ] after the section's name",
                        "web.ini:5: expected nothing after the section's name, got 'x'",
                        "web.ini:6: expected KEY = VALUE, got 'junk'",
                        "web.ini:7: unknown key 'intervall'; did you mean 'interval' in [deploy]?",
                        "web.ini:8: interval: expected a duration",
                        "web.ini:9: 'port' belongs in [listen], not in [deploy]",
                        "web.ini:10: duplicate key 'interval'; the first is on line 8",
                        "web.ini:11: 'command' belongs in [service], not in [deploy]",
                        "web.ini:13: unknown key 'whatever-this-is' (see tasuki.ini(5))",
                        "web.ini:14: command: expected a closing ' after: x",
                        NULL,
                    });
}

static void what_inih_would_cut_is_a_mistake(void **state)
{
    (void)state;
    char text[600];
    char value[256];
    int room = INI_MAX_LINE - 3 - (int)strlen("dir = ");
    memset(value, 'x', sizeof value);
    snprintf(text, sizeof text, "[service]\ncommand = app\n[worker]\ndir = %.*s\n", room, value);
    struct configuration *configuration = read_text(text, nothing);
    assert_int_equal(strlen(configuration->options.directory), room);
    configuration_release(configuration);
    snprintf(text, sizeof text, "[service]\ncommand = app\n[worker]\ndir = %.*s\n", room + 1,
             value);
    assert_mistake(text, "web.ini:4: expected a line of at most ");
    assert_mistake("[service]\ncommand = app\non-event = a ; b\n",
                   "web.ini:3: a ; after a blank begins a comment");
    snprintf(text, sizeof text, "[service]\ncommand = app\n[%.60s]\n", value);
    assert_mistake(text, "web.ini:3: expected a section's name of at most 49 bytes, got 60");
}

static void what_is_no_text_is_a_mistake(void **state)
{
    (void)state;
    static const char with_nul[] = "[service]\ncommand = app\0 x\n";
    struct config_errors errors;
    scratch_write_bytes(FILE_NAME, with_nul, sizeof with_nul - 1);
    assert_null(read_with(&errors, nothing));
    assert_string_equal(errors.items[0].text, "web.ini:2: expected text, got a NUL byte");
    config_errors_free(&errors);
    assert_mistake("[service]\ncommand = app\nname = a\x1b[31m\n",
                   "web.ini:3: expected text, got the control character 0x1b");
}

static void assert_unreadable(const char *expected)
{
    struct config_errors errors;
    assert_null(read_with(&errors, nothing));
    assert_int_equal(errors.count, 1);
    assert_text_has(errors.items[0].text, expected);
    config_errors_free(&errors);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_unreadable("cannot open web.ini: No such file or directory");
    assert_int_equal(mkdir(FILE_NAME, 0700), 0);
    assert_unreadable("cannot read web.ini: it is a directory, not a file");
    assert_int_equal(rmdir(FILE_NAME), 0);
    assert_int_equal(mkfifo(FILE_NAME, 0600), 0);
    assert_unreadable("cannot read web.ini: it is a device or a pipe, not a file");
    assert_int_equal(remove(FILE_NAME), 0);
    scratch_write(FILE_NAME, "");
    assert_int_equal(truncate(FILE_NAME, (off_t)10 << 20), 0);
    assert_unreadable("web.ini is too large for a configuration: 10485760 bytes");
    scratch_write(FILE_NAME, "");
    assert_unreadable("web.ini: missing command");
}

static void thousands_of_mistakes_are_counted(void **state)
{
    (void)state;
    static char text[2 * 5000 + 1];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i % 2 == 0 ? 'x' : '\n';
    }
    struct config_errors errors;
    struct error error;
    scratch_write(FILE_NAME, text);
    assert_null(read_with(&errors, nothing));
    assert_int_equal(errors.count, 5000);
    assert_int_equal(errors.kept, CONFIG_ERRORS_MAX);
    config_errors_as_error(&errors, &error);
    assert_string_equal(error.text, "web.ini:1: expected KEY = VALUE, got 'x' (and 4999 more: see "
                                    "tasuki check)");
    config_errors_free(&errors);
}

/* --- [listen NAME] ---------------------------------------------------------------------------- */

static void a_section_of_a_socket_has_one_address(void **state)
{
    (void)state;
    assert_mistake("[service]\ncommand = app\n[listen web]\n",
                   "web.ini:3: expected a port or a path in [listen web]");
    assert_mistake("[service]\ncommand = app\n[listen web]\nport = 80\npath = /x\n",
                   "web.ini:5: expected a port or a path, got both");
    assert_mistake("[service]\ncommand = app\n[listen web]\nport = 80\nport = 81\n",
                   "web.ini:5: duplicate key 'port'; the first is on line 4");
    assert_mistake("[service]\ncommand = app\n[listen web]\nport = 8o\n",
                   "web.ini:4: port: expected PORT, ");
    assert_mistake("[service]\ncommand = app\n[listen web]\nport = 1\n[deploy]\n[listen web]\n"
                   "port = 2\n",
                   "web.ini:6: duplicate section [listen web]; the first is on line 3");
}

static void a_section_of_a_socket_has_its_options_and_its_name(void **state)
{
    (void)state;
    struct configuration *configuration = read_text("[service]\ncommand = app\n"
                                                    "[listen web]\nbacklog = 5\nport = 80\n"
                                                    "[listen local]\npath = /x\nmode = 0600\n",
                                                    nothing);
    const struct address *addresses = configuration->options.addresses;
    assert_int_equal(configuration->options.address_count, 2);
    assert_int_equal(addresses[0].port, 80);
    const struct listener_value *name =
        listener_option_get(&addresses[0].options, LISTENER_OPTION_NAME);
    assert_int_equal(name->length, 3);
    assert_memory_equal(name->text, "web", 3);
    assert_int_equal(listener_option_get(&addresses[0].options, LISTENER_OPTION_BACKLOG)->number,
                     5);
    assert_int_equal(listener_option_get(&addresses[1].options, LISTENER_OPTION_MODE)->number,
                     0600);
    configuration_release(configuration);
}

static void an_option_of_a_socket_is_refused_at_its_line(void **state)
{
    (void)state;
    assert_mistakes("[service]\ncommand = app\n"
                    "[listen web]\nport = 80\nbacklog = 5\nbakclog = 6\nnodelay = maybe\n"
                    "[listen a:b]\nport = 80\nname = b\n"
                    "[listen a]\npath = /a,mode=0600\nbacklog = 5\nbacklog = 6\n",
                    (const char *const[]){
                        "web.ini:6: unknown socket option 'bakclog'; did you mean backlog?",
                        "web.ini:7: nodelay: expected yes or no, got 'maybe'",
                        "web.ini:8: name: expected 1 to 255 ASCII characters without a colon",
                        "web.ini:10: unknown key 'name': the section's line has the name",
                        "web.ini:14: duplicate key 'backlog'; the first is on line 13",
                        NULL,
                    });
    assert_mistake("[service]\ncommand = app\n[listen a]\npath = /a,mode=0600\n",
                   "web.ini:4: path: expected a value without a comma");
    assert_mistakes("[service]\ncommand = app\n"
                    "[listen web]\nmode = 0600\nport = 80\ntype = stream\n"
                    "[listen log]\nbacklog = 5\npath = /x\ntype = datagram\n",
                    (const char *const[]){
                        "web.ini:4: mode applies to unix sockets with a path, not to TCP on IPv4",
                        "web.ini:6: type applies to unix sockets, not to TCP on IPv4",
                        "web.ini:8: backlog applies to sockets that accept connections, not to "
                        "unix datagram sockets",
                        NULL,
                    });
}

/* --- what a running supervisor cannot change ----------------------------------------------------
 */

static void what_is_fixed_is_named_when_it_changes(void **state)
{
    (void)state;
    char keys[64];
    struct configuration *one = read_text("[service]\ncommand = a\npid-file = p\n"
                                          "[deploy]\ninterval = 1\n[log]\ncapture = on\n",
                                          nothing);
    struct configuration *two = read_text("[service]\ncommand = b\npid-file = p\non-event = x\n"
                                          "[deploy]\ninterval = 2\n",
                                          nothing);
    assert_false(configuration_fixed_changes(one, two, keys, sizeof keys));
    configuration_release(two);
    two = read_text("[service]\ncommand = a\n[log]\nlog-file = l\n", nothing);
    assert_true(configuration_fixed_changes(one, two, keys, sizeof keys));
    assert_string_equal(keys, "pid-file, log-file");
    configuration_release(one);
    configuration_release(two);
}

static void a_glance_finds_the_name_in_a_file_with_mistakes(void **state)
{
    (void)state;
    struct error error;
    assert_null(configuration_glance("missing.ini", &error));
    assert_text_has(error.text, "cannot open missing.ini");
    scratch_write("app.ini", "rubbish\n[service]\ncontrol = /c.sock\n");
    struct configuration *configuration = configuration_glance("app.ini", &error);
    assert_non_null(configuration);
    assert_string_equal(configuration->options.name, "app");
    assert_string_equal(configuration->options.control, "/c.sock");
    configuration_release(configuration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)
        TEST(keys_are_options),
        TEST(the_command_line_goes_before_the_file),
        TEST(the_service_is_named_after_its_file_unless_it_has_a_name),
        TEST(an_option_without_a_value_is_yes_or_no),
        TEST(other_editors_files_are_read),
        TEST(every_mistake_is_told_in_the_order_of_lines),
        TEST(what_inih_would_cut_is_a_mistake),
        TEST(what_is_no_text_is_a_mistake),
        TEST(what_is_no_file_is_refused),
        TEST(thousands_of_mistakes_are_counted),
        TEST(a_section_of_a_socket_has_one_address),
        TEST(a_section_of_a_socket_has_its_options_and_its_name),
        TEST(an_option_of_a_socket_is_refused_at_its_line),
        TEST(what_is_fixed_is_named_when_it_changes),
        TEST(a_glance_finds_the_name_in_a_file_with_mistakes),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
