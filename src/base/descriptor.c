#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <unistd.h>

void descriptor_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

void stream_close(FILE **stream)
{
    if (*stream != NULL) {
        fclose(*stream);
    }
}

void directory_close(DIR **directory)
{
    if (*directory != NULL) {
        closedir(*directory);
    }
}

int descriptor_raise(int fd, int floor)
{
    if (fd < 0 || fd >= floor) {
        return fd;
    }
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (raised < 0) {
        return fd;
    }
    close(fd);
    return raised;
}

/* O_NONBLOCK belongs to the open file description (fcntl(2)); a name in /proc makes a new one. */
int descriptor_open_again(int fd, int floor)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return descriptor_raise(open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), floor);
}

/* close_range(2) with the flag needs Linux 5.11. */
static void mark_close_on_exec_one_by_one(void)
{
    struct rlimit limit;
    int end = 4096;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)end) {
        end = (int)limit.rlim_cur;
    }
    for (int fd = STDERR_FILENO + 1; fd < end; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

void descriptors_sanitize(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            /* The lowest free number is fd: those below are open. Inherited on purpose, these
               three are the standard streams of the workers. */
            (void)open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open) */
        }
    }
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        mark_close_on_exec_one_by_one();
    }
}
