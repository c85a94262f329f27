/*
 * The supervisor's ear for the operator: the control socket in the event loop, and what its
 * requests ask for.
 */
#include "log.h"
#include "signal_name.h"
#include "supervisor_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* How often those who wait for a deploy are told how the older generations get on. */
#define DRAINING_SECONDS 1.0

static void on_console(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    console_process(supervisor->console);
    if (console_wants_draining(supervisor->console) && !ev_is_active(&supervisor->draining)) {
        ev_timer_set(&supervisor->draining, DRAINING_SECONDS, 0.0);
        ev_timer_start(loop, &supervisor->draining);
    }
}

static void on_draining(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    if (console_wants_draining(supervisor->console)) {
        console_report_draining(supervisor->console);
        ev_timer_set(watcher, DRAINING_SECONDS, 0.0);
        ev_timer_start(loop, watcher);
    }
}

static const struct family *look_up_family(void *context, uint64_t generation)
{
    return supervisor_find_family(context, generation);
}

static void stop_by_console(void *context)
{
    const struct supervisor *supervisor = context;
    log_info("asked to stop");
    driver_post(supervisor->driver,
                &(struct lifecycle_event){
                    .kind = EVENT_STOP, .signal = supervisor_options(supervisor)->signal_on_term});
}

static bool is_left_over(void *context, const struct listener *listener)
{
    const struct supervisor *supervisor = context;
    return adopter_is_left_over(supervisor->adopter, listener);
}

static void reap_for_console(void *context)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
}

static void deploy_by_console(void *context)
{
    log_info("asked to deploy");
    supervisor_request_deploy(context);
}

static int signal_current(void *context, int signal, struct error *error)
{
    struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
    const struct generation *current = lifecycle_find(
        driver_lifecycle(supervisor->driver), driver_lifecycle(supervisor->driver)->current);
    if (current == NULL) {
        return error_set(error, "no generation is serving");
    }
    log_about(LOG_LEVEL_INFO,
              &(struct log_facts){.generation = current->number, .pid = current->pid},
              "asked to send %s to worker %d", signal_name(signal), (int)current->pid);
    return kill(current->pid, signal) == 0
               ? 0
               : error_set(error, "cannot send %s to worker %d: %s", signal_name(signal),
                           (int)current->pid, strerror(errno));
}

/* A control socket that was asked for and cannot be had is an error; the usual one is only missed.
 */
int supervisor_open_console(struct supervisor *supervisor)
{
    const struct options *options = supervisor->setup->options;
    ev_timer_init(&supervisor->draining, on_draining, 0.0, 0.0);
    if (options->control != NULL && strcmp(options->control, "off") == 0) {
        return 0;
    }
    const struct console_setup setup = {
        .loop = supervisor->loop,
        .options = options,
        .release = supervisor->setup->release,
        .lifecycle = driver_lifecycle(supervisor->driver),
        .find_family = look_up_family,
        .is_left_over = is_left_over,
        .reap = reap_for_console,
        .deploy = deploy_by_console,
        .stop = stop_by_console,
        .reopen = supervisor_reopen_log,
        .signal_current = signal_current,
        .context = supervisor,
    };
    struct error error;
    supervisor->console = console_open(&setup, &error);
    if (supervisor->console == NULL) {
        if (options->control != NULL) {
            log_error("--control: %s", error.text);
            *supervisor->setup->failure = error;
            return -1;
        }
        log_warning("no control socket: %s", error.text);
        return 0;
    }
    ev_io_init(&supervisor->console_io, on_console, console_fd(supervisor->console), EV_READ);
    ev_io_start(supervisor->loop, &supervisor->console_io);
    return 0;
}
