/*
 * Text under construction: one that grows by itself, or one that fills a buffer of the caller's. It
 * is ended by a NUL at any time. What does not fit, or has no memory, is left out with all that
 * comes after it, and builder_is_whole says so; so a text is checked once, when it is done.
 */
#ifndef BUILDER_H
#define BUILDER_H

#include <stdbool.h>
#include <stddef.h>

/* All zeros: an empty text that grows. */
struct builder {
    char *bytes; /* NULL: empty, without a buffer */
    size_t length;
    size_t capacity; /* with the NUL */
    bool is_fixed;   /* `bytes` are the caller's; otherwise they are owned */
    bool is_cut;
};

#define AUTO_BUILDER __attribute__((cleanup(builder_free)))

/* One that fills this buffer, which has room for at least the NUL. */
struct builder builder_in(char *buffer, size_t size);

/* Formatted text is cut where the buffer ends. */
void builder_add(struct builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes are added all or not at all. */
void builder_add_bytes(struct builder *builder, const char *bytes, size_t size);

/* Keeps back room for the end of a text in a buffer, and gives it back: what is added then comes
   after what was cut. */
void builder_keep_back(struct builder *builder, size_t size);
void builder_give_back(struct builder *builder, size_t size);

/* Takes so many bytes away from the front. */
void builder_drop_front(struct builder *builder, size_t size);

/* The text so far, never NULL. */
const char *builder_text(const struct builder *builder);

bool builder_is_whole(const struct builder *builder);

/* Frees what is owned, and empties it. */
void builder_free(struct builder *builder);

#endif
