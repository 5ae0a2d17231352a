#define _GNU_SOURCE
#include "zygote.h"
#include "protocol.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct child {
    pid_t pid;
    uint32_t run;
} children[SANDBOX_MAX_CHILDREN];
static int child_count;

static void tell(int control, struct sandbox_event event)
{
    // The host reads all the time; if it is gone, the next read of the control socket says so.
    while (send(control, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

// Receives one order and the descriptor that came with it, or -1. Returns false when the host is gone.
static int receive(int control, struct sandbox_order *order, int *descriptor)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } ancillary;
    struct iovec bytes = {order, sizeof *order};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = ancillary.space, .msg_controllen = sizeof ancillary.space};
    ssize_t got;
    do {
        got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    *descriptor = -1;
    if (got != (ssize_t)sizeof *order) return 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return 1;
}

static void reap(int control)
{
    int status;
    struct rusage usage;
    pid_t pid;
    while (child_count > 0 && (pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        for (int i = 0; i < child_count; i++) {
            if (children[i].pid != pid) continue;
            uint64_t seconds = (uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec;
            uint64_t microseconds = (uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec;
            uint32_t run = children[i].run;
            children[i] = children[--child_count];
            tell(control, (struct sandbox_event){.kind = SANDBOX_EXITED, .run = run, .status = status,
                .cpu_microseconds = seconds * 1000000 + microseconds, .peak_bytes = (uint64_t)usage.ru_maxrss * 1024});
            break;
        }
    }
}

// Only this process may kill its children: nobody else can know that a number still means the same process.
static void kill_child(uint32_t run)
{
    for (int i = 0; i < child_count; i++)
        if (children[i].run == run) kill(children[i].pid, SIGKILL);
}

// In a new child: keep the channel, leave everything else of the zygote behind. The identity was dropped before, since a change of it
// clears the parent-death signal.
static void become_child(pid_t zygote, int channel, const sigset_t *signals)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != zygote) _exit(SANDBOX_EXIT_LOCKDOWN);
    if (dup2(channel, SANDBOX_CHANNEL_FD) < 0 || close_range(SANDBOX_CHANNEL_FD + 1, ~0u, 0)) _exit(SANDBOX_EXIT_LOCKDOWN);
    sigprocmask(SIG_SETMASK, signals, NULL);
}

void sandbox_serve_forks(int control, struct sandbox_limits *limits)
{
    sigset_t child_ended, before;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    int signals = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) _exit(SANDBOX_EXIT_ENGINE);
    pid_t zygote = getpid();
    tell(control, (struct sandbox_event){.kind = SANDBOX_READY});
    for (;;) {
        struct pollfd ready[] = {{control, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(ready, 2, -1) < 0) {
            if (errno == EINTR) continue;
            _exit(SANDBOX_EXIT_ENGINE);
        }
        if (ready[1].revents) {
            // However many children have ended, the signal is pending once.
            struct signalfd_siginfo information;
            if (read(signals, &information, sizeof information) > 0) reap(control);
        }
        if (!ready[0].revents) continue;
        struct sandbox_order order;
        int channel;
        if (!receive(control, &order, &channel)) _exit(0);
        if (order.kind == SANDBOX_KILL) kill_child(order.run);
        if (order.kind == SANDBOX_FORK && channel >= 0) {
            // Without the handlers of `fork`: no thread holds a lock, and they may lie in text that was dropped.
            pid_t pid = child_count < SANDBOX_MAX_CHILDREN ? _Fork() : (errno = EAGAIN, -1);
            if (pid == 0) {
                become_child(zygote, channel, &before);
                *limits = (struct sandbox_limits){order.memory_bytes, order.cpu_milliseconds};
                return;
            }
            if (pid > 0)
                children[child_count++] = (struct child){pid, order.run};
            else
                tell(control, (struct sandbox_event){.kind = SANDBOX_NOT_FORKED, .run = order.run, .status = errno});
        }
        if (channel >= 0) close(channel);
    }
}
