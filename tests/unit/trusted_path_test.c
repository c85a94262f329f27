/*
 * Paths that another user has had a hand in, each opened as root would open it. Files of that other
 * user are made by chown(2), so the tests are skipped where this process is not root.
 */
#include "trusted_path.h"

#include "scratch.h"

/* Any two users that are not root. */
enum { STRANGER = 65534, OTHER = 65533 };

static void skip_unless_root(void)
{
    if (geteuid() != 0) {
        skip();
    }
}

static void own(const char *path, uid_t user)
{
    assert_int_equal(lchown(path, user, user), 0);
}

static void make_directory(const char *path, mode_t mode, uid_t user)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
    own(path, user);
}

static void make_file(const char *path, uid_t user)
{
    scratch_write(path, "text\n");
    own(path, user);
}

static void make_link(const char *target, const char *path, uid_t user)
{
    assert_int_equal(symlink(target, path), 0);
    own(path, user);
}

static void assert_opens(const char *path, int flags)
{
    struct error reason = {""};
    int fd = trusted_open(path, flags, 0600, &reason);
    if (fd < 0) {
        fail_msg("%s: %s", path, reason.text);
    }
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

static void assert_refused(const char *path, int flags, const char *sentence)
{
    struct error reason = {""};
    int fd = trusted_open(path, flags, 0600, &reason);
    int number = errno;
    close(fd);
    if (fd >= 0) {
        fail_msg("%s was opened", path);
    }
    assert_text_has(reason.text, sentence);
    assert_int_equal(number, EPERM);
}

static void what_nobody_else_had_a_hand_in_opens_as_ever(void **state)
{
    char absolute[128];
    make_directory("directory", 0755, geteuid());
    make_file("directory/file", geteuid());
    make_link("directory", "link", geteuid());
    make_link("../link/file", "directory/back", geteuid());
    snprintf(absolute, sizeof absolute, "%s/link//./back", (const char *)*state);
    make_link(absolute, "absolute", geteuid());
    static const char *const paths[] = {"directory/file", "./directory/../link/file", "link/back",
                                        "absolute", "/dev/null"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_opens(paths[i], O_RDONLY);
    }
    assert_opens("link/", O_RDONLY | O_DIRECTORY);
    assert_opens("/", O_RDONLY | O_DIRECTORY);
    assert_opens("link/new", O_WRONLY | O_CREAT);
    assert_exists("directory/new");
}

static void what_open_refuses_has_its_reason(void **state)
{
    (void)state;
    make_link("loop", "loop", geteuid());
    make_file("file", geteuid());
    static char long_path[PATH_MAX + 1];
    static char long_name[NAME_MAX + 2];
    memset(long_path, 'p', sizeof long_path - 1);
    memset(long_name, 'n', sizeof long_name - 1);
    const struct {
        const char *path;
        int number;
    } rows[] = {
        {"missing", ENOENT},       {"missing/file", ENOENT},  {"", ENOENT},
        {"file/below", ENOTDIR},   {"loop", ELOOP},           {"loop/file", ELOOP},
        {long_path, ENAMETOOLONG}, {long_name, ENAMETOOLONG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error reason = {""};
        int fd = trusted_open(rows[i].path, O_RDONLY, 0, &reason);
        int number = errno;
        if (fd >= 0 || number != rows[i].number) {
            fail_msg("%.20s: %s", rows[i].path, strerror(number));
        }
        assert_string_equal(reason.text, strerror(rows[i].number));
    }
}

static void links_of_proc_lead_where_the_kernel_says(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    assert_opens(path, O_WRONLY | O_APPEND | O_CREAT);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    assert_opens(path, O_WRONLY);
    close(ends[0]);
    close(ends[1]);
}

static void nothing_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_opens("fifo", O_RDONLY);
    assert_int_equal(trusted_open("fifo", O_WRONLY, 0, NULL), -1);
    assert_int_equal(errno, ENXIO);
}

static void another_users_link_does_not_lead_to_roots_file(void **state)
{
    (void)state;
    skip_unless_root();
    make_file("secret", 0);
    make_directory("private", 0700, 0);
    make_file("private/file", 0);
    make_directory("theirs", 0755, STRANGER);
    make_link("../secret", "theirs/file", STRANGER);
    make_link("../private", "theirs/directory", STRANGER);
    make_link("../private/", "theirs/slash", STRANGER);
    make_link("/", "theirs/root", STRANGER);
    make_link("file", "theirs/again", STRANGER);
    const char *expected = "a link of user 65534 leads to ";
    assert_refused("theirs/file", O_RDONLY, expected);
    assert_refused("theirs/file", O_WRONLY | O_APPEND | O_CREAT, expected);
    assert_refused("theirs/again", O_RDONLY, expected);
    assert_refused("theirs/directory/file", O_RDONLY, expected);
    assert_refused("theirs/slash/file", O_RDONLY, expected);
    assert_refused("theirs/root/etc/passwd", O_RDONLY, expected);
}

static void another_users_link_makes_nothing(void **state)
{
    (void)state;
    skip_unless_root();
    make_directory("private", 0700, 0);
    make_directory("theirs", 0755, STRANGER);
    make_link("../private/new", "theirs/file", STRANGER);
    make_link("../private", "theirs/directory", STRANGER);
    assert_int_equal(trusted_open("theirs/file", O_WRONLY | O_CREAT, 0600, NULL), -1);
    assert_int_equal(trusted_open("theirs/directory/new", O_WRONLY | O_CREAT, 0600, NULL), -1);
    assert_missing("private/new");
}

static void another_users_link_leads_to_what_is_their_own(void **state)
{
    (void)state;
    skip_unless_root();
    make_directory("theirs", 0755, STRANGER);
    make_directory("theirs/1", 0755, STRANGER);
    make_file("theirs/1/file", STRANGER);
    make_file("theirs/1/made-by-root", 0);
    make_link("1/", "theirs/current", STRANGER);
    make_link("current/file", "theirs/file", STRANGER);
    assert_opens("theirs/current/file", O_RDONLY);
    assert_opens("theirs/file", O_WRONLY | O_APPEND | O_CREAT);
    assert_opens("theirs/current/made-by-root", O_RDONLY);
    assert_opens("theirs/current/new", O_WRONLY | O_CREAT);
    assert_exists("theirs/1/new");
}

static void two_other_users_links_do_not_lead_to_each_other(void **state)
{
    (void)state;
    skip_unless_root();
    make_directory("theirs", 0755, STRANGER);
    make_file("file", OTHER);
    make_link("file", "link", OTHER);
    make_link("../file", "theirs/file", STRANGER);
    make_link("../link", "theirs/link", STRANGER);
    assert_refused("theirs/file", O_RDONLY, "of user 65533 (expected root's)");
    assert_refused("theirs/link", O_RDONLY, "of user 65533 (expected root's)");
}

static void roots_own_link_leads_anywhere(void **state)
{
    (void)state;
    skip_unless_root();
    make_directory("theirs", 0755, STRANGER);
    make_file("theirs/file", STRANGER);
    make_link("theirs/file", "link", 0);
    assert_opens("link", O_RDONLY);
    assert_opens("link", O_WRONLY | O_APPEND | O_CREAT);
}

static void a_strangers_file_in_a_directory_for_everybody_is_refused(void **state)
{
    (void)state;
    skip_unless_root();
    make_directory("temporary", 01777, 0);
    make_file("temporary/file", STRANGER);
    make_file("temporary/own", 0);
    make_link("own", "temporary/link", STRANGER);
    make_directory("temporary/variables", 0755, STRANGER);
    make_file("temporary/variables/file", STRANGER);
    const char *expected = "belongs to user 65534 in a world-writable directory "
                           "(expected root's)";
    assert_refused("temporary/file", O_RDONLY, expected);
    assert_refused("temporary/file", O_WRONLY | O_CREAT, expected);
    assert_refused("temporary/link", O_RDONLY, expected);
    assert_refused("temporary/variables", O_RDONLY | O_DIRECTORY, expected);
    assert_opens("temporary/own", O_RDONLY);
    assert_opens("temporary/variables/file", O_RDONLY); /* its owner is who was asked for */
}

static void a_hard_link_to_roots_file_is_refused(void **state)
{
    (void)state;
    skip_unless_root();
    make_file("secret", 0);
    make_directory("theirs", 0755, STRANGER);
    make_directory("own", 0755, 0);
    assert_int_equal(link("secret", "theirs/secret"), 0);
    assert_int_equal(link("secret", "own/secret"), 0);
    assert_refused("theirs/secret", O_RDONLY, "secret has 3 hard links");
    assert_refused("theirs/secret", O_WRONLY | O_APPEND | O_CREAT, "(expected 1)");
    assert_opens("own/secret", O_RDONLY);
}

static void an_entry_is_found_without_following_it(void **state)
{
    (void)state;
    AUTO_PLACE struct trusted_place place;
    make_directory("directory", 0755, geteuid());
    make_link("directory", "link", geteuid());
    make_link("nowhere", "directory/entry", geteuid());
    assert_int_equal(trusted_find_entry("link/entry", &place, NULL), 0);
    assert_string_equal(place.name, "entry");
    assert_int_equal(unlinkat(place.directory, place.name, 0), 0);
    assert_missing("directory/entry");
}

static void a_strangers_directory_among_everybodys_is_told_apart(void **state)
{
    (void)state;
    skip_unless_root();
    static const struct {
        const char *path;
        bool is_strangers;
    } rows[] = {
        {"temporary/theirs/file", true},
        {"temporary/theirs/below/file", true},
        {"temporary/own/file", false},
        {"home/theirs/file", false},
    };
    make_directory("temporary", 01777, 0);
    make_directory("temporary/theirs", 0755, STRANGER);
    make_directory("temporary/theirs/below", 0755, STRANGER);
    make_directory("temporary/own", 0755, 0);
    make_directory("home", 0755, 0);
    make_directory("home/theirs", 0755, STRANGER);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO_PLACE struct trusted_place place;
        assert_int_equal(trusted_find_entry(rows[i].path, &place, NULL), 0);
        if (place.is_strangers != rows[i].is_strangers) {
            fail_msg("%s", rows[i].path);
        }
    }
}

