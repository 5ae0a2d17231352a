// System calls that no honest child makes, for the tests of the filter. Defined in builds for debugging only.
#pragma once

/// Calls the kernel by the name of one of the calls that the filter knows, with arguments that would do no harm if it were let through.
/// Returns what the kernel does, with errno set, or -2 for a name that is unknown here.
long sandbox_attempt(const char *name);
