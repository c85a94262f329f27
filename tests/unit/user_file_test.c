/* The files of users and groups, as a static program reads them. */
#include "user_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char passwd_path[] = "/tmp/user_file_test.XXXXXX";
static char group_path[] = "/tmp/user_file_test.XXXXXX";

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "%s", text) > 0);
    close(fd);
}

static int make_files(void **state)
{
    (void)state;
    write_file(passwd_path, "root:x:0:0::/root:/bin/sh\n"
                            "app:x:1000:1001:App,,,:/srv/app:/bin/false\n"
                            "not an entry\n"
                            "app:x:2000:2000::/second:/bin/sh\n"
                            "last:x:3000:3000::/last:/bin/sh"); /* without its newline */
    write_file(group_path, "root:x:0:\n"
                           "app:x:1001:app\n"
                           "video:x:44:other,app\n"
                           "audio:x:29:application\n"
                           "render:x:105:app\n");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(passwd_path);
    unlink(group_path);
    return 0;
}

static void the_first_of_two_entries_counts(void **state)
{
    (void)state;
    const struct passwd *entry = user_file_find_name(passwd_path, "app");
    assert_non_null(entry);
    assert_int_equal(entry->pw_uid, 1000);
    assert_int_equal(entry->pw_gid, 1001);
    assert_string_equal(entry->pw_dir, "/srv/app");
    assert_string_equal(entry->pw_shell, "/bin/false");
}

static void a_user_is_found_by_number(void **state)
{
    (void)state;
    const struct passwd *entry = user_file_find_uid(passwd_path, 3000);
    assert_non_null(entry);
    assert_string_equal(entry->pw_name, "last");
    assert_non_null(user_file_find_uid(passwd_path, 0));
}

static void who_is_not_there_is_no_error(void **state)
{
    (void)state;
    errno = EIO;
    assert_null(user_file_find_name(passwd_path, "ap"));
    assert_int_equal(errno, 0);
    assert_null(user_file_find_uid(passwd_path, 1));
    assert_int_equal(errno, 0);
    assert_null(user_file_find_group(group_path, "vid"));
    assert_int_equal(errno, 0);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    (void)state;
    assert_null(user_file_find_name("/no/such/file", "root"));
    assert_int_equal(errno, ENOENT);
    assert_null(user_file_find_group("/etc/passwd/file", "root"));
    assert_int_equal(errno, ENOTDIR);
}

static void a_group_is_found_by_name(void **state)
{
    (void)state;
    const struct group *entry = user_file_find_group(group_path, "video");
    assert_non_null(entry);
    assert_int_equal(entry->gr_gid, 44);
}

static void a_members_groups_are_listed_once(void **state)
{
    (void)state;
    gid_t groups[3];
    assert_int_equal(user_file_list_groups(group_path, "app", 1001, groups, 3), 3);
    assert_int_equal(groups[0], 1001);
    assert_int_equal(groups[1], 44);
    assert_int_equal(groups[2], 105);
    assert_int_equal(user_file_list_groups(group_path, "app", 1001, groups, 2), -1);
    assert_int_equal(user_file_list_groups(group_path, "app", 1001, groups, 0), -1);
    assert_int_equal(user_file_list_groups(group_path, "nobody", 7, groups, 1), 1);
    assert_int_equal(groups[0], 7);
    assert_int_equal(user_file_list_groups("/no/such/file", "app", 7, groups, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_two_entries_counts),
        cmocka_unit_test(a_user_is_found_by_number),
        cmocka_unit_test(who_is_not_there_is_no_error),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
        cmocka_unit_test(a_group_is_found_by_name),
        cmocka_unit_test(a_members_groups_are_listed_once),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
