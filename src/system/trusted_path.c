#include "trusted_path.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* As many links as the kernel follows in one path (path_resolution(7)). */
#define LINKS_MAX 40

struct walk {
    struct trusted_place place; /* how far it has come */
    struct stat directory;      /* of place.directory */
    char rest[PATH_MAX];        /* what is still to be walked */
    int links;
    /* Until only so much of the path is left, the target of a link of place.owner's is walked. */
    size_t rest_after_link;
};

bool trusted_user(uid_t user)
{
    return user == 0 || user == geteuid();
}

/* --- refusals --------------------------------------------------------------------------------- */

static int fail(struct error *reason)
{
    int number = errno;
    error_set(reason, "%s", strerror(number));
    errno = number;
    return -1;
}

static int refuse(struct error *reason, const char *sentence)
{
    if (geteuid() == 0) {
        error_set(reason, "%s (expected root's)", sentence);
    } else {
        error_set(reason, "%s (expected root's or user %u's)", sentence, (unsigned)geteuid());
    }
    errno = EPERM;
    return -1;
}

static int refuse_link(const char *target, uid_t owner, uid_t link_owner, struct error *reason)
{
    char sentence[256];
    snprintf(sentence, sizeof sentence, "a link of user %u leads to %.100s of user %u",
             (unsigned)link_owner, target, (unsigned)owner);
    return refuse(reason, sentence);
}

static bool everybody_may_write(const struct stat *directory)
{
    return (directory->st_mode & S_IWOTH) != 0;
}

/* In a sticky directory everybody may make a file, and only its owner may replace it. */
static int check_sticky(const struct stat *directory, const struct stat *file, const char *name,
                        struct error *reason)
{
    if (!everybody_may_write(directory) || (directory->st_mode & S_ISVTX) == 0 ||
        trusted_user(file->st_uid) || file->st_uid == directory->st_uid) {
        return 0;
    }
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%.100s belongs to user %u in a world-writable directory",
             name, (unsigned)file->st_uid);
    return refuse(reason, sentence);
}

static int check_hard_links(const struct stat *directory, const struct stat *file, const char *name,
                            struct error *reason)
{
    bool others_may_link = !trusted_user(directory->st_uid) || everybody_may_write(directory);
    if (!S_ISREG(file->st_mode) || file->st_nlink < 2 || !others_may_link ||
        !trusted_user(file->st_uid)) {
        return 0;
    }
    error_set(reason,
              "%.100s has %ju hard links in a directory that other users may write to (expected 1)",
              name, (uintmax_t)file->st_nlink);
    errno = EPERM;
    return -1;
}

/* --- walking ---------------------------------------------------------------------------------- */

/* The kernel makes the links of /proc, and only the kernel can follow those that lead to open
   files. */
