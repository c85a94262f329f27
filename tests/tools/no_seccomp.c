/*
 * Runs a command in a sandbox such as containers are: `no_seccomp COMMAND` where seccomp(2) fails
 * with EPERM, `no_seccomp --busy COMMAND` where the sandbox's own filter has the one listener that
 * Linux allows, `no_seccomp --blind COMMAND` where pidfd_getfd(2) and process_vm_readv(2) fail.
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
    const char *mode = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
    int is_busy = strcmp(mode, "--busy") == 0;
    int is_blind = strcmp(mode, "--blind") == 0;
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                 is_busy    ? SYS_reboot
                 : is_blind ? SYS_pidfd_getfd
                            : SYS_seccomp,
                 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, is_blind ? SYS_process_vm_readv : SYS_reboot, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof instructions / sizeof instructions[0],
                                       .filter = instructions};
    char **command = argv + 1 + (mode[0] != '\0');
    if (command[0] == NULL) {
        return 2;
    }
    /* With root's rights, so that no_new_privs is not what makes the difference. */
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      is_busy ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0UL, &program);
    if (fd < 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     is_busy ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0UL, &program);
    }
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
