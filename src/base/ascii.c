#include "ascii.h"

#include <string.h>

bool ascii_is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static int lower(char character)
{
    return character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character;
}

bool ascii_is_letter(char character)
{
    return lower(character) >= 'a' && lower(character) <= 'z';
}

bool ascii_is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

bool ascii_is_control(char character)
{
    return (character >= '\0' && character < ' ') || character == '\x7f';
}

bool ascii_begins_with(const char *text, const char *word)
{
    while (*word != '\0' && lower(*text) == lower(*word)) {
        text++;
        word++;
    }
    return *word == '\0';
}

bool ascii_is_word(const char *text, const char *word)
{
    return ascii_begins_with(text, word) && text[strlen(word)] == '\0';
}

long ascii_parse_number(const char *text, long max, const char **end)
{
    long value = ascii_is_digit(*text) ? 0 : -1;
    for (; ascii_is_digit(*text); text++) {
        long digit = *text - '0';
        if (value < 0 || digit > max || value > (max - digit) / 10) {
            value = -1; /* and stays it, up to the last digit */
        } else {
            value = value * 10 + digit;
        }
    }
    *end = text;
    return value;
}
