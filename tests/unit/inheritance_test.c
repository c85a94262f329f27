/*
 * The variables that tell a worker of its sockets, in each convention.
 */
#include "inheritance.h"

#include "scratch.h"

#include "descriptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static char port_name[] = "8080";
static char host_name[] = "[::1]:8443";
static char path_name[] = "/run/app=1.sock";

static inheritance_set parse(const char *list)
{
    inheritance_set set = 0;
    struct error error;
    if (inheritance_parse(list, &set, &error) != 0) {
        fail_msg("'%s': %s", list, error.text);
    }
    return set;
}

static void write_into(struct environment *environment, const char *list,
                       const struct listener_set *set, uint64_t generation)
{
    struct error error;
    assert_int_equal(inheritance_write(parse(list), set, generation, environment, &error), 0);
}

/* The value that a variable has after `list` was written into an empty environment. */
static void assert_variable(const char *list, const struct listener_set *set, const char *name,
                            const char *value)
{
    __attribute__((cleanup(environment_free))) struct environment environment = {.count = 0};
    write_into(&environment, list, set, 1);
    const char *found = environment_get(&environment, name);
    if (value == NULL ? found != NULL : found == NULL || strcmp(found, value) != 0) {
        fail_msg("%s of %s: expected '%s', got '%s'", name, list, value, found);
    }
}

/* Three listeners at 3, 4 and 5, not in this order. */
static struct listener items[] = {
    {.fd = 20, .worker_fd = 4, .name = port_name, .socket_type = SOCK_STREAM},
    {.fd = 21, .worker_fd = 3, .name = host_name, .socket_type = SOCK_STREAM},
    {.fd = 5, .worker_fd = 5, .name = path_name, .socket_type = SOCK_STREAM},
};
static const struct listener_set none = {.count = 0};
static const struct listener_set one = {.items = items + 1, .count = 1};
static const struct listener_set three = {.items = items, .count = 3};
/* The same without the second: nothing is at 3. */
static const struct listener_set gap = {.items = items + 2, .count = 1};

static void a_worker_learns_names_and_its_own_descriptors(void **state)
{
    (void)state;
    assert_variable("server-starter", &one, "SERVER_STARTER_PORT", "[::1]:8443=3");
    assert_variable("server-starter", &three, "SERVER_STARTER_PORT",
                    "8080=4;[::1]:8443=3;/run/app=1.sock=5");
    assert_variable("server-starter", &none, "SERVER_STARTER_PORT", "");
    assert_variable("nginx", &one, "NGINX", "3;");
    assert_variable("nginx", &three, "NGINX", "4;3;5;");
    assert_variable("unicorn", &one, "UNICORN_FD", "3");
    assert_variable("unicorn", &three, "UNICORN_FD", "4,3,5");
    assert_variable("systemd", &three, "LISTEN_FDS", "3");
    assert_variable("systemd", &three, "LISTEN_PID", "");
    assert_variable("systemd", &three, "LISTEN_FDNAMES", NULL);
}

static void where_there_are_no_sockets_no_other_convention_is_written(void **state)
{
    (void)state;
    static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID",       "NGINX",
                                        "UNICORN_FD", "EINHORN_FD_COUNT", "FPM_SOCKETS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_variable("server-starter,systemd,nginx,einhorn,unicorn,php-fpm", &none, names[i],
                        NULL);
    }
}

static void names_are_in_the_order_of_the_descriptors_as_systemd_counts_them(void **state)
{
    (void)state;
    char web[] = "web";
    char admin[] = "admin";
    struct listener named[] = {items[0], items[1], items[2]};
    const struct listener_set set = {.items = named, .count = 3};
    named[0].label = web;
    assert_variable("systemd", &set, "LISTEN_FDNAMES", "unknown:web:unknown");
    named[1].label = admin;
    assert_variable("systemd", &set, "LISTEN_FDNAMES", "admin:web:unknown");
}

static void what_systemd_cannot_say_is_not_said_in_part(void **state)
{
    (void)state;
    struct error problem;
    assert_variable("systemd", &gap, "LISTEN_FDS", NULL);
    assert_variable("systemd", &gap, "LISTEN_PID", NULL);
    assert_true(inheritance_has_gap(parse("systemd"), &gap, &problem));
    assert_text_has(problem.text, "descriptor 3 is not a socket");
    assert_false(inheritance_has_gap(parse("nginx"), &gap, &problem));
    assert_false(inheritance_has_gap(parse("systemd"), &three, &problem));
    assert_false(inheritance_has_gap(parse("systemd"), &none, &problem));

    struct listener far[] = {items[1], items[2]};
    const struct listener_set three_and_five = {.items = far, .count = 2};
    assert_true(inheritance_has_gap(parse("systemd"), &three_and_five, &problem));
    assert_text_has(problem.text, "descriptor 4 is not a socket");
}

/* A real socket for those conventions that ask it. Returns its descriptor. */
static int open_bound(const void *address, socklen_t length, int type)
{
    const struct sockaddr *any = address;
    int fd = socket(any->sa_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, any, length), 0);
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin6_port);
}

