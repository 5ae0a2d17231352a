// What the host and the child of one run say to each other, and the host and its zygote. Both sides include this file.
#pragma once
#include <stdint.h>

// Between host and child: frames over one stream socket. A frame is the length of its payload (u32), one type byte, and the payload.
// All integers are little-endian; texts are UTF-8 without terminator; JSON is one JSON text.

enum {
    SANDBOX_FRAME_HEADER_SIZE = 5,
    /// The descriptor on which the zygote finds its control socket, and each child its frames.
    SANDBOX_CHANNEL_FD = 3,
};

/// Frames from the host to the child. Each begins with the microseconds since the run's start (u64): the program's clock.
enum sandbox_host_frame {
    /// seed (u64), start time in microseconds since 1970 (i64), JavaScript. The first frame, once.
    SANDBOX_PROGRAM = 'P',
    /// call (u32), JSON.
    SANDBOX_FULFILL = 'F',
    /// call (u32), length of name (u32), name, message.
    SANDBOX_REJECT = 'R',
    /// Nothing more: the moment of a wake-up has come. One for each that was asked for and not cancelled.
    SANDBOX_WAKE_UP = 'W',
    /// name of an attack. Instead of a program; only workers built for debugging know it.
    SANDBOX_SELF_TEST = 'S',
};

/// Frames from the child to the host.
enum sandbox_child_frame {
    /// call (u32), length of path (u32), path, JSON or nothing.
    SANDBOX_CALL = 'c',
    /// wake-up (u32), when it is due by the program's clock, in milliseconds since the run's start (u32).
    SANDBOX_ASK_WAKE_UP = 'w',
    /// wake-up (u32).
    SANDBOX_CANCEL_WAKE_UP = 'k',
    /// level (u32, index into debug, info, log, warn, error), text.
    SANDBOX_LOG = 'l',
    /// JSON.
    SANDBOX_EMIT = 'e',
    /// JSON or nothing. The last frame.
    SANDBOX_RETURNED = 'd',
    /// length of name (u32), name, length of message (u32), message, stack. The last frame.
    SANDBOX_THREW = 'x',
    /// Nothing: the program waits for what can never happen. The last frame.
    SANDBOX_NEVER_SETTLES = 'n',
};

/// An order from the host to the zygote, one message on a sequenced-packet socket.
struct sandbox_order {
    /// `SANDBOX_FORK` (with the child's channel as ancillary descriptor) or `SANDBOX_KILL`.
    uint32_t kind;
    uint32_t run;
    uint64_t memory_bytes;
    uint32_t cpu_milliseconds;
    uint32_t reserved;
};

/// What the zygote says to the host: one ready event first, then how each run's child came to its end.
struct sandbox_event {
    /// `SANDBOX_READY`, `SANDBOX_NOT_FORKED` or `SANDBOX_EXITED`.
    uint32_t kind;
    uint32_t run;
    /// As `waitpid` gives it, or the errno with which the child could not be made.
    int32_t status;
    uint32_t reserved;
    uint64_t cpu_microseconds;
    uint64_t peak_bytes;
};

enum {
    SANDBOX_FORK = 'F',
    SANDBOX_KILL = 'K',
    SANDBOX_READY = 'r',
    SANDBOX_NOT_FORKED = 'f',
    SANDBOX_EXITED = 'x',
    /// How many children one zygote has at most.
    SANDBOX_MAX_CHILDREN = 4096,
};

/// Exit codes of the worker, for its log line on the host.
enum {
    SANDBOX_EXIT_USAGE = 64,
    /// The host closed or broke the channel.
    SANDBOX_EXIT_CHANNEL = 70,
    SANDBOX_EXIT_LOCKDOWN = 71,
    /// The engine has more than one thread: forking it would be unsound.
    SANDBOX_EXIT_THREADS = 72,
    SANDBOX_EXIT_ENGINE = 73,
    /// The child could not get memory for a frame.
    SANDBOX_EXIT_MEMORY = 74,
};
