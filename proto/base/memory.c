#include "memory.h"

#include <malloc.h>

void bp_memory_bound_kept(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

void bp_memory_give_back(void)
{
    (void)malloc_trim(0);
}
