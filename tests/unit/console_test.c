/*
 * The console in a real loop, with clients on the real control socket: who is answered what, and
 * when.
 */
#include "console.h"

#include "driven.h"
#include "json_field.h"
#include "scratch.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

struct fixture {
    struct ev_loop *loop;
    struct driven driven;
    struct configuration configuration;
    struct release release;
    struct release *in_force;
    struct crew crew; /* an empty one */
    struct console *console;
    int stop_signal;
};

static void on_reap(void *context)
{
    (void)context;
}

static void on_deploy(void *context)
{
    struct fixture *fixture = context;
    driven_post(&fixture->driven, EVENT_DEPLOY, 0);
}

static void on_stop(void *context, int signal)
{
    struct fixture *fixture = context;
    fixture->stop_signal = signal;
    driven_post(&fixture->driven, EVENT_STOP, 0);
}

static int on_reopen(void *context, struct error *error)
{
    (void)context;
    return error_set(error, "cannot open log file x: no such directory");
}

static int on_signal(void *context, int signal, struct error *error)
{
    (void)context;
    (void)signal;
    (void)error;
    return 0;
}

static void set_up(struct fixture *fixture)
{
    static char *command[] = {(char *)"server", NULL};
    struct error error;
    *fixture = (struct fixture){.loop = ev_loop_new(EVFLAG_NOENV)};
    fixture->configuration.options.command = command;
    fixture->configuration.options.control = "control";
    fixture->release.configuration = &fixture->configuration;
    fixture->in_force = &fixture->release;
    driven_open(&fixture->driven, fixture->loop);
    fixture->console =
        console_open(&(struct console_setup){.loop = fixture->loop,
                                             .options = &fixture->configuration.options,
                                             .release = &fixture->in_force,
                                             .lifecycle = driver_lifecycle(fixture->driven.driver),
                                             .crew = &fixture->crew,
                                             .reap = on_reap,
                                             .deploy = on_deploy,
                                             .stop = on_stop,
                                             .reopen = on_reopen,
                                             .signal_current = on_signal,
                                             .context = fixture},
                     &error);
    assert_non_null(fixture->console);
    fixture->driven.on_report = console_on_report;
    fixture->driven.context = fixture->console;
    driven_post(&fixture->driven, EVENT_START, 0);
    driven_post(&fixture->driven, EVENT_READY, 1);
}

static void take_down(struct fixture *fixture)
{
    console_close(fixture->console);
    ev_loop_destroy(fixture->loop);
}

static int ask(const char *request)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    return fd;
}

/* Turns the loop until the client has been told something, and takes one line of it. */
static json_t *next(struct fixture *fixture, int fd)
{
    static char line[8192];
    size_t length = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (int turns = 0; turns < 1000 && poll(&readable, 1, 0) == 0; turns++) {
        ev_run(fixture->loop, EVRUN_NOWAIT);
        poll(&readable, 1, 5);
    }
    while (length + 1 < sizeof line && recv(fd, line + length, 1, MSG_DONTWAIT) == 1 &&
           line[length] != '\n') {
        length++;
    }
    json_t *object = json_loadb(line, length, 0, NULL);
    assert_non_null(object);
    return object;
}

static void assert_next(struct fixture *fixture, int fd, const char *key, const char *value)
{
    json_t *object = next(fixture, fd);
    assert_string_equal(field_text(object, key, "none"), value);
    json_decref(object);
}

static void turn(struct fixture *fixture)
{
    for (int i = 0; i < 3; i++) {
        ev_run(fixture->loop, EVRUN_NOWAIT);
    }
}

static void who_asks_for_a_deploy_gets_its_events_and_its_outcome(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    int fd = ask("restart\n");
    assert_next(&fixture, fd, "event", "deploy-started");
    assert_next(&fixture, fd, "event", "spawned");
    driven_post(&fixture.driven, EVENT_READY, 2);
    assert_next(&fixture, fd, "event", "ready");
    assert_next(&fixture, fd, "event", "signalled");
    driven_post(&fixture.driven, EVENT_EXITED, 1);
    assert_next(&fixture, fd, "event", "left");
    assert_next(&fixture, fd, "event", "deploy-succeeded");
    json_t *result = next(&fixture, fd);
    assert_string_equal(field_text(result, "result", ""), "succeeded");
    assert_int_equal(field_number(result, "generation", 0), 2);
    json_decref(result);
    close(fd);
    take_down(&fixture);
}

