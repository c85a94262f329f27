#include "change_watch.h"

#include "array.h"
#include "descriptor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many links as the kernel follows in one path (path_resolution(7)). */
#define LINKS_MAX 40

/* A directory on the way is only of interest when it goes itself; one that holds a link, or what is
   watched, when its entries change, too. No IN_MODIFY: who keeps a file open and writes wakes up
   nobody, IN_CLOSE_WRITE tells when it is done. */
#define EVENTS_ON_THE_WAY (IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_MASK_ADD)
#define EVENTS_OF_ENTRIES                                                                          \
    (EVENTS_ON_THE_WAY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE |    \
     IN_ATTRIB)

/* What a path leads to, as one number. */
struct sample {
    bool is_there;
    uint64_t digest;
};

struct watched {
    char *path;
    bool is_new;          /* it has not been looked at */
    struct sample seen;   /* what it is compared with */
    struct sample latest; /* at the last look */
};

struct mark {
    int wd;
    bool is_needed;
};

struct change_watch {
    int fd;
    struct watched *items;
    size_t count;
    struct mark *marks; /* the kernel's watches */
    size_t mark_count;
};

/* --- samples ---------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits. */
#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static uint64_t digest(uint64_t value, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++) {
        value = (value ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return value;
}

/* Not the time of the last change of the inode: chmod and rename leave what is in a file as it
   was. */
static uint64_t digest_file(uint64_t value, const struct stat *file)
{
    value = digest(value, &file->st_dev, sizeof file->st_dev);
    value = digest(value, &file->st_ino, sizeof file->st_ino);
    if (!S_ISDIR(file->st_mode)) {
        value = digest(value, &file->st_size, sizeof file->st_size);
        value = digest(value, &file->st_mtim.tv_sec, sizeof file->st_mtim.tv_sec);
        value = digest(value, &file->st_mtim.tv_nsec, sizeof file->st_mtim.tv_nsec);
    }
    return value;
}

/* What editors leave beside a file while it is edited, and what the links of a projected volume
   lead to: the links count. */
static bool is_hidden(const char *name)
{
    return name[0] == '.' || name[strlen(name) - 1] == '~';
}

/* The entries come in any order, so their digests are added. */
static bool digest_entries(const char *path, uint64_t *value)
{
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat file;
        if (is_hidden(entry->d_name)) {
            continue;
        }
        uint64_t one = digest(DIGEST_START, entry->d_name, strlen(entry->d_name));
        if (fstatat(dirfd(directory), entry->d_name, &file, 0) == 0) {
            one = digest_file(one, &file);
        }
        *value += one;
    }
    return true;
}

static struct sample take_sample(const char *path)
{
    struct stat file;
    struct sample sample = {.digest = DIGEST_START};
    sample.is_there = stat(path, &file) == 0;
    if (sample.is_there && S_ISDIR(file.st_mode)) {
        sample.is_there = digest_entries(path, &sample.digest);
    } else if (sample.is_there) {
        sample.digest = digest_file(sample.digest, &file);
    }
    return sample;
}

static bool is_same(const struct sample *one, const struct sample *other)
{
    return one->is_there == other->is_there && one->digest == other->digest;
}

/* --- the kernel's watches --------------------------------------------------------------------- */

static int remember_mark(struct change_watch *watch, int wd, struct error *error)
{
    for (size_t i = 0; i < watch->mark_count; i++) {
        if (watch->marks[i].wd == wd) {
            watch->marks[i].is_needed = true;
            return 0;
        }
    }
    struct mark *grown = array_grow(watch->marks, watch->mark_count, sizeof *grown);
    if (grown == NULL) {
        inotify_rm_watch(watch->fd, wd);
        return error_set(error, "out of memory");
    }
    watch->marks = grown;
    grown[watch->mark_count++] = (struct mark){.wd = wd, .is_needed = true};
    return 0;
}

/* A directory that has just gone, or is none any more, is no error: the one above it is watched,
   or tells that it moved. One on the way that may be gone through but not read cannot be watched:
   that it is replaced would not be seen. */
