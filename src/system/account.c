#include "account.h"

#include "ascii.h"
#include "user_database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Above every number that means somebody: (uid_t)-1 is "leave it as it is" (chown(2)). */
#define NUMBER_MAX ((long)UINT32_MAX - 1)
/* getpwnam(3) lists what the C library says for "not found". */
static int explain(const char *kind, const char *place, const char *name, int reason,
                   struct error *error)
{
    bool is_absent =
        reason == 0 || reason == ENOENT || reason == ESRCH || reason == EBADF || reason == EPERM;
    return is_absent ? error_set(error, "there is no %s '%s'%s", kind, name, place)
                     : error_set(error, "cannot look up %s '%s': %s", kind, name, strerror(reason));
}

static bool is_number(const char *text, uint32_t *number)
{
    const char *end;
    long value = ascii_parse_number(text, NUMBER_MAX, &end);
    *number = (uint32_t)value;
    return value >= 0 && *end == '\0';
}

int account_find_user(const char *text, uid_t *user, struct error *error)
{
    if (is_number(text, user)) {
        return 0;
    }
    errno = 0;
    const struct passwd *found = user_database_find_name(text);
    if (found == NULL) {
        return explain("user", user_database_place_of_users(), text, errno, error);
    }
    *user = found->pw_uid;
    return 0;
}

int account_find_group(const char *text, gid_t *group, struct error *error)
{
    if (is_number(text, group)) {
        return 0;
    }
    errno = 0;
    const struct group *found = user_database_find_group(text);
    if (found == NULL) {
        return explain("group", user_database_place_of_groups(), text, errno, error);
    }
    *group = found->gr_gid;
    return 0;
}
