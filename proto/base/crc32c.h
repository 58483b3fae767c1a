/* CRC-32C (Castagnoli, RFC 3720 appendix B.4); by the processor's instruction where it has one. */
#ifndef BERBAGI_CRC32C_H
#define BERBAGI_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues crc (0 at the start) over n bytes. bp_crc32c(0, "123456789", 9) is 0xE3069283. */
uint32_t bp_crc32c(uint32_t crc, const void *p, size_t n);

#endif
