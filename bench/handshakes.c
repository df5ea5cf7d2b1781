// TLS 1.3 handshakes and nothing else, one connection after another in each of a number of clients.
//
//   handshakes PORT CLIENTS SECONDS full|resumed
//
// One thread, loopback only. A client connects, completes the handshake, says goodbye with close_notify, and waits for
// the server to close, which it does only after it has completed the handshake as well; so nobody gets away with half
// of one. With `resumed`, each client takes a ticket from a first connection, which is not counted, and comes back with
// it each time. Prints one line: handshakes, microseconds, and how long the median and the slowest hundredth took, from
// connecting to the server's end. A handshake that fails, or is not what was asked for, ends it all.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_CLIENTS = 1024,
    MOST_SAMPLES = 1 << 22,
    // Milliseconds in which something has to happen.
    PATIENCE = 5000,
};

typedef struct {
    SSL *tls;
    SSL_SESSION *session;
    int descriptor;
    bool complete;
    long started;
} Client;

static Client clients[MOST_CLIENTS];
static unsigned samples[MOST_SAMPLES];
static size_t taken;
// When the last client had its ticket, or zero before.
static long began;
// How long to go on, in microseconds as all times are.
static long most;
static int without_ticket;
static struct sockaddr_in server = {.sin_family = AF_INET};
static SSL_CTX *context;
static bool resumes;
static int set;

static void fail(const char *what) {
    fprintf(stderr, "handshakes: %s%s%s\n", what, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    ERR_print_errors_fp(stderr);
    exit(1);
}

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void open_next(Client *client) {
    client->started = now();
    client->complete = false;
    client->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->descriptor < 0) fail("socket");
    // Over loopback this is done at once, unless the server's backlog is full.
    if (connect(client->descriptor, (struct sockaddr *)&server, sizeof server) != 0) fail("connect");
    int yes = 1;
    setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(client->descriptor, F_SETFL, O_NONBLOCK);
    client->tls = SSL_new(context);
    if (client->tls == NULL || SSL_set_fd(client->tls, client->descriptor) != 1) fail("SSL_new");
    if (client->session != NULL) SSL_set_session(client->tls, client->session);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(set, EPOLL_CTL_ADD, client->descriptor, &event) != 0) fail("epoll_ctl");
}

static void end(Client *client) {
    if (resumes && client->session == NULL) {
        client->session = SSL_get1_session(client->tls);
        if (!SSL_SESSION_is_resumable(client->session)) fail("the server sent no ticket");
        if (--without_ticket == 0) began = now();
    } else if (began != 0 && client->started >= began && taken < MOST_SAMPLES) {
        samples[taken++] = now() - client->started;
    }
    SSL_free(client->tls);
    close(client->descriptor);
}

// Goes as far as it can without waiting; true when the server has closed.
static bool go_on(Client *client) {
    errno = 0;
    ERR_clear_error();
    if (!client->complete) {
        int done = SSL_connect(client->tls);
        if (done != 1) {
            if (SSL_get_error(client->tls, done) == SSL_ERROR_WANT_READ) return false;
            fail("SSL_connect");
        }
        if (SSL_session_reused(client->tls) != (client->session != NULL)) {
            fail(resumes ? "a handshake was not resumed" : "a handshake was resumed");
        }
        client->complete = true;
        SSL_shutdown(client->tls);
    }
    // Tickets, the server's close_notify, and its end.
    char nothing[1];
    int got = SSL_read(client->tls, nothing, sizeof nothing);
    if (got > 0) fail("the server sent data without a request");
    int reason = SSL_get_error(client->tls, got);
    if (reason == SSL_ERROR_WANT_READ) return false;
    // The end of the connection is the server's to make, so that no ports of the client stay behind.
    if (reason != SSL_ERROR_ZERO_RETURN) return true;
    return recv(client->descriptor, nothing, sizeof nothing, 0) == 0 || errno != EAGAIN;
}

// Takes a client as far as it goes without waiting, through its next connections if need be.
static void advance(Client *client) {
    while (go_on(client)) {
        end(client);
        open_next(client);
        if (began != 0 && now() - began >= most) return;
    }
}

static int by_size(const void *left, const void *right) {
    unsigned a = *(const unsigned *)left, b = *(const unsigned *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count != 5) fail("handshakes PORT CLIENTS SECONDS full|resumed");
    server.sin_port = htons(atoi(arguments[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int number = atoi(arguments[2]);
    if (number < 1 || number > MOST_CLIENTS) fail("CLIENTS");
    resumes = strcmp(arguments[4], "resumed") == 0;
    context = SSL_CTX_new(TLS_client_method());
    set = epoll_create1(EPOLL_CLOEXEC);
    if (context == NULL || set < 0) fail("start");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    without_ticket = resumes ? number : 0;
    most = atol(arguments[3]) * 1000000;
    if (!resumes) began = now();
    for (int each = 0; each < number; each++) {
        open_next(&clients[each]);
        advance(&clients[each]);
    }
    while (began == 0 || now() - began < most) {
        struct epoll_event events[MOST_CLIENTS];
        int ready = epoll_wait(set, events, number, PATIENCE);
        if (ready == 0) fail("the server does not answer");
        for (int each = 0; each < ready; each++) advance(events[each].data.ptr);
    }
    if (taken == 0) fail("no handshake was completed");
    long lasted = now() - began;
    qsort(samples, taken, sizeof samples[0], by_size);
    unsigned middle = samples[taken / 2], slowest = samples[taken * 99 / 100];
    printf("bench requests=%zu duration=%ld p50=%u p99=%u\n", taken, lasted, middle, slowest);
}
