#define _GNU_SOURCE
#include "memory.h"
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
// Since Linux 6.1; glibc has it later.
#define MADV_COLLAPSE 25
#endif

enum {
    HUGE_PAGE = 2 << 20,
    // Text that fills fewer huge pages is not worth one page table in each child.
    FEWEST_HUGE_PAGES = 4,
    LARGEST_HOLE = 64 << 10,
    SMALLEST_HOLE = 16,
    // Up to this size a freed allocation waits to be handed out again; a larger one goes back to the end of the heap.
    LARGEST_CACHED = 1032,
};

uint64_t sandbox_address_space_size(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    unsigned long pages = 0;
    int found = fscanf(file, "%lu", &pages);
    fclose(file);
    return found == 1 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t sandbox_heap_size(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

void sandbox_trim_heap(void)
{
    malloc_trim(0);
}

void sandbox_fill_heap(void)
{
    // Whole free pages go back first: of a large hole, only the page with its header is then ever touched.
    malloc_trim(0);
    char *end = sbrk(0);
    for (size_t size = LARGEST_HOLE; size >= SMALLEST_HOLE; size -= 16) {
        char *hole;
        do {
            hole = malloc(size);
        } while (hole && hole < end);
        if (size > LARGEST_CACHED) free(hole);
    }
}

// Puts a copy of what lies between two addresses into huge pages in its place, or leaves everything as it is.
static void gather(uintptr_t start, uintptr_t end, int protection)
{
    size_t size = end - start;
    char *space = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return;
    char *copy = (char *)(((uintptr_t)space + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
    madvise(copy, size, MADV_HUGEPAGE);
    memcpy(copy, (const void *)start, size);
    // Anything but huge pages would be worse than the file, whose pages a fork need not copy. Never writable and executable at once.
    if (madvise(copy, size, MADV_COLLAPSE) == 0 && mprotect(copy, size, protection) == 0)
        mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start);
    // What was moved away is a gap in here by now, where nothing can have come in the meantime.
    munmap(space, size + HUGE_PAGE);
}

static int gather_object(struct dl_phdr_info *object, size_t size, void *nothing)
{
    (void)size, (void)nothing;
    int is_large = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        start = (start + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
        end &= ~(uintptr_t)(HUGE_PAGE - 1);
        if (segment->p_flags & PF_X && end > start && (end - start) / HUGE_PAGE >= FEWEST_HUGE_PAGES) is_large = 1;
        // The constants stand behind the text.
        if (is_large && end > start) gather(start, end, segment->p_flags & PF_X ? PROT_READ | PROT_EXEC : PROT_READ);
    }
    return 0;
}

void sandbox_gather_text(void)
{
    dl_iterate_phdr(gather_object, NULL);
}

// All of them come in through GIO, which the engine uses for its remote inspector only.
static const char *const unneeded[] = {
    "libblkid.so", "libcap.so", "libffi.so", "libgcrypt.so", "libgio-2.0.so", "libgmodule-2.0.so", "libgpg-error.so", "liblz4.so",
    "liblzma.so", "libmount.so", "libpcre2-8.so", "libselinux.so", "libsystemd.so", "libz.so", "libzstd.so",
};

static int is_unneeded(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof unneeded / sizeof *unneeded; i++)
        if (!strncmp(name, unneeded[i], strlen(unneeded[i]))) return 1;
    return 0;
}

static int drop_object(struct dl_phdr_info *object, size_t size, void *nothing)
{
    (void)size, (void)nothing;
    if (!is_unneeded(object->dlpi_name)) return 0;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    int is_behind_text = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        if (segment->p_flags & PF_X) is_behind_text = 1;
        if (!is_behind_text) continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        munmap((void *)(start & ~(page - 1)), end - (start & ~(page - 1)));
    }
    return 0;
}

void sandbox_drop_libraries(void)
{
    dl_iterate_phdr(drop_object, NULL);
}
