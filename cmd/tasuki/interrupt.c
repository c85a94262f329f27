#include "interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t came;
static sigset_t mask_before;
static bool is_caught;

static void on_interrupt(int signal)
{
    (void)signal;
    came = 1;
}

void interrupt_catch(void)
{
    struct sigaction before;
    if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler == SIG_IGN) {
        return;
    }
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &mask_before);
    const struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    is_caught = true;
}

const sigset_t *interrupt_mask(void)
{
    return is_caught ? &mask_before : NULL;
}

bool interrupt_came(void)
{
    return came != 0;
}
