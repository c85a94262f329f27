#include "signals.h"

#include "log.h"
#include "signal_name.h"

#include <signal.h>
#include <unistd.h>

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

void signals_block(const struct options *options)
{
    sigset_t set;
    sigemptyset(&set);
    uint64_t taken = taken_signals(options);
    for (int signal = 1; signal <= SIGNALS_COUNT; signal++) {
        if (taken & signal_bit(signal)) {
            sigaddset(&set, signal);
        }
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    (void)loop;
    (void)revents;
    const struct signals_setup *setup = watcher->data;
    switch (watcher->signum) {
    case SIGCHLD:
        setup->on_child(setup->context);
        break;
    case SIGHUP:
        log_info("received HUP");
        setup->on_deploy(setup->context);
        break;
    case SIGUSR1:
        setup->on_reopen(setup->context);
        break;
    default:
        if (setup->options->forward & signal_bit(watcher->signum)) {
            setup->on_forward(setup->context, watcher->signum);
        } else {
            log_info("received %s", signal_name(watcher->signum));
            setup->on_stop(setup->context, watcher->signum);
        }
        break;
    }
}

void signals_watch(struct signals *signals, const struct signals_setup *setup)
{
    uint64_t taken = taken_signals(setup->options);
    signals->setup = *setup;
    signal(SIGPIPE, SIG_IGN); /* a log that is gone must not end the service */
    for (int signal = 1; signal <= SIGNALS_COUNT; signal++) {
        if (taken & signal_bit(signal)) {
            ev_signal *watcher = &signals->watchers[signal - 1];
            ev_signal_init(watcher, on_signal, signal);
            watcher->data = &signals->setup;
            ev_signal_start(setup->loop, watcher);
        }
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
