/*
 * The variables that tell a worker of its sockets.
 */
#include "inheritance.h"

#include "scratch.h"

static char port_name[] = "8080";
static char host_name[] = "[::1]:8443";
static char path_name[] = "/run/app=1.sock";

static void assert_written(const struct listener_set *set, uint64_t generation, const char *ports,
                           const char *number)
{
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(environment_set(&environment, "SERVER_STARTER_PORT", "old", &error), 0);
    assert_int_equal(inheritance_write(set, generation, &environment, &error), 0);
    assert_string_equal(environment_get(&environment, "SERVER_STARTER_PORT"), ports);
    assert_string_equal(environment_get(&environment, "SERVER_STARTER_GENERATION"), number);
    environment_free(&environment);
}

static void a_worker_learns_names_and_its_own_descriptors(void **state)
{
    (void)state;
    struct listener items[] = {
        {.fd = 20, .worker_fd = 3, .name = port_name},
        {.fd = 21, .worker_fd = 100, .name = host_name},
        {.fd = 4, .worker_fd = 4, .name = path_name},
    };
    const struct listener_set one = {.items = items, .count = 1};
    const struct listener_set three = {.items = items, .count = 3};
    assert_written(&one, 1, "8080=3", "1");
    assert_written(&three, 7, "8080=3;[::1]:8443=100;/run/app=1.sock=4", "7");
}

static void a_worker_without_sockets_is_told_so(void **state)
{
    (void)state;
    const struct listener_set none = {.count = 0};
    assert_written(&none, 2, "", "2");
}

static void a_generation_is_as_large_as_it_gets(void **state)
{
    (void)state;
    const struct listener_set none = {.count = 0};
    assert_written(&none, UINT64_MAX, "", "18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_learns_names_and_its_own_descriptors),
        cmocka_unit_test(a_worker_without_sockets_is_told_so),
        cmocka_unit_test(a_generation_is_as_large_as_it_gets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
