/*
 * A worker that is to end with its supervisor, and asks for that as its first deed.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        pause();
    }
}
