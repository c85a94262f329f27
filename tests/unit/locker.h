/*
 * Another process that has a file of the sandbox open, and locks it. For the tests of those who are
 * told by a lock.
 */
#ifndef LOCKER_H
#define LOCKER_H

#include "sandbox.h"
#include "scratch.h"

#include <signal.h>
#include <sys/file.h>

enum { STRANGER = 65534 };

/* A child that opens the file, as another user if that is not root, and locks it if it is to. */
static inline pid_t locker_start(const char *path, uid_t user, int operation)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool is_done = (user == 0 || setuid(user) == 0) &&
                       (operation == 0 || flock(fd, operation | LOCK_NB) == 0);
        (void)!write(ready[1], is_done ? "1" : "0", 1);
        alarm(60);
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_int_equal(byte, '1');
    return pid;
}

static inline void locker_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    wait_for(pid);
}

#endif
