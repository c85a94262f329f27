/*
 * The envdir: an input is a file, NAME up to the first NUL byte and then the content. The value is
 * cut as it should be, and a real directory with that file has that variable, or says why not.
 */
#include "envdir.h"

#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* The longest value that Linux can hand to a program, MAX_ARG_STRLEN of execve(2), and some. */
#define CONTENT_MAX ((size_t)120 * 1024)

static char directory[] = "/tmp/tasuki-fuzz-XXXXXX";

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void remove_directory(void)
{
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    CLAIM(mkdtemp(directory) != NULL);
    atexit(remove_directory);
    return 0;
}

/* In memory of exactly its size. Returns the value; free(3) *buffer. NULL: the file says nothing.
 */
static const char *parse(const uint8_t *content, size_t size, char **buffer)
{
    *buffer = to_string(content, size);
    (*buffer)[size] = 'x'; /* what lies behind the content must not matter */
    char *value = envdir_parse_value(*buffer, size);
    CLAIM((value == NULL) == (size == 0));
    if (value != NULL) {
        size_t length = strlen(value);
        CLAIM(length <= size);
        CLAIM(strchr(value, '\n') == NULL);
        CLAIM(memcmp(value, content, length) == 0);
        CLAIM(length == size || content[length] == '\n' || content[length] == '\0');
    }
    return value;
}

static bool write_file(const char *name, const uint8_t *content, size_t size)
{
    int parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_written = fd >= 0 && write(fd, content, size) == (ssize_t)size;
    if (fd >= 0) {
        close(fd);
    }
    close(parent);
    return is_written;
}

static void remove_file(const char *name)
{
    int parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLAIM(unlinkat(parent, name, 0) == 0);
    close(parent);
}

static void claim_read(const char *name, const char *value)
{
    struct environment environment = {.count = 0};
    struct error error = {""};
    CLAIM(envdir_read(directory, &environment, &error) == 0);
    bool is_variable = value != NULL && name[0] != '.' && strchr(name, '=') == NULL;
    CLAIM(environment.count == (is_variable ? 1 : 0));
    if (is_variable) {
        const char *found = environment_get(&environment, name);
        CLAIM(found != NULL && strcmp(found, value) == 0);
    }
    environment_free(&environment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t name_length = strnlen((const char *)data, size);
    size_t skipped = name_length < size ? name_length + 1 : name_length;
    const uint8_t *content = data + skipped;
    size_t content_size = size - skipped;
    char *name = to_string(data, name_length);
    char *buffer;
    const char *value = parse(content, content_size, &buffer);
    bool is_file_name = name_length > 0 && name_length <= NAME_MAX && strchr(name, '/') == NULL &&
                        strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    if (is_file_name && content_size <= CONTENT_MAX && write_file(name, content, content_size)) {
        claim_read(name, value);
        remove_file(name);
    }
    free(buffer);
    free(name);
    return 0;
}
