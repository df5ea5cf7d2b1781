// The server behind the proxies of the benchmark: an HTTP/1.1 server that costs as little as one can.
//
//   upstream PORT[:MICROSECONDS]...
//
// One thread, one epoll set, loopback only, keep-alive. A body, by Content-Length or chunked, is thrown away. The
// answer is 200 with a small JSON object, or with as many bytes as the field `x-answer-bytes` says, up to 16 MiB; its
// field `x-port` tells which of the ports answered. A port with a time answers after that time, however many wait.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_ANSWER = 16 << 20,
    READ_BYTES = 16 << 10,
    DISCARD_BYTES = 1 << 20,
    EVENTS = 512,
    // The kernel numbers descriptors from below, so this is room for as many connections.
    MOST_DESCRIPTORS = 1 << 16,
    MOST_PORTS = 8,
};

typedef enum { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } Reading;

// The answers that a port owes, in the order in which they are due.
typedef struct Delay {
    uint64_t nanoseconds;
    struct {
        int descriptor;
        uint64_t serial, due;
    } owed[MOST_DESCRIPTORS];
    uint32_t first, last;
} Delay;

typedef struct {
    Reading reading;
    bool closes;
    bool writing;
    // Its answer is due later.
    bool waiting;
    uint64_t serial;
    int port;
    struct Delay *delay;
    // Bytes of the body, or of the chunk, that are still to come.
    size_t remaining;
    size_t answer;
    // Of the answer under way: its head, and how much of head and body together has been sent.
    char head[160];
    size_t head_length, sent;
    size_t held;
    char buffer[READ_BYTES];
} Connection;

static const char small[] =
    "{\"model_name\":\"classify\",\"model_version\":\"1\",\"outputs\":"
    "[{\"name\":\"SCORE\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":[0.5]}]}";
static const size_t SMALL = sizeof small - 1;
static char *large;
static Connection *connections[MOST_DESCRIPTORS];
static int ports[MOST_DESCRIPTORS];
static Delay *port_delays[MOST_DESCRIPTORS];
static Delay *delays[MOST_PORTS];
static int delay_count;
static uint64_t serials;
static int set;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int descriptor, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(set, operation, descriptor, &event) != 0) fail("epoll_ctl");
}

// Sends what the socket takes; false if the connection is broken.
static bool send_answer(Connection *connection, int descriptor) {
    size_t total = connection->head_length + connection->answer;
    const char *body = connection->answer == SMALL ? small : large;
    while (connection->sent < total) {
        struct iovec parts[2];
        int count = 0;
        if (connection->sent < connection->head_length) {
            parts[count++] =
                (struct iovec){connection->head + connection->sent, connection->head_length - connection->sent};
        }
        size_t done = connection->sent > connection->head_length ? connection->sent - connection->head_length : 0;
        if (done < connection->answer) parts[count++] = (struct iovec){(char *)body + done, connection->answer - done};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return false;
            if (!connection->writing) watch(descriptor, EPOLLOUT, EPOLL_CTL_MOD);
            connection->writing = true;
            return true;
        }
        connection->sent += sent;
    }
    if (connection->writing) watch(descriptor, EPOLLIN, EPOLL_CTL_MOD);
    connection->writing = false;
    return !connection->closes;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static void answer_later(Connection *connection, int descriptor) {
    Delay *delay = connection->delay;
    if (delay->last - delay->first == MOST_DESCRIPTORS) fail("too many answers are owed");
    uint32_t at = delay->last++ % MOST_DESCRIPTORS;
    delay->owed[at].descriptor = descriptor;
    delay->owed[at].serial = connection->serial;
    delay->owed[at].due = now() + delay->nanoseconds;
    connection->waiting = true;
}

static bool answer(Connection *connection, int descriptor) {
    if (connection->delay != NULL && !connection->waiting) {
        answer_later(connection, descriptor);
        return true;
    }
    connection->waiting = false;
    connection->reading = HEAD;
    connection->sent = 0;
    connection->head_length = snprintf(
        connection->head, sizeof connection->head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-port: %d\r\nContent-Length: %zu\r\n%s\r\n",
        connection->port, connection->answer, connection->closes ? "Connection: close\r\n" : "");
    return send_answer(connection, descriptor);
}

static bool is(const char *line, const char *name) { return strncasecmp(line, name, strlen(name)) == 0; }

