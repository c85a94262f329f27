#include "hook.h"

#include "log.h"
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long the end of the supervisor waits for the commands of the last events. */
#define LAST_EVENTS_MS 2000
/* How often the output of a running check is cut to its end. */
#define TRIM_SECONDS 0.1
/* How long one that was killed may take to end. */
#define ABANDON_SECONDS 1.0

static void finish(struct hooks *hooks, struct hook *hook);

/* One that waits for a file system that does not answer cannot be killed: it is left behind. */
static void abandon(struct hooks *hooks, struct hook *hook)
{
    static const char words[] = "the check took too long and cannot be killed; it is left behind";
    bool is_check = hook == &hooks->check;
    if (!is_check) {
        log_warning("--on-event: the command took longer than %d s and cannot be killed; it is "
                    "left behind",
                    (int)HOOK_SECONDS);
    }
    finish(hooks, hook);
    if (is_check) {
        hooks->on_check_lost(hooks->context, words);
    }
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct hook *hook = watcher->data;
    if (hook->has_timed_out) {
        abandon(hook->hooks, hook);
        return;
    }
    hook->has_timed_out = true;
    helper_kill(&hook->helper);
    ev_timer_set(watcher, ABANDON_SECONDS, 0.0);
    ev_timer_start(loop, watcher);
}

/* A check that prints without end must not fill the memory. */
static void on_trim(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    const struct hook *hook = watcher->data;
    helper_trim(&hook->helper);
}

static void set_up(struct hooks *hooks, struct hook *hook)
{
    *hook = (struct hook){.hooks = hooks, .helper = {.output_fd = -1}};
    ev_timer_init(&hook->timeout, on_timeout, 0.0, 0.0);
    ev_timer_init(&hook->trim, on_trim, TRIM_SECONDS, TRIM_SECONDS);
    hook->timeout.data = hook;
    hook->trim.data = hook;
}

static void bound(struct hooks *hooks, struct hook *hook, double seconds)
{
    hook->has_timed_out = false;
    if (seconds > 0) {
        ev_now_update(hooks->loop);
        ev_timer_set(&hook->timeout, seconds, 0.0);
        ev_timer_start(hooks->loop, &hook->timeout);
    }
}

void hooks_init(struct hooks *hooks, struct ev_loop *loop, struct release *const *release)
{
    *hooks = (struct hooks){.loop = loop, .release = release};
    set_up(hooks, &hooks->check);
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        set_up(hooks, &hooks->events[i]);
    }
}

int hooks_start_check(struct hooks *hooks, const struct helper_command *command, double seconds,
                      struct error *error)
{
    if (helper_start(&hooks->check.helper, command, error) != 0) {
        return -1;
    }
    bound(hooks, &hooks->check, seconds);
    ev_timer_start(hooks->loop, &hooks->check.trim);
    return 0;
}

/* It has been reaped, or is killed. */
static void forget(struct hooks *hooks, struct hook *hook)
{
    ev_timer_stop(hooks->loop, &hook->timeout);
    ev_timer_stop(hooks->loop, &hook->trim);
    helper_forget(&hook->helper);
}

static void finish(struct hooks *hooks, struct hook *hook)
{
    helper_kill(&hook->helper);
    forget(hooks, hook);
}

static void cancel(struct hooks *hooks, struct hook *hook)
{
    if (hook->helper.pid > 0) {
        finish(hooks, hook);
    }
}

void hooks_cancel_check(struct hooks *hooks)
{
    cancel(hooks, &hooks->check);
}

static void run_event(struct hooks *hooks, const char *command,
                      const struct environment *environment)
{
    struct hook *free_one = NULL;
    for (int i = 0; i < EVENT_HOOKS_MAX && free_one == NULL; i++) {
        if (hooks->events[i].helper.pid == 0) {
            free_one = &hooks->events[i];
        }
    }
    if (free_one == NULL) {
        if (hooks->left_out++ == 0) {
            log_warning("--on-event: %d commands are still running; skipping events",
                        EVENT_HOOKS_MAX);
        }
        return;
    }
    hooks->left_out = 0;
    struct error error;
    const struct helper_command helper = {.text = command, .environment = environment->entries};
    if (helper_start(&free_one->helper, &helper, &error) != 0) {
        log_error("--on-event: %s", error.text);
        return;
    }
    bound(hooks, free_one, HOOK_SECONDS);
}

void hooks_on_report(void *context, const struct lifecycle_action *action)
{
    struct hooks *hooks = context;
    const struct report report = report_of(action);
    const char *command = release_options(*hooks->release)->on_event;
    if (command == NULL || !report.kind->is_hooked) {
        return;
    }
    __attribute__((cleanup(environment_free))) struct environment environment;
    struct error error;
    if (environment_copy(&environment, environ, &error) != 0 ||
        report_to_environment(&report, &environment, &error) != 0) {
        log_error("--on-event: %s", error.text);
        return;
    }
    run_event(hooks, command, &environment);
}

static void read_check_words(const struct hook *check, char *words, size_t size)
{
    size_t length = helper_output(&check->helper, words, size);
    if (check->has_timed_out) {
        snprintf(words + length, size - length, "%skilled the check: it timed out",
                 length > 0 && words[length - 1] != '\n' ? "\n" : "");
    }
}

void hooks_on_ended(const struct hooks *hooks, pid_t pid)
{
    if (pid == hooks->check.helper.pid) {
        helper_kill(&hooks->check.helper);
    }
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        if (pid == hooks->events[i].helper.pid) {
            helper_kill(&hooks->events[i].helper);
        }
    }
}

enum hook_kind hooks_reap(struct hooks *hooks, pid_t pid, char *words, size_t size)
{
    if (pid == hooks->check.helper.pid) {
        read_check_words(&hooks->check, words, size);
        forget(hooks, &hooks->check);
        return HOOK_CHECK;
    }
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        if (pid == hooks->events[i].helper.pid) {
            if (hooks->events[i].has_timed_out) {
                log_warning("--on-event: killed the command: still running after %d s",
                            (int)HOOK_SECONDS);
            }
            forget(hooks, &hooks->events[i]);
            return HOOK_EVENT;
        }
    }
    return HOOK_NONE;
}

static bool has_running_events(const struct hooks *hooks)
{
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        if (hooks->events[i].helper.pid > 0) {
            return true;
        }
    }
    return false;
}

/* Nobody reaps any more but here. */
static void finish_ended_events(struct hooks *hooks)
{
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        struct hook *hook = &hooks->events[i];
        pid_t pid = hook->helper.pid;
        siginfo_t ended = {.si_pid = 0};
        if (pid > 0 && (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
                        ended.si_pid != 0)) {
            finish(hooks, hook);
            (void)waitpid(pid, NULL, WNOHANG);
        }
    }
}

void hooks_close(struct hooks *hooks)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    cancel(hooks, &hooks->check);
    for (int left = LAST_EVENTS_MS; left > 0 && has_running_events(hooks); left -= 10) {
        nanosleep(&pause, NULL);
        finish_ended_events(hooks);
    }
    for (int i = 0; i < EVENT_HOOKS_MAX; i++) {
        cancel(hooks, &hooks->events[i]);
    }
}
