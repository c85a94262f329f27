/*
 * --port and --path. What is taken is within its limits and, written down in the plain spelling and
 * parsed again, is the same.
 */
#include "address.h"

#include "fuzz.h"

#include <sys/socket.h>

static void claim_within_limits(const struct address *address)
{
    bool has_host = address->kind == ADDRESS_HOST || address->kind == ADDRESS_IPV6;
    CLAIM(address->socket_type == SOCK_STREAM || address->socket_type == SOCK_DGRAM);
    CLAIM(address->fd >= -1);
    CLAIM(address->kind != ADDRESS_UNIX);
    CLAIM(address->kind != ADDRESS_ANY || address->fd == -1);
    CLAIM(memchr(address->host, '\0', sizeof address->host) != NULL);
    CLAIM(has_host == (address->host[0] != '\0'));
    CLAIM((address->kind == ADDRESS_IPV6) == (strchr(address->host, ':') != NULL));
    CLAIM(strpbrk(address->host, ";=[] \t\n/") == NULL);
}

static void write_plainly(const struct address *address, char *buffer, size_t size)
{
    const char *udp = address->socket_type == SOCK_DGRAM ? "u" : "";
    char fd[16] = "";
    char host[ADDRESS_HOST_MAX + 4] = "";
    if (address->fd >= 0) {
        snprintf(fd, sizeof fd, "=%d", address->fd);
    }
    if (address->kind == ADDRESS_IPV6) {
        snprintf(host, sizeof host, "[%s]:", address->host);
    } else if (address->kind == ADDRESS_HOST) {
        snprintf(host, sizeof host, "%s:", address->host);
    } else if (address->kind == ADDRESS_ANY) {
        snprintf(host, sizeof host, "*:");
    }
    snprintf(buffer, size, "%s%s%u%s", host, udp, address->port, fd);
}

static void claim_same(const struct address *one, const struct address *other)
{
    CLAIM(one->kind == other->kind);
    CLAIM(one->socket_type == other->socket_type);
    CLAIM(one->port == other->port);
    CLAIM(one->fd == other->fd);
    CLAIM(strcmp(one->host, other->host) == 0);
}

static void try_port(const char *text)
{
    struct address address;
    struct address again;
    struct error error = {""};
    if (address_parse_port(text, &address, &error) != 0) {
        claim_said(&error);
        return;
    }
    char plain[512];
    claim_within_limits(&address);
    write_plainly(&address, plain, sizeof plain);
    CLAIM(address_parse_port(plain, &again, &error) == 0);
    claim_same(&address, &again);
}

static void try_path(const char *text)
{
    struct address address;
    struct error error = {""};
    if (address_parse_path(text, &address, &error) != 0) {
        claim_said(&error);
        return;
    }
    CLAIM(address.kind == ADDRESS_UNIX);
    CLAIM(address.path == text);
    CLAIM(strlen(text) > 0 && strlen(text) <= ADDRESS_PATH_MAX);
    CLAIM(strchr(text, ';') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    try_port(text);
    try_path(text);
    free(text);
    return 0;
}
