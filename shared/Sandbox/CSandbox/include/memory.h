// The zygote's memory. What a short run costs is mostly what the kernel does with it: copying the map of it for the child, copying each
// page that the child writes to, reading in what it executes, and taking all of that down again.
#pragma once
#include <stdint.h>

/// The size of this process's address space in bytes, or 0 if that cannot be told.
uint64_t sandbox_address_space_size(void);

/// How many bytes the heap has handed out.
uint64_t sandbox_heap_size(void);

/// Gives unused pages of the heap back to the system.
void sandbox_trim_heap(void);

/// Takes all the heap's holes, for good, so that what is allocated from now on lies together. In a child, each allocation in a hole
/// between older ones would copy another page.
void sandbox_fill_heap(void);

/// Moves the text of large libraries into huge pages, where the system has them: a child then finds it mapped instead of having it
/// mapped piece by piece as it executes it. Costs the size of that text once, in the zygote.
void sandbox_gather_text(void);

/// Unmaps the text and the constants of the libraries that the engine is linked with but never calls: for a child they would only be
/// more to map, and more for an attacker to use. What the dynamic linker looks at, which walks through all libraries, stays.
void sandbox_drop_libraries(void);
