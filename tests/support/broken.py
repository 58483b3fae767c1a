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


def age(data, log_id, version, was=3):
    """Makes the journal one of another format version, its checksum right: as a later program would.

    The row about the journal is {version u32, log id, created, about the log before it (8), CRC-32C of
    what stands before it}. Pages that are free may hold older ones.
    """
    file = data / "journal" / "data.mdb"
    content = file.read_bytes()
    begin, start, found = struct.pack("<I", was) + bytes.fromhex(log_id), 0, 0
    while (start := content.find(begin, start)) >= 0:
        row, checksum = content[start:start + 36], content[start + 36:start + 40]
        if checksum == struct.pack("<I", _crc32c(row)):
            newer = struct.pack("<I", version) + row[4:]
            found += patch(file, row + checksum, newer + struct.pack("<I", _crc32c(newer)))
        start += 1
    assert found, "the row about the journal looks different now: teach this helper"
