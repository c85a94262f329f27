/*
 * The control socket on a machine that is short of descriptors or memory: a client is told or
 * turned away, and the next one is served.
 */
#include "faults.h"

#include "control.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATH "control.sock"

static void on_request(void *context, uint64_t client, const char *line)
{
    struct control **control = context;
    control_send(*control, client, line);
    control_finish(*control, client);
}

static struct control *open_control(struct control **control, struct error *error)
{
    const struct control_handler handler = {.on_request = on_request, .context = control};
    *control = control_open(PATH, &handler, error);
    return *control;
}

static int open_and_close(void *context, struct error *error)
{
    (void)context;
    struct control *control;
    if (open_control(&control, error) == NULL) {
        return -1;
    }
    control_close(control);
    return 0;
}

/* The first descriptor is a spare one for bad times, the second a lock between two starts. */
static void a_control_socket_is_opened_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    assert_true(faults_sweep(open_and_close, NULL, "open openat fcntl") >= 6);
    assert_missing(PATH);
}

/* --- clients -------------------------------------------------------------------------------------
 */

static int say_hello(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PATH};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, "hello\n", 6), 6);
    return fd;
}

/* What the client reads until its end: "hello\n", an error, or nothing at all. */
static void hear(struct control *control, int fd, char *reply, size_t size)
{
    size_t length = 0;
    for (int turn = 0; turn < 100; turn++) {
        control_process(control);
        ssize_t more = read(fd, reply + length, size - 1 - length);
        if (more == 0 || (more < 0 && errno != EAGAIN)) {
            break;
        }
        length += more > 0 ? (size_t)more : 0;
    }
    reply[length] = '\0';
    close(fd);
}

/* One client comes while the `nth` call fails; returns what it read. */
static bool fails_at(struct control *control, unsigned nth, char *reply, size_t size)
{
    int fd = say_hello();
    faults_arm("any", nth, 0);
    /* The client's own calls are not among those that can fail. */
    hear(control, fd, reply, size);
    return faults_disarm() != NULL;
}

static void a_client_in_bad_times_is_not_in_the_way_of_the_next(void **state)
{
    (void)state;
    struct control *control;
    struct error error;
    char reply[256];
    assert_non_null(open_control(&control, &error));
    size_t before = count_open_descriptors();
    unsigned nth = 1;
    while (fails_at(control, nth, reply, sizeof reply)) {
        if (strcmp(reply, "hello\n") != 0 && *reply != '\0' &&
            strstr(reply, "\"result\":\"error\"") == NULL) {
            fail_msg("call %u failed: the client was told '%s'", nth, reply);
        }
        hear(control, say_hello(), reply, sizeof reply);
        assert_string_equal(reply, "hello\n");
        assert_int_equal(count_open_descriptors(), before);
        nth++;
    }
    /* accept, the client's memory, its watch and its queue. */
    assert_true(nth > 4);
    control_close(control);
}

/* While none can be accepted, none keeps the loop busy either. */
static void a_client_for_whom_there_is_no_descriptor_is_told_so(void **state)
{
    (void)state;
    struct control *control;
    struct error error;
    char reply[256];
    assert_non_null(open_control(&control, &error));
    int fd = say_hello();
    faults_arm("accept4", 1, EMFILE);
    control_process(control);
    assert_string_equal(faults_disarm(), "accept4");
    struct pollfd descriptor = {.fd = control_fd(control), .events = POLLIN};
    assert_int_equal(poll(&descriptor, 1, 0), 0);
    hear(control, fd, reply, sizeof reply);
    assert_text_has(reply, "too many open files");
    hear(control, say_hello(), reply, sizeof reply);
    assert_string_equal(reply, "hello\n");
    control_close(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_control_socket_is_opened_or_nothing_is_left_of_it,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_client_in_bad_times_is_not_in_the_way_of_the_next,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_client_for_whom_there_is_no_descriptor_is_told_so,
                                        scratch_enter, scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
