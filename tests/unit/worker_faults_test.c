/*
 * Workers and what is started beside them, on a machine that is short of descriptors, memory or
 * processes.
 */
#include "faults.h"

#include "capture.h"
#include "companion.h"
#include "descriptor.h"
#include "envdir.h"
#include "helper.h"
#include "notify.h"
#include "spawn.h"

#include <sys/resource.h>
#include <sys/socket.h>

static char *const no_environment[] = {NULL};
static char *const nothing[] = {(char[]){"/bin/true"}, NULL};

static void reap(pid_t pid)
{
    assert_int_equal(wait_for(pid), 0);
}

/* --- workers ------------------------------------------------------------------------------------
 */

struct start {
    struct listener_set listeners;
    struct identity identity;
    struct surroundings surroundings;
    struct worker_command command;
};

/* A command that has something of everything: a socket, and a pipe where the socket is to be. */
static void prepare(struct start *start)
{
    struct address address;
    struct error error;
    int ends[2];
    *start = (struct start){.surroundings = {.has_umask = false}};
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[1]);
    assert_int_equal(address_parse_port("127.0.0.1:0", &address, &error), 0);
    assert_int_equal(listener_set_open(&start->listeners, &address, 1, 0, NULL, &error), 0);
    start->listeners.items[0].worker_fd = ends[0];
    start->command = (struct worker_command){.argv = nothing,
                                             .environment = no_environment,
                                             .directory = "/",
                                             .listeners = &start->listeners,
                                             .extra = {{.fd = ends[0], .worker_fd = ends[0] + 1}},
                                             .extra_count = 1};
}

static void clean_up(struct start *start)
{
    close(start->command.extra[0].fd);
    listener_set_close(&start->listeners);
}

static int spawn(void *context, struct error *error)
{
    struct start *start = context;
    struct worker_failure failure;
    pid_t pid = worker_spawn(&start->command, &failure);
    if (pid < 0) {
        *error = failure.error;
        return -1;
    }
    reap(pid);
    return 0;
}

/* Its memory, the process, and in the child a copy of the pipe and two descriptors in their places.
 */
static void a_worker_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct start start;
    prepare(&start);
    assert_true(faults_sweep(spawn, &start, "") >= 6);
    clean_up(&start);
}

static void a_worker_of_another_user_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct start start;
    prepare(&start);
    start.identity =
        (struct identity){.has_user = true, .has_group = true, .uid = 65534, .gid = 65534};
    start.command.identity = &start.identity;
    start.command.surroundings = &start.surroundings;
    assert_true(faults_sweep(spawn, &start, "") >= 7);
    clean_up(&start);
}

static int spawn_adopted(void *context, struct error *error)
{
    struct start *start = context;
    struct adoption_filter filter;
    struct adoption_installation adoption = {.filter = &filter, .notify_fd = -1};
    adoption_filter_build(&filter, false);
    start->command.adoption = &adoption;
    int result = spawn(start, error);
    if (result == 0) {
        assert_true(adoption.notify_fd >= 0 || adoption.reason != 0);
    }
    descriptor_close(&adoption.notify_fd);
    return result;
}

/* A worker whose filter can report to nobody would find its calls failing. */
static void an_adopted_worker_has_a_filter_that_reports_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct start start;
    prepare(&start);
    assert_true(faults_sweep(spawn_adopted, &start, "") >= 9);
    clean_up(&start);
}

/* --- companions ----------------------------------------------------------------------------------
 */

/* Of a worker that sleeps, with a NOTIFY_SOCKET. */
static int keep_company(void *context, struct error *error)
{
    const struct identity *identity = context;
    struct companion companion = {.facts = {-1, -1}};
    struct notify_socket notify = {.fd = -1};
    faults_pause();
    pid_t worker = fork();
    if (worker == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(notify_open(&notify, error), 0);
    faults_resume();
    const struct companion_setup setup = {
        .worker = worker, .notify_fd = notify.fd, .filter_fd = -1, .identity = identity};
    int result = companion_prepare(&companion, error);
    if (result == 0) {
        result = companion_start(&companion, &setup, error);
    }
    notify_close(&notify);
    pid_t pid = companion.pid;
    faults_pause();
    kill(worker, SIGKILL);
    assert_int_equal(wait_for(worker), SIGKILL);
    companion_part(&companion, (char[NOTIFY_STATUS_SIZE]){""});
    if (pid > 0) {
        reap(pid);
    }
    faults_resume();
    return result;
}

static void a_companion_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct identity identity = {.has_user = false};
    faults_spare_children(true);
    assert_true(faults_sweep(keep_company, &identity, "fcntl") >= 2);
    faults_spare_children(false);
}

