/*
 * Plans: what the options, the supervisor's environment and the envdir come to for a generation.
 */
#include "plan.h"

#include "options_check.h"
#include "scratch.h"

#include <signal.h>

/* One of each that has a say; NULL where it has none. The envdir is the directory "env". */
struct sources {
    const char *option;
    const char *variable; /* NAME=VALUE in the supervisor's environment */
    const char *file;     /* in the envdir */
    const char *content;
};

struct made {
    struct options options;
    struct plan plan;
};

static const struct listener_set no_listeners = {.count = 0};

static int enter_with_clean_environment(void **state)
{
    static const char *const names[] = {
        "ENVDIR",         "ENABLE_AUTO_RESTART", "AUTO_RESTART_INTERVAL",
        "KILL_OLD_DELAY", "SERVER_STARTER_PORT", "COLOUR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    return scratch_enter(state) != 0 ? -1 : mkdir("env", 0755);
}

static void parse_options(struct options *options, const char *option)
{
    static char program[] = "tasuki";
    static char envdir[] = "--envdir=env";
    static char server[] = "server";
    static char words[256];
    char *argv[16] = {program, envdir};
    int argc = 2;
    struct error error;
    char *rest = words;
    snprintf(words, sizeof words, "%s", option != NULL ? option : "");
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0') {
            argv[argc++] = word;
        }
    }
    argv[argc++] = server;
    argv[argc] = NULL;
    if (options_parse(options, PERSONALITY_TASUKI, argc, argv, &error) != 0) {
        fail_msg("'%s': %s", option, error.text);
    }
}

/* `before` is what the generation before was started with; NULL: this is the first. */
static struct plan *make(struct made *made, const struct sources *sources,
                         const struct lifecycle_settings *before)
{
    struct error error;
    parse_options(&made->options, sources->option);
    const struct lifecycle_settings initial = plan_initial_settings(&made->options);
    if (sources->variable != NULL) {
        char copy[128];
        snprintf(copy, sizeof copy, "%s", sources->variable);
        char *value = strchr(copy, '=');
        *value++ = '\0';
        assert_int_equal(setenv(copy, value, 1), 0);
    }
    if (sources->file != NULL) {
        char path[128];
        snprintf(path, sizeof path, "env/%s", sources->file);
        scratch_write(path, sources->content);
    }
    assert_int_equal(plan_make(&made->plan, &made->options, &no_listeners, 1,
                               before != NULL ? before : &initial, &error),
                     0);
    return &made->plan;
}

/* Undoes make, for the next row. */
static void unmake(struct made *made, const struct sources *sources)
{
    plan_free(&made->plan);
    options_free(&made->options);
    if (sources->variable != NULL) {
        char name[128];
        snprintf(name, sizeof name, "%s", sources->variable);
        name[strcspn(name, "=")] = '\0';
        unsetenv(name);
    }
    if (sources->file != NULL) {
        char path[128];
        snprintf(path, sizeof path, "env/%s", sources->file);
        unlink(path);
    }
}

