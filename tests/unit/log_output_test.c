/*
 * The way of the supervisor's lines to a descriptor that does not take them: nothing blocks,
 * nothing is torn, and what is lost is counted.
 */
#include "log_output.h"

#include "scratch.h"

#include <poll.h>
#include <sys/socket.h>

static struct log_output output_to(int fd)
{
    struct log_output output = {.own_fd = -1};
    log_output_set(&output, fd, 0);
    return output;
}

static void write_text(struct log_output *output, const char *text)
{
    log_output_write(output, text, strlen(text));
}

/* Until it would block. `fd` is set back to blocking: that is how workers know it. */
static void fill(int fd)
{
    char bytes[4096];
    memset(bytes, '.', sizeof bytes);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
    while (write(fd, bytes, 1) > 0) {
    }
    fcntl(fd, F_SETFL, 0);
}

/* Reads all that is there, without what fill() wrote. */
static size_t drain(int fd, char *text, size_t size)
{
    static char bytes[1 << 21];
    size_t kept = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (poll(&readable, 1, 0) == 1) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0) {
            break;
        }
        for (ssize_t i = 0; i < got && kept + 1 < size; i++) {
            if (bytes[i] != '.') {
                text[kept++] = bytes[i];
            }
        }
    }
    text[kept] = '\0';
    return kept;
}

static void a_full_stream_keeps_lines_in_their_order_until_it_takes_them(int reader, int writer)
{
    char text[256];
    struct log_output output = output_to(writer);
    write_text(&output, "one\n");
    assert_false(log_output_is_stalled(&output));
    fill(writer);
    write_text(&output, "two\n");
    write_text(&output, "three\n");
    assert_true(log_output_is_stalled(&output));
    drain(reader, text, sizeof text);
    assert_string_equal(text, "one\n");
    write_text(&output, "four\n");
    assert_false(log_output_is_stalled(&output));
    drain(reader, text, sizeof text);
    assert_string_equal(text, "two\nthree\nfour\n");
    assert_int_equal(log_output_take_lost(&output), 0);
    log_output_close(&output, 0);
}

static void a_full_pipe_does_not_block_and_loses_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    a_full_stream_keeps_lines_in_their_order_until_it_takes_them(ends[0], ends[1]);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* it is the workers', too */
    close(ends[0]);
    close(ends[1]);
}

static void nor_does_a_full_socket(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    a_full_stream_keeps_lines_in_their_order_until_it_takes_them(ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

/* Between a poll that says yes and the write, a worker can fill the pipe. */
static void a_pipe_with_room_for_one_line_less_does_not_block(void **state)
{
    (void)state;
    int ends[2];
    char line[4096];
    char text[8192];
    assert_int_equal(pipe(ends), 0);
    struct log_output output = output_to(ends[1]);
    fill(ends[1]);
    assert_int_equal(read(ends[0], line, sizeof line), sizeof line);
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    log_output_write(&output, line, sizeof line); /* takes the room */
    log_output_write(&output, line, sizeof line); /* and now there is none */
    assert_true(log_output_is_stalled(&output));
    assert_int_equal(drain(ends[0], text, sizeof text), 4096);
    log_output_flush(&output);
    assert_int_equal(drain(ends[0], text, sizeof text), 4096);
    log_output_close(&output, 0);
    close(ends[0]);
    close(ends[1]);
}

static void what_the_buffer_does_not_hold_is_lost_and_counted(void **state)
{
    (void)state;
    enum { LINE = 64, KEPT = LOG_OUTPUT_BUFFER / LINE, LOST = 10 };
    static char text[LOG_OUTPUT_BUFFER + LINE];
    int ends[2];
    char line[LINE + 1];
    assert_int_equal(pipe(ends), 0);
    struct log_output output = output_to(ends[1]);
    fill(ends[1]);
    for (int i = 0; i < KEPT + LOST; i++) {
        snprintf(line, sizeof line, "%0*d\n", LINE - 1, i);
        log_output_write(&output, line, LINE);
    }
    assert_int_equal(log_output_take_lost(&output), 0); /* not while others wait */
    drain(ends[0], text, sizeof text);
    log_output_flush(&output);
    assert_false(log_output_is_stalled(&output));
    assert_int_equal(log_output_take_lost(&output), LOST);
    assert_int_equal(log_output_take_lost(&output), 0);
    assert_int_equal(drain(ends[0], text, sizeof text), KEPT * LINE);
    for (int i = 0; i < KEPT; i++) {
        assert_int_equal(strtol(text + (size_t)i * LINE, NULL, 10), i);
    }
    log_output_close(&output, 0);
    close(ends[0]);
    close(ends[1]);
}

static void a_pipe_that_nobody_reads_any_more_keeps_nothing_waiting(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log_output output = output_to(ends[1]);
    close(ends[0]);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    write_text(&output, "for nobody\n");
    signal(SIGPIPE, before);
    assert_false(log_output_is_stalled(&output));
    log_output_close(&output, 0);
    close(ends[1]);
}

/* As if a disk had been full in the middle of a line. */
static struct log_output torn_output(int fd)
{
    struct log_output output = output_to(fd);
    output.buffer = malloc(LOG_OUTPUT_BUFFER);
    assert_non_null(output.buffer);
    strcpy(output.buffer, "first line\nsecond\n");
    output.size = strlen(output.buffer);
    output.sent = (size_t)write(fd, output.buffer, 5);
    output.end = lseek(fd, 0, SEEK_END);
    return output;
}

static void the_rest_of_a_line_follows_its_beginning(void **state)
{
    (void)state;
    int fd = open("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct log_output output = torn_output(fd);
    log_output_flush(&output);
    assert_file_holds("log", "first line\nsecond\n");
    log_output_close(&output, 0);
    close(fd);
}

static void a_line_whose_beginning_is_gone_comes_again_as_a_whole(void **state)
{
    (void)state;
    int fd = open("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct log_output output = torn_output(fd);
    assert_int_equal(ftruncate(fd, 0), 0); /* somebody has made room */
    log_output_flush(&output);
    assert_file_holds("log", "first line\nsecond\n");
    log_output_close(&output, 0);

    output = torn_output(fd);
    int other = open("log.new", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    log_output_set(&output, other, 0); /* or rotated */
    log_output_flush(&output);
    assert_file_holds("log.new", "first line\nsecond\n");
    log_output_close(&output, 0);
    close(fd);
    close(other);
}

static void the_end_waits_for_a_bounded_time_and_leaves_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    size_t descriptors = count_open_descriptors();
    struct log_output output = output_to(ends[1]);
    assert_int_equal(count_open_descriptors(), descriptors + 1);
    fill(ends[1]);
    write_text(&output, "never read\n");
    log_output_close(&output, 40);
    assert_false(log_output_is_stalled(&output));
    assert_int_equal(count_open_descriptors(), descriptors);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_does_not_block_and_loses_nothing),
        cmocka_unit_test(nor_does_a_full_socket),
        cmocka_unit_test(a_pipe_with_room_for_one_line_less_does_not_block),
        cmocka_unit_test(what_the_buffer_does_not_hold_is_lost_and_counted),
        cmocka_unit_test(a_pipe_that_nobody_reads_any_more_keeps_nothing_waiting),
        IN_SCRATCH(the_rest_of_a_line_follows_its_beginning),
        IN_SCRATCH(a_line_whose_beginning_is_gone_comes_again_as_a_whole),
        cmocka_unit_test(the_end_waits_for_a_bounded_time_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
