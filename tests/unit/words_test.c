/*
 * Command lines as text, and the words that a shell would make of them.
 */
#include "words.h"

#include "scratch.h"

#define WORDS_MAX 8

struct row {
    const char *text;
    const char *words[WORDS_MAX];
};

static void assert_words(const char *text, const char *const *expected)
{
    struct error error;
    char **words = words_split(text, &error);
    if (words == NULL) {
        fail_msg("'%s' was refused: %s", text, error.text);
    }
    size_t count = 0;
    for (; words[count] != NULL && expected[count] != NULL; count++) {
        assert_string_equal(words[count], expected[count]);
    }
    assert_ptr_equal(words[count], expected[count]);
    free(words);
}

static void blanks_separate_and_quotes_keep_together(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", {NULL}},
        {" \t ", {NULL}},
        {"app", {"app", NULL}},
        {"  app\t-v  x ", {"app", "-v", "x", NULL}},
        {"a 'b c' \"d e\"", {"a", "b c", "d e", NULL}},
        {"a'b'\"c\"d", {"abcd", NULL}},
        {"'' \"\"", {"", "", NULL}},
        {"a\\ b \\' \\\\", {"a b", "'", "\\", NULL}},
        {"'a\\b'", {"a\\b", NULL}},
        {"\"a\\b \\\" \\\\ \\$ \\`\"", {"a\\b \" \\ $ `", NULL}},
        {"'$x | y; z'", {"$x | y; z", NULL}},
        {"\\$x", {"$x", NULL}},
        {"a=b [::]:80 *.c a#b a~", {"a=b", "[::]:80", "*.c", "a#b", "a~", NULL}},
        {"\"it's\" 'say \"x\"'", {"it's", "say \"x\"", NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_words(rows[i].text, rows[i].words);
    }
}

static void what_a_shell_would_act_on_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"a | b", "a && b", "a; b", "a > b",  "a < b",
                                        "(a)",   "$HOME",  "a$b",  "`a`",    "\"$x\"",
                                        "# a",   "a #b",   "~/a",  "\"`a`\""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        assert_null(words_split(texts[i], &error));
        assert_text_has(error.text, "has no meaning without a shell");
    }
}

static void what_is_not_closed_is_refused_and_said(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a 'b", "expected a closing ' after: b"},
        {"a \"b", "expected a closing \" after: b"},
        {"a \"b\\\"", "expected a closing \" after: b\\\""},
        {"'", "expected a closing ' after: "},
        {"a\\", "expected a character after the last backslash"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        assert_null(words_split(rows[i][0], &error));
        assert_string_equal(error.text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_separate_and_quotes_keep_together),
        cmocka_unit_test(what_a_shell_would_act_on_is_refused),
        cmocka_unit_test(what_is_not_closed_is_refused_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