/* --- helpers, captures and notifications ---------------------------------------------------------
 */

static int run_helper(void *context, struct error *error)
{
    struct helper helper;
    if (helper_start(&helper, context, error) != 0) {
        assert_int_equal(helper.pid, 0);
        return -1;
    }
    reap(helper.pid);
    char words[8];
    assert_int_equal(helper_output(&helper, words, sizeof words), 3);
    helper_finish(&helper);
    return 0;
}

static void a_helper_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct helper_command command = {
        .text = "echo hi", .environment = no_environment, .capture = true};
    assert_true(faults_sweep(run_helper, &command, "") >= 6);
}

static int capture(void *context, struct error *error)
{
    struct ev_loop *loop = context;
    struct capture *list = NULL;
    struct capture *made = capture_new(loop, &list, STDOUT_FILENO, error);
    if (made == NULL) {
        assert_null(list);
        return -1;
    }
    capture_release(made);
    assert_null(list);
    return 0;
}

static void a_capture_is_made_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(0);
    assert_non_null(loop);
    assert_true(faults_sweep(capture, loop, "") >= 2);
    ev_loop_destroy(loop);
}

static int open_notify(void *context, struct error *error)
{
    (void)context;
    struct notify_socket notify;
    if (notify_open(&notify, error) != 0) {
        return -1;
    }
    notify_close(&notify);
    return 0;
}

static void a_notification_socket_is_made_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    assert_true(faults_sweep(open_notify, NULL, "") >= 3);
}

static void a_notification_that_cannot_be_received_is_not_the_last(void **state)
{
    (void)state;
    struct notify_socket notify;
    struct notify_message message;
    struct error error;
    assert_int_equal(notify_open(&notify, &error), 0);
    faults_arm("recvmsg", 1, ENOMEM);
    assert_int_equal(notify_receive(&notify, &message), -1);
    assert_string_equal(faults_disarm(), "recvmsg");
    assert_int_equal(notify_receive(&notify, &message), 0);
    notify_close(&notify);
}

/* --- the envdir ----------------------------------------------------------------------------------
 */

static int read_envdir(void *context, struct error *error)
{
    (void)context;
    struct environment environment = {.entries = NULL};
    error->text[0] = '\0';
    int unread = environment_copy(&environment, no_environment, error) == 0
                     ? envdir_read("variables", &environment, error)
                     : -1;
    environment_free(&environment);
    return unread == 0 ? 0 : -1;
}

static void a_variable_that_cannot_be_read_is_counted(void **state)
{
    (void)state;
    assert_int_equal(mkdir("variables", 0755), 0);
    scratch_write("variables/ONE", "1\n");
    scratch_write("variables/TWO", "2\n");
    assert_true(faults_sweep(read_envdir, NULL, "") >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_starts_or_nothing_is_left_of_it),
        cmocka_unit_test(a_worker_of_another_user_starts_or_nothing_is_left_of_it),
        cmocka_unit_test(an_adopted_worker_has_a_filter_that_reports_or_nothing_is_left_of_it),
        cmocka_unit_test(a_companion_starts_or_nothing_is_left_of_it),
        cmocka_unit_test(a_helper_starts_or_nothing_is_left_of_it),
        cmocka_unit_test(a_capture_is_made_or_nothing_is_left_of_it),
        cmocka_unit_test(a_notification_socket_is_made_or_nothing_is_left_of_it),
        cmocka_unit_test(a_notification_that_cannot_be_received_is_not_the_last),
        cmocka_unit_test_setup_teardown(a_variable_that_cannot_be_read_is_counted, scratch_enter,
                                        scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
