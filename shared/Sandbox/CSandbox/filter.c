// The system calls of a locked-down child: what a running engine needs is allowed, what only an attack would try kills the process,
// everything else fails with EPERM. Raw BPF, because the filter is fixed and libseccomp would be one more dependency.
#define _GNU_SOURCE
#include "filter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no system call filter for this architecture"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define IF_CALL(number, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN(action)
#define ALLOW(name) IF_CALL(__NR_##name, SECCOMP_RET_ALLOW)
#define KILL(name) IF_CALL(__NR_##name, SECCOMP_RET_KILL_PROCESS)
// The third argument of mmap and mprotect is the protection; both architectures are little-endian, so its low half comes first.
#define ALLOW_UNLESS_EXECUTABLE(name)                                                                                                      \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 4), LOAD(args[2]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),          \
        RETURN(SECCOMP_RET_ERRNO | EPERM), RETURN(SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#if defined(__x86_64__)
    // The x32 calls have numbers of their own under the same architecture.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    ALLOW(poll),
    KILL(fork),
    KILL(vfork),
#endif
    // The channel.
    ALLOW(read),
    ALLOW(write),
    ALLOW(ppoll),
    ALLOW(close),
    // Memory, never executable.
    ALLOW_UNLESS_EXECUTABLE(mmap),
    ALLOW_UNLESS_EXECUTABLE(mprotect),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    // Time, locks, randomness, the process's own numbers.
    ALLOW(futex),
    ALLOW(clock_gettime),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getrusage),
    ALLOW(sched_yield),
    ALLOW(sysinfo),
    ALLOW(restart_syscall),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(exit),
    ALLOW(exit_group),
    // Nothing that runs here ever asks for these.
    KILL(execve),
    KILL(execveat),
    KILL(clone),
    KILL(clone3),
    KILL(socket),
    KILL(connect),
    KILL(ptrace),
    KILL(process_vm_readv),
    KILL(process_vm_writev),
    KILL(unshare),
    KILL(setns),
    KILL(bpf),
    KILL(io_uring_setup),
    KILL(userfaultfd),
    KILL(perf_event_open),
    KILL(keyctl),
    KILL(memfd_create),
    KILL(prctl),
    KILL(seccomp),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
};

int sandbox_install_filter(void)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : errno;
}
