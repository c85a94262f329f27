#include "account.h"

#include "ascii.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Above every number that means somebody: (uid_t)-1 is "nobody in particular" (chown(2)). */
#define NUMBER_MAX ((long)UINT32_MAX - 1)

static bool read_number(const char *text, uint32_t *number)
{
    const char *end;
    long value = ascii_parse_number(text, NUMBER_MAX, &end);
    *number = (uint32_t)value;
    return value >= 0 && *end == '\0';
}

/* getpwnam(3) lists what the C library says for "not found". */
static int explain(const char *kind, const char *text, struct error *error)
{
    bool is_absent =
        errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF || errno == EPERM;
    return is_absent ? error_set(error, "there is no %s '%s' here", kind, text)
                     : error_set(error, "cannot look up %s '%s': %s", kind, text, strerror(errno));
}

int account_find_user(const char *text, uid_t *user, struct error *error)
{
    if (read_number(text, user)) {
        return 0;
    }
    errno = 0;
    const struct passwd *found = getpwnam(text);
    if (found == NULL) {
        return explain("user", text, error);
    }
    *user = found->pw_uid;
    return 0;
}

int account_find_group(const char *text, gid_t *group, struct error *error)
{
    if (read_number(text, group)) {
        return 0;
    }
    errno = 0;
    const struct group *found = getgrnam(text);
    if (found == NULL) {
        return explain("group", text, error);
    }
    *group = found->gr_gid;
    return 0;
}
