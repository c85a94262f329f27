#include "words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What separates words, and what a shell acts on where it is not quoted. */
#define BLANKS " \t\n"
#define OPERATORS "|&;<>()$`"

struct splitting {
    const char *at;  /* what is to be read next */
    char *word;      /* where the word goes on */
    bool is_in_word; /* '' is a word, too */
};

static int refuse(char character, struct error *error)
{
    return error_set(error, "'%c' has no meaning without a shell: quote it, or use sh -c '...'",
                     character);
}

static int take_single_quoted(struct splitting *splitting, struct error *error)
{
    size_t length = strcspn(splitting->at, "'");
    if (splitting->at[length] == '\0') {
        return error_set(error, "expected a closing ' after: %.60s", splitting->at);
    }
    memcpy(splitting->word, splitting->at, length);
    splitting->word += length;
    splitting->at += length + 1;
    return 0;
}

/* A backslash keeps its own meaning there only before what is special there. */
static int take_double_quoted(struct splitting *splitting, struct error *error)
{
    const char *start = splitting->at;
    for (;;) {
        char character = *splitting->at++;
        if (character == '"') {
            return 0;
        }
        if (character == '\0') {
            return error_set(error, "expected a closing \" after: %.60s", start);
        }
        if (character == '$' || character == '`') {
            return refuse(character, error);
        }
        if (character == '\\' && *splitting->at != '\0' &&
            strchr("\\\"$`", *splitting->at) != NULL) {
            character = *splitting->at++;
        }
        *splitting->word++ = character;
    }
}

static int take_escaped(struct splitting *splitting, struct error *error)
{
    if (*splitting->at == '\0') {
        return error_set(error, "expected a character after the last backslash");
    }
    *splitting->word++ = *splitting->at++;
    return 0;
}

/* One character, or what it opens. */
static int take(struct splitting *splitting, struct error *error)
{
    char character = *splitting->at++;
    bool is_first = !splitting->is_in_word;
    splitting->is_in_word = true;
    if (character == '\'') {
        return take_single_quoted(splitting, error);
    }
    if (character == '"') {
        return take_double_quoted(splitting, error);
    }
    if (character == '\\') {
        return take_escaped(splitting, error);
    }
    if (strchr(OPERATORS, character) != NULL || (is_first && strchr("#~", character) != NULL)) {
        return refuse(character, error);
    }
    *splitting->word++ = character;
    return 0;
}

char **words_split(const char *text, struct error *error)
{
    size_t length = strlen(text);
    size_t words_max = length / 2 + 1;
    char **words = malloc((words_max + 1) * sizeof *words + length + 1);
    if (words == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    size_t count = 0;
    struct splitting splitting = {.at = text, .word = (char *)(words + words_max + 1)};
    while (*splitting.at != '\0') {
        if (strchr(BLANKS, *splitting.at) != NULL) {
            splitting.at++;
            continue;
        }
        words[count++] = splitting.word;
        splitting.is_in_word = false;
        while (*splitting.at != '\0' && strchr(BLANKS, *splitting.at) == NULL) {
            if (take(&splitting, error) != 0) {
                free(words);
                return NULL;
            }
        }
        *splitting.word++ = '\0';
    }
    words[count] = NULL;
    return words;
}
