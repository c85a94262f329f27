#include "supervisor.h"

#include "last_words.h"
#include "log.h"
#include "plan.h"
#include "signal_name.h"
#include "supervisor_internal.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the event loop opens for itself. */
#define LOOP_DESCRIPTORS 4
/* A moment that never comes (see watch_clock). */
#define FAR_FUTURE 1e11

/* --- events ------------------------------------------------------------------------------------
 */

static void on_check_exited(struct supervisor *supervisor, const char *words, int status)
{
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok) {
        char ending[64];
        log_error("the check %s", worker_describe_exit(status, ending, sizeof ending));
        console_set_last_words(supervisor->console, words, NULL);
        log_text(LOG_LEVEL_ERROR, "check: ", words);
        if (!driver_lifecycle(supervisor->driver)->has_spawned) {
            error_set(supervisor->setup->failure, "the check %s", ending);
        }
    }
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = ok});
}

/* True if the process was a probe or another command on the side. */
static bool reap_helper(struct supervisor *supervisor, pid_t pid, int status)
{
    char words[LAST_WORDS_SIZE];
    for (struct family *family = supervisor->families; family != NULL; family = family->next) {
        if (family_reap(family, pid, status)) {
            return true;
        }
    }
    switch (hooks_reap(&supervisor->hooks, pid, words, sizeof words)) {
    case HOOK_CHECK:
        on_check_exited(supervisor, words, status);
        return true;
    case HOOK_EVENT:
        return true;
    case HOOK_NONE:
        break;
    }
    return false;
}

static struct family *find_family_of(const struct supervisor *supervisor, pid_t pid)
{
    struct family *family = supervisor->families;
    while (family != NULL && family->pid != pid) {
        family = family->next;
    }
    return family;
}

/* With --kill-mode=group what a worker left behind is killed while the number of its group is still
   its own: once it is reaped and the group is empty, it may be anybody's. */
static void on_ended(void *context, pid_t pid)
{
    const struct family *family = find_family_of(context, pid);
    if (family != NULL && family->options->kill_group) {
        kill(-pid, SIGKILL);
    }
}

/* The lifecycle learns of the death while the family still knows the worker. A socket that only
   this one had is closed before anybody is told that a deploy is over. */
static void on_process_exited(struct supervisor *supervisor, pid_t pid, int status)
{
    struct family *dead = find_family_of(supervisor, pid);
    if (dead != NULL) {
        adopter_end(supervisor->adopter, dead->generation);
        family_drop_release(dead);
    }
    driver_post(supervisor->driver,
                &(struct lifecycle_event){.kind = EVENT_EXITED, .pid = pid, .status = status});
    for (struct family **link = &supervisor->families; *link != NULL; link = &(*link)->next) {
        struct family *family = *link;
        if (family->pid == pid) {
            *link = family->next;
            /* It may be its own event that led here: it is freed before the loop waits again. */
            family_end(family);
            family->next = supervisor->departed;
            supervisor->departed = family;
            return;
        }
    }
}

/* Workers, the log command, helpers, and the orphans that come to PID 1. */
static void on_reaped(void *context, pid_t pid, int status)
{
    struct supervisor *supervisor = context;
    if (!log_keeper_reap(&supervisor->log_keeper, pid, status) &&
        !reap_helper(supervisor, pid, status)) {
        on_process_exited(supervisor, pid, status);
    }
}

void supervisor_request_deploy(struct supervisor *supervisor)
{
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
}

/* --- setting up --------------------------------------------------------------------------------
 */

static void on_clock(struct ev_loop *loop, ev_periodic *watcher, int revents)
{
    (void)loop;
    (void)watcher;
    (void)revents;
}

/* Without a periodic watcher libev wakes up every minute to look for jumps of the clock. With one
   it has the kernel tell it (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), and sleeps. */
static void watch_clock(struct supervisor *supervisor)
{
    ev_periodic_init(&supervisor->clock, on_clock, FAR_FUTURE, 0.0, NULL);
    ev_periodic_start(supervisor->loop, &supervisor->clock);
}

void supervisor_describe_listener(const struct listener *listener)
{
    const char *type = listener->socket_type == SOCK_SEQPACKET ? " (seqpacket)"
                       : listener->socket_type == SOCK_STREAM  ? ""
                       : listener->family == AF_UNIX           ? " (datagram)"
                                                               : " (UDP)";
    log_info("listening on %s%s, descriptor %d of the workers%s", listener->name, type,
             listener->worker_fd,
             listener->origin == LISTENER_KEPT ? ", kept open since before" : "");
    if (listener->warning != NULL) {
        log_warning("listening on %s: %s", listener->name, listener->warning);
    }
}

