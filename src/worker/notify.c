#include "notify.h"

#include "duration.h"
#include "open_files.h"
#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The longest datagram that is taken, as systemd has it. */
#define DATAGRAM_MAX 4096

/* --- the socket ----------------------------------------------------------------------------------
 */

/* An address that is nothing but the family makes the kernel choose an abstract name. */
static int bind_to_any_name(struct notify_socket *notify)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (bind(notify->fd, (struct sockaddr *)&address, sizeof address.sun_family) != 0) {
        return -1;
    }
    socklen_t size = sizeof address;
    if (getsockname(notify->fd, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    size_t length = size - offsetof(struct sockaddr_un, sun_path);
    if (length < 2 || length >= sizeof notify->address) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(notify->address, address.sun_path, length);
    notify->address[0] = '@';
    notify->address[length] = '\0';
    return 0;
}

int notify_open(struct notify_socket *notify, struct error *error)
{
    const int on = 1;
    *notify = (struct notify_socket){.fd = -1};
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Credentials first: the kernel writes them at the moment of sending, and only if asked. */
    if (notify->fd < 0 || setsockopt(notify->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        bind_to_any_name(notify) != 0) {
        int reason = errno;
        error_set(error, "cannot make the socket for NOTIFY_SOCKET: %s", open_files_reason(reason));
        notify_close(notify);
        errno = reason;
        return -1;
    }
    return 0;
}

void notify_close(struct notify_socket *notify)
{
    if (notify->fd >= 0) {
        close(notify->fd);
    }
    *notify = (struct notify_socket){.fd = -1};
}

static pid_t find_sender(struct msghdr *header)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL;
         item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_CREDENTIALS &&
            item->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
            struct ucred credentials;
            memcpy(&credentials, CMSG_DATA(item), sizeof credentials);
            return credentials.pid;
        }
    }
    return 0;
}

/* A barrier, for one, does not. By now it has let its sender go on, who may be gone before anybody
   can find out whether it belonged to the worker. */
static bool says_something(const struct notify_message *message)
{
    return message->ready || message->stopping || message->watchdog || message->watchdog_trigger ||
           message->has_status || message->extend_ms > 0 || message->watchdog_ms > 0;
}

int notify_receive(const struct notify_socket *notify, struct notify_message *message)
{
    *message = (struct notify_message){.sender = 0};
    char text[DATAGRAM_MAX];
    /* There is room for the credentials and for nothing else: descriptors that come along never get
       here, the kernel closes them (unix(7), SCM_RIGHTS). */
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t size;
    do {
        size = recvmsg(notify->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return errno == EAGAIN ? 0 : -1;
    }
    pid_t sender = (header.msg_flags & MSG_TRUNC) == 0 ? find_sender(&header) : 0;
    if (sender > 0) { /* a sender in a pid namespace that is not below ours has no number: 0 */
        notify_parse(text, (size_t)size, message);
        message->sender = says_something(message) ? sender : 0;
    }
    return 1;
}

/* --- the text ------------------------------------------------------------------------------------
 */

/* What of a line follows "NAME="; NULL if it is another name's line. */
static const char *find_value(const char *line, size_t size, const char *name, size_t *value_size)
{
    size_t name_size = strlen(name);
    if (size < name_size || memcmp(line, name, name_size) != 0) {
        return NULL;
    }
    *value_size = size - name_size;
    return line + name_size;
}

static bool is_text(const char *value, size_t size, const char *expected)
{
    return size == strlen(expected) && memcmp(value, expected, size) == 0;
}

/* Microseconds to milliseconds, rounded up. What is not a number, or does not fit 64 bits, says
   nothing; what is longer than any duration is the longest. */
static int64_t parse_microseconds(const char *value, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)value[i])) {
            return 0;
        }
        uint64_t digit = (uint64_t)(value[i] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        number = number * 10 + digit;
    }
    uint64_t milliseconds = number / 1000 + (number % 1000 != 0);
    return milliseconds < DURATION_MAX_MS ? (int64_t)milliseconds : DURATION_MAX_MS;
}

/* C0, DEL, and C1, whose U+009B begins an escape sequence in some terminals. */
static bool is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

/* A status goes to terminals and into JSON strings: it stays one line of valid UTF-8. One that is
   too long ends at a whole character. */
void notify_clean_text(const char *value, size_t size, char text[NOTIFY_STATUS_SIZE])
{
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code_point = 0;
        const char *source = value + at;
        size_t length = utf8_decode(source, size - at, &code_point);
        at += length > 0 ? length : 1;
        if (length == 0) {
            source = UTF8_REPLACEMENT;
            length = sizeof UTF8_REPLACEMENT - 1;
        } else if (is_control(code_point)) {
            source = " ";
            length = 1;
        }
        if (used + length >= NOTIFY_STATUS_SIZE) {
            break;
        }
        memcpy(text + used, source, length);
        used += length;
    }
    text[used] = '\0';
}

/* Where a line comes twice, the first counts, as with systemd. */
static void parse_line(const char *line, size_t size, struct notify_message *message)
{
    const char *value;
    size_t value_size;
    if (is_text(line, size, "READY=1")) {
        message->ready = true;
    } else if (is_text(line, size, "STOPPING=1")) {
        message->stopping = true;
    } else if (is_text(line, size, "WATCHDOG=1")) {
        message->watchdog = true;
    } else if (is_text(line, size, "WATCHDOG=trigger")) {
        message->watchdog_trigger = true;
    } else if ((value = find_value(line, size, "STATUS=", &value_size)) != NULL) {
        if (!message->has_status) {
            message->has_status = true;
            notify_clean_text(value, value_size, message->status);
        }
    } else if ((value = find_value(line, size, "EXTEND_TIMEOUT_USEC=", &value_size)) != NULL) {
        if (message->extend_ms == 0) {
            message->extend_ms = parse_microseconds(value, value_size);
        }
    } else if ((value = find_value(line, size, "WATCHDOG_USEC=", &value_size)) != NULL) {
        if (message->watchdog_ms == 0) {
            message->watchdog_ms = parse_microseconds(value, value_size);
        }
    }
}

void notify_parse(const char *text, size_t size, struct notify_message *message)
{
    *message = (struct notify_message){.sender = 0};
    if (size > 0 && text[size - 1] == '\0') {
        size--; /* some senders count the end of their string */
    }
    if (size == 0 || memchr(text, '\0', size) != NULL) {
        return;
    }
    const char *line = text;
    const char *end = text + size;
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *end_of_line = newline != NULL ? newline : end;
        parse_line(line, (size_t)(end_of_line - line), message);
        line = end_of_line + 1;
    }
}
