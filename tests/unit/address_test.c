/*
 * Addresses: every form that --port and --path take, and what they refuse.
 */
#include "address.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <sys/socket.h>

struct accepted {
    const char *text;
    enum address_kind kind;
    const char *host;
    unsigned port;
    int fd;
    int socket_type;
};

static bool has_text(const struct address *address, const char *text)
{
    return address->length == strlen(text) && strncmp(text, address->text, address->length) == 0;
}

static void assert_accepted(const struct accepted *row)
{
    struct address address;
    struct error error;
    if (address_parse_port(row->text, &address, &error) != 0) {
        fail_msg("'%s' was refused: %s", row->text, error.text);
    }
    if (address.kind != row->kind || !has_text(&address, row->host) || address.port != row->port ||
        address.fd != row->fd || address.socket_type != row->socket_type) {
        fail_msg("'%s' became kind %d, host '%.*s', port %u, descriptor %d, type %d", row->text,
                 address.kind, address.length, address.text, address.port, address.fd,
                 address.socket_type);
    }
}

static void every_form_of_a_port_is_understood(void **state)
{
    (void)state;
    static const struct accepted rows[] = {
        {"8080", ADDRESS_ANY_IPV4, "", 8080, -1, SOCK_STREAM},
        {"0", ADDRESS_ANY_IPV4, "", 0, -1, SOCK_STREAM},
        {"65535", ADDRESS_ANY_IPV4, "", 65535, -1, SOCK_STREAM},
        {"00080", ADDRESS_ANY_IPV4, "", 80, -1, SOCK_STREAM},
        {"127.0.0.1:8080", ADDRESS_HOST, "127.0.0.1", 8080, -1, SOCK_STREAM},
        {"localhost:80", ADDRESS_HOST, "localhost", 80, -1, SOCK_STREAM},
        {"a-b_c.example:80", ADDRESS_HOST, "a-b_c.example", 80, -1, SOCK_STREAM},
        {"[::1]:80", ADDRESS_IPV6, "::1", 80, -1, SOCK_STREAM},
        {"[::]:0", ADDRESS_IPV6, "::", 0, -1, SOCK_STREAM},
        {"[fe80::1%eth0]:80", ADDRESS_IPV6, "fe80::1%eth0", 80, -1, SOCK_STREAM},
        {"[::ffff:10.0.0.1]:80", ADDRESS_IPV6, "::ffff:10.0.0.1", 80, -1, SOCK_STREAM},
        {"*:8080", ADDRESS_ANY, "", 8080, -1, SOCK_STREAM},
        {"*:0", ADDRESS_ANY, "", 0, -1, SOCK_STREAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_accepted(&rows[i]);
    }
}

static void an_unbracketed_ipv6_host_ends_at_its_last_colon(void **state)
{
    (void)state;
    static const struct accepted rows[] = {
        {"::1:80", ADDRESS_IPV6, "::1", 80, -1, SOCK_STREAM},
        {":::80", ADDRESS_IPV6, "::", 80, -1, SOCK_STREAM},
        {"2001:db8::1:443", ADDRESS_IPV6, "2001:db8::1", 443, -1, SOCK_STREAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_accepted(&rows[i]);
    }
}

static void a_u_before_the_port_means_udp(void **state)
{
    (void)state;
    static const struct accepted rows[] = {
        {"u53", ADDRESS_ANY_IPV4, "", 53, -1, SOCK_DGRAM},
        {"127.0.0.1:u53", ADDRESS_HOST, "127.0.0.1", 53, -1, SOCK_DGRAM},
        {"[::1]:u53", ADDRESS_IPV6, "::1", 53, -1, SOCK_DGRAM},
        {"*:u0", ADDRESS_ANY, "", 0, -1, SOCK_DGRAM},
        {"u53=4", ADDRESS_ANY_IPV4, "", 53, 4, SOCK_DGRAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_accepted(&rows[i]);
    }
}

static void an_equals_sign_asks_for_a_descriptor(void **state)
{
    (void)state;
    static const struct accepted rows[] = {
        {"8080=0", ADDRESS_ANY_IPV4, "", 8080, 0, SOCK_STREAM},
        {"8080=7", ADDRESS_ANY_IPV4, "", 8080, 7, SOCK_STREAM},
        {"127.0.0.1:80=1048576", ADDRESS_HOST, "127.0.0.1", 80, 1 << 20, SOCK_STREAM},
        {"[::1]:80=3", ADDRESS_IPV6, "::1", 80, 3, SOCK_STREAM},
        {"8080=007", ADDRESS_ANY_IPV4, "", 8080, 7, SOCK_STREAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_accepted(&rows[i]);
    }
}

static void whitespace_around_each_part_is_ignored(void **state)
{
    (void)state;
    static const struct accepted rows[] = {
        {" 8080 ", ADDRESS_ANY_IPV4, "", 8080, -1, SOCK_STREAM},
        {"\t127.0.0.1 : 8080 = 7\n", ADDRESS_HOST, "127.0.0.1", 8080, 7, SOCK_STREAM},
        {"[ ::1 ] : u53", ADDRESS_IPV6, "::1", 53, -1, SOCK_DGRAM},
        {" * : 80", ADDRESS_ANY, "", 80, -1, SOCK_STREAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_accepted(&rows[i]);
    }
}

static void anything_else_is_refused_and_the_reason_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", "expected PORT"},
        {" ", "expected PORT"},
        {"http", "expected PORT"},
        {"u", "expected PORT"},
        {"U53", "expected PORT"},
        {"u 53", "expected PORT"},
        {"uu53", "expected PORT"},
        {"-1", "expected PORT"},
        {"+80", "expected PORT"},
        {"80 80", "expected PORT"},
        {"0x50", "expected PORT"},
        {"8080;9090=4", "expected PORT"},
        {"127.0.0.1:", "expected PORT"},
        {"127.0.0.1", "expected PORT"},
        {"host name:80", "expected PORT"},
        {"host/80:80", "expected PORT"},
        {"[::1:80", "expected PORT"},
        {"::1]:80", "expected PORT"},
        {"[*]:80", "expected PORT"},
        {"**:80", "expected PORT"},
        {"a;b:80", "expected PORT"},
        {":80", "expected a host"},
        {" :80", "expected a host"},
        {"[]:80", "expected a host"},
        {"[ ]:80", "expected a host"},
        {"65536", "from 0 to 65535"},
        {"127.0.0.1:1000000", "from 0 to 65535"},
        {"99999999999999999999", "expected PORT"},
        {"80=", "descriptor number"},
        {"80=x", "descriptor number"},
        {"80=-1", "descriptor number"},
        {"80=1048577", "descriptor number"},
        {"80=99999999999999999999", "descriptor number"},
        {"=7", "expected PORT"},
        {"80=3=4", "expected PORT"},
        {"*:80=3", "two sockets"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        struct error error = {""};
        if (address_parse_port(rows[i].text, &address, &error) != -1) {
            fail_msg("'%s' was taken", rows[i].text);
        }
        assert_text_has(error.text, rows[i].reason);
        assert_text_has(error.text, rows[i].text);
    }
}

/* HOST of so many bytes, and ":80" behind it. */
static void make_host(char *buffer, size_t length)
{
    memset(buffer, 'h', length);
    memcpy(buffer + length, ":80", sizeof ":80");
}

static void a_host_name_has_a_longest_length(void **state)
{
    (void)state;
    char text[ADDRESS_HOST_MAX + 8];
    struct address address;
    struct error error;

    make_host(text, ADDRESS_HOST_MAX);
    assert_int_equal(address_parse_port(text, &address, &error), 0);
    assert_int_equal(address.length, ADDRESS_HOST_MAX);

    make_host(text, ADDRESS_HOST_MAX + 1);
    assert_int_equal(address_parse_port(text, &address, &error), -1);
    assert_text_has(error.text, "at most 253 bytes, got 254");
}

static void a_numeric_ipv4_address_is_what_inet_pton_says(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "0.0.0.0",    "127.0.0.1",  "255.255.255.255",
        "192.0.2.10", "10.0.100.1", "1.2.3",
        "1.2.3.4.",   "1.2.3.4.5",  "1.2.3.256",
        "01.2.3.4",   "1.2.3.00",   "1..2.3",
        "1.2.3.4 ",   " 1.2.3.4",   "1.2.3.-4",
        "",           ".",          "127.1",
        "localhost",  "1.2.3.4a",   "1.2.3.99999999999999999999",
        "0x1.2.3.4",  "::1",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct in_addr expected = {.s_addr = 0};
        uint32_t ipv4;
        bool is_address = inet_pton(AF_INET, hosts[i], &expected) == 1;
        bool is_taken = address_read_ipv4(hosts[i], &ipv4) == 0;
        if (is_taken != is_address || (is_taken && htonl(ipv4) != expected.s_addr)) {
            fail_msg("'%s' was %s", hosts[i], is_taken ? "taken" : "refused");
        }
    }
}

static void a_path_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char *const paths[] = {"/run/app.sock", "app.sock",  "a=3",  " a b ", "./8080",
                                        "a,b",           "a,b,modes", "./@a", ",",     "a,=b",
                                        "a, mode=0600",  "a,b/c=d",   "a,",   "a,,b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct address address;
        struct error error;
        assert_int_equal(address_parse_path(paths[i], &address, &error), 0);
        assert_int_equal(address.kind, ADDRESS_UNIX);
        assert_int_equal(address.socket_type, SOCK_STREAM);
        assert_int_equal(address.fd, -1);
        assert_ptr_equal(address.text, paths[i]);
        assert_int_equal(address.length, strlen(paths[i]));
    }
}

static void a_path_must_fit_a_unix_address(void **state)
{
    (void)state;
    char path[ADDRESS_PATH_MAX + 2];
    struct address address;
    struct error error;

    memset(path, 'p', sizeof path);
    path[ADDRESS_PATH_MAX] = '\0';
    assert_int_equal(address_parse_path(path, &address, &error), 0);

    path[ADDRESS_PATH_MAX] = 'p';
    path[ADDRESS_PATH_MAX + 1] = '\0';
    assert_int_equal(address_parse_path(path, &address, &error), -1);
    assert_text_has(error.text, "at most 107 bytes, got 108");
}

static void a_path_that_could_not_be_handed_on_is_refused(void **state)
{
    (void)state;
    struct address address;
    struct error error;
    assert_int_equal(address_parse_path("", &address, &error), -1);
    assert_text_has(error.text, "got nothing");
    assert_int_equal(address_parse_path("a;b", &address, &error), -1);
    assert_text_has(error.text, "';'");
}

static void nobody_has_to_ask_for_the_reason(void **state)
{
    (void)state;
    struct address address;
    assert_int_equal(address_parse_port("nonsense", &address, NULL), -1);
    assert_int_equal(address_parse_path("", &address, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_port_is_understood),
        cmocka_unit_test(an_unbracketed_ipv6_host_ends_at_its_last_colon),
        cmocka_unit_test(a_u_before_the_port_means_udp),
        cmocka_unit_test(an_equals_sign_asks_for_a_descriptor),
        cmocka_unit_test(whitespace_around_each_part_is_ignored),
        cmocka_unit_test(anything_else_is_refused_and_the_reason_said),
        cmocka_unit_test(a_host_name_has_a_longest_length),
        cmocka_unit_test(a_numeric_ipv4_address_is_what_inet_pton_says),
        cmocka_unit_test(a_path_is_taken_as_it_is),
        cmocka_unit_test(a_path_must_fit_a_unix_address),
        cmocka_unit_test(a_path_that_could_not_be_handed_on_is_refused),
        cmocka_unit_test(nobody_has_to_ask_for_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
