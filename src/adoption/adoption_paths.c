#include "adoption_paths.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool is_any_called(const struct adoption_path_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].name != NULL && strcmp(list->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static size_t find_file(const struct adoption_path_list *list, const struct stat *status)
{
    size_t i = 0;
    while (i < list->count &&
           !(list->items[i].name != NULL && list->items[i].inode == status->st_ino &&
             list->items[i].device == status->st_dev)) {
        i++;
    }
    return i;
}

size_t adoption_path_find(const struct adoption_path_list *list, const struct target *target,
                          int at, const char *path)
{
    struct target_entry entry;
    if (!is_any_called(list, last_component(path)) ||
        target_entry_open(target, at, path, &entry) != 0) {
        return list->count;
    }
    size_t index = entry.is_there ? find_file(list, &entry.status) : list->count;
    target_entry_close(&entry);
    return index;
}

/* --- calls -------------------------------------------------------------------------------------
 */

/* Which arguments of a call are paths, and the directories that they begin in. */
struct shape {
    int call;
    signed char at;   /* -1: the current directory */
    signed char path; /* the one that the call is about */
    signed char new_at;
    signed char new_path; /* the one that it gets; 0: none */
    signed char flags;    /* 0: none */
};

static const struct shape shapes[] = {
#ifdef SYS_unlink
    {.call = SYS_unlink, .at = -1, .path = 0},
#endif
    {.call = SYS_unlinkat, .at = 0, .path = 1, .flags = 2},
#ifdef SYS_rename
    {.call = SYS_rename, .at = -1, .path = 0, .new_at = -1, .new_path = 1},
#endif
#ifdef SYS_renameat
    {.call = SYS_renameat, .at = 0, .path = 1, .new_at = 2, .new_path = 3},
#endif
    {.call = SYS_renameat2, .at = 0, .path = 1, .new_at = 2, .new_path = 3},
#ifdef SYS_chmod
    {.call = SYS_chmod, .at = -1, .path = 0},
#endif
#ifdef SYS_chown
    {.call = SYS_chown, .at = -1, .path = 0},
#endif
#ifdef SYS_lchown
    {.call = SYS_lchown, .at = -1, .path = 0},
#endif
};

/* The rest are fchmodat, fchmodat2 and fchownat. */
static const struct shape usual_shape = {.at = 0, .path = 1};

static const struct shape *find_shape(int call)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].call == call) {
            return &shapes[i];
        }
    }
    return &usual_shape;
}

static int read_at(const struct seccomp_data *data, int argument)
{
    return argument < 0 ? AT_FDCWD : (int)(uint32_t)data->args[argument];
}

static size_t find_argument(const struct adoption_path_list *list, const struct target *target,
                            const struct seccomp_data *data, int at, int argument)
{
    char path[PATH_MAX];
    if (target_read_path(target, data->args[argument], path, sizeof path) < 0) {
        return list->count;
    }
    return adoption_path_find(list, target, read_at(data, at), path);
}

static bool is_socket(const struct target *target, const struct seccomp_data *data, int at,
                      int argument)
{
    char path[PATH_MAX];
    struct target_entry entry;
    if (target_read_path(target, data->args[argument], path, sizeof path) < 0 ||
        target_entry_open(target, read_at(data, at), path, &entry) != 0) {
        return false;
    }
    bool result = entry.is_there && S_ISSOCK(entry.status.st_mode);
    target_entry_close(&entry);
    return result;
}

enum path_effect adoption_path_effect(const struct adoption_path_list *list,
                                      const struct target *target, const struct seccomp_data *data,
                                      size_t *index)
{
    const struct shape *shape = find_shape(data->nr);
    if (shape->flags != 0 && (data->args[shape->flags] & AT_REMOVEDIR) != 0) {
        return PATH_UNTOUCHED;
    }
    *index = find_argument(list, target, data, shape->at, shape->path);
    if (*index < list->count) {
        return PATH_HARMED;
    }
    if (shape->new_path == 0) {
        return PATH_UNTOUCHED;
    }
    *index = find_argument(list, target, data, shape->new_at, shape->new_path);
    if (*index == list->count) {
        return PATH_UNTOUCHED;
    }
    return is_socket(target, data, shape->at, shape->path) ? PATH_SUCCEEDED : PATH_HARMED;
}