static void describe_listeners(const struct supervisor *supervisor)
{
    const struct listener_set *listeners = &supervisor_release(supervisor)->listeners;
    struct error gap;
    for (size_t i = 0; i < listeners->count; i++) {
        supervisor_describe_listener(&listeners->items[i]);
    }
    if (inheritance_has_gap(supervisor_options(supervisor)->inherit, listeners, &gap)) {
        log_warning("%s", gap.text);
    }
}

static void free_families(struct family **list)
{
    while (*list != NULL) {
        struct family *family = *list;
        *list = family->next;
        family_free(family);
    }
}

static void on_bury(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    free_families(&supervisor->departed);
}

/* A death that is not yet reaped goes before the worker's last message: the dead are not ready. */
static void on_family_event(void *context, const struct lifecycle_event *event)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
    if (event->kind == EVENT_READY) {
        adopter_hear(supervisor->adopter, event->generation);
    }
    driver_post(supervisor->driver, event);
}

/* The same for one that is seen to listen. */
static void on_adopter_event(void *context, const struct lifecycle_event *event)
{
    const struct supervisor *supervisor = context;
    driver_post(supervisor->driver, event);
}

static int set_up_adopter(struct supervisor *supervisor)
{
    const struct adopter_setup setup = {.loop = supervisor->loop,
                                        .lifecycle = driver_lifecycle(supervisor->driver),
                                        .on_event = on_adopter_event,
                                        .context = supervisor};
    supervisor->adopter = adopter_new(&setup);
    if (supervisor->adopter == NULL) {
        log_error("cannot set up adoption: out of memory");
        return -1;
    }
    return 0;
}

static void on_family_status(void *context, uint64_t generation, const char *text)
{
    const struct supervisor *supervisor = context;
    console_report_status(supervisor->console, generation, text);
}

static void set_up_manager(struct supervisor *supervisor)
{
    const struct supervisor_setup *setup = supervisor->setup;
    manager_init(&supervisor->manager,
                 &(struct manager_setup){.loop = supervisor->loop,
                                         .service_manager = setup->manager,
                                         .lifecycle = driver_lifecycle(supervisor->driver),
                                         .release = setup->release,
                                         .is_daemon = setup->options->daemonize});
}

static void on_change(void *context, const char *path)
{
    const struct supervisor *supervisor = context;
    log_info("%s has changed: asked to deploy", path);
    driver_post(supervisor->driver,
                &(struct lifecycle_event){.kind = EVENT_DEPLOY, .cause = CAUSE_CHANGE});
}

static int set_up_change_trigger(struct supervisor *supervisor)
{
    struct error error;
    change_trigger_init(&supervisor->change_trigger,
                        &(struct change_trigger_setup){.loop = supervisor->loop,
                                                       .on_change = on_change,
                                                       .context = supervisor});
    if (change_trigger_follow(&supervisor->change_trigger, supervisor_options(supervisor),
                              &error) != 0) {
        log_error("--restart-on-change: %s", error.text);
        *supervisor->setup->failure = error;
        return -1;
    }
    return 0;
}

void supervisor_follow_release(struct supervisor *supervisor, const struct release *before)
{
    struct error error;
    if (change_trigger_follow(&supervisor->change_trigger, supervisor_options(supervisor),
                              &error) != 0) {
        log_error("--restart-on-change: %s", error.text);
    }
    manager_unstore(&supervisor->manager, &before->listeners);
    manager_store(&supervisor->manager);
}

/* --- signals -----------------------------------------------------------------------------------
 */

static void on_child(void *context)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
}

static void on_deploy_signal(void *context)
{
    supervisor_request_deploy(context);
}

static void on_stop_signal(void *context, int signal)
{
    const struct supervisor *supervisor = context;
    int sent = signal == SIGTERM ? supervisor_options(supervisor)->signal_on_term : SIGTERM;
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_STOP, .signal = sent});
}

int supervisor_reopen_log(void *context, struct error *error)
{
    const struct supervisor *supervisor = context;
    return log_keeper_reopen(&supervisor->log_keeper, error);
}

static void on_reopen_signal(void *context)
{
    struct error error;
    supervisor_reopen_log(context, &error);
}