static void times_come_from_options_variables_and_envdir_the_latter_last(void **state)
{
    (void)state;
    static const struct {
        struct sources sources;
        int auto_restart_ms;
        int kill_old_delay_ms;
    } rows[] = {
        {{NULL, NULL, NULL, NULL}, 0, 0},
        /* Automatic restarts, and what comes with them. */
        {{"--enable-auto-restart", NULL, NULL, NULL}, 360000, 5000},
        {{"--enable-auto-restart=no", NULL, NULL, NULL}, 0, 0},
        {{"--enable-auto-restart --auto-restart-interval=2m", NULL, NULL, NULL}, 120000, 5000},
        {{"--auto-restart-interval=2m", NULL, NULL, NULL}, 0, 0},
        {{"--enable-auto-restart --kill-old-delay=0.5", NULL, NULL, NULL}, 360000, 500},
        {{"--enable-auto-restart --kill-old-delay=0", NULL, NULL, NULL}, 360000, 0},
        {{"--kill-old-delay=2", NULL, NULL, NULL}, 0, 2000},
        /* The supervisor's own environment. */
        {{NULL, "ENABLE_AUTO_RESTART=1", NULL, NULL}, 360000, 5000},
        {{NULL, "ENABLE_AUTO_RESTART=anything", NULL, NULL}, 360000, 5000},
        {{NULL, "ENABLE_AUTO_RESTART=", NULL, NULL}, 0, 0},
        {{NULL, "ENABLE_AUTO_RESTART=0", NULL, NULL}, 0, 0},
        {{NULL, "ENABLE_AUTO_RESTART=Off", NULL, NULL}, 0, 0},
        {{NULL, "KILL_OLD_DELAY=3", NULL, NULL}, 0, 3000},
        {{NULL, "KILL_OLD_DELAY=", NULL, NULL}, 0, 0},
        {{"--enable-auto-restart", "AUTO_RESTART_INTERVAL=7", NULL, NULL}, 7000, 5000},
        {{"--enable-auto-restart", "AUTO_RESTART_INTERVAL=0", NULL, NULL}, 360000, 5000},
        {{"--enable-auto-restart", "AUTO_RESTART_INTERVAL=", NULL, NULL}, 360000, 5000},
        /* An option has its way over a variable. */
        {{"--kill-old-delay=2", "KILL_OLD_DELAY=3", NULL, NULL}, 0, 2000},
        {{"--enable-auto-restart=no", "ENABLE_AUTO_RESTART=1", NULL, NULL}, 0, 0},
        /* The envdir has its way over both. */
        {{"--kill-old-delay=2", "KILL_OLD_DELAY=3", "KILL_OLD_DELAY", "4\n"}, 0, 4000},
        {{"--enable-auto-restart", NULL, "ENABLE_AUTO_RESTART", "0\n"}, 0, 0},
        {{NULL, NULL, "ENABLE_AUTO_RESTART", "1\n"}, 360000, 5000},
        {{"--enable-auto-restart", NULL, "AUTO_RESTART_INTERVAL", "10\n"}, 10000, 5000},
        {{"--kill-old-delay=2", NULL, "KILL_OLD_DELAY", ""}, 0, 2000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made;
        const struct plan *plan = make(&made, &rows[i].sources, NULL);
        if (plan->settings.auto_restart_ms != rows[i].auto_restart_ms ||
            plan->settings.kill_old_delay_ms != rows[i].kill_old_delay_ms) {
            fail_msg("row %zu: auto-restart %d ms, kill-old-delay %d ms", i,
                     (int)plan->settings.auto_restart_ms, (int)plan->settings.kill_old_delay_ms);
        }
        assert_string_equal(plan->settings_problem.text, "");
        assert_string_equal(plan->envdir_problem.text, "");
        unmake(&made, &rows[i].sources);
    }
}

static void a_variable_that_makes_no_sense_is_told_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        struct sources sources;
        const char *problem;
        int auto_restart_ms;
        int kill_old_delay_ms;
    } rows[] = {
        {{NULL, NULL, "KILL_OLD_DELAY", "soon\n"}, "KILL_OLD_DELAY: expected a duration", 0, 700},
        {{"--kill-old-delay=2", NULL, "KILL_OLD_DELAY", "-1\n"}, "got '-1'", 0, 700},
        {{"--enable-auto-restart", NULL, "AUTO_RESTART_INTERVAL", "often\n"},
         "AUTO_RESTART_INTERVAL: expected a duration",
         9000,
         5000},
    };
    const struct lifecycle_settings before = {.auto_restart_ms = 9000, .kill_old_delay_ms = 700};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made;
        const struct plan *plan = make(&made, &rows[i].sources, &before);
        assert_text_has(plan->settings_problem.text, rows[i].problem);
        assert_int_equal(plan->settings.auto_restart_ms, rows[i].auto_restart_ms);
        assert_int_equal(plan->settings.kill_old_delay_ms, rows[i].kill_old_delay_ms);
        unmake(&made, &rows[i].sources);
    }
}

static void a_worker_sees_the_options_as_variables(void **state)
{
    (void)state;
    const struct sources sources = {
        "--enable-auto-restart --auto-restart-interval=2m --kill-old-delay=1.5", NULL, NULL, NULL};
    struct made made;
    const struct environment *environment = &make(&made, &sources, NULL)->environment;
    assert_string_equal(environment_get(environment, "ENABLE_AUTO_RESTART"), "1");
    assert_string_equal(environment_get(environment, "AUTO_RESTART_INTERVAL"), "2m");
    assert_string_equal(environment_get(environment, "KILL_OLD_DELAY"), "1.5");
    assert_string_equal(environment_get(environment, "ENVDIR"), "env");
    assert_string_equal(environment_get(environment, "SERVER_STARTER_GENERATION"), "1");
    unmake(&made, &sources);
}

static void the_rest_comes_from_the_options(void **state)
{
    (void)state;
    const struct sources sources = {
        "--interval=0.3 --signal-on-hup=USR1 --deploy-attempts=4 --backoff=no", NULL, NULL, NULL};
    struct made made;
    const struct lifecycle_settings *settings = &make(&made, &sources, NULL)->settings;
    assert_int_equal(settings->interval_ms, 300);
    assert_int_equal(settings->retire_signal, SIGUSR1);
    assert_int_equal(settings->deploy_attempts, 4);
    assert_false(settings->backoff);
    unmake(&made, &sources);
}

