/*
 * Sockets from above. Each test runs in a child of its own, for the convention counts descriptors
 * from 3 on, where the test program has its own.
 */
#include "activation.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FIRST_FD 3

static void put_at(int fd, int number)
{
    assert_true(fd >= 0);
    if (fd != number) {
        assert_int_equal(dup2(fd, number), number);
        close(fd);
    }
}

static int open_bound(const void *address, socklen_t length, int type)
{
    const struct sockaddr *any = address;
    const int off = 0;
    int fd = socket(any->sa_family, type, 0);
    assert_true(fd >= 0);
    if (any->sa_family == AF_INET6) {
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), 0);
    }
    assert_int_equal(bind(fd, any, length), 0);
    return fd;
}

static int open_listening(const void *address, socklen_t length)
{
    int fd = open_bound(address, length, SOCK_STREAM);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static const struct sockaddr_in any_ipv4 = {.sin_family = AF_INET};
static const struct sockaddr_in6 any_ipv6 = {.sin6_family = AF_INET6};
static const struct sockaddr_un here = {.sun_family = AF_UNIX, .sun_path = "socket"};

static void say(const char *count, const char *names)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count, 1);
    if (names != NULL) {
        setenv("LISTEN_FDNAMES", names, 1);
    } else {
        unsetenv("LISTEN_FDNAMES");
    }
}

static void assert_taken(struct activation *activation, size_t count)
{
    struct error error;
    if (activation_take(activation, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(activation->count, count);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
}

static void assert_refused(const char *count, const char *names, const char *reason)
{
    struct activation activation;
    struct error error;
    say(count, names);
    assert_int_equal(activation_take(&activation, &error), -1);
    assert_text_has(error.text, reason);
    assert_int_equal(activation.count, 0);
    assert_null(getenv("LISTEN_FDS"));
}

static struct sockaddr_storage bound_to(int fd, socklen_t *length)
{
    struct sockaddr_storage address;
    *length = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, length), 0);
    return address;
}

static void sockets_are_taken_with_their_names_and_closed_for_children(void)
{
    struct activation activation;
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    put_at(open_listening(&here, sizeof here), FIRST_FD + 1);
    put_at(open_bound(&any_ipv4, sizeof any_ipv4, SOCK_DGRAM), FIRST_FD + 2);
    say("3", "web::dns");
    assert_taken(&activation, 3);
    assert_string_equal(activation.items[0].label, "web");
    assert_null(activation.items[1].label);
    assert_string_equal(activation.items[2].label, "dns");
    assert_int_equal(activation.items[2].socket_type, SOCK_DGRAM);
    for (int fd = FIRST_FD; fd < FIRST_FD + 3; fd++) {
        assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    char *name = activation_make_name(&activation.items[1]);
    assert_string_equal(name, "socket");
    free(name);
    assert_int_equal(activation_count(&activation), 3);
    activation_free(&activation);
    assert_int_equal(fcntl(FIRST_FD, F_GETFD), -1);
    assert_exists("socket"); /* the path is not ours */
}

static void what_is_said_to_another_process_is_not_for_this_one(void)
{
    static const char *const others[] = {"1", "", "0", "-1", "99999999999", "x", NULL};
    struct activation activation;
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        say("1", NULL);
        if (others[i] != NULL) {
            setenv("LISTEN_PID", others[i], 1);
        } else {
            unsetenv("LISTEN_PID");
        }
        assert_taken(&activation, 0);
    }
    say("0", NULL);
    assert_taken(&activation, 0);
    say("1", NULL);
    unsetenv("LISTEN_FDS");
    assert_taken(&activation, 0);
    assert_true(fcntl(FIRST_FD, F_GETFD) >= 0);
}

