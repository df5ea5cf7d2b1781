// The server behind the proxies for gRPC: cleartext HTTP/2, and as little of anything else as nghttp2 allows.
//
//   grpc_upstream ANSWER PORT...
//
// One thread, one epoll set, loopback only. Whatever a stream sends is thrown away. When it ends, the answer is 200
// with the bytes of the file ANSWER, a message with its prefix, and the trailer `grpc-status: 0`; its field `x-port`
// tells which of the ports answered.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST_ANSWER = 16 << 10,
    // More than any frame that nghttp2 makes of that.
    MOST_FRAME = MOST_ANSWER + 1024,
    READ_BYTES = 1 << 20,
    // Frames are gathered up to here, so that many answers leave with one call.
    WRITE_BYTES = 64 << 10,
    EVENTS = 512,
    // The kernel numbers descriptors from below, so this is room for as many connections.
    MOST_DESCRIPTORS = 1 << 16,
    // Never what a sender waits for.
    WINDOW = 1 << 30,
    STREAMS = 1000,
};

typedef struct {
    nghttp2_session *session;
    int descriptor;
    char port[8];
    bool writing;
    size_t held, sent;
    char unsent[WRITE_BYTES];
} Connection;

static char answer[MOST_ANSWER];
static size_t answer_length;
static unsigned char scratch[READ_BYTES];
static Connection *connections[MOST_DESCRIPTORS];
static int ports[MOST_DESCRIPTORS];
static nghttp2_session_callbacks *callbacks;
static int set;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int descriptor, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(set, operation, descriptor, &event) != 0) fail("epoll_ctl");
}

static nghttp2_nv field(const char *name, const char *value) {
    return (nghttp2_nv){
        (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

// `source` is the stream's own, and counts what has been taken of the answer.
static ssize_t read_answer(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t room, uint32_t *flags,
    nghttp2_data_source *source, void *user) {
    (void)user;
    size_t left = answer_length - source->fd, taken = left < room ? left : room;
    memcpy(buffer, answer + source->fd, taken);
    source->fd += taken;
    if (taken < left) return taken;
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_nv trailer = field("grpc-status", "0");
    return nghttp2_submit_trailer(session, stream, &trailer, 1) == 0 ? (ssize_t)taken : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int received(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    Connection *connection = user;
    bool of_request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!of_request || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    nghttp2_nv head[] = {
        field(":status", "200"), field("content-type", "application/grpc"), field("x-port", connection->port)};
    nghttp2_data_provider body = {.source.fd = 0, .read_callback = read_answer};
    return nghttp2_submit_response(session, frame->hd.stream_id, head, 3, &body);
}

// Sends what the socket takes; false if the connection is over.
static bool flush(Connection *connection) {
    for (;;) {
        const uint8_t *frames;
        ssize_t length = 1;
        while (connection->held <= WRITE_BYTES - MOST_FRAME &&
               (length = nghttp2_session_mem_send(connection->session, &frames)) > 0) {
            memcpy(connection->unsent + connection->held, frames, length);
            connection->held += length;
        }
        if (length < 0) return false;
        if (connection->held == 0) break;
        ssize_t sent = send(
            connection->descriptor, connection->unsent + connection->sent, connection->held - connection->sent,
            MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return false;
            if (!connection->writing) watch(connection->descriptor, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            connection->writing = true;
            return true;
        }
        connection->sent += sent;
        if (connection->sent == connection->held) connection->sent = connection->held = 0;
    }
    if (connection->writing) watch(connection->descriptor, EPOLLIN, EPOLL_CTL_MOD);
    connection->writing = false;
    return nghttp2_session_want_read(connection->session) || nghttp2_session_want_write(connection->session);
}

static bool serve(Connection *connection, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return false;
    if (events & EPOLLIN) {
        ssize_t got = recv(connection->descriptor, scratch, READ_BYTES, 0);
        if (got <= 0) return got < 0 && errno == EAGAIN;
        if (nghttp2_session_mem_recv(connection->session, scratch, got) != got) return false;
    }
    return flush(connection);
}

static void close_connection(Connection *connection) {
    connections[connection->descriptor] = NULL;
    close(connection->descriptor);
    nghttp2_session_del(connection->session);
    free(connection);
}

static void accept_one(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
    if (descriptor < 0) return;
    if (descriptor >= MOST_DESCRIPTORS) {
        close(descriptor);
        return;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Connection *connection = calloc(1, sizeof(Connection));
    if (connection == NULL) fail("calloc");
    connection->descriptor = descriptor;
    snprintf(connection->port, sizeof connection->port, "%d", ports[listener]);
    if (nghttp2_session_server_new(&connection->session, callbacks, connection) != 0) fail("nghttp2");
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
    nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
    connections[descriptor] = connection;
    watch(descriptor, EPOLLIN, EPOLL_CTL_ADD);
    if (!flush(connection)) close_connection(connection);
}

static void listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 4096) != 0) fail("listen");
    ports[listener] = port;
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
}

int main(int count, char **arguments) {
    FILE *file = count > 2 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) fail("grpc_upstream ANSWER PORT...");
    answer_length = fread(answer, 1, sizeof answer, file);
    fclose(file);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) fail("epoll_create1");
    if (nghttp2_session_callbacks_new(&callbacks) != 0) fail("nghttp2");
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, received);
    for (int each = 2; each < count; each++) listen_on(atoi(arguments[each]));
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(set, events, EVENTS, -1);
        for (int each = 0; each < ready; each++) {
            int descriptor = events[each].data.fd;
            Connection *connection = connections[descriptor];
            // Only listeners have no connection.
            if (connection == NULL) {
                accept_one(descriptor);
            } else if (!serve(connection, events[each].events)) {
                close_connection(connection);
            }
        }
    }
}
