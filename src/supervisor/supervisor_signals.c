/*
 * The signals that the supervisor takes: what each of them asks for, and which are handed on to the
 * workers.
 */
#include "log.h"
#include "signal_name.h"
#include "supervisor_internal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- which signals ---------------------------------------------------------------------------- */

static uint64_t signal_bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

/* What would end any other process, but is ignored by the first one of a container, which has no
   default action (pid_namespaces(7)): a runtime may stop it so (SIGRTMIN+3, say). */
static uint64_t signals_of_init(void)
{
    static const int fatal[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXCPU};
    uint64_t set = 0;
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        set |= signal_bit(fatal[i]);
    }
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        set |= signal_bit(signal);
    }
    return set;
}

static uint64_t taken_signals(const struct options *options)
{
    static const int own[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGCHLD};
    uint64_t set = options->forward;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        set |= signal_bit(own[i]);
    }
    return getpid() == 1 ? set | signals_of_init() : set;
}

void supervisor_block_signals(const struct options *options)
{
    sigset_t set;
    sigemptyset(&set);
    uint64_t taken = taken_signals(options);
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        if (taken & signal_bit(signal)) {
            sigaddset(&set, signal);
        }
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* --- what they ask for ------------------------------------------------------------------------ */

static void request_stop(struct supervisor *supervisor, int signal)
{
    const struct options *options = supervisor_options(supervisor);
    log_info("received %s", signal_name(signal));
    supervisor_dispatch(
        supervisor,
        &(struct lifecycle_event){.kind = EVENT_STOP,
                                  .signal = signal == SIGTERM ? options->signal_on_term : SIGTERM});
}

/* To the current generation; with none, as in a stop, to everybody who is left. */
static void forward(struct supervisor *supervisor, int signal)
{
    supervisor_reap(supervisor); /* the dead get none */
    const struct lifecycle *lifecycle = &supervisor->lifecycle;
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

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    switch (watcher->signum) {
    case SIGCHLD:
        supervisor_reap(supervisor);
        break;
    case SIGHUP:
        log_info("received HUP");
        supervisor_request_deploy(supervisor);
        break;
    case SIGUSR1:
        supervisor_reopen_log(supervisor, &(struct error){.text = ""});
        break;
    default:
        if (supervisor->setup->options->forward & signal_bit(watcher->signum)) {
            forward(supervisor, watcher->signum);
        } else {
            request_stop(supervisor, watcher->signum);
        }
        break;
    }
}

static size_t count_signals(uint64_t set)
{
    size_t count = 0;
    for (; set != 0; set &= set - 1) {
        count++;
    }
    return count;
}

int supervisor_watch_signals(struct supervisor *supervisor)
{
    uint64_t taken = taken_signals(supervisor->setup->options);
    size_t count = count_signals(taken);
    assert(count > 0);
    ev_signal *watcher = supervisor->signals = calloc(count, sizeof *supervisor->signals);
    if (watcher == NULL) {
        return -1;
    }
    signal(SIGPIPE, SIG_IGN); /* a log that is gone must not end the service */
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        if (taken & signal_bit(signal)) {
            ev_signal_init(watcher, on_signal, signal);
            ev_signal_start(supervisor->loop, watcher);
            watcher++;
        }
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}
