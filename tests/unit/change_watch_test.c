/*
 * The watch for changes of files.
 */
#include "change_watch.h"

#include "scratch.h"

#include <poll.h>

#define FILE_NAME "app.conf"

/* Watches one path. */
static struct change_watch *watch_path(const char *path)
{
    struct error error;
    struct change_watch *watch = change_watch_new(&error);
    assert_non_null(watch);
    assert_int_equal(change_watch_follow(watch, &path, 1, &error), 0);
    return watch;
}

static enum change look(struct change_watch *watch, const char **path)
{
    struct error error;
    enum change change = change_watch_look(watch, path, &error);
    assert_string_equal(error.text, "");
    return change;
}

static bool is_woken(const struct change_watch *watch)
{
    struct pollfd descriptor = {.fd = change_watch_fd(watch), .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

/* It wakes the caller, settles, and is told once. */
static void assert_changed(struct change_watch *watch, const char *expected)
{
    const char *path = NULL;
    assert_true(is_woken(watch));
    assert_int_equal(look(watch, &path), CHANGE_SETTLING);
    assert_int_equal(look(watch, &path), CHANGE_SETTLED);
    assert_string_equal(path, expected);
    assert_int_equal(look(watch, &path), CHANGE_NONE);
    look(watch, &path);
    assert_false(is_woken(watch));
}

static void assert_unchanged(struct change_watch *watch)
{
    const char *path = NULL;
    assert_int_equal(look(watch, &path), CHANGE_NONE);
    assert_int_equal(look(watch, &path), CHANGE_NONE);
}

static void write_file(const char *path, const char *text)
{
    scratch_write_bytes(path, text, strlen(text));
}

static void replace(const char *path, const char *text)
{
    write_file("new", text);
    assert_int_equal(rename("new", path), 0);
}

static void point(const char *link, const char *target)
{
    assert_int_equal(symlink(target, "..link"), 0);
    assert_int_equal(rename("..link", link), 0);
}

static void a_file_that_is_written_has_changed(void **state)
{
    (void)state;
    write_file(FILE_NAME, "one");
    struct change_watch *watch = watch_path(FILE_NAME);
    assert_unchanged(watch);
    write_file(FILE_NAME, "other");
    assert_changed(watch, FILE_NAME);
    change_watch_free(watch);
}

static void a_file_that_is_replaced_is_watched_on(void **state)
{
    (void)state;
    write_file(FILE_NAME, "one");
    struct change_watch *watch = watch_path(FILE_NAME);
    for (int i = 0; i < 3; i++) {
        replace(FILE_NAME, "one");
        assert_changed(watch, FILE_NAME);
    }
    write_file(FILE_NAME, "four");
    assert_changed(watch, FILE_NAME);
    change_watch_free(watch);
}

static void what_vanishes_has_not_changed_until_it_is_there_again(void **state)
{
    (void)state;
    write_file(FILE_NAME, "one");
    struct change_watch *watch = watch_path(FILE_NAME);
    assert_int_equal(rename(FILE_NAME, "aside"), 0);
    assert_unchanged(watch);
    assert_int_equal(rename("aside", FILE_NAME), 0);
    assert_unchanged(watch);
    assert_int_equal(unlink(FILE_NAME), 0);
    assert_unchanged(watch);
    write_file(FILE_NAME, "two, after a while");
    assert_changed(watch, FILE_NAME);
    change_watch_free(watch);
}

static void what_is_not_there_yet_is_waited_for(void **state)
{
    (void)state;
    struct change_watch *watch = watch_path("etc/app/" FILE_NAME);
    const char *path;
    assert_int_equal(mkdir("etc", 0755), 0);
    assert_true(is_woken(watch));
    assert_int_equal(look(watch, &path), CHANGE_NONE);
    assert_int_equal(mkdir("etc/app", 0755), 0);
    assert_true(is_woken(watch));
    assert_int_equal(look(watch, &path), CHANGE_NONE);
    write_file("etc/app/" FILE_NAME, "one");
    assert_changed(watch, "etc/app/" FILE_NAME);
    change_watch_free(watch);
}

static void what_goes_on_changing_has_not_settled(void **state)
{
    (void)state;
    const char *path;
    write_file(FILE_NAME, "");
    struct change_watch *watch = watch_path(FILE_NAME);
    char text[8] = "";
    for (int i = 0; i < 5; i++) {
        text[i] = 'x';
        write_file(FILE_NAME, text);
        assert_int_equal(look(watch, &path), CHANGE_SETTLING);
    }
    assert_int_equal(look(watch, &path), CHANGE_SETTLED);
    change_watch_free(watch);
}

/* As a kubelet writes a volume: the keys are links through ..data, which is swapped. */
static void make_volume(const char *version, const char *text)
{
    char path[64];
    assert_int_equal(mkdir(version, 0755), 0);
    snprintf(path, sizeof path, "%s/%s", version, FILE_NAME);
    write_file(path, text);
    point("..data", version);
}

static void remove_volume(const char *version)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", version, FILE_NAME);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(version), 0);
}

static void follow_volume(const char *watched)
{
    make_volume("..1", "one");
    assert_int_equal(symlink("..data/" FILE_NAME, FILE_NAME), 0);
    struct change_watch *watch = watch_path(watched);
    make_volume("..2", "two");
    remove_volume("..1");
    assert_changed(watch, watched);
    make_volume("..3", "two");
    assert_changed(watch, watched);
    remove_volume("..2");
    assert_unchanged(watch);
    change_watch_free(watch);
}

static void a_projected_volume_changes_with_its_link(void **state)
{
    (void)state;
    follow_volume(".");
}

static void so_does_a_file_in_it(void **state)
{
    (void)state;
    follow_volume(FILE_NAME);
}

static void a_link_on_the_way_is_looked_through(void **state)
{
    (void)state;
    assert_int_equal(mkdir("releases", 0755), 0);
    assert_int_equal(mkdir("releases/1", 0755), 0);
    assert_int_equal(mkdir("releases/2", 0755), 0);
    write_file("releases/1/" FILE_NAME, "one");
    write_file("releases/2/" FILE_NAME, "two");
    point("current", "releases/1");
    struct change_watch *watch = watch_path("current/" FILE_NAME);
    point("current", "releases/2");
    assert_changed(watch, "current/" FILE_NAME);
    write_file("releases/1/" FILE_NAME, "nobody looks any more");
    assert_false(is_woken(watch));
    write_file("releases/2/" FILE_NAME, "three");
    assert_changed(watch, "current/" FILE_NAME);
    change_watch_free(watch);
}

static void a_directory_on_the_way_may_be_another(void **state)
{
    (void)state;
    assert_int_equal(mkdir("app", 0755), 0);
    assert_int_equal(mkdir("next", 0755), 0);
    write_file("app/" FILE_NAME, "one");
    write_file("next/" FILE_NAME, "two");
    struct change_watch *watch = watch_path("app/" FILE_NAME);
    assert_int_equal(rename("app", "before"), 0);
    assert_int_equal(rename("next", "app"), 0);
    assert_changed(watch, "app/" FILE_NAME);
    write_file("app/" FILE_NAME, "three");
    assert_changed(watch, "app/" FILE_NAME);
    change_watch_free(watch);
}

static void files_come_and_go_in_a_directory(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0755), 0);
    struct change_watch *watch = watch_path("conf.d");
    write_file("conf.d/a", "one");
    assert_changed(watch, "conf.d");
    write_file("conf.d/a", "other");
    assert_changed(watch, "conf.d");
    assert_int_equal(unlink("conf.d/a"), 0);
    assert_changed(watch, "conf.d");
    change_watch_free(watch);
}