static void a_failed_deploy_is_answered_with_the_last_words(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    int fd = ask("restart\n");
    turn(&fixture);
    console_set_last_words(fixture.console, "cannot open the database", "the terminal");
    driven_post(&fixture.driven, EVENT_EXITED, 2);
    json_t *result;
    while (field_text(result = next(&fixture, fd), "result", NULL) == NULL) {
        json_decref(result);
    }
    assert_string_equal(field_text(result, "result", ""), "failed");
    assert_string_equal(field_text(result, "last_words", ""), "cannot open the database");
    assert_string_equal(field_text(result, "output", ""), "the terminal");
    assert_int_equal(field_number(result, "generation", 0), 1); /* who is still serving */
    json_decref(result);
    close(fd);
    take_down(&fixture);
}

static void a_stop_answers_who_waits_for_a_deploy(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    int waiting = ask("restart\n");
    turn(&fixture);
    int stopping = ask("stop\n");
    json_t *result;
    while (field_text(result = next(&fixture, waiting), "result", NULL) == NULL) {
        json_decref(result);
    }
    assert_string_equal(field_text(result, "result", ""), "stopped");
    json_decref(result);
    assert_int_equal(fixture.stop_signal, SIGTERM);
    close(waiting);
    close(stopping);
    take_down(&fixture);
}

static void status_knows_the_generations_and_the_deploys(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    driven_post(&fixture.driven, EVENT_DEPLOY, 0);
    driven_post(&fixture.driven, EVENT_EXITED, 2);
    int fd = ask("status\n");
    json_t *object = next(&fixture, fd);
    const json_t *status = json_object_get(object, "status");
    assert_string_equal(field_text(status, "state", ""), "serving");
    assert_string_equal(field_text(status, "name", ""), "server");
    assert_int_equal(json_array_size(json_object_get(status, "generations")), 1);
    const json_t *deploy = json_array_get(json_object_get(status, "deploys"), 0);
    assert_string_equal(field_text(deploy, "outcome", ""), "failed");
    json_decref(object);
    assert_next(&fixture, fd, "result", "ok");
    close(fd);
    take_down(&fixture);
}

static void what_cannot_be_done_is_answered_by_its_reason(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    int fd = ask("reopen\n");
    assert_next(&fixture, fd, "message", "cannot open log file x: no such directory");
    close(fd);
    fd = ask("signal NONSENSE\n");
    assert_next(&fixture, fd, "result", "error");
    close(fd);
    fd = ask("signal USR1\n");
    assert_next(&fixture, fd, "result", "ok");
    close(fd);
    fd = ask("dance\n");
    assert_next(&fixture, fd, "result", "error");
    close(fd);
    take_down(&fixture);
}

static void who_follows_hears_of_workers_too(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    int fd = ask("events\n");
    turn(&fixture);
    console_report_status(fixture.console, 1, "loading models");
    json_t *event = next(&fixture, fd);
    assert_string_equal(field_text(event, "event", ""), "worker-status");
    assert_string_equal(field_text(event, "text", ""), "loading models");
    assert_int_equal(field_number(event, "pid", 0), DRIVEN_PID(1));
    json_decref(event);
    close(fd);
    take_down(&fixture);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(who_asks_for_a_deploy_gets_its_events_and_its_outcome),
        IN_SCRATCH(a_failed_deploy_is_answered_with_the_last_words),
        IN_SCRATCH(a_stop_answers_who_waits_for_a_deploy),
        IN_SCRATCH(status_knows_the_generations_and_the_deploys),
        IN_SCRATCH(what_cannot_be_done_is_answered_by_its_reason),
        IN_SCRATCH(who_follows_hears_of_workers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
