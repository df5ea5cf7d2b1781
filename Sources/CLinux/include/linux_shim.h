// Linux calls and macros that Swift's Glibc module does not carry.
//
// Each call returns its result, or -errno: errno never has to survive until Swift reads it. Calls are repeated on EINTR.
#ifndef SLUICE_LINUX_SHIM_H
#define SLUICE_LINUX_SHIM_H

#include <sys/uio.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>

long sluice_epoll_create(void);
long sluice_epoll_add(int epoll, int fd, uint32_t events, uint64_t key);
// What is ready already is reported once more.
long sluice_epoll_change(int epoll, int fd, uint32_t events, uint64_t key);
// Closing alone does not end the events of a socket that another process holds too (epoll(7)).
long sluice_epoll_remove(int epoll, int fd);
// Not restarted on EINTR: the caller recomputes its timeout.
long sluice_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int milliseconds);
uint64_t sluice_event_key(const struct epoll_event *_Nonnull event);
long sluice_eventfd(void);
long sluice_eventfd_signal(int fd);
long sluice_eventfd_clear(int fd);
long sluice_read(int fd, void *_Nonnull buffer, size_t count);
long sluice_recv(int fd, void *_Nonnull buffer, size_t count);
long sluice_send(int fd, const void *_Nonnull bytes, size_t count);
// Several runs of bytes in one call.
long sluice_send_parts(int fd, const struct iovec *_Nonnull parts, size_t count);
// One call for the queued bytes and the fresh ones behind them.
long sluice_send_two(int fd, const void *_Nonnull first, size_t firstCount, const void *_Nonnull second, size_t secondCount);
// Both files go on under each other's name.
long sluice_exchange_files(const char *_Nonnull first, const char *_Nonnull second);
long sluice_write(int fd, const void *_Nonnull bytes, size_t count);
// A pipe with room for `capacity` bytes, or less where the kernel does not allow it.
long sluice_pipe(int *_Nonnull output, int *_Nonnull input, int capacity);
// Moves bytes from a socket into a pipe or from a pipe into a socket, without waiting (splice(2)).
long sluice_splice(int from, int to, size_t count);
long sluice_socket(int family);
// A Unix socket of whole messages, which waits (SOCK_SEQPACKET).
long sluice_message_socket(void);
// A Unix socket for datagrams, which does not wait.
long sluice_datagram_socket(void);
long sluice_send_to(int fd, const void *_Nonnull bytes, size_t count, const struct sockaddr_storage *_Nonnull address, uint32_t length);
// One message, and with it a descriptor unless that is negative (unix(7), SCM_RIGHTS). Unlike the others these two tell of an
// interruption, -EINTR, since they may be waiting for as long as `sluice_set_patience` has said.
long sluice_send_message(int fd, const void *_Nonnull bytes, size_t count, int passed);
// One message, and the descriptor that came with it or -1. What does not fit is -EMSGSIZE.
long sluice_receive_message(int fd, void *_Nonnull buffer, size_t count, int *_Nonnull passed);
// Who connected, or who listens: as they were at connect() and listen() (unix(7), SO_PEERCRED).
long sluice_peer_credentials(int fd, int *_Nonnull process, uint32_t *_Nonnull user);
// How long a call on a socket that waits may wait.
long sluice_set_patience(int fd, int64_t milliseconds);
// The option's value, which is not negative.
long sluice_get_option(int fd, int level, int option);
long sluice_duplicate(int fd);
long sluice_close_on_exec(int fd);
long sluice_unblock(int fd);
long sluice_bind(int fd, const struct sockaddr_storage *_Nonnull address, uint32_t length);
long sluice_connect(int fd, const struct sockaddr_storage *_Nonnull address, uint32_t length);
long sluice_accept(int fd, struct sockaddr_storage *_Nonnull peer, uint32_t *_Nonnull length);
// The same, and the connection waits.
long sluice_accept_waiting(int fd, struct sockaddr_storage *_Nonnull peer, uint32_t *_Nonnull length);
long sluice_local_address(int fd, struct sockaddr_storage *_Nonnull address, uint32_t *_Nonnull length);
// The socket's pending error as an errno value, 0 for none.
int sluice_socket_error(int fd);
long sluice_set_option(int fd, int level, int option, int value);
long sluice_set_nodelay(int fd);
// Congestion control without pacing. Where the system does not have it, its default stays.
long sluice_set_unpaced(int fd);
// Bytes the kernel has taken and the peer has not acknowledged (tcp(7), SIOCOUTQ).
long sluice_unacknowledged(int fd);
// Makes close() answer the peer with a reset, so that a cut message cannot look complete.
long sluice_set_reset_on_close(int fd);
long sluice_inotify_init(void);
long sluice_inotify_add(int fd, const char *_Nonnull path, uint32_t mask);
// Raises the soft descriptor limit to the hard one; returns the limit in force.
uint64_t sluice_raise_descriptor_limit(void);
// Lowers the calling thread's priority (Linux keeps a nice value for each thread).
int sluice_lower_thread_priority(int nice);
// A descriptor from which the numbers of caught signals are read, a byte each; one for the process.
long sluice_signal_pipe(void);
// Has a signal written to that pipe from now on, whichever thread it reaches.
long sluice_catch_signal(int number);
// Processors this process may run on.
int sluice_allowed_processors(void);
// Gives memory that was freed back to the kernel (malloc_trim(3)); safe from any thread.
void sluice_trim_memory(void);
// Starts a program in a process group of its own, in a directory, with nothing open but /dev/null for its input and a pipe for
// all it writes, no signal blocked or ignored (posix_spawn(3)). The pipe's other end does not wait.
long sluice_spawn(const char *_Nonnull program, char *_Nullable const *_Nonnull arguments,
                  char *_Nullable const *_Nonnull environment, const char *_Nonnull directory, int *_Nonnull process,
                  int *_Nonnull output);
// A descriptor that becomes readable when the process ends (pidfd_open(2)).
long sluice_watch_process(int process);
// A signal to the process of such a descriptor, whoever has its number by then (pidfd_send_signal(2)).
long sluice_signal_process(int watch, int number);
// A signal to all of a process group; -ESRCH where there is none.
long sluice_signal_group(int group, int number);
// What became of a child that has ended, and forgets it: 0 and its exit status, 1 and the signal that ended it; -ECHILD for
// what is no child, and -EAGAIN while it runs.
long sluice_reap(int process, int *_Nonnull number);
long sluice_random(void *_Nonnull buffer, size_t count);

#endif
