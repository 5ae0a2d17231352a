// The fork server: one thread that makes, kills and reaps the children of all runs.
#pragma once
#include "process.h"

/// Serves the orders that come over `control` until the host is gone, then ends the process; its children die with it.
///
/// Returns only in a child, which then has its run's channel as `SANDBOX_CHANNEL_FD`, nothing else open but 0 to 2, dies with its
/// parent, and has still to lock itself down to `limits`.
void sandbox_serve_forks(int control, struct sandbox_limits *limits);
