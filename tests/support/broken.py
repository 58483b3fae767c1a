"""Harm done from outside to a data folder whose server is stopped."""

import struct


def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def patch(file, old, new):
    """Replaces bytes wherever they stand, in pages out of use too; how often they stood there."""
    assert len(old) == len(new)
    content = file.read_bytes()
    count = content.count(old)
    if count:
        file.write_bytes(content.replace(old, new))
    return count


def flip(file, word):
    """Flips one bit in the middle of a word; what the word became."""
    spoilt = bytearray(word.encode())
    spoilt[len(spoilt) // 2] ^= 1
    assert patch(file, word.encode(), bytes(spoilt)) > 0, f"{word} is not in {file}"
    return spoilt.decode()


def age(data, log_id, version, was=1):
    """Makes the journal one of another format version, its checksum right: as a later program would.

    The row about the journal is {version u32, log id, created, CRC-32C of what stands before it}.
    """
    file = data / "journal" / "data.mdb"
    content = file.read_bytes()
    start = content.find(struct.pack("<I", was) + bytes.fromhex(log_id))
    assert start >= 0, "the row about the journal looks different now: teach this helper"
    row = content[start:start + 28]
    assert content[start + 28:start + 32] == struct.pack("<I", _crc32c(row))
    newer = struct.pack("<I", version) + row[4:]
    patch(file, row + content[start + 28:start + 32], newer + struct.pack("<I", _crc32c(newer)))