static int mark_directory(struct change_watch *watch, const char *path, uint32_t events,
                          struct error *error)
{
    int wd = inotify_add_watch(watch->fd, path, events);
    if (wd >= 0) {
        return remember_mark(watch, wd, error);
    }
    bool is_closed = errno == EACCES && events == EVENTS_ON_THE_WAY;
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || is_closed) {
        return 0;
    }
    return error_set(error, "cannot watch %s: %s%s", path, strerror(errno),
                     errno == ENOSPC ? " (see /proc/sys/fs/inotify/max_user_watches)" : "");
}

/* A path under resolution: what has been gone through, and what is left to go. */
struct way {
    char done[PATH_MAX]; /* a directory, with a slash at its end */
    char left[PATH_MAX];
    unsigned links;
};

/* Takes the next name off what is left. Returns false when there is none. */
static bool take_name(struct way *way, char name[NAME_MAX + 1])
{
    size_t skipped = strspn(way->left, "/");
    size_t length = strcspn(way->left + skipped, "/");
    if (length == 0 || length > NAME_MAX) {
        return false;
    }
    memcpy(name, way->left + skipped, length);
    name[length] = '\0';
    memmove(way->left, way->left + skipped + length, strlen(way->left + skipped + length) + 1);
    return true;
}

static bool append(char *path, const char *text)
{
    size_t length = strlen(path);
    if (length + strlen(text) >= PATH_MAX) {
        return false;
    }
    memcpy(path + length, text, strlen(text) + 1);
    return true;
}

/* Puts the target of the link in front of what is left. */
static bool follow_link(struct way *way, const char *link)
{
    char target[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0 || ++way->links > LINKS_MAX) {
        return false;
    }
    target[length] = '\0';
    if (!append(target, "/") || !append(target, way->left)) {
        return false;
    }
    if (target[0] == '/') {
        memcpy(way->done, "/", sizeof "/");
    }
    memcpy(way->left, target, strlen(target) + 1);
    return true;
}

/* Each directory is watched before what is in it is looked at: what changes in between tells. */
static int mark_step(struct change_watch *watch, struct way *way, const char *name, bool *goes_on,
                     struct error *error)
{
    char path[PATH_MAX];
    struct stat file;
    bool is_last = way->left[strspn(way->left, "/")] == '\0';
    memcpy(path, way->done, strlen(way->done) + 1);
    *goes_on = false;
    if (!append(path, name)) {
        return error_set(error, "links lead to a path of more than %d bytes: %.64s...",
                         PATH_MAX - 1, way->done);
    }
    uint32_t events = is_last ? EVENTS_OF_ENTRIES : EVENTS_ON_THE_WAY;
    if (mark_directory(watch, way->done, events, error) != 0) {
        return -1;
    }
    bool is_directory = lstat(path, &file) == 0 && S_ISDIR(file.st_mode);
    if (!is_directory && mark_directory(watch, way->done, EVENTS_OF_ENTRIES, error) != 0) {
        return -1;
    }
    if (!is_directory && lstat(path, &file) == 0 && S_ISLNK(file.st_mode)) {
        *goes_on = follow_link(way, path);
        return 0;
    }
    if (is_directory && append(path, "/")) {
        memcpy(way->done, path, strlen(path) + 1);
        *goes_on = !is_last;
        return is_last ? mark_directory(watch, path, EVENTS_OF_ENTRIES, error) : 0;
    }
    return 0;
}

