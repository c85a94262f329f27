/*
 * Configuration files: the syntax as text, and all of it as the file that --config names. What is
 * taken makes sense as a whole; what is refused has a mistake for it.
 */
#include "configuration.h"

#include "fuzz.h"

#include <unistd.h>

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    if (path[0] == '\0') {
        snprintf(path, sizeof path, "/tmp/tasuki-fuzz-%d.ini", (int)getpid());
        atexit(remove_file);
    }
    FILE *file = fopen(path, "we");
    CLAIM(file != NULL);
    CLAIM(fwrite(data, 1, size, file) == size);
    CLAIM(fclose(file) == 0);
}

static void claim_told(const struct config_errors *errors)
{
    CLAIM(errors->count > 0 && errors->kept > 0 && errors->kept <= errors->count);
    for (size_t i = 0; i < errors->kept; i++) {
        CLAIM(errors->items[i].text[0] != '\0');
        CLAIM(i == 0 || errors->items[i].line >= errors->items[i - 1].line);
    }
}

static void claim_sensible(const struct configuration *configuration)
{
    const struct options *options = &configuration->options;
    CLAIM(options->command != NULL && options->command[0] != NULL);
    CLAIM(options->command[0][0] != '\0');
    CLAIM(options->name == NULL || control_name_is_valid(options->name));
    CLAIM(options->interval_ms >= 0);
}

static void try_syntax(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    struct config_file file;
    struct config_errors errors = {.path = "x"};
    bool is_good = config_file_parse(&file, text, size, &errors) == 0;
    CLAIM(is_good == (errors.count == 0));
    for (size_t i = 0; i < file.count; i++) {
        CLAIM(file.entries[i].section != NULL);
        CLAIM((file.entries[i].key == NULL) == (file.entries[i].value == NULL));
        CLAIM(file.entries[i].line >= 1);
    }
    config_file_free(&file);
    config_errors_free(&errors);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char program[] = "tasuki";
    static char option[] = "--config";
    try_syntax(data, size);
    write_file(data, size);
    char *argv[] = {program, option, path, NULL};
    struct config_errors errors;
    struct configuration *configuration = configuration_read(PERSONALITY_TASUKI, 3, argv, &errors);
    if (configuration != NULL) {
        claim_sensible(configuration);
    } else {
        claim_told(&errors);
    }
    config_errors_free(&errors);
    configuration_release(configuration);
    return 0;
}
