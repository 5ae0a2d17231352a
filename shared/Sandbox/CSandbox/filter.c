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

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const unsigned allowed[] = {
    // The channel.
    __NR_read,
    __NR_write,
    __NR_ppoll,
    __NR_close,
#if defined(__x86_64__)
    __NR_poll,
#endif
    // Memory.
    __NR_munmap,
    __NR_mremap,
    __NR_madvise,
    __NR_brk,
    // Time, locks, randomness, the process's own numbers.
    __NR_futex,
    __NR_clock_gettime,
    __NR_clock_nanosleep,
    __NR_nanosleep,
    __NR_gettimeofday,
    __NR_getrandom,
    __NR_getpid,
    __NR_gettid,
    __NR_getrusage,
    __NR_sched_yield,
    __NR_sysinfo,
    __NR_restart_syscall,
    __NR_rt_sigprocmask,
    __NR_rt_sigreturn,
    __NR_exit,
    __NR_exit_group,
};

// Allowed unless their third argument, the protection, makes memory executable.
static const unsigned guarded[] = {__NR_mmap, __NR_mprotect};

// Nothing that runs here ever asks for these.
static const unsigned killed[] = {
#if defined(__x86_64__)
    __NR_fork,
    __NR_vfork,
#endif
    __NR_execve,
    __NR_execveat,
    __NR_clone,
    __NR_clone3,
    __NR_socket,
    __NR_connect,
    __NR_ptrace,
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_unshare,
    __NR_setns,
    __NR_bpf,
    __NR_io_uring_setup,
    __NR_userfaultfd,
    __NR_perf_event_open,
    __NR_keyctl,
    __NR_memfd_create,
    __NR_prctl,
    __NR_seccomp,
};

// Where things stand in the filter. Each call is one comparison that jumps to a shared ending: the kernel checks and compiles every
// instruction again in every child, and an ending for each call would nearly double them.
enum {
    FIRST_TEST = 4,
    REFUSE = FIRST_TEST + COUNT(allowed) + COUNT(guarded) + COUNT(killed),
    GUARD,
    ALLOW = GUARD + 3,
    KILL,
    LENGTH,
};

static struct sock_filter load(size_t offset)
{
    return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static struct sock_filter end(unsigned action)
{
    return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
}

// A comparison at `position`; jumps are counted from the instruction behind it.
static struct sock_filter test(int position, unsigned short comparison, unsigned value, int then, int otherwise)
{
    return (struct sock_filter)BPF_JUMP(
        BPF_JMP | comparison | BPF_K, value, (unsigned char)(then - position - 1), (unsigned char)(otherwise - position - 1));
}

int sandbox_install_filter(void)
{
    struct sock_filter filter[LENGTH];
    int next = 0;
    filter[next++] = load(offsetof(struct seccomp_data, arch));
    filter[next] = test(next, BPF_JEQ, NATIVE_ARCHITECTURE, next + 1, KILL);
    next++;
    filter[next++] = load(offsetof(struct seccomp_data, nr));
    // The x32 calls of x86-64 have numbers of their own under the same architecture; elsewhere there are none so high.
    filter[next] = test(next, BPF_JGE, 0x40000000, KILL, next + 1);
    next++;
    for (size_t i = 0; i < COUNT(allowed); i++, next++) filter[next] = test(next, BPF_JEQ, allowed[i], ALLOW, next + 1);
    for (size_t i = 0; i < COUNT(guarded); i++, next++) filter[next] = test(next, BPF_JEQ, guarded[i], GUARD, next + 1);
    for (size_t i = 0; i < COUNT(killed); i++, next++) filter[next] = test(next, BPF_JEQ, killed[i], KILL, next + 1);
    filter[REFUSE] = end(SECCOMP_RET_ERRNO | EPERM);
    // Both architectures are little-endian, so the low half of an argument comes first.
    filter[GUARD] = load(offsetof(struct seccomp_data, args[2]));
    filter[GUARD + 1] = test(GUARD + 1, BPF_JSET, PROT_EXEC, GUARD + 2, ALLOW);
    filter[GUARD + 2] = end(SECCOMP_RET_ERRNO | EPERM);
    filter[ALLOW] = end(SECCOMP_RET_ALLOW);
    filter[KILL] = end(SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {LENGTH, filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : errno;
}
