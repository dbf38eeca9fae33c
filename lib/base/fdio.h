/* File descriptors: whole reads and writes, and packets (SOCK_SEQPACKET) that may carry one descriptor.
 * All answer -1 with errno set on failure; EINTR is handled here. */
#ifndef FDIO_H
#define FDIO_H

#include "base.h"

#include <stdbool.h>
#include <sys/types.h>

/* The largest packet anybody here sends: whole record lines. Receivers treat a longer one as an error. */
#define PKT_MAX 32768

/* Opens /dev/null on those of 0, 1, 2 that are closed, so that no file ever lands there. Ends the program
 * when it cannot. */
void fd_sanitise(void);
int fd_write_all(int fd, const void *p, size_t n) MUST_USE; /* 0 or -1 */
ssize_t fd_read_all(int fd, void *p, size_t n) MUST_USE;    /* bytes read; short only at the end of input */
ssize_t fd_read(int fd, void *p, size_t n) MUST_USE;        /* read(2) without EINTR */
ssize_t fd_read_wait(int fd, void *p, size_t n) MUST_USE;   /* waits, though the descriptor be non-blocking */
int fd_nonblock(int fd, bool on);
int fd_copy(int from, int to) MUST_USE; /* until the end of input; 0 or -1 */

int pkt_pair(int sock[2]) MUST_USE; /* two connected SEQPACKET sockets, close-on-exec */
/* pass < 0: no descriptor goes along. Never raises SIGPIPE. flags: 0 or MSG_DONTWAIT. */
int pkt_send(int sock, const void *p, size_t n, int pass, int flags) MUST_USE;
/* Bytes received, 0 when the peer is gone, -1 (EMSGSIZE: the packet was longer than cap and is lost).
 * *got is the descriptor that came along (close-on-exec, the caller's) or -1; got may be NULL: what came is
 * closed. */
ssize_t pkt_recv(int sock, void *p, size_t cap, int *got, int flags) MUST_USE;

#endif
