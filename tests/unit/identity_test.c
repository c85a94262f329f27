/*
 * Who a worker is to be: names and numbers, what comes with a user, what is refused. What it takes
 * to become somebody else is tested with the program, as root and not.
 */
#include "identity.h"

#include "scratch.h"

static int find(struct identity *identity, const char *user, const char *group, const char *groups,
                struct error *error)
{
    static struct identity_lookup lookup;
    lookup = (struct identity_lookup){
        .names = {.user = user, .group = group, .supplementary_groups = groups}};
    *identity = (struct identity){.has_user = false};
    return identity_look_up(&lookup, error) == 0 ? identity_take(identity, &lookup, error) : -1;
}

static void nothing_asked_for_changes_nothing(void **state)
{
    (void)state;
    struct identity identity;
    assert_int_equal(find(&identity, NULL, NULL, NULL, NULL), 0);
    assert_false(identity.has_user || identity.has_group || identity.has_groups);
    identity_free(&identity);
}

static void we_may_always_be_who_we_are(void **state)
{
    (void)state;
    char user[32];
    char group[32];
    struct identity identity;
    struct error error = {.text = ""};
    snprintf(user, sizeof user, "%u", (unsigned)geteuid());
    snprintf(group, sizeof group, "%u", (unsigned)getegid());
    if (find(&identity, user, group, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_true(identity.has_user && identity.has_group && identity.has_groups);
    assert_int_equal(identity.uid, geteuid());
    assert_int_equal(identity.gid, getegid());
    identity_free(&identity);
    identity_free(&identity); /* does no harm */
}

static void who_is_not_there_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        const char *group;
        const char *groups;
        const char *reason;
    } rows[] = {
        {"no-such-user", NULL, NULL, "--user: there is no user 'no-such-user'"},
        {"0x0", NULL, NULL, "--user: there is no user '0x0'"},
        {"-1", "0", NULL, "--user: there is no user '-1'"},
        {"4294967295", "0", NULL, "--user: there is no user '4294967295'"},
        {"54321", NULL, NULL, "--user: user 54321 is not in the user database"},
        {NULL, "no-such-group", NULL, "--group: there is no group 'no-such-group'"},
        {NULL, NULL, "0,no-such", "--supplementary-groups: there is no group 'no-such'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct identity identity;
        struct error error = {.text = ""};
        assert_int_equal(find(&identity, rows[i].user, rows[i].group, rows[i].groups, &error), -1);
        if (strstr(error.text, rows[i].reason) == NULL) {
            fail_msg("'%s', expected '%s'", error.text, rows[i].reason);
        }
        assert_null(identity.groups);
    }
}

static void the_variables_are_the_users(void **state)
{
    (void)state;
    char name[] = "runner";
    char home[] = "/srv/runner";
    char shell[] = "/bin/sh";
    char own_home[] = "HOME=/root";
    char own_user[] = "USER=root";
    char *const own[] = {own_home, own_user, NULL};
    struct environment environment;
    struct identity identity = {.has_user = true, .name = name, .home = home, .shell = shell};
    assert_int_equal(environment_copy(&environment, own, NULL), 0);
    assert_int_equal(identity_write(&identity, &environment, NULL), 0);
    assert_string_equal(environment_get(&environment, "HOME"), "/srv/runner");
    assert_string_equal(environment_get(&environment, "USER"), "runner");
    assert_string_equal(environment_get(&environment, "LOGNAME"), "runner");
    assert_string_equal(environment_get(&environment, "SHELL"), "/bin/sh");
    identity = (struct identity){.has_user = true};
    assert_int_equal(identity_write(&identity, &environment, NULL), 0);
    assert_int_equal(environment.count, 0);
    environment_free(&environment);
    assert_int_equal(environment_copy(&environment, own, NULL), 0);
    identity = (struct identity){.has_group = true};
    assert_int_equal(identity_write(&identity, &environment, NULL), 0);
    assert_string_equal(environment_get(&environment, "HOME"), "/root");
    environment_free(&environment);
}

static void a_user_is_described_with_its_number(void **state)
{
    (void)state;
    char name[] = "runner";
    char text[64];
    assert_string_equal(
        identity_describe_user(&(struct identity){.uid = 7, .name = name}, text, sizeof text),
        "user runner (7)");
    assert_string_equal(identity_describe_user(&(struct identity){.uid = 7}, text, sizeof text),
                        "user 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_for_changes_nothing),
        cmocka_unit_test(we_may_always_be_who_we_are),
        cmocka_unit_test(who_is_not_there_is_refused_by_name),
        cmocka_unit_test(the_variables_are_the_users),
        cmocka_unit_test(a_user_is_described_with_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
