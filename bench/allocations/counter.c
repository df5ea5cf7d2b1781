// Counts what a program asks of the allocator, for somebody outside to read while it runs.
//
//     cc -O2 -shared -fPIC counter.c -o counter.so
//     ALLOCATION_COUNTS=/tmp/counts LD_PRELOAD=./counter.so program
//
// The file named by ALLOCATION_COUNTS holds `struct counts`, mapped into the process: what is counted there needs no
// call to be seen. The memory itself is glibc's as ever; its names with two underscores are part of its ABI and cannot
// be interposed, so nothing has to be looked up while the first allocation of the process waits for it.

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

// The reader knows the order.
struct counts {
    // Blocks handed out.
    uint64_t allocations;
    // Blocks made larger or smaller, in place or not.
    uint64_t resizes;
    // Blocks given back.
    uint64_t frees;
    // Asked for by the first two.
    uint64_t bytes;
};

// Until the file is there, and where there is none.
static struct counts unshared;
static struct counts *counts = &unshared;

__attribute__((constructor)) static void share(void) {
    const char *path = getenv("ALLOCATION_COUNTS");
    if (!path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (ftruncate(file, sizeof(struct counts)) == 0) {
        void *page = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) counts = page;
    }
    close(file);
}

// Only sums matter, not what is seen of one thread's counts before another's.
static void add(uint64_t *count, uint64_t amount) { __atomic_fetch_add(count, amount, __ATOMIC_RELAXED); }

// Called for all that allocates and for nothing else, so that a debugger can stop here: see `stacks`.
__attribute__((noinline)) void allocation_counted(uint64_t *count, size_t size) {
    add(count, 1);
    add(&counts->bytes, size);
}

static void *allocated(void *block, size_t size) {
    if (block) allocation_counted(&counts->allocations, size);
    return block;
}

void *malloc(size_t size) { return allocated(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) { return allocated(__libc_calloc(count, size), count * size); }

void *memalign(size_t alignment, size_t size) { return allocated(__libc_memalign(alignment, size), size); }

void *aligned_alloc(size_t alignment, size_t size) { return allocated(__libc_memalign(alignment, size), size); }

int posix_memalign(void **target, size_t alignment, size_t size) {
    // POSIX: a power of two and a multiple of a pointer's size; errno stays as it was.
    if (alignment % sizeof(void *) || alignment & (alignment - 1) || !alignment) return EINVAL;
    int before = errno;
    void *block = allocated(__libc_memalign(alignment, size), size);
    errno = before;
    if (!block) return ENOMEM;
    *target = block;
    return 0;
}

void *realloc(void *block, size_t size) {
    if (!block) return malloc(size);
    void *moved = __libc_realloc(block, size);
    if (moved) {
        allocation_counted(&counts->resizes, size);
    } else if (!size) {
        // glibc gives the block back.
        add(&counts->frees, 1);
    }
    return moved;
}

void free(void *block) {
    if (block) add(&counts->frees, 1);
    __libc_free(block);
}
