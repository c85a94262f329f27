/*
 * /etc/passwd and /etc/group read as files, for a program without the C library's loadable modules.
 * The results are static, as getpwent(3)'s are. It knows of no other database.
 */
#ifndef USER_FILE_H
#define USER_FILE_H

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

/* The first entry of `path` that has the name or the number. NULL if there is none, with errno 0,
   or if the file cannot be read, with the reason in errno. */
const struct passwd *user_file_find_name(const char *path, const char *name);
const struct passwd *user_file_find_uid(const char *path, uid_t uid);
const struct group *user_file_find_group(const char *path, const char *name);

/* The groups that have the member, `primary` first, as getgrouplist(3) lists them: returns how many
   there are, or -1 if they are more than `size`. A file that cannot be read has none. */
int user_file_list_groups(const char *path, const char *member, gid_t primary, gid_t *groups,
                          size_t size);

#endif
