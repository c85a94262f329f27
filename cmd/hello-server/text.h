/* A piece of text that somebody else owns; not terminated by NUL. */
#ifndef HELLO_TEXT_H
#define HELLO_TEXT_H

#include <stddef.h>

struct text {
    const char *data;
    size_t length;
};

#endif
