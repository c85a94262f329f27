/*
 * Whom the system knows: getpwnam(3) and its like, or, in a static program (TASUKI_STATIC), nothing
 * but /etc/passwd and /etc/group. The C library's modules for other databases (NSS) are loaded from
 * the machine, and a static program must neither need them nor load those of another version. The
 * results are static. It is for a process aside: what it loads or opens stays.
 */
#ifndef USER_DATABASE_H
#define USER_DATABASE_H

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

/* NULL if there is none, with an errno of "not found" as getpwnam(3) lists them, or if the database
   cannot be asked, with the reason in errno. */
const struct passwd *user_database_find_name(const char *name);
const struct passwd *user_database_find_uid(uid_t uid);
const struct group *user_database_find_group(const char *name);

/* The groups of the user, `primary` among them: how many, or -1 if they are more than `size`. */
int user_database_list_groups(const char *name, gid_t primary, gid_t *groups, size_t size);

/* Where users and groups were looked for, as the end of "there is no user X": " in /etc/passwd", or
   nothing where a reader knows it. */
const char *user_database_place_of_users(void);
const char *user_database_place_of_groups(void);

#endif