static bool is_in_proc(int fd)
{
    struct statfs status;
    return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* The scope's end closes it no longer. */
static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static int enter(struct walk *walk, int fd, const struct stat *status)
{
    descriptor_close(&walk->place.directory);
    walk->place.directory = fd;
    walk->directory = *status;
    return 0;
}

static int begin(struct walk *walk, int directory, const char *path)
{
    if (strlen(path) >= sizeof walk->rest) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (*path == '\0') {
        errno = ENOENT;
        return -1;
    }
    memcpy(walk->rest, path, strlen(path) + 1);
    walk->place.directory =
        openat(directory, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return walk->place.directory < 0 ? -1 : fstat(walk->place.directory, &walk->directory);
}

/* Takes the next name off the path. What ends in a slash has "." as its last name. */
static int take_name(struct walk *walk)
{
    const char *at = walk->rest + strspn(walk->rest, "/");
    size_t length = strcspn(at, "/");
    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(walk->place.name, length > 0 ? at : ".", length > 0 ? length : 1);
    walk->place.name[length > 0 ? length : 1] = '\0';
    memmove(walk->rest, at + length, strlen(at + length) + 1);
    return 0;
}

static bool is_last_name(const struct walk *walk)
{
    return walk->rest[0] == '\0';
}

/* The end of another user's link: it is that user's, or the link is a trap. */
static int check_end_of_link(struct walk *walk, const struct stat *status, struct error *reason)
{
    if (!walk->place.is_owned_by || strlen(walk->rest) > walk->rest_after_link) {
        return 0;
    }
    if (status->st_uid != walk->place.owner) {
        return refuse_link(walk->place.name, status->st_uid, walk->place.owner, reason);
    }
    walk->place.is_owned_by = false;
    return 0;
}

static int check_link(struct walk *walk, const struct stat *link, struct error *reason)
{
    if (++walk->links > LINKS_MAX) {
        errno = ELOOP;
        return fail(reason);
    }
    if (check_sticky(&walk->directory, link, walk->place.name, reason) != 0) {
        return -1;
    }
    if (trusted_user(link->st_uid)) {
        return 0;
    }
    if (walk->place.is_owned_by && walk->place.owner != link->st_uid) {
        return refuse_link(walk->place.name, link->st_uid, walk->place.owner, reason);
    }
    if (!walk->place.is_owned_by) {
        walk->place.is_owned_by = true;
        walk->place.owner = link->st_uid;
        walk->rest_after_link = strlen(walk->rest);
    }
    return 0;
}

/* Puts the link's text before what is left of the path. */
static int follow(struct walk *walk, int link, const struct stat *status, struct error *reason)
{
    char target[PATH_MAX];
    if (check_link(walk, status, reason) != 0) {
        return -1;
    }
    ssize_t length = readlinkat(link, "", target, sizeof target);
    while (length > 1 && target[length - 1] == '/') {
        length--; /* the end of the link is its last name */
    }
    size_t rest = strlen(walk->rest);
    if (length <= 0 || (size_t)length + rest >= sizeof walk->rest) {
        errno = length < 0 ? errno : length == 0 ? ENOENT : ENAMETOOLONG;
        return fail(reason);
    }
    memmove(walk->rest + length, walk->rest, rest + 1);
    memcpy(walk->rest, target, (size_t)length);
    if (walk->rest[0] != '/') {
        return 0;
    }
    AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat root_status;
    if (root < 0 || fstat(root, &root_status) != 0) {
        return fail(reason);
    }
    return enter(walk, take(&root), &root_status);
}

/* One name: a link is followed, anything else entered. */
static int step(struct walk *walk, struct error *reason)
{
    struct stat status;
    int flags = is_in_proc(walk->place.directory) ? 0 : O_NOFOLLOW;
    AUTO_CLOSE int fd = openat(walk->place.directory, walk->place.name, O_PATH | O_CLOEXEC | flags);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return fail(reason);
    }
    if (S_ISLNK(status.st_mode)) {
        return follow(walk, fd, &status, reason);
    }
    if (check_end_of_link(walk, &status, reason) != 0) {
        return -1;
    }
    if (check_sticky(&walk->directory, &status, walk->place.name, NULL) != 0) {
        walk->place.is_strangers = true;
    }
    return enter(walk, take(&fd), &status);
}

/* Whether the last name is a link that is to be followed. */
static bool leads_on(const struct walk *walk)
{
    struct stat status;
    return fstatat(walk->place.directory, walk->place.name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(status.st_mode) && !is_in_proc(walk->place.directory);
}

static int walk_path(int directory, const char *path, bool follows_last,
                     struct trusted_place *place, struct error *reason)
{
    struct walk walk = {.place = {.directory = -1}};
    int result = begin(&walk, directory, path) == 0 ? 0 : fail(reason);
    while (result == 0) {
        result = take_name(&walk) == 0 ? 0 : fail(reason);
        if (result != 0 || (is_last_name(&walk) && !(follows_last && leads_on(&walk)))) {
            break;
        }
        result = step(&walk, reason);
    }
    if (result != 0) {
        trusted_place_close(&walk.place);
    }
    *place = walk.place;
    return result;
}

int trusted_find(const char *path, struct trusted_place *place, struct error *reason)
{
    return walk_path(AT_FDCWD, path, true, place, reason);
}

int trusted_find_entry(const char *path, struct trusted_place *place, struct error *reason)
{
    return walk_path(AT_FDCWD, path, false, place, reason);
}

void trusted_place_close(struct trusted_place *place)
{
    descriptor_close(&place->directory);
    place->directory = -1;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* What is open cannot be exchanged any more. */
static int check_opened(const struct trusted_place *place, int fd, struct error *reason)
{
    struct stat directory;
    struct stat file;
    if (fstat(place->directory, &directory) != 0 || fstat(fd, &file) != 0) {
        return fail(reason);
    }
    if (place->is_owned_by && file.st_uid != place->owner) {
        return refuse_link(place->name, file.st_uid, place->owner, reason);
    }
    return check_sticky(&directory, &file, place->name, reason) != 0
               ? -1
               : check_hard_links(&directory, &file, place->name, reason);
}

int trusted_open_place(const struct trusted_place *place, int flags, mode_t mode,
                       struct error *reason)
{
    flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if (!is_in_proc(place->directory)) {
        flags |= O_NOFOLLOW;
    }
    if (place->is_owned_by) {
        flags &= ~O_CREAT; /* another user's link makes nothing */
    }
    AUTO_CLOSE int fd = openat(place->directory, place->name, flags, mode);
    if (fd < 0) {
        return fail(reason);
    }
    if (check_opened(place, fd, reason) != 0) {
        return -1;
    }
    return take(&fd);
}

int trusted_open_at(int directory, const char *path, int flags, mode_t mode, struct error *reason)
{
    AUTO_PLACE struct trusted_place place;
    return walk_path(directory, path, true, &place, reason) == 0
               ? trusted_open_place(&place, flags, mode, reason)
               : -1;
}

int trusted_open(const char *path, int flags, mode_t mode, struct error *reason)
{
    return trusted_open_at(AT_FDCWD, path, flags, mode, reason);
}

/* --- removing --------------------------------------------------------------------------------- */

static int remove_entry(int directory, const char *name, dev_t device, ino_t inode)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0 : -1;
    }
    return status.st_dev == device && status.st_ino == inode ? unlinkat(directory, name, 0) : 0;
}

int trusted_remove(const char *path, dev_t device, ino_t inode)
{
    AUTO_PLACE struct trusted_place place;
    if (trusted_find(path, &place, NULL) == 0) {
        return remove_entry(place.directory, place.name, device, inode);
    }
    /* Without a descriptor for the directory the path has to do: better than to leave a socket that
       nobody answers on. */
    return errno == EMFILE || errno == ENFILE ? remove_entry(AT_FDCWD, path, device, inode) : -1;
}
