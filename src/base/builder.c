#include "builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

struct builder builder_in(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct builder){.bytes = buffer, .capacity = size, .is_fixed = true};
}

static size_t room(const struct builder *builder)
{
    return builder->capacity > 0 ? builder->capacity - builder->length - 1 : 0;
}

/* False, and the text is cut, where there is no room for so much. */
static bool make_room(struct builder *builder, size_t size)
{
    if (builder->is_cut) {
        return false;
    }
    if (builder->bytes != NULL && size <= room(builder)) {
        return true;
    }
    size_t capacity = builder->length + size + builder->capacity + FIRST_CAPACITY;
    char *grown = builder->is_fixed ? NULL : realloc(builder->bytes, capacity);
    if (grown == NULL) {
        builder->is_cut = true;
        return false;
    }
    builder->bytes = grown;
    builder->capacity = capacity;
    return true;
}

void builder_add_bytes(struct builder *builder, const char *bytes, size_t size)
{
    if (make_room(builder, size)) {
        memcpy(builder->bytes + builder->length, bytes, size);
        builder->length += size;
        builder->bytes[builder->length] = '\0';
    }
}

void builder_add(struct builder *builder, const char *format, ...)
{
    va_list arguments;
    if (builder->is_cut || (builder->bytes == NULL && !make_room(builder, 1))) {
        return;
    }
    va_start(arguments, format);
    int length = vsnprintf(builder->bytes + builder->length, room(builder) + 1, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length <= room(builder)) {
        builder->length += (size_t)length;
    } else if (length > 0 && make_room(builder, (size_t)length)) {
        va_start(arguments, format);
        vsnprintf(builder->bytes + builder->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        builder->length += (size_t)length;
    } else if (length > 0 && builder->bytes != NULL) {
        builder->length += strlen(builder->bytes + builder->length);
    }
}

void builder_keep_back(struct builder *builder, size_t size)
{
    builder->capacity -= size;
}

void builder_give_back(struct builder *builder, size_t size)
{
    builder->capacity += size;
    builder->is_cut = false;
}

void builder_drop_front(struct builder *builder, size_t size)
{
    builder->length -= size;
    if (size > 0) {
        memmove(builder->bytes, builder->bytes + size, builder->length + 1);
    }
}

const char *builder_text(const struct builder *builder)
{
    return builder->bytes != NULL ? builder->bytes : "";
}

bool builder_is_whole(const struct builder *builder)
{
    return !builder->is_cut;
}

void builder_free(struct builder *builder)
{
    if (!builder->is_fixed) {
        free(builder->bytes);
    }
    *builder = (struct builder){.length = 0};
}
