/* Embeds the descriptor set with the assembler, which is quicker to build than an array of numbers.
 */
#include "descriptor_set.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        "bp_descriptor_set_start:\n"
        ".incbin \"" DESCRIPTOR_SET_FILE "\"\n"
        "bp_descriptor_set_end:\n"
        ".previous\n");

extern const uint8_t bp_descriptor_set_start[];
extern const uint8_t bp_descriptor_set_end[];

const uint8_t *bp_descriptor_set(size_t *size)
{
    *size = (size_t)(bp_descriptor_set_end - bp_descriptor_set_start);
    return bp_descriptor_set_start;
}