static void what_makes_no_sense_is_refused_with_the_reason(void)
{
    int pair[2];
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    close(FIRST_FD + 1);
    assert_refused("two", NULL, "LISTEN_FDS: expected the number of sockets, got 'two'");
    assert_refused("-1", NULL, "got '-1'");
    assert_refused("1 ", NULL, "got '1 '");
    assert_refused("99999999999999", NULL, "expected the number of sockets");
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    assert_refused("2", NULL, "descriptor 4 is not open");
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    assert_refused("1", "a:b", "expected 1 names, as many as LISTEN_FDS says, got 2");

    assert_int_equal(pipe(pair), 0);
    put_at(pair[0], FIRST_FD);
    assert_refused("1", NULL, "expected a socket at descriptor 3, got a pipe");
    scratch_write("file", "");
    put_at(open("file", O_RDONLY | O_CLOEXEC), FIRST_FD);
    assert_refused("1", NULL, "expected a socket at descriptor 3, got a file");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    put_at(pair[0], FIRST_FD);
    assert_refused("1", NULL, "does not listen (a .socket unit needs Accept=no)");
    put_at(socket(AF_NETLINK, SOCK_RAW, 0), FIRST_FD);
    assert_refused("1", NULL, "expected an IPv4, IPv6 or unix socket at descriptor 3");
}

static void a_socket_is_found_by_its_address_and_type(void)
{
    struct activation activation;
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length;
    put_at(open_listening(&loopback, sizeof loopback), FIRST_FD);
    put_at(open_listening(&here, sizeof here), FIRST_FD + 1);
    say("2", NULL);
    assert_taken(&activation, 2);
    struct sockaddr_storage address = bound_to(FIRST_FD, &length);
    const struct sockaddr *wanted = (const struct sockaddr *)&address;
    assert_ptr_equal(activation_find(&activation, wanted, length, SOCK_STREAM),
                     &activation.items[0]);
    assert_null(activation_find(&activation, wanted, length, SOCK_DGRAM));
    assert_null(activation_find(NULL, wanted, length, SOCK_STREAM));

    /* With the final NUL of the path, and without. */
    const struct sockaddr *path = (const struct sockaddr *)&here;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen("socket"));
    assert_ptr_equal(activation_find(&activation, path, size, SOCK_STREAM), &activation.items[1]);
    assert_ptr_equal(activation_find(&activation, path, size + 1, SOCK_STREAM),
                     &activation.items[1]);
    assert_null(activation_find(&activation, path, size - 1, SOCK_STREAM));

    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address;
    ipv4->sin_addr.s_addr = htonl(INADDR_ANY);
    assert_null(activation_find(&activation, wanted, length, SOCK_STREAM));
    close(activation.items[0].fd); /* as one who claims it would take it over */
    activation.items[0].fd = -1;
    ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_null(activation_find(&activation, wanted, length, SOCK_STREAM));
    assert_int_equal(activation_count(&activation), 1);
    activation_free(&activation);
}

static void a_socket_for_both_families_is_that_of_the_ipv4_wildcard_too(void)
{
    struct activation activation;
    socklen_t length;
    put_at(open_listening(&any_ipv6, sizeof any_ipv6), FIRST_FD);
    say("1", NULL);
    assert_taken(&activation, 1);
    struct sockaddr_storage bound = bound_to(FIRST_FD, &length);
    struct sockaddr_in wanted = any_ipv4;
    wanted.sin_port = ((struct sockaddr_in6 *)&bound)->sin6_port;
    const struct sockaddr *any = (const struct sockaddr *)&wanted;
    assert_ptr_equal(activation_find(&activation, any, sizeof wanted, SOCK_STREAM),
                     &activation.items[0]);
    wanted.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_null(activation_find(&activation, any, sizeof wanted, SOCK_STREAM));
    char expected[32];
    snprintf(expected, sizeof expected, "[::]:%u", ntohs(wanted.sin_port));
    char *name = activation_make_name(&activation.items[0]);
    assert_string_equal(name, expected);
    free(name);
    activation_free(&activation);
}

