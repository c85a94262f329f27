/*
 * Listeners on unix sockets: what may be at the path before, and what is there afterwards.
 */
#include "listener_set.h"

#include "scratch.h"

#include <sys/socket.h>

#define SOCKET_PATH "app.sock"

static int open_paths(struct listener_set *set, const char *const *paths, int backlog,
                      struct error *error)
{
    struct address addresses[8];
    size_t count = 0;
    for (; paths[count] != NULL; count++) {
        assert_int_equal(address_parse_path(paths[count], &addresses[count], error), 0);
        if (endpoint_look_up(&addresses[count], &addresses[count].lookup, error) != 0) {
            return -1;
        }
    }
    return listener_set_open(set, addresses, count, backlog, NULL, error);
}

static int open_path(struct listener_set *set, const char *path, struct error *error)
{
    const char *const paths[] = {path, NULL};
    return open_paths(set, paths, 0, error);
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static int connect_to(const char *path)
{
    const struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool is_served(const char *path)
{
    int fd = connect_to(path);
    close(fd);
    return fd >= 0;
}

/* A socket of this type bound to the path, by somebody else. */
static int bind_other(const char *path, int type)
{
    const struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static ino_t inode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_ino;
}

static void a_unix_socket_is_made_named_served_and_removed(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    assert_int_equal(open_path(&set, SOCKET_PATH, &error), 0);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.items[0].worker_fd, 3);
    assert_string_equal(set.items[0].name, SOCKET_PATH);
    assert_string_equal(set.items[0].path, SOCKET_PATH);
    assert_true((fcntl(set.items[0].fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true(is_served(SOCKET_PATH));

    listener_set_close(&set);
    assert_missing(SOCKET_PATH);
}

static void everybody_may_connect_whatever_the_umask(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    struct stat status;
    mode_t before = umask(077);
    int result = open_path(&set, SOCKET_PATH, &error);
    assert_int_equal(umask(before), 077); /* it is as it was */
    assert_int_equal(result, 0);
    assert_int_equal(stat(SOCKET_PATH, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0777);
    listener_set_close(&set);
}

static void a_stale_socket_is_replaced(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    close(bind_other(SOCKET_PATH, SOCK_STREAM));
    assert_false(is_served(SOCKET_PATH));
    assert_int_equal(open_path(&set, SOCKET_PATH, &error), 0);
    assert_true(is_served(SOCKET_PATH));
    listener_set_close(&set);

    close(bind_other(SOCKET_PATH, SOCK_DGRAM));
    assert_int_equal(open_path(&set, SOCKET_PATH, &error), 0);
    listener_set_close(&set);
}

static void a_socket_that_somebody_serves_is_refused_and_stays(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error = {""};
    char expected[64];
    snprintf(expected, sizeof expected, "address already in use by process %d (", (int)getpid());
    int other = bind_other(SOCKET_PATH, SOCK_STREAM);
    assert_int_equal(listen(other, 1), 0);
    ino_t inode = inode_of(SOCKET_PATH);

    assert_int_equal(open_path(&set, SOCKET_PATH, &error), -1);
    assert_text_has(error.text, "cannot listen on " SOCKET_PATH ": ");
    assert_text_has(error.text, expected);
    assert_int_equal(inode_of(SOCKET_PATH), inode);
    assert_true(is_served(SOCKET_PATH));
    close(other);
}

static void a_server_whose_queue_is_full_still_has_its_socket(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error = {""};
    int other = bind_other(SOCKET_PATH, SOCK_STREAM);
    assert_int_equal(listen(other, 0), 0);
    int waiting = connect_to(SOCKET_PATH);
    assert_true(waiting >= 0);
    assert_int_equal(connect_to(SOCKET_PATH), -1);
    assert_int_equal(errno, EAGAIN);

    assert_int_equal(open_path(&set, SOCKET_PATH, &error), -1);
    assert_text_has(error.text, "address already in use by");
    assert_exists(SOCKET_PATH);
    close(waiting);
    close(other);
}

static void a_datagram_socket_in_use_is_refused_and_stays(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error = {""};
    int other = bind_other(SOCKET_PATH, SOCK_DGRAM);
    assert_int_equal(open_path(&set, SOCKET_PATH, &error), -1);
    assert_text_has(error.text, "cannot listen on " SOCKET_PATH ": ");
    assert_exists(SOCKET_PATH);
    close(other);
}

static void what_is_no_socket_is_refused_and_stays(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    scratch_write("file", "precious\n");
    assert_int_equal(mkdir("directory", 0755), 0);
    assert_int_equal(mkfifo("fifo", 0644), 0);
    assert_int_equal(symlink("no-such-target", "link"), 0);
    static const char *const paths[] = {"file", "directory", "fifo", "link"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        error.text[0] = '\0';
        if (open_path(&set, paths[i], &error) != -1) {
            fail_msg("%s was replaced", paths[i]);
        }
        assert_text_has(error.text, paths[i]);
        assert_text_has(error.text, "the file exists and is not a socket");
        assert_exists(paths[i]);
    }
    assert_file_holds("file", "precious\n");
}

static void a_directory_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    assert_int_equal(open_path(&set, "no/such.sock", &error), -1);
    assert_string_equal(error.text, "cannot listen on no/such.sock: No such file or directory");
}

static void a_failure_removes_what_the_addresses_before_it_made(void **state)
{
    (void)state;
    static const char *const paths[] = {"first.sock", "second.sock", "no/such.sock", NULL};
    struct listener_set set;
    struct error error;
    size_t descriptors = count_open_descriptors();
    assert_int_equal(open_paths(&set, paths, 0, &error), -1);
    assert_missing("first.sock");
    assert_missing("second.sock");
    assert_int_equal(set.count, 0);
    assert_int_equal(count_open_descriptors(), descriptors);
}

static void one_path_given_twice_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {SOCKET_PATH, SOCKET_PATH, NULL};
    struct listener_set set;
    struct error error;
    assert_int_equal(open_paths(&set, paths, 0, &error), -1);
    assert_text_has(error.text, "address already in use by");
    assert_missing(SOCKET_PATH);
}

static void only_our_own_socket_is_removed(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    assert_int_equal(open_path(&set, SOCKET_PATH, &error), 0);
    assert_int_equal(rename(SOCKET_PATH, "moved.sock"), 0);
    int other = bind_other(SOCKET_PATH, SOCK_STREAM);
    ino_t inode = inode_of(SOCKET_PATH);

    listener_set_close(&set);

    assert_int_equal(inode_of(SOCKET_PATH), inode);
    assert_exists("moved.sock");
    close(other);
}

static void the_longest_path_works(void **state)
{
    (void)state;
    char path[ADDRESS_PATH_MAX + 1];
    memset(path, 'p', sizeof path - 1);
    path[ADDRESS_PATH_MAX] = '\0';
    struct listener_set set;
    struct error error;
    assert_int_equal(open_path(&set, path, &error), 0);
    assert_string_equal(set.items[0].name, path);
    assert_exists(path);
    assert_int_equal(open_path(&(struct listener_set){.count = 0}, path, &error), -1);
    assert_text_has(error.text, path);
    listener_set_close(&set);
    assert_missing(path);
}

static void the_backlog_holds_for_unix_sockets_too(void **state)
{
    (void)state;
    static const char *const paths[] = {SOCKET_PATH, NULL};
    enum { BACKLOG = 4 };
    int clients[BACKLOG + 1];
    struct listener_set set;
    struct error error;
    assert_int_equal(open_paths(&set, paths, BACKLOG, &error), 0);
    for (int i = 0; i <= BACKLOG; i++) { /* unix(7): one more than the backlog waits */
        clients[i] = connect_to(SOCKET_PATH);
        assert_true(clients[i] >= 0);
    }
    assert_int_equal(connect_to(SOCKET_PATH), -1);
    for (int i = 0; i <= BACKLOG; i++) {
        close(clients[i]);
    }
    listener_set_close(&set);
}

/* What a supervisor before left in the service manager's store: a socket, and its file. */
static void open_kept(struct listener_set *set, const char *options, struct error *error)
{
    struct address address;
    char path[128];
    struct stat status;
    struct activated_socket kept = {.socket_type = SOCK_STREAM,
                                    .length = sizeof(struct sockaddr_un)};
    const struct sockaddr_un bound = unix_address(SOCKET_PATH);
    kept.fd = bind_other(SOCKET_PATH, SOCK_STREAM);
    assert_int_equal(listen(kept.fd, 5), 0);
    memcpy(&kept.address, &bound, sizeof bound);
    assert_int_equal(lstat(SOCKET_PATH, &status), 0);
    kept.file =
        (struct unix_file){.device = status.st_dev, .inode = status.st_ino, .is_made = true};
    kept.stored_name = strdup("tasuki,unix,0,0,app.sock");
    struct activated_socket *items = malloc(sizeof *items);
    assert_non_null(items);
    *items = kept;
    struct activation activation = {.items = items, .count = 1};
    snprintf(path, sizeof path, "%s%s", SOCKET_PATH, options);
    assert_int_equal(address_parse_path(path, &address, error), 0);
    assert_int_equal(listener_set_open(set, &address, 1, 0, &activation, error), 0);
    assert_int_equal(set->items[0].origin, LISTENER_KEPT);
    activation_free(&activation);
    assert_true(is_served(SOCKET_PATH));
}

static void the_file_of_a_kept_socket_is_ours_once_the_service_is_set_up(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    open_kept(&set, "", &error);
    listener_set_close(&set); /* a start that failed */
    assert_exists(SOCKET_PATH);
    assert_int_equal(unlink(SOCKET_PATH), 0);

    open_kept(&set, "", &error);
    listener_set_own_files(&set);
    listener_set_close(&set);
    assert_missing(SOCKET_PATH);

    open_kept(&set, "", &error);
    listener_set_own_files(&set);
    listener_set_leave_files(&set); /* the store has it still */
    listener_set_close(&set);
    assert_exists(SOCKET_PATH);
}

static void the_rights_of_a_kept_socket_wait_for_a_stop_and_that_is_said(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    const mode_t mask = umask(0177);
    open_kept(&set, ",mode=0600,backlog=9", &error);
    assert_null(set.items[0].warning);
    listener_set_own_files(&set);
    listener_set_close(&set);

    open_kept(&set, ",mode=0660", &error);
    assert_text_has(set.items[0].warning, "mode and owner take effect after a stop and start");
    umask(mask);
    listener_set_close(&set);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_unix_socket_is_made_named_served_and_removed),
        IN_SCRATCH(everybody_may_connect_whatever_the_umask),
        IN_SCRATCH(a_stale_socket_is_replaced),
        IN_SCRATCH(a_socket_that_somebody_serves_is_refused_and_stays),
        IN_SCRATCH(a_server_whose_queue_is_full_still_has_its_socket),
        IN_SCRATCH(a_datagram_socket_in_use_is_refused_and_stays),
        IN_SCRATCH(what_is_no_socket_is_refused_and_stays),
        IN_SCRATCH(a_directory_that_is_not_there_is_said),
        IN_SCRATCH(a_failure_removes_what_the_addresses_before_it_made),
        IN_SCRATCH(one_path_given_twice_is_refused),
        IN_SCRATCH(only_our_own_socket_is_removed),
        IN_SCRATCH(the_longest_path_works),
        IN_SCRATCH(the_backlog_holds_for_unix_sockets_too),
        IN_SCRATCH(the_file_of_a_kept_socket_is_ours_once_the_service_is_set_up),
        IN_SCRATCH(the_rights_of_a_kept_socket_wait_for_a_stop_and_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