static void nothing_stays_open(void **state)
{
    (void)state;
    make_link("nowhere", "link", geteuid());
    make_directory("directory", 0755, geteuid());
    make_file("directory/file", geteuid());
    size_t before = count_open_descriptors();
    assert_int_equal(trusted_open("link", O_RDONLY, 0, NULL), -1);
    assert_int_equal(trusted_open("link/file", O_RDONLY, 0, NULL), -1);
    assert_opens("directory/file", O_RDONLY);
    assert_int_equal(count_open_descriptors(), before);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(what_nobody_else_had_a_hand_in_opens_as_ever),
        IN_SCRATCH(what_open_refuses_has_its_reason),
        IN_SCRATCH(links_of_proc_lead_where_the_kernel_says),
        IN_SCRATCH(nothing_is_waited_for),
        IN_SCRATCH(another_users_link_does_not_lead_to_roots_file),
        IN_SCRATCH(another_users_link_makes_nothing),
        IN_SCRATCH(another_users_link_leads_to_what_is_their_own),
        IN_SCRATCH(two_other_users_links_do_not_lead_to_each_other),
        IN_SCRATCH(roots_own_link_leads_anywhere),
        IN_SCRATCH(a_strangers_file_in_a_directory_for_everybody_is_refused),
        IN_SCRATCH(a_hard_link_to_roots_file_is_refused),
        IN_SCRATCH(an_entry_is_found_without_following_it),
        IN_SCRATCH(a_strangers_directory_among_everybodys_is_told_apart),
        IN_SCRATCH(nothing_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
