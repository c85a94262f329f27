/*
 * Runs a command in a sandbox in which seccomp(2) is not to be had: it fails with EPERM, or, with
 * --busy, the sandbox's own filter has the one listener that Linux allows. As containers may be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    int is_busy = argc > 1 && strcmp(argv[1], "--busy") == 0;
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, is_busy ? SYS_reboot : SYS_seccomp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof instructions / sizeof instructions[0],
                                       .filter = instructions};
    char **command = argv + 1 + is_busy;
    if (command[0] == NULL || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return 2;
    }
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      is_busy ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0UL, &program);
    if (fd < 0) {
        perror("seccomp");
        return 2;
    }
    if (is_busy) {
        fcntl((int)fd, F_SETFD, 0); /* the listener must live on to be in the way */
    }
    execvp(command[0], command);
    perror(command[0]);
    return 2;
}
