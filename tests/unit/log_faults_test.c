/*
 * The way of the log's lines where memory or descriptors are lacking: a line is late or lost and
 * counted, and never in the way.
 */
#include "faults.h"

#include "log_output.h"

#include <sys/ioctl.h>

#define LINE "a line\n"

static void read_lines(int fd, char *text, size_t size)
{
    ssize_t length = read(fd, text, size - 1);
    text[length > 0 ? length : 0] = '\0';
}

static void say(struct log_output *output)
{
    log_output_write(output, LINE, strlen(LINE));
}

struct pipe {
    int ends[2];
    struct log_output output;
};

static void make_pipe(struct pipe *made)
{
    *made = (struct pipe){.output = {.own_fd = -1}};
    assert_int_equal(pipe2(made->ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_output_set(&made->output, made->ends[1], 0);
}

static void close_pipe(struct pipe *made)
{
    log_output_close(&made->output, 0);
    close(made->ends[0]);
    close(made->ends[1]);
}

static void a_line_that_finds_no_room_comes_later(void **state)
{
    (void)state;
    const int reasons[] = {EAGAIN, ENOSPC, ENOBUFS};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct pipe made;
        char text[64];
        make_pipe(&made);
        faults_arm("write", 1, reasons[i]);
        say(&made.output);
        assert_string_equal(faults_disarm(), "write");
        assert_true(log_output_is_stalled(&made.output));
        say(&made.output);
        assert_false(log_output_is_stalled(&made.output));
        read_lines(made.ends[0], text, sizeof text);
        assert_string_equal(text, LINE LINE);
        assert_int_equal(log_output_take_lost(&made.output), 0);
        close_pipe(&made);
    }
}

static void an_interrupted_line_is_written_at_once(void **state)
{
    (void)state;
    struct pipe made;
    char text[64];
    make_pipe(&made);
    faults_arm("write", 1, EINTR);
    say(&made.output);
    assert_string_equal(faults_disarm(), "write");
    read_lines(made.ends[0], text, sizeof text);
    assert_string_equal(text, LINE);
    close_pipe(&made);
}

static void a_line_for_which_there_is_no_memory_is_lost_and_counted(void **state)
{
    (void)state;
    struct pipe made;
    char text[64];
    make_pipe(&made);
    int room;
    /* Fills the pipe, so that the line has to wait. */
    while (write(made.ends[1], text, 1) == 1) {
    }
    faults_arm("malloc", 1, 0);
    say(&made.output);
    assert_string_equal(faults_disarm(), "malloc");
    assert_int_equal(log_output_take_lost(&made.output), 1);
    say(&made.output);
    assert_true(log_output_is_stalled(&made.output));
    while (ioctl(made.ends[0], FIONREAD, &room) == 0 && room > 0) {
        read_lines(made.ends[0], text, sizeof text);
    }
    log_output_flush(&made.output);
    read_lines(made.ends[0], text, sizeof text);
    assert_string_equal(text, LINE);
    close_pipe(&made);
}

static void without_a_descriptor_of_its_own_it_writes_to_the_one_that_it_was_given(void **state)
{
    (void)state;
    struct pipe made = {.output = {.own_fd = -1}};
    char text[64];
    assert_int_equal(pipe2(made.ends, O_CLOEXEC), 0);
    size_t before = count_open_descriptors();
    faults_arm("open", 1, 0);
    log_output_set(&made.output, made.ends[1], 0);
    assert_string_equal(faults_disarm(), "open");
    assert_int_equal(count_open_descriptors(), before);
    say(&made.output);
    read_lines(made.ends[0], text, sizeof text);
    assert_string_equal(text, LINE);
    close_pipe(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_finds_no_room_comes_later),
        cmocka_unit_test(an_interrupted_line_is_written_at_once),
        cmocka_unit_test(a_line_for_which_there_is_no_memory_is_lost_and_counted),
        cmocka_unit_test(without_a_descriptor_of_its_own_it_writes_to_the_one_that_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