static void an_abstract_name_counts_to_its_last_byte(void)
{
    struct activation activation;
    struct sockaddr_un abstract = {.sun_family = AF_UNIX};
    snprintf(abstract.sun_path + 1, sizeof abstract.sun_path - 1, "tasuki-unit-%d", getpid());
    socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract.sun_path + 1));
    const struct sockaddr *any = (const struct sockaddr *)&abstract;
    put_at(open_listening(&abstract, length), FIRST_FD);
    say("1", NULL);
    assert_taken(&activation, 1);
    assert_non_null(activation_find(&activation, any, length, SOCK_STREAM));
    assert_null(activation_find(&activation, any, length + 1, SOCK_STREAM));
    char *name = activation_make_name(&activation.items[0]);
    assert_int_equal(name[0], '@');
    assert_string_equal(name + 1, abstract.sun_path + 1);
    free(name);
    activation_free(&activation);
}

/* What a supervisor before had the service manager keep: its listeners, and its marker. */
static void sockets_from_the_store_are_known_by_their_names(void)
{
    struct activation activation;
    struct stat status;
    char names[256];
    int pair[2];
    const struct sockaddr *path = (const struct sockaddr *)&here;
    put_at(open_listening(&any_ipv4, sizeof any_ipv4), FIRST_FD);
    assert_int_equal(pipe(pair), 0);
    put_at(pair[1], FIRST_FD + 1);
    put_at(open_listening(&here, sizeof here), FIRST_FD + 2);
    assert_int_equal(stat("socket", &status), 0);
    snprintf(names, sizeof names, "web:tasuki-marker:tasuki,unix,%jx,%jx,socket",
             (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    say("3", names);
    assert_taken(&activation, 2);
    assert_int_equal(fcntl(FIRST_FD + 1, F_GETFD), -1);
    assert_null(activation.items[0].stored_name);
    assert_null(activation.items[1].label);
    assert_text_has(activation.items[1].stored_name, "tasuki,unix,");
    assert_int_equal(activation_count(&activation), 1); /* without an address it is nobody's */
    assert_ptr_equal(activation_find(&activation, path, sizeof here, SOCK_STREAM),
                     &activation.items[1]);

    assert_int_equal(rename("socket", "elsewhere"), 0);
    assert_null(activation_find(&activation, path, sizeof here, SOCK_STREAM));
    scratch_write("socket", "another file");
    assert_null(activation_find(&activation, path, sizeof here, SOCK_STREAM));
    activation_free(&activation);
}

/* --- each in a child -------------------------------------------------------------------------- */

static void run_in_child(void (*test)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        test(); /* after a failed assertion the child runs the rest, and says so by its status */
        exit(0);
    }
    assert_int_equal(wait_for(pid), 0);
}

#define IN_CHILD(name)                                                                             \
    static void name##_in_child(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        run_in_child(name);                                                                        \
    }

IN_CHILD(sockets_are_taken_with_their_names_and_closed_for_children)
IN_CHILD(what_is_said_to_another_process_is_not_for_this_one)
IN_CHILD(what_makes_no_sense_is_refused_with_the_reason)
IN_CHILD(a_socket_is_found_by_its_address_and_type)
IN_CHILD(a_socket_for_both_families_is_that_of_the_ipv4_wildcard_too)
IN_CHILD(an_abstract_name_counts_to_its_last_byte)
IN_CHILD(sockets_from_the_store_are_known_by_their_names)

int main(void)
{
#define IN_SCRATCH(test)                                                                           \
    cmocka_unit_test_setup_teardown(test##_in_child, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(sockets_are_taken_with_their_names_and_closed_for_children),
        IN_SCRATCH(what_is_said_to_another_process_is_not_for_this_one),
        IN_SCRATCH(what_makes_no_sense_is_refused_with_the_reason),
        IN_SCRATCH(a_socket_is_found_by_its_address_and_type),
        IN_SCRATCH(a_socket_for_both_families_is_that_of_the_ipv4_wildcard_too),
        IN_SCRATCH(an_abstract_name_counts_to_its_last_byte),
        IN_SCRATCH(sockets_from_the_store_are_known_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
