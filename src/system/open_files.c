#include "open_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a supervisor needs at least besides the listeners and the standard streams. */
#define OWN_DESCRIPTORS 24
/* What a worker is left with besides its listeners. */
#define SPARE 64

/* Of this process, as the limit itself is. */
static struct {
    bool is_raised;
    rlim_t soft;
} before;

void open_files_raise(void)
{
    struct rlimit limit;
    if (before.is_raised || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    before.soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    before.is_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* With less than its listeners take, a worker could not open another file. */
int open_files_restore(int highest)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)highest + 1 + SPARE;
    if (!before.is_raised) {
        return 0;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return -1;
    }
    rlim_t wanted = before.soft < needed ? needed : before.soft;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

int open_files_check(size_t listeners, struct error *error)
{
    struct rlimit limit;
    rlim_t needed = STDERR_FILENO + 1 + (rlim_t)listeners + OWN_DESCRIPTORS;
    if (listeners == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || needed <= limit.rlim_cur) {
        return 0;
    }
    return error_set(error, "%zu listeners need %ju descriptors, the limit is %ju (ulimit -n)",
                     listeners, (uintmax_t)needed, (uintmax_t)limit.rlim_cur);
}

const char *open_files_reason(int reason)
{
    static char text[96];
    struct rlimit limit;
    if (reason != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return strerror(reason);
    }
    snprintf(text, sizeof text, "too many open files (the limit is %ju, see ulimit -n)",
             (uintmax_t)limit.rlim_cur);
    return text;
}
