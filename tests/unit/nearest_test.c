/*
 * How far words are apart, and which one was meant.
 */
#include "nearest.h"

#include "scratch.h"

static void the_distance_counts_single_edits(void **state)
{
    (void)state;
    static const struct {
        const char *one;
        const char *other;
        unsigned distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"port", "port", 0},
        {"port", "prot", 1},
        {"port", "ports", 1},
        {"port", "pot", 1},
        {"port", "part", 1},
        {"interval", "intervall", 1},
        {"kitten", "sitting", 3},
        {"abc", "xyz", 3},
        {"ca", "abc", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nearest_distance(rows[i].one, rows[i].other), rows[i].distance);
        assert_int_equal(nearest_distance(rows[i].other, rows[i].one), rows[i].distance);
    }
}

static void words_beyond_measure_have_no_neighbours(void **state)
{
    (void)state;
    char text[NEAREST_WORD_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(nearest_distance(text, text), NEAREST_WORD_MAX + 1);
    text[sizeof text - 2] = '\0';
    assert_int_equal(nearest_distance(text, text), 0);
    assert_int_equal(nearest_distance(text, ""), NEAREST_WORD_MAX);
}

static void the_nearest_is_found_and_nothing_far_off(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"prot", "port"},
        {"intervall", "interval"},
        {"inteval", "interval"},
        {"deploj", "deploy"},
        {"xyz", NULL},
        {"", NULL},
        {"pid_file", "pid-file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nearest nearest = nearest_begin(rows[i][0]);
        nearest_offer(&nearest, "port");
        nearest_offer(&nearest, "interval");
        nearest_offer(&nearest, "pid-file");
        nearest_offer(&nearest, "deploy");
        if (rows[i][1] == NULL) {
            assert_null(nearest.found);
        } else {
            assert_non_null(nearest.found);
            assert_string_equal(nearest.found, rows[i][1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distance_counts_single_edits),
        cmocka_unit_test(words_beyond_measure_have_no_neighbours),
        cmocka_unit_test(the_nearest_is_found_and_nothing_far_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
