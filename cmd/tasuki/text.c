#include "text.h"

#include <string.h>
#include <wchar.h>

#define ESCAPE '\x1b'

/* The end of the escape sequence that begins at `text` (ECMA-48: CSI, OSC and its kin, two bytes).
 */
static const char *skip_escape(const char *text)
{
    text++;
    if (*text == '[') {
        text++;
        text += strspn(text, "0123456789:;<=>? !\"#$%&'()*+,-./");
        return *text != '\0' ? text + 1 : text;
    }
    if (*text != '\0' && strchr("]PX^_", *text) != NULL) {
        while (*text != '\0' && *text != '\a' && *text != ESCAPE) {
            text++;
        }
        return *text == '\0' ? text : *text == ESCAPE && text[1] == '\\' ? text + 2 : text + 1;
    }
    return *text != '\0' ? text + 1 : text;
}

/* U+0080 to U+009F are control characters, too: 0xC2 and the number. */
static size_t control_length(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second = first != '\0' ? (unsigned char)text[1] : 0;
    if (first == 0xC2 && second >= 0x80 && second <= 0x9F) {
        return 2;
    }
    return first < 0x20 || first == 0x7F ? 1 : 0;
}

void text_clean(char *text)
{
    char *end = text;
    const char *from = text;
    while (*from != '\0') {
        size_t control = control_length(from);
        if (*from == ESCAPE) {
            from = skip_escape(from);
        } else if (control > 0) {
            *end++ = ' ';
            from += control;
        } else {
            *end++ = *from++;
        }
    }
    *end = '\0';
}

/* The length of the character at `text`, and its columns. What is none counts as one. */
static size_t measure(const char *text, int *columns)
{
    wchar_t character;
    mbstate_t state = {0};
    size_t length = mbrtowc(&character, text, strlen(text), &state);
    if (length == 0 || length == (size_t)-1 || length == (size_t)-2) {
        *columns = 1;
        return 1;
    }
    int width = wcwidth(character);
    *columns = width >= 0 ? width : 1;
    return length;
}

int text_width(const char *text)
{
    int width = 0;
    while (*text != '\0') {
        int columns;
        text += measure(text, &columns);
        width += columns;
    }
    return width;
}

size_t text_fitting(const char *text, int columns)
{
    const char *end = text;
    while (*end != '\0') {
        int width;
        size_t length = measure(end, &width);
        if (width > columns) {
            break;
        }
        columns -= width;
        end += length;
    }
    return (size_t)(end - text);
}

void text_cut(char *text, int columns)
{
    text[text_fitting(text, columns > 0 ? columns : 0)] = '\0';
}

/* The length of the next line: up to the last space that fits, or what fits of a longer word. */
static size_t line_length(const char *text, int columns)
{
    size_t fitting = text_fitting(text, columns);
    if (text[fitting] == '\0' || text[fitting] == ' ') {
        return fitting;
    }
    for (size_t length = fitting; length > 0; length--) {
        if (text[length - 1] == ' ') {
            return length - 1;
        }
    }
    return fitting > 0 ? fitting : 1;
}

void text_print_wrapped(FILE *stream, const char *text, int indent, int width)
{
    for (;;) {
        size_t length = line_length(text, width - indent);
        fprintf(stream, "%.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
        if (*text == '\0') {
            return;
        }
        fprintf(stream, "%*s", indent, "");
    }
}