static void what_editors_leave_beside_is_no_change(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0755), 0);
    write_file("conf.d/a", "one");
    struct change_watch *watch = watch_path("conf.d");
    write_file("conf.d/.a.swp", "");
    write_file("conf.d/a~", "one");
    assert_int_equal(chmod("conf.d/a", 0600), 0);
    assert_unchanged(watch);
    change_watch_free(watch);
}

static void neighbours_of_a_file_are_no_change(void **state)
{
    (void)state;
    write_file(FILE_NAME, "one");
    struct change_watch *watch = watch_path(FILE_NAME);
    write_file("neighbour", "two");
    assert_unchanged(watch);
    change_watch_free(watch);
}

static void links_in_a_circle_lead_nowhere(void **state)
{
    (void)state;
    assert_int_equal(symlink("b", "a"), 0);
    assert_int_equal(symlink("a", "b"), 0);
    struct change_watch *watch = watch_path("a");
    assert_unchanged(watch);
    replace("b", "one");
    assert_changed(watch, "a");
    change_watch_free(watch);
}

static void only_what_is_asked_for_now_is_watched(void **state)
{
    (void)state;
    struct error error;
    const char *const both[] = {"a/x", "b/x"};
    assert_int_equal(mkdir("a", 0755), 0);
    assert_int_equal(mkdir("b", 0755), 0);
    struct change_watch *watch = watch_path(both[0]);
    assert_int_equal(change_watch_follow(watch, both, 2, &error), 0);
    write_file("b/x", "one");
    assert_changed(watch, "b/x");
    assert_int_equal(change_watch_follow(watch, both, 1, &error), 0);
    assert_unchanged(watch);
    write_file("b/x", "two");
    assert_false(is_woken(watch));
    write_file("a/x", "one");
    assert_changed(watch, "a/x");
    change_watch_free(watch);
}

