// Linux calls and macros that Swift's Glibc module does not carry. _GNU_SOURCE stays out of the header: it would change the
// system headers' declarations under Swift's own Glibc module.
#define _GNU_SOURCE
#include "linux_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <malloc.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLUICE_RESULT(call)                                                                                            \
    do {                                                                                                               \
        long result_;                                                                                                  \
        do {                                                                                                           \
            result_ = (call);                                                                                          \
        } while (result_ < 0 && errno == EINTR);                                                                       \
        return result_ < 0 ? -(long)errno : result_;                                                                   \
    } while (0)

long sluice_epoll_create(void) { SLUICE_RESULT(epoll_create1(EPOLL_CLOEXEC)); }

long sluice_epoll_add(int epoll, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    SLUICE_RESULT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

long sluice_epoll_change(int epoll, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data = {.u64 = key}};
    SLUICE_RESULT(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

// Not restarted on EINTR: the caller recomputes its timeout.
long sluice_epoll_wait(int epoll, struct epoll_event *events, int capacity, int milliseconds) {
    int count = epoll_wait(epoll, events, capacity, milliseconds);
    return count < 0 ? -(long)errno : count;
}

long sluice_epoll_remove(int epoll, int fd) { SLUICE_RESULT(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL)); }

uint64_t sluice_event_key(const struct epoll_event *event) { return event->data.u64; }

long sluice_eventfd(void) { SLUICE_RESULT(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

long sluice_eventfd_signal(int fd) {
    uint64_t one = 1;
    SLUICE_RESULT(write(fd, &one, sizeof one));
}

long sluice_eventfd_clear(int fd) {
    uint64_t count;
    SLUICE_RESULT(read(fd, &count, sizeof count));
}

long sluice_read(int fd, void *buffer, size_t count) { SLUICE_RESULT(read(fd, buffer, count)); }

long sluice_recv(int fd, void *buffer, size_t count) {
    SLUICE_RESULT(recv(fd, buffer, count, MSG_DONTWAIT));
}

long sluice_send(int fd, const void *bytes, size_t count) {
    SLUICE_RESULT(send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT));
}

long sluice_send_parts(int fd, const struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    SLUICE_RESULT(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

// One call for the queued bytes and the fresh ones behind them.
long sluice_send_two(int fd, const void *first, size_t firstCount, const void *second,
                                   size_t secondCount) {
    struct iovec parts[2] = {{(void *)first, firstCount}, {(void *)second, secondCount}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    SLUICE_RESULT(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

long sluice_write(int fd, const void *bytes, size_t count) {
    SLUICE_RESULT(write(fd, bytes, count));
}

long sluice_exchange_files(const char *first, const char *second) {
    SLUICE_RESULT(renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE));
}

long sluice_pipe(int *output, int *input, int capacity) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -(long)errno;
    // Past the user's limit of pipe memory the kernel refuses, and the pipe stays as small as it is.
    (void)fcntl(ends[1], F_SETPIPE_SZ, capacity);
    *output = ends[0];
    *input = ends[1];
    return 0;
}

long sluice_splice(int from, int to, size_t count) {
    SLUICE_RESULT(splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}

long sluice_socket(int family) {
    SLUICE_RESULT(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

long sluice_message_socket(void) { SLUICE_RESULT(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

long sluice_datagram_socket(void) {
    SLUICE_RESULT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

long sluice_send_to(int fd, const void *bytes, size_t count, const struct sockaddr_storage *address, uint32_t length) {
    SLUICE_RESULT(sendto(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)address, length));
}

long sluice_send_message(int fd, const void *bytes, size_t count, int passed) {
    struct iovec part = {(void *)bytes, count};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    long result = sendmsg(fd, &message, MSG_NOSIGNAL);
    return result < 0 ? -(long)errno : result;
}

long sluice_receive_message(int fd, void *buffer, size_t count, int *passed) {
    struct iovec part = {buffer, count};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    // Without the padding behind one descriptor, in which the kernel would find room for a second.
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    *passed = -1;
    long result = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (result < 0) return -(long)errno;
    // The kernel closes what does not fit, so at most one descriptor arrives.
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            header->cmsg_len >= CMSG_LEN(sizeof(int)))
            memcpy(passed, CMSG_DATA(header), sizeof *passed);
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        if (*passed >= 0) close(*passed);
        *passed = -1;
        return -EMSGSIZE;
    }
    return result;
}

long sluice_peer_credentials(int fd, int *process, uint32_t *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -(long)errno;
    *process = credentials.pid;
    *user = credentials.uid;
    return 0;
}

long sluice_set_patience(int fd, int64_t milliseconds) {
    struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0) return -(long)errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) < 0) return -(long)errno;
    return 0;
}

long sluice_get_option(int fd, int level, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, option, &value, &length) < 0 ? -(long)errno : value;
}

long sluice_duplicate(int fd) { SLUICE_RESULT(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

long sluice_close_on_exec(int fd) { SLUICE_RESULT(fcntl(fd, F_SETFD, FD_CLOEXEC)); }

long sluice_unblock(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -(long)errno;
    SLUICE_RESULT(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

long sluice_bind(int fd, const struct sockaddr_storage *address, uint32_t length) {
    SLUICE_RESULT(bind(fd, (const struct sockaddr *)address, length));
}

long sluice_connect(int fd, const struct sockaddr_storage *address, uint32_t length) {
    SLUICE_RESULT(connect(fd, (const struct sockaddr *)address, length));
}

long sluice_accept(int fd, struct sockaddr_storage *peer, uint32_t *length) {
    SLUICE_RESULT(accept4(fd, (struct sockaddr *)peer, length, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

long sluice_accept_waiting(int fd, struct sockaddr_storage *peer, uint32_t *length) {
    SLUICE_RESULT(accept4(fd, (struct sockaddr *)peer, length, SOCK_CLOEXEC));
}

long sluice_local_address(int fd, struct sockaddr_storage *address, uint32_t *length) {
    SLUICE_RESULT(getsockname(fd, (struct sockaddr *)address, length));
}

// The socket's pending error as an errno value, 0 for none.
int sluice_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

long sluice_set_option(int fd, int level, int option, int value) {
    SLUICE_RESULT(setsockopt(fd, level, option, &value, sizeof value));
}

long sluice_set_nodelay(int fd) { return sluice_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

long sluice_set_unpaced(int fd) {
    static const char name[] = "cubic";
    SLUICE_RESULT(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof name - 1));
}

// Makes close() answer the peer with a reset, so that a cut message cannot look complete.
long sluice_set_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    SLUICE_RESULT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

long sluice_inotify_init(void) { SLUICE_RESULT(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }

long sluice_inotify_add(int fd, const char *path, uint32_t mask) {
    SLUICE_RESULT(inotify_add_watch(fd, path, mask));
}

// Raises the soft descriptor limit to the hard one; returns the limit in force.
uint64_t sluice_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
    }
    return limit.rlim_cur;
}

// Lowers the calling thread's priority (Linux keeps a nice value for each thread).
int sluice_lower_thread_priority(int nice) {
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

void sluice_trim_memory(void) { (void)malloc_trim(0); }

long sluice_random(void *buffer, size_t count) { SLUICE_RESULT(getrandom(buffer, count, 0)); }


int sluice_allowed_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return CPU_COUNT(&set);
}

long sluice_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) < 0 ? -(long)errno : count;
}

static int signal_pipe[2] = {-1, -1};

static void write_signal(int number) {
    int before = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe holds more signals than anybody waits for.
    (void)!write(signal_pipe[1], &byte, 1);
    errno = before;
}

long sluice_signal_pipe(void) {
    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) return -(long)errno;
    return signal_pipe[0];
}

long sluice_catch_signal(int number) {
    struct sigaction action = {.sa_handler = write_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    SLUICE_RESULT(sigaction(number, &action, NULL));
}

static int prepare_spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *directory,
                         int output) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_addchdir_np(actions, directory);
    if (!error) error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, output, 2);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error) error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

long sluice_spawn(const char *program, char *const *arguments, char *const *environment, const char *directory,
                  int *process, int *output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -(long)errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int error = prepare_spawn(&actions, &attributes, directory, ends[1]);
    pid_t started = 0;
    if (!error) error = posix_spawnp(&started, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return -(long)error;
    }
    (void)sluice_unblock(ends[0]);
    *process = started;
    *output = ends[0];
    return 0;
}

long sluice_watch_process(int process) { SLUICE_RESULT(syscall(SYS_pidfd_open, process, 0)); }

long sluice_signal_process(int watch, int number) {
    SLUICE_RESULT(syscall(SYS_pidfd_send_signal, watch, number, NULL, 0));
}

long sluice_signal_group(int group, int number) { SLUICE_RESULT(kill(-group, number)); }

long sluice_reap(int process, int *number) {
    int status = 0;
    pid_t found;
    do {
        found = waitpid(process, &status, WNOHANG);
    } while (found < 0 && errno == EINTR);
    if (found < 0) return -(long)errno;
    if (found == 0) return -EAGAIN;
    *number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return WIFSIGNALED(status) ? 1 : 0;
}
