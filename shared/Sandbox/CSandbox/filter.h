#pragma once

/// Installs the system call filter of a child for good. Returns 0 or an errno.
int sandbox_install_filter(void);
