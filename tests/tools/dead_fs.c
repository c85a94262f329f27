/*
 * dead_fs DIRECTORY: mounts a file system there that does not answer. Whoever looks a name up in it
 * waits, and not even SIGKILL ends that wait, until this program ends. It is root's (mount(2),
 * /dev/fuse), and the mount is gone with the program's mount namespace or umount -l.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* A request that has been read counts as being worked on: nothing takes it back. */
static int answer_only_init(int fd)
{
    static char request[FUSE_MIN_READ_BUFFER * 32];
    ssize_t size;
    while ((size = read(fd, request, sizeof request)) > 0 || errno == EINTR || errno == ENOENT) {
        struct fuse_in_header header;
        memcpy(&header, request, sizeof header);
        if (size <= 0 || header.opcode != FUSE_INIT) {
            continue;
        }
        const struct {
            struct fuse_out_header header;
            struct fuse_init_out init;
        } reply = {.header = {.len = sizeof reply, .unique = header.unique},
                   .init = {.major = FUSE_KERNEL_VERSION,
                            .minor = FUSE_KERNEL_MINOR_VERSION,
                            .max_write = 4096}};
        if (write(fd, &reply, sizeof reply) < 0) {
            perror("dead_fs: answer");
            return 1;
        }
    }
    return 0;
}

int main(int argc, char *argv[])
{
    char options[128];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (argc != 2 || fd < 0) {
        perror("dead_fs: /dev/fuse");
        return 77;
    }
    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd);
    if (mount("dead", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        perror("dead_fs: mount");
        return 77;
    }
    return answer_only_init(fd);
}
