/*
 * What a worker wrote to standard error last, read back from the file.
 */
#include "last_words.h"

#include "streams.h"

/* Runs `before`, marks, runs `after`, reads; all with standard error in the file "log". */
static ssize_t read_words(const char *before, const char *after, char *buffer, size_t size)
{
    struct streams saved = streams_save();
    stream_to_file(STDERR_FILENO, "log");
    stream_say(STDERR_FILENO, before);
    struct last_words_mark mark = last_words_mark();
    stream_say(STDERR_FILENO, after);
    ssize_t length = last_words_read(&mark, buffer, size);
    streams_restore(saved);
    return length;
}

static void what_was_written_after_the_mark_is_read(void **state)
{
    (void)state;
    char words[64];
    assert_int_equal(read_words("before\n", "after\n", words, sizeof words), 6);
    assert_string_equal(words, "after\n");
    assert_int_equal(read_words("", "all\n", words, sizeof words), 4);
    assert_string_equal(words, "all\n");
    assert_int_equal(read_words("before\n", "", words, sizeof words), 0);
    assert_string_equal(words, "");
}

static void only_the_end_is_read_of_what_is_too_long(void **state)
{
    (void)state;
    char words[8];
    assert_int_equal(read_words("x", "0123456789", words, sizeof words), 7);
    assert_string_equal(words, "3456789");
    assert_int_equal(read_words("x", "01234567", words, sizeof words), 7);
    assert_string_equal(words, "1234567");
    assert_int_equal(read_words("x", "0123456", words, sizeof words), 7);
    assert_string_equal(words, "0123456");
}

static void a_log_that_was_emptied_since_is_all_new(void **state)
{
    (void)state;
    char words[64];
    struct streams saved = streams_save();
    stream_to_file(STDERR_FILENO, "log");
    stream_say(STDERR_FILENO, "a long line before\n");
    struct last_words_mark mark = last_words_mark();
    int truncated = ftruncate(STDERR_FILENO, 0);
    stream_say(STDERR_FILENO, "new\n");
    ssize_t length = last_words_read(&mark, words, sizeof words);
    streams_restore(saved);
    assert_int_equal(truncated, 0);
    assert_int_equal(length, 4);
    assert_string_equal(words, "new\n");
}

static void a_log_that_was_moved_or_removed_can_still_be_read(void **state)
{
    (void)state;
    char words[64];
    struct streams saved = streams_save();
    stream_to_file(STDERR_FILENO, "log");
    struct last_words_mark mark = last_words_mark();
    int removed = unlink("log");
    stream_say(STDERR_FILENO, "last\n");
    ssize_t length = last_words_read(&mark, words, sizeof words);
    streams_restore(saved);
    assert_int_equal(removed, 0);
    assert_int_equal(length, 5);
    assert_string_equal(words, "last\n");
}

/* The worker still writes to the one before: the new one has nothing of it. */
static void a_log_that_was_opened_anew_since_has_no_words_of_that_worker(void **state)
{
    (void)state;
    char words[64];
    char output[LAST_WORDS_OUTPUT_SIZE];
    struct streams saved = streams_save();
    stream_to_file(STDERR_FILENO, "log");
    struct last_words_mark mark = last_words_mark();
    stream_to_file(STDERR_FILENO, "log.new");
    stream_say(STDERR_FILENO, "somebody else's\n");
    ssize_t length = last_words_read(&mark, words, sizeof words);
    last_words_describe_output(&mark, 1, output, sizeof output);
    streams_restore(saved);
    assert_int_equal(length, -1);
    assert_string_equal(output, "the log file before it was reopened");
}

static void what_is_no_file_cannot_be_read_back(void **state)
{
    (void)state;
    char words[64];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct streams saved = streams_save();
    dup2(ends[1], STDERR_FILENO);
    struct last_words_mark pipe_mark = last_words_mark();
    stream_say(STDERR_FILENO, "gone\n");
    ssize_t pipe_length = last_words_read(&pipe_mark, words, sizeof words);
    close(STDERR_FILENO);
    struct last_words_mark closed_mark = last_words_mark();
    streams_restore(saved);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(pipe_mark.end, -1);
    assert_int_equal(pipe_length, -1);
    assert_int_equal(closed_mark.end, -1);
    assert_int_equal(last_words_read(&closed_mark, words, sizeof words), -1);
}

static void every_usual_runtime_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        bool in_use;
    } rows[] = {
        {"bind: Address already in use", true},
        {"listen tcp :8080: bind: address already in use", true},
        {"OSError: [Errno 98] Address already in use", true},
        {"Error: listen EADDRINUSE: address already in use :::8080", true},
        {"code: 'EADDRINUSE'", true},
        {"Error(98, \"Address in use\")", true},
        {"ADDRESS ALREADY IN USE", true},
        {"", false},
        {"cannot find the address in the book", false},
        {"Permission denied", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (last_words_mention_address_in_use(rows[i].words) != rows[i].in_use) {
            fail_msg("'%s' was misunderstood", rows[i].words);
        }
    }
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(what_was_written_after_the_mark_is_read),
        IN_SCRATCH(only_the_end_is_read_of_what_is_too_long),
        IN_SCRATCH(a_log_that_was_emptied_since_is_all_new),
        IN_SCRATCH(a_log_that_was_moved_or_removed_can_still_be_read),
        IN_SCRATCH(a_log_that_was_opened_anew_since_has_no_words_of_that_worker),
        IN_SCRATCH(what_is_no_file_cannot_be_read_back),
        cmocka_unit_test(every_usual_runtime_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