/* To the current generation; with none, as in a stop, to everybody who is left. */
static void on_forward_signal(void *context, int signal)
{
    struct supervisor *supervisor = context;
    driver_reap(supervisor->driver); /* the dead get none */
    const struct lifecycle *lifecycle = driver_lifecycle(supervisor->driver);
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        bool is_meant = lifecycle->current == 0 || generation->number == lifecycle->current;
        if (!is_meant || generation->pid == 0) {
            continue;
        }
        if (kill(generation->pid, signal) != 0) {
            log_error("cannot send %s to worker %d: %s", signal_name(signal), (int)generation->pid,
                      strerror(errno));
        } else {
            log_info("%s handed on to worker %d", signal_name(signal), (int)generation->pid);
        }
    }
}

static void watch_signals(struct supervisor *supervisor)
{
    signals_watch(&supervisor->signals,
                  &(struct signals_setup){.loop = supervisor->loop,
                                          .options = supervisor->setup->options,
                                          .on_child = on_child,
                                          .on_deploy = on_deploy_signal,
                                          .on_stop = on_stop_signal,
                                          .on_reopen = on_reopen_signal,
                                          .on_forward = on_forward_signal,
                                          .context = supervisor});
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* libev ends the process where it gets no descriptor: its own, for epoll, timers and signals. */
static int check_room_for_loop(struct error *error)
{
    int taken[LOOP_DESCRIPTORS];
    size_t count = 0;
    while (count < LOOP_DESCRIPTORS &&
           (taken[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0) {
        count++;
    }
    int reason = errno;
    for (size_t i = 0; i < count; i++) {
        close(taken[i]);
    }
    return count == LOOP_DESCRIPTORS
               ? 0
               : error_set(error,
                           "cannot set up the event loop: %s (it takes %d descriptors, see ulimit "
                           "-n)",
                           strerror(reason), LOOP_DESCRIPTORS);
}

static void set_up_driver(struct supervisor *supervisor)
{
    const struct driver_setup setup = {.loop = supervisor->loop,
                                       .settings =
                                           plan_initial_settings(supervisor->setup->options),
                                       .carry_out = supervisor_carry_out,
                                       .on_ended = on_ended,
                                       .on_reaped = on_reaped,
                                       .context = supervisor};
    supervisor->driver = driver_new(&setup);
}

static int set_up(struct supervisor *supervisor)
{
    struct error error;
    if (check_room_for_loop(&error) != 0) {
        log_error("%s", error.text);
        *supervisor->setup->failure = error;
        return -1;
    }
    supervisor->loop = ev_loop_new(EVFLAG_NOENV);
    if (supervisor->loop == NULL) {
        log_error("cannot set up the event loop: %s", strerror(errno));
        return -1;
    }
    ev_set_userdata(supervisor->loop, supervisor);
    set_up_driver(supervisor);
    log_keeper_init(&supervisor->log_keeper, supervisor->loop, supervisor->setup->log_file);
    set_up_manager(supervisor);
    supervisor->family_listener =
        (struct family_listener){.on_event = on_family_event,
                                 .on_status = on_family_status,
                                 .context = supervisor,
                                 .captures = &supervisor->log_keeper.captures};
    ev_prepare_init(&supervisor->bury, on_bury);
    ev_prepare_start(supervisor->loop, &supervisor->bury);
    hooks_init(&supervisor->hooks, supervisor->loop);
    watch_clock(supervisor);
    if (set_up_change_trigger(supervisor) != 0) {
        return -1;
    }
    watch_signals(supervisor);
    return set_up_adopter(supervisor) != 0 ? -1 : supervisor_open_console(supervisor);
}

static void take_down(struct supervisor *supervisor)
{
    console_close(supervisor->console);
    hooks_close(&supervisor->hooks);
    free_families(&supervisor->families);
    free_families(&supervisor->departed);
    adopter_free(supervisor->adopter);
    change_trigger_close(&supervisor->change_trigger);
    manager_close(&supervisor->manager);
    log_keeper_close(&supervisor->log_keeper);
    release_drop(supervisor->prepared);
    ev_loop_destroy(supervisor->loop);
}

int supervisor_run(const struct supervisor_setup *setup)
{
    struct supervisor supervisor = {.setup = setup, .exit_status = 1};
    if (set_up(&supervisor) == 0) {
        describe_listeners(&supervisor);
        listener_set_own_files(&supervisor_release(&supervisor)->listeners);
        manager_store(&supervisor.manager);
        driver_post(supervisor.driver, &(struct lifecycle_event){.kind = EVENT_START});
        if (!supervisor.has_ended) { /* ev_run would forget a break from before */
            ev_run(supervisor.loop, 0);
        }
        log_info("exiting with status %d", supervisor.exit_status);
    }
    if (supervisor.loop != NULL) {
        take_down(&supervisor);
    }
    return supervisor.exit_status;
}