static void a_change_is_not_lost_when_the_paths_are_given_anew(void **state)
{
    (void)state;
    struct error error;
    const char *const path = FILE_NAME;
    write_file(FILE_NAME, "one");
    struct change_watch *watch = watch_path(path);
    replace(FILE_NAME, "two");
    assert_int_equal(change_watch_follow(watch, &path, 1, &error), 0);
    assert_changed(watch, FILE_NAME);
    change_watch_free(watch);
}

static void what_cannot_be_watched_is_said_and_the_rest_is_watched(void **state)
{
    (void)state;
    struct error error = {.text = ""};
    char long_path[5000];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    const char *const paths[] = {long_path, FILE_NAME};
    const char *path = NULL;
    struct change_watch *watch = change_watch_new(&error);
    assert_non_null(watch);
    assert_int_equal(change_watch_follow(watch, paths, 2, &error), -1);
    assert_non_null(strstr(error.text, "at most 4095 bytes, this has 4999"));
    write_file(FILE_NAME, "one");
    assert_int_equal(change_watch_look(watch, &path, &error), CHANGE_SETTLING);
    assert_int_equal(change_watch_look(watch, &path, &error), CHANGE_SETTLED);
    assert_string_equal(path, FILE_NAME);
    assert_non_null(strstr(error.text, "at most 4095 bytes, this has 4999"));
    change_watch_free(watch);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_written_has_changed),
        TEST(a_file_that_is_replaced_is_watched_on),
        TEST(what_vanishes_has_not_changed_until_it_is_there_again),
        TEST(what_is_not_there_yet_is_waited_for),
        TEST(what_goes_on_changing_has_not_settled),
        TEST(a_projected_volume_changes_with_its_link),
        TEST(so_does_a_file_in_it),
        TEST(a_link_on_the_way_is_looked_through),
        TEST(a_directory_on_the_way_may_be_another),
        TEST(files_come_and_go_in_a_directory),
        TEST(what_editors_leave_beside_is_no_change),
        TEST(neighbours_of_a_file_are_no_change),
        TEST(links_in_a_circle_lead_nowhere),
        TEST(only_what_is_asked_for_now_is_watched),
        TEST(what_cannot_be_watched_is_said_and_the_rest_is_watched),
        TEST(a_change_is_not_lost_when_the_paths_are_given_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
