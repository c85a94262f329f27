#include "utf8.h"

struct form {
    size_t length;
    uint32_t smallest;  /* a smaller code point in this form is overlong */
    unsigned char mask; /* of the first byte's fixed bits */
    unsigned char lead; /* what they are */
};

static const struct form forms[] = {
    {1, 0x0, 0x80, 0x00},
    {2, 0x80, 0xE0, 0xC0},
    {3, 0x800, 0xF0, 0xE0},
    {4, 0x10000, 0xF8, 0xF0},
};

static const struct form *find_form(unsigned char first)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((first & forms[i].mask) == forms[i].lead) {
            return &forms[i];
        }
    }
    return NULL;
}

size_t utf8_decode(const char *text, size_t size, uint32_t *code_point)
{
    unsigned char first = (unsigned char)text[0];
    const struct form *form = find_form(first);
    if (form == NULL || form->length > size) {
        return 0;
    }
    uint32_t value = first & (unsigned char)~form->mask;
    for (size_t i = 1; i < form->length; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (next & 0x3F);
    }
    if (value < form->smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code_point = value;
    return form->length;
}
