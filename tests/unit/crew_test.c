/*
 * The crew with real workers: how they are started, who is told of their end, and what they said
 * last.
 */
#include "crew.h"

#include "driven.h"
#include "scratch.h"

#include <sys/wait.h>

struct fixture {
    struct ev_loop *loop;
    struct driven driven; /* for a lifecycle to ask */
    struct release *release;
    struct capture *captures;
    struct crew crew;
    pid_t exited;   /* of EVENT_EXITED */
    bool was_known; /* its family was there then */
    char words[LAST_WORDS_SIZE];
    char status[64];
    pid_t started; /* -1: it was not */
    char failure[512];
};

static void on_event(void *context, const struct lifecycle_event *event)
{
    struct fixture *fixture = context;
    if (event->kind == EVENT_EXITED) {
        fixture->exited = event->pid;
        fixture->was_known = crew_find(&fixture->crew, 1) != NULL;
    }
}

static void on_status(void *context, uint64_t generation, const char *text)
{
    struct fixture *fixture = context;
    (void)generation;
    snprintf(fixture->status, sizeof fixture->status, "%s", text);
}

static void on_last_words(void *context, const char *words, const char *output)
{
    struct fixture *fixture = context;
    (void)output;
    snprintf(fixture->words, sizeof fixture->words, "%s", words != NULL ? words : "(unknown)");
}

static void on_started(void *context, uint64_t generation, pid_t pid,
                       const struct lifecycle_settings *settings,
                       const struct worker_failure *failure)
{
    struct fixture *fixture = context;
    (void)settings;
    assert_int_equal(generation, 1);
    fixture->started = pid;
    snprintf(fixture->failure, sizeof fixture->failure, "%s", pid < 0 ? failure->error.text : "");
}

static void on_reap(void *context)
{
    (void)context;
}

/* `option` and a shell command. */
static void set_up(struct fixture *fixture, const char *option, const char *script)
{
    static char *argv[] = {(char *)"tasuki", NULL, (char *)"--", (char *)"sh",
                           (char *)"-c",     NULL, NULL};
    struct config_errors errors = {.count = 0};
    struct activation none = {.count = 0};
    struct error error;
    argv[1] = (char *)option;
    argv[5] = (char *)script;
    *fixture = (struct fixture){.loop = ev_loop_new(EVFLAG_NOENV)};
    struct configuration *configuration = configuration_read(PERSONALITY_TASUKI, 6, argv, &errors);
    assert_non_null(configuration);
    fixture->release = release_open(configuration, &none, &error);
    assert_non_null(fixture->release);
    configuration_release(configuration);
    driven_open(&fixture->driven, fixture->loop);
    assert_int_equal(
        crew_open(&fixture->crew,
                  &(struct crew_setup){.loop = fixture->loop,
                                       .lifecycle = driver_lifecycle(fixture->driven.driver),
                                       .release = &fixture->release,
                                       .captures = &fixture->captures,
                                       .reap = on_reap,
                                       .on_event = on_event,
                                       .on_status = on_status,
                                       .on_started = on_started,
                                       .on_last_words = on_last_words,
                                       .context = fixture},
                  &error),
        0);
}

static void take_down(struct fixture *fixture)
{
    crew_close(&fixture->crew);
    while (fixture->captures != NULL) {
        capture_free(fixture->captures);
    }
    release_drop(fixture->release);
    ev_loop_destroy(fixture->loop);
}

static pid_t spawn(struct fixture *fixture)
{
    struct lifecycle_settings settings = plan_initial_settings(release_options(fixture->release));
    crew_start(&fixture->crew, fixture->release, 1, &settings);
    while (fixture->started == 0) {
        ev_run(fixture->loop, EVRUN_ONCE);
    }
    if (fixture->started < 0) {
        fail_msg("%s", fixture->failure);
    }
    return fixture->started;
}

/* As the driver does it. */
static int reap(struct fixture *fixture, pid_t pid)
{
    siginfo_t ended;
    int status;
    assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
    crew_on_ended(&fixture->crew, pid);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    crew_on_reaped(&fixture->crew, pid, status);
    return status;
}

static void a_worker_is_known_until_its_end_has_been_told(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, "--capture=off", "exit 3");
    pid_t pid = spawn(&fixture);
    assert_int_equal(crew_find(&fixture.crew, 1)->pid, pid);
    assert_int_equal(WEXITSTATUS(reap(&fixture, pid)), 3);
    assert_int_equal(fixture.exited, pid);
    assert_true(fixture.was_known);
    assert_null(crew_find(&fixture.crew, 1));
    assert_non_null(fixture.crew.departed); /* it may be an event of its own that led here */
    ev_run(fixture.loop, EVRUN_NOWAIT);
    assert_null(fixture.crew.departed);
    take_down(&fixture);
}

static void an_orphan_is_nobodys_end(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, "--capture=off", "exec sleep 60");
    pid_t pid = spawn(&fixture);
    crew_on_reaped(&fixture.crew, getpid(), 0);
    assert_int_equal(fixture.exited, 0);
    crew_signal(&fixture.crew, 1, pid, SIGKILL);
    assert_int_equal(WTERMSIG(reap(&fixture, pid)), SIGKILL);
    take_down(&fixture);
}

static void a_failed_worker_said_something_last(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, "--capture=on", "echo cannot open the database >&2; exit 1");
    pid_t pid = spawn(&fixture);
    siginfo_t ended;
    assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
    crew_on_report(&fixture.crew, &(struct lifecycle_action){.report = REPORT_START_FAILED,
                                                             .generation = 1,
                                                             .pid = pid,
                                                             .status = 1 << 8});
    assert_string_equal(fixture.words, "cannot open the database\n");
    reap(&fixture, pid);
    take_down(&fixture);
}

/* The group's other process holds the pipe open for as long as it lives. */
static void with_kill_mode_group_nothing_of_it_is_left(void **state)
{
    (void)state;
    struct fixture fixture;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    char script[64];
    snprintf(script, sizeof script, "sleep 60 <&%d & exit 0", ends[1]);
    set_up(&fixture, "--kill-mode=group", script);
    reap(&fixture, spawn(&fixture));
    close(ends[1]);
    alarm(30);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    alarm(0);
    close(ends[0]);
    take_down(&fixture);
}

static void what_cannot_be_executed_is_a_failure_that_lasts(void **state)
{
    (void)state;
    struct fixture fixture;
    struct lifecycle_settings settings;
    set_up(&fixture, "--dir=/nowhere-at-all", "exit 0");
    settings = plan_initial_settings(release_options(fixture.release));
    crew_start(&fixture.crew, fixture.release, 1, &settings);
    while (fixture.started == 0) {
        ev_run(fixture.loop, EVRUN_ONCE);
    }
    assert_int_equal(fixture.started, -1);
    assert_non_null(strstr(fixture.failure, "/nowhere-at-all"));
    assert_null(crew_find(&fixture.crew, 1));
    take_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_known_until_its_end_has_been_told),
        cmocka_unit_test(an_orphan_is_nobodys_end),
        cmocka_unit_test(a_failed_worker_said_something_last),
        cmocka_unit_test(with_kill_mode_group_nothing_of_it_is_left),
        cmocka_unit_test(what_cannot_be_executed_is_a_failure_that_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