static void einhorn_and_php_fpm_are_told_families_and_addresses(void **state)
{
    (void)state;
    const struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    const struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/unused"};
    struct sockaddr_un path = local;
    char *directory = *state;
    snprintf(path.sun_path, sizeof path.sun_path, "%.80s/socket", directory);
    AUTO_CLOSE int first = open_bound(&ipv4, sizeof ipv4, SOCK_STREAM);
    AUTO_CLOSE int second = open_bound(&ipv6, sizeof ipv6, SOCK_STREAM);
    AUTO_CLOSE int third = open_bound(&path, sizeof path, SOCK_STREAM);
    AUTO_CLOSE int fourth = open_bound(&ipv4, sizeof ipv4, SOCK_DGRAM);
    struct listener real[] = {
        {.fd = first, .worker_fd = 3, .name = port_name, .socket_type = SOCK_STREAM},
        {.fd = second, .worker_fd = 4, .name = host_name, .socket_type = SOCK_STREAM},
        {.fd = third, .worker_fd = 5, .name = path.sun_path, .socket_type = SOCK_STREAM},
        {.fd = fourth, .worker_fd = 6, .name = port_name, .socket_type = SOCK_DGRAM},
    };
    const struct listener_set set = {.items = real, .count = 4};
    char expected[256];
    snprintf(expected, sizeof expected, "0.0.0.0:%u=3,::1:%u=4,%s=5", port_of(first),
             port_of(second), path.sun_path);
    assert_variable("php-fpm", &set, "FPM_SOCKETS", expected);
    snprintf(expected, sizeof expected, "%d", getpid());
    assert_variable("einhorn", &set, "EINHORN_MASTER_PID", expected);
    assert_variable("einhorn", &set, "EINHORN_FD_COUNT", "4");
    assert_variable("einhorn", &set, "EINHORN_FDS", "3 4 5 6");
    assert_variable("einhorn", &set, "EINHORN_FD_0", "3");
    assert_variable("einhorn", &set, "EINHORN_FD_3", "6");
    assert_variable("einhorn", &set, "EINHORN_FD_FAMILY_0", "AF_INET");
    assert_variable("einhorn", &set, "EINHORN_FD_FAMILY_1", "AF_INET6");
    assert_variable("einhorn", &set, "EINHORN_FD_FAMILY_2", "AF_UNIX");
}

static void a_path_that_php_fpm_would_cut_in_two_is_left_out(void **state)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    char *directory = *state;
    snprintf(path.sun_path, sizeof path.sun_path, "%.80s/a,b", directory);
    AUTO_CLOSE int fd = open_bound(&path, sizeof path, SOCK_STREAM);
    struct listener item = {
        .fd = fd, .worker_fd = 3, .name = path.sun_path, .socket_type = SOCK_STREAM};
    const struct listener_set set = {.items = &item, .count = 1};
    assert_variable("php-fpm", &set, "FPM_SOCKETS", NULL);
}

static void a_generation_is_as_large_as_it_gets_and_told_in_every_convention(void **state)
{
    (void)state;
    __attribute__((cleanup(environment_free))) struct environment environment = {.count = 0};
    write_into(&environment, "none", &one, UINT64_MAX);
    assert_string_equal(environment_get(&environment, "SERVER_STARTER_GENERATION"),
                        "18446744073709551615");
    assert_int_equal(environment.count, 1);
}

static void nothing_that_came_from_above_is_left(void **state)
{
    (void)state;
    static const char *const stale[] = {
        "SERVER_STARTER_PORT", "SERVER_STARTER_GENERATION",
        "LISTEN_FDS",          "LISTEN_PID",
        "LISTEN_FDNAMES",      "NGINX",
        "EINHORN_FD_0",        "EINHORN_FD_COUNT",
        "EINHORN_SOCK_FD",     "EINHORN_FDS",
        "UNICORN_FD",          "FPM_SOCKETS",
        "FPM_SOCKETS_1",       "EINHORN_MASTER_PID",
        "LISTEN_PIDFDID",
    };
    static const char *const kept[] = {"NGINX_VERSION", "LISTEN", "UNICORN_FDS", "PATH"};
    __attribute__((cleanup(environment_free))) struct environment environment = {.count = 0};
    struct error error;
    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
        assert_int_equal(environment_set(&environment, stale[i], "7", &error), 0);
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_int_equal(environment_set(&environment, kept[i], "7", &error), 0);
    }
    inheritance_clear(&environment);
    for (size_t i = 0; i < sizeof stale / sizeof stale[0]; i++) {
        assert_null(environment_get(&environment, stale[i]));
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_string_equal(environment_get(&environment, kept[i]), "7");
    }
}

static void a_list_has_names_with_commas_between_them(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        ",",      "systemd,",   ",systemd",     "nginx,,unicorn",
        "systemD", "phpfpm", "none,nginx", "nginx unicorn"};
    inheritance_set set;
    struct error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(inheritance_parse(wrong[i], &set, &error), -1);
        assert_text_has(error.text, "expected a list of server-starter");
    }
    assert_int_equal(parse("none"), 0);
    assert_int_equal(parse("nginx,nginx"), parse("nginx"));
    assert_int_equal(parse("systemd,unicorn"), parse("systemd") | parse("unicorn"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_learns_names_and_its_own_descriptors),
        cmocka_unit_test(where_there_are_no_sockets_no_other_convention_is_written),
        cmocka_unit_test(names_are_in_the_order_of_the_descriptors_as_systemd_counts_them),
        cmocka_unit_test(what_systemd_cannot_say_is_not_said_in_part),
        cmocka_unit_test_setup_teardown(einhorn_and_php_fpm_are_told_families_and_addresses,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_path_that_php_fpm_would_cut_in_two_is_left_out,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test(a_generation_is_as_large_as_it_gets_and_told_in_every_convention),
        cmocka_unit_test(nothing_that_came_from_above_is_left),
        cmocka_unit_test(a_list_has_names_with_commas_between_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
