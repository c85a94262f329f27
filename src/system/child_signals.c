#include "child_signals.h"

#include <signal.h>
#include <stddef.h>

void child_signals_reset(void)
{
    const struct sigaction default_action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        sigaction(signal, &default_action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
