// Processes: how the host starts one, and how a worker gives up its rights.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a locked-down child may use.
struct sandbox_limits {
    uint64_t memory_bytes;
    uint32_t cpu_milliseconds;
};

/// Makes a connected pair of close-on-exec sockets, of packets that stay whole or of a stream. Returns 0 or an errno.
int sandbox_socketpair(int packets, int descriptors[2]);

/// Starts a program in a process group of its own with `descriptor` as its descriptors `first` to `last`, the null device as the
/// other of 0 to 2, no signal blocked or ignored, and nothing else open. Returns 0 or an errno.
int sandbox_spawn(const char *path, char *const arguments[], char *const environment[], int descriptor, int first, int last, pid_t *pid);

/// Sends an order to the zygote, with a descriptor unless it is negative. Never blocks. Returns 0 or an errno.
int sandbox_send_order(int control, uint32_t kind, uint32_t run, struct sandbox_limits limits, int descriptor);

/// Becomes user and group 65534 without further groups where the process is root and may do so. Returns 0 or an errno.
int sandbox_drop_identity(void);

/// Gives up everything a child never needs, in this order: memory, processor time, files, identity, threads, new rights, system calls.
///
/// The memory limit is counted from `engine_bytes`, the size of the child's address space at its fork. Returns 0 or an errno, after
/// which the process must not go on.
int sandbox_lock_down(struct sandbox_limits limits, uint64_t engine_bytes);

/// Gives up what a program that translates text never needs, and becomes the program at `path`, found before the rights are dropped.
/// Returns an errno if it could not.
int sandbox_become(const char *path, char *const arguments[]);

/// How many threads this process has; 0 if that cannot be told.
int sandbox_thread_count(void);

/// Reads exactly `count` bytes. Returns 1, 0 at the end of the stream, or -1.
int sandbox_read_fully(int descriptor, void *bytes, size_t count);

/// Writes exactly `count` bytes. Returns 1 or -1.
int sandbox_write_fully(int descriptor, const void *bytes, size_t count);

/// Waits until a descriptor can be read, at most so many milliseconds, or for ever if negative. Returns 1, 0 when time is up, or -1.
int sandbox_wait_readable(int descriptor, int milliseconds);