// Reads a complete head, up to `end`, which points at the empty line.
static void read_head(Connection *connection, char *end) {
    bool chunked = false;
    connection->remaining = 0;
    connection->answer = SMALL;
    connection->closes = false;
    *end = 0;
    for (char *line = strstr(connection->buffer, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (is(line, "content-length:")) connection->remaining = strtoul(line + 15, NULL, 10);
        if (is(line, "x-answer-bytes:")) connection->answer = strtoul(line + 15, NULL, 10);
        if (is(line, "transfer-encoding:")) chunked = true;
        if (is(line, "connection: close")) connection->closes = true;
    }
    if (connection->answer > MOST_ANSWER) connection->answer = MOST_ANSWER;
    connection->reading = chunked ? CHUNK_SIZE : BODY;
}

// Takes what `buffer` holds apart; false if the connection is to be closed.
static bool process(Connection *connection, int descriptor) {
    char *at = connection->buffer, *end = connection->buffer + connection->held;
    while (!connection->writing && !connection->waiting) {
        size_t here = end - at;
        if (connection->reading == BODY || connection->reading == CHUNK_DATA) {
            size_t taken = here < connection->remaining ? here : connection->remaining;
            at += taken;
            connection->remaining -= taken;
            if (connection->remaining > 0) break;
            if (connection->reading == CHUNK_DATA) {
                connection->reading = CHUNK_END;
            } else if (!answer(connection, descriptor)) {
                return false;
            }
            continue;
        }
        char *line = memmem(at, here, "\r\n", 2);
        if (line == NULL) break;
        if (connection->reading == HEAD) {
            char *empty = memmem(at, here, "\r\n\r\n", 4);
            if (empty == NULL) break;
            if (at != connection->buffer) {
                memmove(connection->buffer, at, here);
                empty -= at - connection->buffer;
                end = connection->buffer + here;
            }
            read_head(connection, empty);
            at = empty + 4;
        } else if (connection->reading == CHUNK_SIZE) {
            connection->remaining = strtoul(at, NULL, 16);
            connection->reading = connection->remaining > 0 ? CHUNK_DATA : TRAILER;
            at = line + 2;
        } else if (connection->reading == CHUNK_END) {
            connection->reading = CHUNK_SIZE;
            at = line + 2;
        } else {
            bool last = line == at;
            at = line + 2;
            if (last && !answer(connection, descriptor)) return false;
        }
    }
    connection->held = end - at;
    memmove(connection->buffer, at, connection->held);
    return true;
}

static bool read_some(Connection *connection, int descriptor) {
    bool in_body = connection->reading == BODY || connection->reading == CHUNK_DATA;
    if (in_body && connection->held == 0 && connection->remaining > 1) {
        // The kernel drops these bytes without a copy. One is left, so that `process` sees the end of the body.
        size_t most = connection->remaining - 1 < DISCARD_BYTES ? connection->remaining - 1 : DISCARD_BYTES;
        ssize_t dropped = recv(descriptor, NULL, most, MSG_TRUNC);
        if (dropped <= 0) return dropped < 0 && errno == EAGAIN;
        connection->remaining -= dropped;
        if (connection->remaining > 1) return true;
    }
    ssize_t got = recv(descriptor, connection->buffer + connection->held, READ_BYTES - connection->held, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    connection->held += got;
    return process(connection, descriptor);
}

static void accept_one(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    if (descriptor >= MOST_DESCRIPTORS) {
        close(descriptor);
        return;
    }
    int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connections[descriptor] = malloc(sizeof(Connection));
    if (connections[descriptor] == NULL) fail("malloc");
    connections[descriptor]->reading = HEAD;
    connections[descriptor]->writing = false;
    connections[descriptor]->waiting = false;
    connections[descriptor]->serial = serials++;
    connections[descriptor]->port = ports[listener];
    connections[descriptor]->delay = port_delays[listener];
    connections[descriptor]->held = 0;
    watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
}

static void end(int descriptor) {
    close(descriptor);
    free(connections[descriptor]);
    connections[descriptor] = NULL;
}

static void serve(int descriptor, uint32_t events) {
    Connection *connection = connections[descriptor];
    bool open = !(events & (EPOLLERR | EPOLLHUP));
    if (open && connection->writing) {
        // What came meanwhile, a request that did not wait for its turn, lies in the buffer.
        open = send_answer(connection, descriptor) && (connection->writing || process(connection, descriptor));
    } else if (open) {
        open = read_some(connection, descriptor);
    }
    if (!open) end(descriptor);
}

// Sends what is due; the nanoseconds until more is, or -1 if nothing is owed.
static int64_t answer_due(void) {
    int64_t soonest = -1;
    for (int each = 0; each < delay_count; each++) {
        Delay *delay = delays[each];
        for (; delay->first != delay->last; delay->first++) {
            uint32_t at = delay->first % MOST_DESCRIPTORS;
            int64_t left = delay->owed[at].due - now();
            if (left > 0) {
                if (soonest < 0 || left < soonest) soonest = left;
                break;
            }
            int descriptor = delay->owed[at].descriptor;
            Connection *connection = connections[descriptor];
            // The client may have left, and another one have come.
            if (connection == NULL || connection->serial != delay->owed[at].serial) continue;
            if (!answer(connection, descriptor)) end(descriptor);
        }
    }
    return soonest;
}

static void listen_on(const char *argument) {
    char *rest;
    int port = strtol(argument, &rest, 10);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 4096) != 0) fail("listen");
    ports[listener] = port;
    if (*rest == ':') {
        Delay *delay = calloc(1, sizeof(Delay));
        if (delay == NULL || delay_count == MOST_PORTS) fail("calloc");
        delay->nanoseconds = strtoull(rest + 1, NULL, 10) * 1000;
        port_delays[listener] = delays[delay_count++] = delay;
    }
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
}

int main(int count, char **arguments) {
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) fail("epoll_create1");
    large = malloc(MOST_ANSWER);
    if (large == NULL) fail("malloc");
    memset(large, 'x', MOST_ANSWER);
    for (int each = 1; each < count; each++) listen_on(arguments[each]);
    for (;;) {
        struct epoll_event events[EVENTS];
        int64_t left = answer_due();
        struct timespec timeout = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        int ready = epoll_pwait2(set, events, EVENTS, left < 0 ? NULL : &timeout, NULL);
        for (int each = 0; each < ready; each++) {
            int descriptor = events[each].data.fd;
            // Only listeners have no connection.
            if (connections[descriptor] == NULL) {
                accept_one(descriptor);
            } else {
                serve(descriptor, events[each].events);
            }
        }
    }
}
