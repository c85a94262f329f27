/*
 * UTF-8 (RFC 3629), as far as text from elsewhere has to be told apart from bytes that would break
 * a JSON string or a terminal.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* What stands for bytes that are no UTF-8: U+FFFD. */
#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* The length of the character that `text` begins with, and its code point; 0 if those bytes are not
   valid UTF-8 (overlong, a surrogate, above U+10FFFF, cut off). `size` is at least 1. */
size_t utf8_decode(const char *text, size_t size, uint32_t *code_point);

#endif
