/*
 * The shell's own parts on a machine that is short of descriptors, memory or processes.
 */
#include "faults.h"

#include "change_trigger.h"
#include "crew.h"
#include "hook.h"
#include "releases.h"

#include <poll.h>

/* --- a service
 * ------------------------------------------------------------------------------------ */

static struct ev_loop *loop;
static struct configuration *configuration;
static struct release *release;

/* The service `app`, whose file has these lines. */
static void write_configuration(const char *listeners)
{
    char text[512];
    snprintf(text, sizeof text, "[service]\ncommand = true\non-event = true\n%s", listeners);
    scratch_write("app.ini", text);
}

static int begin(void **state)
{
    static char words[][16] = {"tasuki", "--config", "app.ini"};
    static char *const arguments[] = {words[0], words[1], words[2], NULL};
    struct config_errors errors = {.count = 0};
    struct error error;
    clearenv(); /* each variable is a call more */
    setenv("PATH", "/usr/bin:/bin", 1);
    loop = ev_loop_new(0);
    if (loop == NULL || scratch_enter(state) != 0) {
        return -1;
    }
    write_configuration("[listen one]\npath = one\n");
    configuration = configuration_read(PERSONALITY_TASUKI, 3, arguments, &errors);
    assert_non_null(configuration);
    release = release_open(configuration, NULL, &error);
    return release != NULL ? 0 : -1;
}

static int end(void **state)
{
    release_drop(release);
    configuration_release(configuration);
    ev_loop_destroy(loop);
    return scratch_leave(state);
}

static char *const no_environment[] = {NULL};

/* --- hooks
 * ---------------------------------------------------------------------------------------- */

static int run_check(void *context, struct error *error)
{
    struct hooks *hooks = context;
    const struct helper_command command = {
        .text = "echo no; exit 1", .environment = no_environment, .capture = true};
    char words[64];
    if (hooks_start_check(hooks, &command, 10, error) != 0) {
        assert_int_equal(hooks->check.helper.pid, 0);
        return -1;
    }
    pid_t pid = hooks->check.helper.pid;
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
    assert_int_equal(hooks_reap(hooks, pid, words, sizeof words), HOOK_CHECK);
    assert_string_equal(words, "no\n");
    return 0;
}

static void a_check_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct hooks hooks;
    hooks_init(&hooks, loop, &release);
    assert_true(faults_sweep(run_check, &hooks, "") >= 6);
    hooks_close(&hooks);
}

static int run_event(void *context, struct error *error)
{
    (void)error;
    struct hooks *hooks = context;
    hooks_on_report(hooks,
                    &(struct lifecycle_action){
                        .kind = ACTION_REPORT, .report = REPORT_READY, .generation = 1, .pid = 1});
    hooks_close(hooks);
    return 0;
}

/* The log says so, and nobody is asked to do anything about it. */
static void an_event_whose_command_cannot_be_started_leaves_nothing_behind(void **state)
{
    (void)state;
    struct hooks hooks;
    hooks_init(&hooks, loop, &release);
    assert_true(
        faults_sweep(run_event, &hooks,
                     "open fcntl calloc malloc realloc strdup strndup fork pipe2 dup2 write") >= 5);
}

/* --- releases
 * ------------------------------------------------------------------------------------- */

struct verdict {
    int told;
    bool ok;
    struct error error;
};

static void on_checked(void *context, const struct lifecycle_event *event, const char *sentence,
                       const char *words)
{
    struct verdict *verdict = context;
    (void)words;
    verdict->told++;
    verdict->ok = event->ok;
    snprintf(verdict->error.text, sizeof verdict->error.text, "%s", sentence);
}

static void on_report(void *context, const struct lifecycle_action *report)
{
    (void)context;
    (void)report;
}

static int prepare(void *context, struct error *error)
{
    struct verdict verdict = {.told = 0};
    struct releases releases;
    (void)context;
    struct crew crew = {.families = NULL};
    struct hooks hooks;
    hooks_init(&hooks, loop, &release);
    releases_init(&releases, &(struct releases_setup){.loop = loop,
                                                      .configuration = configuration,
                                                      .in_force = &release,
                                                      .crew = &crew,
                                                      .hooks = &hooks,
                                                      .on_checked = on_checked,
                                                      .on_report = on_report,
                                                      .context = &verdict});
    releases_check(&releases,
                   &(struct lifecycle_action){.kind = ACTION_CHECK, .deploy = 1, .is_read = true});
    while (verdict.told == 0) { /* as the loop would do, whose own calls are not meant */
        struct aside *aside = &releases.preparation.aside;
        struct pollfd answer = {.fd = aside->answer_fd, .events = POLLIN};
        assert_int_equal(poll(&answer, 1, 10000), 1);
        ev_invoke(loop, &aside->answer, EV_READ);
    }
    releases_close(&releases);
    while (waitpid(-1, NULL, 0) > 0) { /* what was done aside */
    }
    assert_int_equal(verdict.told, 1);
    assert_int_equal(release->listeners.count, 1);
    assert_exists("one");
    assert_missing("two");
    *error = verdict.error;
    return verdict.ok ? 0 : -1;
}

static void a_deploy_that_cannot_be_prepared_fails_with_the_reason_and_changes_nothing(void **state)
{
    (void)state;
    write_configuration("[listen one]\npath = one\n[listen two]\npath = two\n");
    faults_spare_children(true);
    assert_true(faults_sweep(prepare, NULL, "setsockopt open openat fcntl write") >= 10);
    faults_spare_children(false);
}

/* --- the change trigger
 * --------------------------------------------------------------------------- */

static void on_change(void *context, const char *path)
{
    (void)context;
    fail_msg("nothing has changed, %s neither", path);
}

static int follow(void *context, struct error *error)
{
    struct change_trigger trigger;
    const struct change_trigger_setup setup = {.loop = loop, .on_change = on_change};
    change_trigger_init(&trigger, &setup);
    int result = change_trigger_follow(&trigger, context, error);
    change_trigger_close(&trigger);
    return result;
}

static void a_change_trigger_watches_or_says_what_it_cannot(void **state)
{
    (void)state;
    const char *path = "file";
    struct options options = {.watched_paths = {.items = &path, .count = 1}};
    scratch_write("file", "text");
    assert_true(faults_sweep(follow, &options, "open openat opendir") >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_check_starts_or_nothing_is_left_of_it, begin, end),
        cmocka_unit_test_setup_teardown(
            an_event_whose_command_cannot_be_started_leaves_nothing_behind, begin, end),
        cmocka_unit_test_setup_teardown(
            a_deploy_that_cannot_be_prepared_fails_with_the_reason_and_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_change_trigger_watches_or_says_what_it_cannot, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
