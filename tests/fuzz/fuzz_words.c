/*
 * Command lines as text: what is taken has words within the room that it needs, and the words,
 * quoted again, are the same words; what is refused says why.
 */
#include "words.h"

#include "fuzz.h"

/* Each word in single quotes, with a blank between them; to be freed. */
static char *quote(char *const words[])
{
    size_t size = 1;
    for (size_t i = 0; words[i] != NULL; i++) {
        size += 4 * strlen(words[i]) + 3;
    }
    char *text = malloc(size);
    CLAIM(text != NULL);
    size_t length = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        text[length++] = '\'';
        for (const char *at = words[i]; *at != '\0'; at++) {
            const char *written = *at == '\'' ? "'\\''" : (char[]){*at, '\0'};
            memcpy(text + length, written, strlen(written));
            length += strlen(written);
        }
        text[length++] = '\'';
        text[length++] = ' ';
    }
    text[length] = '\0';
    return text;
}

static void claim_same(char *const words[], char *const others[])
{
    size_t i = 0;
    for (; words[i] != NULL && others[i] != NULL; i++) {
        CLAIM(strcmp(words[i], others[i]) == 0);
    }
    CLAIM(words[i] == others[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    struct error error = {""};
    char **words = words_split(text, &error);
    if (words == NULL) {
        claim_said(&error);
    } else {
        char *quoted = quote(words);
        char **again = words_split(quoted, &error);
        CLAIM(again != NULL);
        claim_same(words, again);
        free(again);
        free(quoted);
    }
    free(words);
    free(text);
    return 0;
}
