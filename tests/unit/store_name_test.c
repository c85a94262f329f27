/*
 * The names of listeners in the service manager's store.
 */
#include "store_name.h"

#include "scratch.h"

static void assert_name(const char *type, const char *listener, const struct unix_file *file,
                        const char *expected)
{
    char name[STORE_NAME_SIZE];
    assert_ptr_equal(store_name_make(name, type, listener, file), name);
    assert_string_equal(name, expected);
}

static bool parse(const char *name, struct unix_file *file)
{
    return store_name_parse(name, strlen(name), file);
}

static void a_name_tells_which_listener_it_is(void **state)
{
    (void)state;
    const struct unix_file file = {.device = 0x1b, .inode = 0x2af, .is_made = true};
    assert_name("tcp", "8080", NULL, "tasuki,tcp,8080");
    assert_name("udp", "127.0.0.1:53", NULL, "tasuki,udp,127.0.0.1%3A53");
    assert_name("tcp", "[::]:80", NULL, "tasuki,tcp,[%3A%3A]%3A80");
    assert_name("unix", "/run/app.sock", &file, "tasuki,unix,1b,2af,/run/app.sock");
    assert_name("unix", "@abstract", NULL, "tasuki,unix,@abstract");
}

static void what_could_not_stand_among_other_names_is_written_otherwise(void **state)
{
    (void)state;
    assert_name("unix", "@a:b,c%d e\nf\x7f\xc3\xa4", NULL,
                "tasuki,unix,@a%3Ab%2Cc%25d%20e%0Af%7F%C3%A4");
}

static void a_name_that_is_too_long_is_cut(void **state)
{
    (void)state;
    const struct unix_file file = {.device = UINT64_MAX, .inode = UINT64_MAX, .is_made = true};
    char listener[200];
    char name[STORE_NAME_SIZE];
    struct unix_file parsed;
    memset(listener, ':', sizeof listener);
    listener[sizeof listener - 1] = '\0';
    store_name_make(name, "unix-seqpacket", listener, &file);
    assert_true(strlen(name) <= STORE_NAME_SIZE - 1);
    assert_string_equal(name + strlen(name) - 3, "%3A");
    assert_true(parse(name, &parsed));
    assert_true(parsed.inode == file.inode);
}

static void the_file_is_found_in_the_name_again(void **state)
{
    (void)state;
    const struct unix_file file = {.device = 0xfd01, .inode = 123456789, .is_made = true};
    char name[STORE_NAME_SIZE];
    struct unix_file parsed;
    assert_true(parse(store_name_make(name, "unix-datagram", "/run/1,2,3", &file), &parsed));
    assert_true(parsed.is_made && parsed.device == file.device && parsed.inode == file.inode);
    assert_true(parse("tasuki,tcp,8080", &parsed));
    assert_false(parsed.is_made);
    assert_true(parse("tasuki,unix,@abc", &parsed));
    assert_false(parsed.is_made);
}

static void the_names_of_others_are_not_ours(void **state)
{
    (void)state;
    static const char *const names[] = {"",        "stored",     "web",           "tasuki",
                                        "tasuki,", "tasuki,tcp", "tasuki-marker", "Tasuki,tcp,80"};
    struct unix_file parsed;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(parse(names[i], &parsed));
        assert_false(parsed.is_made);
    }
    /* The name ends where it is said to end, as before the colon of LISTEN_FDNAMES. */
    assert_false(store_name_parse("tasuki:tcp,80", 6, &parsed));
    assert_false(store_name_parse("tasuki,tcp:x,80", 10, &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_tells_which_listener_it_is),
        cmocka_unit_test(what_could_not_stand_among_other_names_is_written_otherwise),
        cmocka_unit_test(a_name_that_is_too_long_is_cut),
        cmocka_unit_test(the_file_is_found_in_the_name_again),
        cmocka_unit_test(the_names_of_others_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
