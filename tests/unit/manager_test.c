/*
 * What the service manager is told, in which order, over the life of a service.
 */
#include "manager.h"

#include "driven.h"
#include "scratch.h"

#include <sys/socket.h>
#include <sys/un.h>

struct fixture {
    struct ev_loop *loop;
    struct driven driven;
    struct configuration configuration;
    struct release release;
    struct release *in_force;
    struct service_manager service_manager;
    struct manager manager;
    int fd; /* the service manager's end */
};

static void set_up(struct fixture *fixture)
{
    struct error error;
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "notify"};
    *fixture = (struct fixture){.loop = ev_loop_new(EVFLAG_NOENV)};
    fixture->release.configuration = &fixture->configuration;
    fixture->in_force = &fixture->release;
    fixture->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fixture->fd, (const struct sockaddr *)&address, sizeof address), 0);
    char path[PATH_MAX];
    assert_non_null(realpath("notify", path));
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(service_manager_open(&fixture->service_manager, 20, &error), 0);
    driven_open(&fixture->driven, fixture->loop);
    manager_init(&fixture->manager,
                 &(struct manager_setup){.loop = fixture->loop,
                                         .service_manager = &fixture->service_manager,
                                         .lifecycle = driver_lifecycle(fixture->driven.driver),
                                         .release = &fixture->in_force});
    fixture->driven.on_report = manager_on_report;
    fixture->driven.context = &fixture->manager;
    driven_post(&fixture->driven, EVENT_START, 0);
}

static void take_down(struct fixture *fixture)
{
    manager_close(&fixture->manager);
    service_manager_close(&fixture->service_manager);
    close(fixture->fd);
    ev_loop_destroy(fixture->loop);
}

/* All that it was told since the last time, a bar after each message. */
static const char *told(const struct fixture *fixture)
{
    static char text[4096];
    size_t length = 0;
    ssize_t size;
    while ((size = recv(fixture->fd, text + length, sizeof text - length - 2, 0)) > 0) {
        length += (size_t)size;
        text[length++] = '|';
    }
    text[length] = '\0';
    return text;
}

/* `words` stand in what it was told, in this order. */
static void assert_told(const struct fixture *fixture, const char *const *words)
{
    const char *text = told(fixture);
    const char *rest = text;
    for (; *words != NULL; words++) {
        const char *found = strstr(rest, *words);
        if (found == NULL) {
            fail_msg("no %s (in this order) in %s", *words, text);
        } else {
            rest = found + strlen(*words);
        }
    }
}

#define ASSERT_TOLD(fixture, ...) assert_told(fixture, (const char *const[]){__VA_ARGS__, NULL})

static void a_service_is_ready_when_its_first_generation_is(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    const char *text = told(&fixture);
    assert_non_null(strstr(text, "STATUS=no generation is serving, one is starting|"));
    assert_null(strstr(text, "READY=1"));
    driven_post(&fixture.driven, EVENT_READY, 1);
    ASSERT_TOLD(&fixture, "READY=1\nSTATUS=generation 1 is serving|");
    take_down(&fixture);
}

static void a_deploy_is_a_reload_with_an_end(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    driven_post(&fixture.driven, EVENT_READY, 1);
    told(&fixture);
    driven_post(&fixture.driven, EVENT_DEPLOY, 0);
    ASSERT_TOLD(&fixture, "RELOADING=1\nMONOTONIC_USEC=", "deploy 1 is under way|");
    driven_post(&fixture.driven, EVENT_READY, 2);
    driven_post(&fixture.driven, EVENT_EXITED, 1);
    ASSERT_TOLD(&fixture, "READY=1\nSTATUS=generation 2 is serving");
    take_down(&fixture);
}

static void a_reload_that_fails_ends_and_says_why(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    driven_post(&fixture.driven, EVENT_READY, 1);
    driven_post(&fixture.driven, EVENT_DEPLOY, 0);
    told(&fixture);
    driven_post(&fixture.driven, EVENT_EXITED, 2);
    ASSERT_TOLD(&fixture, "READY=1\nSTATUS=generation 1 is serving|",
                "STATUS=generation 1 is serving; deploy 1 failed: ");
    take_down(&fixture);
}

static void the_end_is_told_once(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    driven_post(&fixture.driven, EVENT_READY, 1);
    told(&fixture);
    driven_post(&fixture.driven, EVENT_STOP, 0);
    driven_post(&fixture.driven, EVENT_EXITED, 1);
    const char *text = told(&fixture);
    const char *first = strstr(text, "STOPPING=1\nSTATUS=stopping|");
    assert_non_null(first);
    assert_null(strstr(first + 1, "STOPPING=1"));
    assert_true(fixture.driven.has_ended);
    take_down(&fixture);
}

/* A queue that is full holds nothing up: what is owed is told when there is room again. */
static void what_found_the_queue_full_is_told_later(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    struct error error;
    while (service_manager_tell(&fixture.service_manager, "STATUS=filled", &error) == 0) {
    }
    driven_post(&fixture.driven, EVENT_READY, 1);
    assert_null(strstr(told(&fixture), "READY=1"));
    const double until = ev_time() + 10;
    do {
        ev_run(fixture.loop, EVRUN_ONCE);
    } while (strstr(told(&fixture), "READY=1\nSTATUS=generation 1 is serving|") == NULL &&
             ev_time() < until);
    assert_true(ev_time() < until);
    take_down(&fixture);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_service_is_ready_when_its_first_generation_is),
        IN_SCRATCH(a_deploy_is_a_reload_with_an_end),
        IN_SCRATCH(a_reload_that_fails_ends_and_says_why),
        IN_SCRATCH(the_end_is_told_once),
        IN_SCRATCH(what_found_the_queue_full_is_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
