#include "errand.h"

#include "log.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long the end of the supervisor waits for the commands of the last events. */
#define LAST_EVENTS_MS 2000
/* How often the output of a running check is cut to its end. */
#define TRIM_SECONDS 0.1

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct errand *errand = watcher->data;
    errand->has_timed_out = true;
    helper_kill(&errand->helper);
}

/* A check that prints without end must not fill the memory. */
static void on_trim(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    const struct errand *errand = watcher->data;
    helper_trim(&errand->helper);
}

static void set_up(struct errand *errand)
{
    *errand = (struct errand){.helper = {.output_fd = -1}};
    ev_timer_init(&errand->timeout, on_timeout, 0.0, 0.0);
    ev_timer_init(&errand->trim, on_trim, TRIM_SECONDS, TRIM_SECONDS);
    errand->timeout.data = errand;
    errand->trim.data = errand;
}

static void bound(struct errands *errands, struct errand *errand, double seconds)
{
    errand->has_timed_out = false;
    if (seconds > 0) {
        ev_now_update(errands->loop);
        ev_timer_set(&errand->timeout, seconds, 0.0);
        ev_timer_start(errands->loop, &errand->timeout);
    }
}

void errands_init(struct errands *errands, struct ev_loop *loop)
{
    *errands = (struct errands){.loop = loop};
    set_up(&errands->check);
    for (int i = 0; i < ERRANDS_MAX; i++) {
        set_up(&errands->events[i]);
    }
}

int errands_start_check(struct errands *errands, const struct helper_command *command,
                        double seconds, struct error *error)
{
    if (helper_start(&errands->check.helper, command, error) != 0) {
        return -1;
    }
    bound(errands, &errands->check, seconds);
    ev_timer_start(errands->loop, &errands->check.trim);
    return 0;
}

static void finish(struct errands *errands, struct errand *errand)
{
    ev_timer_stop(errands->loop, &errand->timeout);
    ev_timer_stop(errands->loop, &errand->trim);
    helper_finish(&errand->helper);
}

static void cancel(struct errands *errands, struct errand *errand)
{
    if (errand->helper.pid > 0) {
        helper_kill(&errand->helper);
        finish(errands, errand);
    }
}

void errands_cancel_check(struct errands *errands)
{
    cancel(errands, &errands->check);
}

void errands_run_event(struct errands *errands, const char *command,
                       const struct environment *environment)
{
    struct errand *free_one = NULL;
    for (int i = 0; i < ERRANDS_MAX && free_one == NULL; i++) {
        if (errands->events[i].helper.pid == 0) {
            free_one = &errands->events[i];
        }
    }
    if (free_one == NULL) {
        if (errands->left_out++ == 0) {
            log_warning("--on-event: %d commands are still running; events are left out",
                        ERRANDS_MAX);
        }
        return;
    }
    errands->left_out = 0;
    struct error error;
    const struct helper_command helper = {.text = command, .environment = environment->entries};
    if (helper_start(&free_one->helper, &helper, &error) != 0) {
        log_error("--on-event: %s", error.text);
        return;
    }
    bound(errands, free_one, ERRAND_SECONDS);
}

static void read_check_words(const struct errand *check, char *words, size_t size)
{
    size_t length = helper_output(&check->helper, words, size);
    if (check->has_timed_out) {
        snprintf(words + length, size - length, "%sthe check took too long and was killed",
                 length > 0 && words[length - 1] != '\n' ? "\n" : "");
    }
}

enum errand_kind errands_reap(struct errands *errands, pid_t pid, char *words, size_t size)
{
    if (pid == errands->check.helper.pid) {
        read_check_words(&errands->check, words, size);
        finish(errands, &errands->check);
        return ERRAND_CHECK;
    }
    for (int i = 0; i < ERRANDS_MAX; i++) {
        if (pid == errands->events[i].helper.pid) {
            if (errands->events[i].has_timed_out) {
                log_warning("--on-event: the command took longer than %d s and was killed",
                            (int)ERRAND_SECONDS);
            }
            finish(errands, &errands->events[i]);
            return ERRAND_EVENT;
        }
    }
    return ERRAND_NONE;
}

static bool has_running_events(const struct errands *errands)
{
    for (int i = 0; i < ERRANDS_MAX; i++) {
        if (errands->events[i].helper.pid > 0) {
            return true;
        }
    }
    return false;
}

/* Nobody reaps any more but here. */
static void finish_ended_events(struct errands *errands)
{
    for (int i = 0; i < ERRANDS_MAX; i++) {
        struct errand *errand = &errands->events[i];
        if (errand->helper.pid > 0 && waitpid(errand->helper.pid, NULL, WNOHANG) != 0) {
            finish(errands, errand);
        }
    }
}

void errands_close(struct errands *errands)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    cancel(errands, &errands->check);
    for (int left = LAST_EVENTS_MS; left > 0 && has_running_events(errands); left -= 10) {
        nanosleep(&pause, NULL);
        finish_ended_events(errands);
    }
    for (int i = 0; i < ERRANDS_MAX; i++) {
        cancel(errands, &errands->events[i]);
    }
}