static void the_envdir_is_read_afresh_for_each_generation(void **state)
{
    (void)state;
    const struct sources none = {NULL, NULL, NULL, NULL};
    const struct sources red = {NULL, NULL, "COLOUR", "red\n"};
    const struct sources blue = {NULL, "COLOUR=grey", "COLOUR", "blue\n"};
    struct made made;
    assert_string_equal(environment_get(&make(&made, &red, NULL)->environment, "COLOUR"), "red");
    unmake(&made, &red);
    assert_string_equal(environment_get(&make(&made, &blue, NULL)->environment, "COLOUR"), "blue");
    unmake(&made, &blue);
    assert_null(environment_get(&make(&made, &none, NULL)->environment, "COLOUR"));
    unmake(&made, &none);
}

static void the_directory_may_be_named_by_the_variable_and_be_missing(void **state)
{
    (void)state;
    struct options options;
    struct plan plan;
    struct error error;
    char program[] = "tasuki";
    char server[] = "server";
    char *argv[] = {program, server, NULL};
    assert_int_equal(options_parse(&options, PERSONALITY_TASUKI, 2, argv, &error), 0);
    const struct lifecycle_settings settings = plan_initial_settings(&options);
    scratch_write("env/COLOUR", "green\n");

    setenv("ENVDIR", "env", 1);
    assert_int_equal(plan_make(&plan, &options, &no_listeners, 1, &settings, &error), 0);
    assert_string_equal(environment_get(&plan.environment, "COLOUR"), "green");
    plan_free(&plan);

    setenv("ENVDIR", "missing", 1);
    assert_int_equal(plan_make(&plan, &options, &no_listeners, 1, &settings, &error), 0);
    assert_null(environment_get(&plan.environment, "COLOUR"));
    assert_string_equal(plan.envdir_problem.text, "");
    plan_free(&plan);
    unsetenv("ENVDIR");
    options_free(&options);
}

static void what_cannot_be_read_in_the_envdir_is_told(void **state)
{
    (void)state;
    const struct sources sources = {NULL, NULL, "COLOUR", "red\n"};
    struct made made;
    assert_int_equal(symlink("LOOP", "env/LOOP"), 0);
    const struct plan *plan = make(&made, &sources, NULL);
    assert_text_has(plan->envdir_problem.text, "envdir env: LOOP: ");
    assert_string_equal(environment_get(&plan->environment, "COLOUR"), "red");
    unmake(&made, &sources);
}

static void an_envdir_cannot_take_the_sockets_away(void **state)
{
    (void)state;
    const struct sources sources = {NULL, "SERVER_STARTER_PORT=1=9", "SERVER_STARTER_PORT",
                                    "2=8\n"};
    struct made made;
    const struct plan *plan = make(&made, &sources, NULL);
    assert_string_equal(environment_get(&plan->environment, "SERVER_STARTER_PORT"), "");
    unmake(&made, &sources);
}

static void what_came_from_above_is_dropped_and_what_the_envdir_says_stays(void **state)
{
    (void)state;
    const struct sources stale = {NULL, "NGINX=3;", NULL, NULL};
    const struct sources meant = {NULL, "NGINX=3;", "NGINX", "4;\n"};
    struct made made;
    assert_null(environment_get(&make(&made, &stale, NULL)->environment, "NGINX"));
    unmake(&made, &stale);
    assert_string_equal(environment_get(&make(&made, &meant, NULL)->environment, "NGINX"), "4;");
    unmake(&made, &meant);
}

static void freeing_twice_does_no_harm(void **state)
{
    (void)state;
    const struct sources none = {NULL, NULL, NULL, NULL};
    struct made made;
    plan_free(make(&made, &none, NULL));
    unmake(&made, &none);
}

int main(void)
{
#define ON_ENVDIR(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, enter_with_clean_environment, scratch_leave)
    const struct CMUnitTest tests[] = {
        ON_ENVDIR(times_come_from_options_variables_and_envdir_the_latter_last),
        ON_ENVDIR(a_variable_that_makes_no_sense_is_told_and_changes_nothing),
        ON_ENVDIR(a_worker_sees_the_options_as_variables),
        ON_ENVDIR(the_rest_comes_from_the_options),
        ON_ENVDIR(the_envdir_is_read_afresh_for_each_generation),
        ON_ENVDIR(the_directory_may_be_named_by_the_variable_and_be_missing),
        ON_ENVDIR(what_cannot_be_read_in_the_envdir_is_told),
        ON_ENVDIR(an_envdir_cannot_take_the_sockets_away),
        ON_ENVDIR(what_came_from_above_is_dropped_and_what_the_envdir_says_stays),
        ON_ENVDIR(freeing_twice_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
