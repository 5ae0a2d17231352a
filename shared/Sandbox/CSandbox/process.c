#define _GNU_SOURCE
#include "process.h"
#include "protocol.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int sandbox_socketpair(int packets, int descriptors[2])
{
    int type = (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC;
    return socketpair(AF_UNIX, type, 0, descriptors) == 0 ? 0 : errno;
}

int sandbox_spawn(const char *path, char *const arguments[], char *const environment[], int descriptor, int first, int last, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&files);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    // In this order, since `descriptor` may itself be one of 0 to 2 where the host was started without them.
    for (int target = first; target <= last && !error; target++)
        error = posix_spawn_file_actions_adddup2(&files, descriptor, target);
    for (int target = 0; target <= 2 && !error; target++)
        if (target < first || target > last) error = posix_spawn_file_actions_addopen(&files, target, "/dev/null", O_RDWR, 0);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&files, (last > 2 ? last : 2) + 1);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (!error) error = posix_spawn(pid, path, &files, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int sandbox_send_order(int control, uint32_t kind, uint32_t run, struct sandbox_limits limits, int descriptor)
{
    struct sandbox_order order = {
        .kind = kind, .run = run, .memory_bytes = limits.memory_bytes, .cpu_milliseconds = limits.cpu_milliseconds};
    struct iovec bytes = {&order, sizeof order};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } ancillary;
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&ancillary, 0, sizeof ancillary);
        message.msg_control = ancillary.space;
        message.msg_controllen = sizeof ancillary.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    for (;;) {
        if (sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

int sandbox_thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.') count++;
    closedir(tasks);
    return count;
}

int sandbox_read_fully(int descriptor, void *bytes, size_t count)
{
    for (char *next = bytes; count > 0;) {
        ssize_t got = read(descriptor, next, count);
        if (got == 0) return 0;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        next += got;
        count -= (size_t)got;
    }
    return 1;
}

int sandbox_write_fully(int descriptor, const void *bytes, size_t count)
{
    for (const char *next = bytes; count > 0;) {
        ssize_t put = write(descriptor, next, count);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        next += put;
        count -= (size_t)put;
    }
    return 1;
}

int sandbox_wait_readable(int descriptor, int milliseconds)
{
    struct pollfd wait = {descriptor, POLLIN, 0};
    for (;;) {
        int ready = poll(&wait, 1, milliseconds);
        if (ready >= 0 || errno != EINTR) return ready;
    }
}
