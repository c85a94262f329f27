#include "user_database.h"

#include "user_file.h"

#ifdef TASUKI_STATIC

#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE "/etc/group"

const struct passwd *user_database_find_name(const char *name)
{
    return user_file_find_name(PASSWD_FILE, name);
}

const struct passwd *user_database_find_uid(uid_t uid)
{
    return user_file_find_uid(PASSWD_FILE, uid);
}

const struct group *user_database_find_group(const char *name)
{
    return user_file_find_group(GROUP_FILE, name);
}

int user_database_list_groups(const char *name, gid_t primary, gid_t *groups, size_t size)
{
    return user_file_list_groups(GROUP_FILE, name, primary, groups, size);
}

const char *user_database_place_of_users(void)
{
    return " in " PASSWD_FILE;
}

const char *user_database_place_of_groups(void)
{
    return " in " GROUP_FILE;
}

#else

const struct passwd *user_database_find_name(const char *name)
{
    return getpwnam(name);
}

const struct passwd *user_database_find_uid(uid_t uid)
{
    return getpwuid(uid);
}

const struct group *user_database_find_group(const char *name)
{
    return getgrnam(name);
}

int user_database_list_groups(const char *name, gid_t primary, gid_t *groups, size_t size)
{
    int count = (int)size;
    return getgrouplist(name, primary, groups, &count) < 0 ? -1 : count;
}

const char *user_database_place_of_users(void)
{
    return "";
}

const char *user_database_place_of_groups(void)
{
    return "";
}

#endif
