#include "store_name.h"

#include "builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "tasuki,"

/* A colon goes between the names of LISTEN_FDNAMES, a comma between the fields here. */
static bool can_stand(unsigned char character)
{
    return character > ' ' && character < 127 && character != ':' && character != ',' &&
           character != '%';
}

char *store_name_make(char name[STORE_NAME_SIZE], const char *type, const char *listener,
                      const struct unix_file *file)
{
    struct builder builder = builder_in(name, STORE_NAME_SIZE);
    builder_add(&builder, PREFIX "%s,", type);
    if (file != NULL) {
        builder_add(&builder, "%jx,%jx,", (uintmax_t)file->device, (uintmax_t)file->inode);
    }
    for (; *listener != '\0' && builder.length + sizeof "%XX" <= STORE_NAME_SIZE; listener++) {
        unsigned char character = (unsigned char)*listener;
        builder_add(&builder, can_stand(character) ? "%c" : "%%%02X", character);
    }
    return name;
}

static bool read_field(const char **text, const char *end, uintmax_t *number)
{
    char *after;
    *number = strtoumax(*text, &after, 16);
    bool is_read = after > *text && after < end && *after == ',';
    *text = is_read ? after + 1 : *text;
    return is_read;
}

bool store_name_parse(const char *name, size_t length, struct unix_file *file)
{
    const char *end = name + length;
    uintmax_t device;
    uintmax_t inode;
    *file = (struct unix_file){.is_made = false};
    if (length <= sizeof PREFIX - 1 || strncmp(name, PREFIX, sizeof PREFIX - 1) != 0) {
        return false;
    }
    const char *rest = memchr(name + sizeof PREFIX - 1, ',', length - (sizeof PREFIX - 1));
    if (rest == NULL) {
        return false;
    }
    rest++;
    if (read_field(&rest, end, &device) && read_field(&rest, end, &inode)) {
        *file = (struct unix_file){.device = (dev_t)device, .inode = (ino_t)inode, .is_made = true};
    }
    return true;
}
