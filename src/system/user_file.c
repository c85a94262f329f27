#include "user_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* fgetpwent(3) says ENOENT at the end of a file that was there, and only fopen(3) fails here. */
static void close_file(FILE *file)
{
    if (file != NULL) {
        fclose(file);
        errno = 0;
    }
}

static const struct passwd *find_user(const char *path, const char *name, uid_t uid)
{
    const struct passwd *entry = NULL;
    FILE *file = fopen(path, "re");
    bool is_found = false;
    while (file != NULL && !is_found && (entry = fgetpwent(file)) != NULL) {
        is_found = name != NULL ? strcmp(entry->pw_name, name) == 0 : entry->pw_uid == uid;
    }
    close_file(file);
    return is_found ? entry : NULL;
}

const struct passwd *user_file_find_name(const char *path, const char *name)
{
    return find_user(path, name, 0);
}

const struct passwd *user_file_find_uid(const char *path, uid_t uid)
{
    return find_user(path, NULL, uid);
}

const struct group *user_file_find_group(const char *path, const char *name)
{
    const struct group *entry = NULL;
    FILE *file = fopen(path, "re");
    bool is_found = false;
    while (file != NULL && !is_found && (entry = fgetgrent(file)) != NULL) {
        is_found = strcmp(entry->gr_name, name) == 0;
    }
    close_file(file);
    return is_found ? entry : NULL;
}

static bool has_member(const struct group *group, const char *member)
{
    for (char *const *name = group->gr_mem; *name != NULL; name++) {
        if (strcmp(*name, member) == 0) {
            return true;
        }
    }
    return false;
}

int user_file_list_groups(const char *path, const char *member, gid_t primary, gid_t *groups,
                          size_t size)
{
    const struct group *entry;
    size_t count = 0;
    FILE *file = fopen(path, "re");
    if (size > 0) {
        groups[count++] = primary;
    }
    bool fits = count == 1;
    while (file != NULL && fits && (entry = fgetgrent(file)) != NULL) {
        if (entry->gr_gid == primary || !has_member(entry, member)) {
            continue;
        }
        fits = count < size;
        if (fits) {
            groups[count++] = entry->gr_gid;
        }
    }
    close_file(file);
    return fits ? (int)count : -1;
}
