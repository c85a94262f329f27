/*
 * Unix sockets of servers that bind for themselves, and what servers do to their paths (see
 * binder.h).
 */
#include "binder.h"

static void plain(void)
{
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

static ino_t inode_of(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_ino : 0;
}

/* All that servers do to the path of their socket. */
static void paths(void)
{
    const char *path = arguments[0];
    const char *name = strrchr(path, '/') + 1;
    ino_t inode = inode_of(path);
    struct stat status;
    EXPECT(chdir("/") == 0 && inode != 0);
    char directory[256];
    snprintf(directory, sizeof directory, "%.*s", (int)(name - path), path);
    int at = open(directory, O_PATH | O_DIRECTORY);
    EXPECT(unlink(path) == 0);
    EXPECT(unlinkat(at, name, 0) == 0);
    EXPECT(unlinkat(AT_FDCWD, path, 0) == 0);
    EXPECT(unlink(path + 1) == 0); /* relative to the root */
    EXPECT(chdir(directory) == 0 && unlink(name) == 0);
    int fd = make_bound(path, SOCK_STREAM);
    EXPECT(chmod(path, 0600) == 0);
    EXPECT(fchmodat(at, name, 0600, 0) == 0);
    EXPECT(chown(path, 1, 1) == 0 && lchown(path, 1, 1) == 0);
    EXPECT(fchownat(at, name, 1, 1, AT_SYMLINK_NOFOLLOW) == 0);
    EXPECT(rename(path, "away") == 0 && inode_of("away") == 0);
    EXPECT(renameat(at, name, AT_FDCWD, "away") == 0);
    EXPECT(syscall(SYS_renameat2, at, name, AT_FDCWD, "away", 0) == 0);
    int file = open("file", O_CREAT | O_WRONLY, 0600);
    EXPECT(file >= 0 && rename("file", name) == 0);
    EXPECT(inode_of(path) == inode);
    EXPECT(lstat(path, &status) == 0 && (status.st_mode & 0777) == 0777 && status.st_uid == 0);
    /* What is not held is theirs. */
    EXPECT(chmod("file", 0640) == 0 && lstat("file", &status) == 0);
    EXPECT((status.st_mode & 0777) == 0640);
    EXPECT(rename("file", "other") == 0 && unlink("other") == 0 && inode_of("other") == 0);
    EXPECT(unlink("nowhere") == -1 && errno == ENOENT);
    EXPECT(syscall(SYS_unlinkat, AT_FDCWD, NULL, 0) == -1 && errno == EFAULT);
    EXPECT(mkdir("sub", 0700) == 0);
    char inner[300];
    snprintf(inner, sizeof inner, "sub/%s", name); /* the same name elsewhere */
    file = open(inner, O_CREAT | O_WRONLY, 0600);
    EXPECT(file >= 0 && unlink(inner) == 0 && inode_of(inner) == 0);
    EXPECT(rmdir("sub") == 0);
    EXPECT(is_named(fd, path));
    listen_and_serve(fd);
}

/* Another path than was said to the supervisor, to the same file. */
static void relative_path(void)
{
    char text[300];
    char *slash = strrchr(arguments[0], '/');
    snprintf(text, sizeof text, "./%s", slash + 1);
    *slash = '\0';
    EXPECT(chdir(arguments[0]) == 0);
    listen_and_serve(make_bound(text, SOCK_STREAM));
}

/* Binds elsewhere, and puts the socket there in one step. */
static void renamed_over(void)
{
    char text[300];
    snprintf(text, sizeof text, "%s.%d", arguments[0], (int)getpid());
    int fd = make_bound(text, SOCK_STREAM);
    EXPECT(listen(fd, 5) == 0);
    EXPECT(rename(text, arguments[0]) == 0);
    serve(fd);
}

static void seqpacket(void)
{
    int stream = make(arguments[0], SOCK_STREAM);
    EXPECT(bind_to(stream, arguments[0]) == -1 && errno == EADDRINUSE);
    listen_and_serve(make_bound(arguments[0], SOCK_SEQPACKET));
}

/* The supervisor is killed meanwhile. */
static void orphaned(void)
{
    const char *path = arguments[0];
    ino_t inode = inode_of(path);
    int fd = make_bound(path, SOCK_STREAM);
    EXPECT(listen(fd, 1) == 0);
    wait_for_orphaning();
    EXPECT(unlink(path) == 0 && inode_of(path) == inode);
    close(fd);
    listen_and_serve(make_bound(path, SOCK_STREAM));
}

static const struct scenario scenarios[] = {
    {"paths", paths},
    {"orphaned", orphaned},
    {"relative-path", relative_path},
    {"renamed-over", renamed_over},
    {"seqpacket", seqpacket},
    {"plain", plain},
    {NULL, NULL},
};

int main(int argc, char *argv[])
{
    return run_scenario(scenarios, argc, argv);
}