static int mark_way(struct change_watch *watch, const char *path, struct error *error)
{
    struct way way = {.links = 0};
    char name[NAME_MAX + 1];
    bool goes_on = true;
    if (strlen(path) >= PATH_MAX) {
        return error_set(error, "a path has at most %d bytes, this has %zu: %.64s...", PATH_MAX - 1,
                         strlen(path), path);
    }
    memcpy(way.done, path[0] == '/' ? "/" : "./", path[0] == '/' ? 2 : 3);
    memcpy(way.left, path, strlen(path) + 1);
    while (goes_on && take_name(&way, name)) {
        if (mark_step(watch, &way, name, &goes_on, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static void drop_marks(struct change_watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->mark_count; i++) {
        if (watch->marks[i].is_needed) {
            watch->marks[kept++] = watch->marks[i];
        } else {
            inotify_rm_watch(watch->fd, watch->marks[i].wd);
        }
    }
    watch->mark_count = kept;
}

/* What goes away tells so once more, as IN_IGNORED: one look too many, and then no more. */
static int mark_all(struct change_watch *watch, struct error *error)
{
    struct error first;
    int result = 0;
    for (size_t i = 0; i < watch->mark_count; i++) {
        watch->marks[i].is_needed = false;
    }
    for (size_t i = 0; i < watch->count; i++) {
        if (mark_way(watch, watch->items[i].path, &first) != 0 && result == 0) {
            result = error_set(error, "%s", first.text);
        }
    }
    drop_marks(watch);
    return result;
}

static void drain(const struct change_watch *watch)
{
    char buffer[sizeof(struct inotify_event) + NAME_MAX + 1];
    while (read(watch->fd, buffer, sizeof buffer) > 0) {
    }
}

/* --- the watch -------------------------------------------------------------------------------- */

struct change_watch *change_watch_new(struct error *error)
{
    struct change_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        error_set(error, "cannot watch files: %s%s", strerror(errno),
                  errno == EMFILE ? " (see /proc/sys/fs/inotify/max_user_instances)" : "");
        free(watch);
        return NULL;
    }
    return watch;
}

static void free_items(struct watched *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].path);
    }
    free(items);
}

void change_watch_free(struct change_watch *watch)
{
    if (watch != NULL) {
        descriptor_close(&watch->fd);
        free_items(watch->items, watch->count);
        free(watch->marks);
        free(watch);
    }
}

int change_watch_fd(const struct change_watch *watch)
{
    return watch->fd;
}

static const struct watched *find(const struct change_watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (strcmp(watch->items[i].path, path) == 0) {
            return &watch->items[i];
        }
    }
    return NULL;
}

/* Here as in a look, a sample is taken once all is watched: what changes after it tells. */
int change_watch_follow(struct change_watch *watch, const char *const *paths, size_t count,
                        struct error *error)
{
    struct watched *items = calloc(count > 0 ? count : 1, sizeof *items);
    if (items == NULL) {
        return error_set(error, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct watched *before = find(watch, paths[i]);
        items[i] = before != NULL ? *before : (struct watched){.is_new = true};
        items[i].path = strdup(paths[i]);
        if (items[i].path == NULL) {
            free_items(items, i);
            return error_set(error, "out of memory");
        }
    }
    free_items(watch->items, watch->count);
    watch->items = items;
    watch->count = count;
    int result = mark_all(watch, error);
    for (size_t i = 0; i < count; i++) {
        if (items[i].is_new) {
            items[i].is_new = false;
            items[i].seen = take_sample(items[i].path);
            items[i].latest = items[i].seen;
        }
    }
    return result;
}

enum change change_watch_look(struct change_watch *watch, const char **path, struct error *error)
{
    enum change change = CHANGE_NONE;
    bool is_settling = false;
    drain(watch);
    error->text[0] = '\0';
    mark_all(watch, error);
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *item = &watch->items[i];
        struct sample now = take_sample(item->path);
        if (!now.is_there) {
            now = item->seen;
        }
        is_settling |= !is_same(&now, &item->latest) && !is_same(&now, &item->seen);
        item->latest = now;
    }
    if (is_settling) {
        return CHANGE_SETTLING;
    }
    for (size_t i = watch->count; i-- > 0;) {
        struct watched *item = &watch->items[i];
        if (!is_same(&item->latest, &item->seen)) {
            item->seen = item->latest;
            *path = item->path;
            change = CHANGE_SETTLED;
        }
    }
    return change;
}
