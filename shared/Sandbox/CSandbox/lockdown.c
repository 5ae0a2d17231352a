#define _GNU_SOURCE
#include "filter.h"
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    // A translation of 256 KB takes some 60 MB; a hundred thousand nested brackets would take 1 GB.
    TRANSLATOR_MEMORY = 512 << 20,
};

static int limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit value = {soft, hard};
    return setrlimit(resource, &value) == 0 ? 0 : errno;
}

// The kernel ends the process with SIGPROF after this much processor time, to the millisecond; RLIMIT_CPU, which counts whole seconds,
// stands behind it.
static int limit_processor_time(uint32_t milliseconds)
{
    rlim_t seconds = (milliseconds + 999) / 1000 + 1;
    int error = limit(RLIMIT_CPU, seconds, seconds + 1);
    if (error) return error;
    struct itimerval timer = {.it_value = {milliseconds / 1000, (milliseconds % 1000) * 1000}};
    if (signal(SIGPROF, SIG_DFL) == SIG_ERR) return errno;
    return setitimer(ITIMER_PROF, &timer, NULL) == 0 ? 0 : errno;
}

int sandbox_drop_identity(void)
{
    if (getuid() != 0 && geteuid() != 0) return 0;
    // A container may run as root without the right to become somebody else: then there is nothing to drop either.
    if (setgroups(0, NULL) && errno != EPERM) return errno;
    if (setresgid(NOBODY, NOBODY, NOBODY) && errno != EPERM) return errno;
    if (setresuid(NOBODY, NOBODY, NOBODY) && errno != EPERM) return errno;
    return 0;
}

int sandbox_lock_down(struct sandbox_limits limits, uint64_t engine_bytes)
{
    int error = limit(RLIMIT_AS, engine_bytes + limits.memory_bytes, engine_bytes + limits.memory_bytes);
    if (!error) error = limit_processor_time(limits.cpu_milliseconds);
    if (!error) error = limit(RLIMIT_CORE, 0, 0);
    if (!error) error = limit(RLIMIT_FSIZE, 0, 0);
    if (!error) error = limit(RLIMIT_MEMLOCK, 0, 0);
    if (!error) error = limit(RLIMIT_MSGQUEUE, 0, 0);
    // 0 to 3 are open: nothing can be added.
    if (!error) error = limit(RLIMIT_NOFILE, 4, 4);
    if (!error) error = sandbox_drop_identity();
    if (!error) error = limit(RLIMIT_NPROC, 0, 0);
    if (error) return error;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) return errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    return sandbox_install_filter();
}

int sandbox_become(const char *path, char *const arguments[])
{
    // Opened while the process may still see it: what may be executed by anybody need not be reachable by everybody.
    int program = open(path, O_PATH | O_CLOEXEC);
    if (program < 0) return errno;
    int error = limit(RLIMIT_CORE, 0, 0);
    if (!error) error = limit(RLIMIT_FSIZE, 0, 0);
    if (!error) error = limit(RLIMIT_DATA, TRANSLATOR_MEMORY, TRANSLATOR_MEMORY);
    if (!error) error = limit(RLIMIT_NOFILE, 64, 64);
    if (!error) error = sandbox_drop_identity();
    if (error) return error;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    char *const environment[] = {NULL};
    execveat(program, "", arguments, environment, AT_EMPTY_PATH);
    return errno;
}
