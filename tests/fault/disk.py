"""A disk whose power may fail: what a trace of writes and flushes (tests/support/faults/trace.c) may leave behind.

What was flushed is there. Of everything else any part may be there: any of the writes, any 512 bytes
of each, and of the changes of names in a folder as many as happened first. A name counts as flushed
with its folder alone, though most file systems are kinder.
"""

import collections
import pathlib
import random
from typing import NamedTuple

SECTOR = 512


class Call(NamedTuple):
    name: str
    inode: int
    at: int
    size: int
    began: int  # ns, monotonic
    ended: int
    data: bytes

    @property
    def path(self):
        return self.data.partition(b"\0")[0].decode()

    @property
    def other(self):
        return self.data.partition(b"\0")[2].decode()


def read_trace(file):
    content, calls, at = pathlib.Path(file).read_bytes(), [], 0
    while at < len(content):
        end = content.index(b"\n", at)
        name, *numbers = content[at:end].split()
        inode, place, size, began, ended, n = map(int, numbers)
        calls.append(Call(name.decode(), inode, place, size, began, ended,
                          content[end + 1:end + 1 + n]))
        at = end + 1 + n
    return calls


class Node:
    """A file: what is on disk for certain, and what has happened to it since."""

    def __init__(self):
        self.durable = bytearray()
        self.pending = []  # (call, is durable by itself)

    def flush(self):
        for call, _ in self.pending:
            apply(self.durable, call, None)
        self.pending = []

    def image(self, survives):
        """Of the pending writes what survives(call) says: a function of sectors, or None for none."""
        image = bytearray(self.durable)
        for call, is_durable in self.pending:
            chosen = None if is_durable else survives(call)
            if is_durable or chosen is not False:
                apply(image, call, chosen)
        return image


def apply(image, call, chosen):
    """A write or a change of size; chosen: which sectors of a write (None: all)."""
    if call.name == "resize":
        del image[call.size:]
        image.extend(bytes(call.size - len(image)))
        return
    end = call.at + len(call.data)
    if len(image) < end:
        image.extend(bytes(end - len(image)))
    if chosen is None:
        image[call.at:end] = call.data
        return
    for sector in range(call.at // SECTOR, (end + SECTOR - 1) // SECTOR):
        low, high = max(call.at, sector * SECTOR), min(end, (sector + 1) * SECTOR)
        if chosen(sector):
            image[low:high] = call.data[low - call.at:high - call.at]


class Disk:
    """Grows by a call at a time; state() is one of the folders that a power cut may leave.

    lies: words of calls ("flush", "durable-write") that it says it has done and has not.
    """

    def __init__(self, lies=()):
        self.lies = lies
        self.nodes = collections.defaultdict(Node)
        self.names = {}  # durable: path -> inode, None for a folder
        self.waiting = collections.defaultdict(list)  # folder -> changes of names, in order

    def take(self, call):
        getattr(self, "_" + call.name.replace("-", "_"))(call)

    def _open(self, call):
        if call.size == 1:
            self.nodes[call.inode] = Node()
            self._rename_later(call.path, {call.path: call.inode})
        elif call.size == 2:
            node = self.nodes[call.inode]
            node.pending.append((call._replace(name="resize", size=0), False))

    def _write(self, call):
        self.nodes[call.inode].pending.append((call, False))

    def _durable_write(self, call):
        self.nodes[call.inode].pending.append((call, "durable-write" not in self.lies))

    def _resize(self, call):
        self.nodes[call.inode].pending.append((call, False))

    def _flush(self, call):
        if "flush" in self.lies:
            return
        if call.inode in self.nodes:
            self.nodes[call.inode].flush()
            return
        for change in self.waiting.pop(call.path, []):
            change(self.names)

    def _mkdir(self, call):
        self._rename_later(call.path, {call.path: None})

    def _unlink(self, call):
        self._change(call.path, lambda names, path=call.path: names.pop(path, None))

    def _link(self, call):
        self._change(call.other, lambda names, old=call.path, new=call.other: names.update(
            {new: names[old]} if old in names else {}))

    def _rename(self, call):
        def change(names, old=call.path, new=call.other):
            for path in [path for path in names if path == old or path.startswith(old + "/")]:
                names[new + path[len(old):]] = names.pop(path)

        self._change(call.other, change)

    def _rename_later(self, path, added):
        self._change(path, lambda names: names.update(added))

    def _change(self, path, change):
        folder = str(pathlib.PurePath(path).parent)
        self.waiting[folder].append(change)

    # What may be left

    def state(self, rng, folder, in_flight=None):
        """Writes one of them into the folder. in_flight: a call that was not over."""
        survives = survival(rng)
        names = dict(self.names)
        for changes in self.waiting.values():
            for change in changes[:prefix(rng, len(changes))]:
                change(names)
        for path, inode in sorted(names.items()):
            self._write_out(folder / path, inode, names, survives, in_flight)

    def _write_out(self, path, inode, names, survives, in_flight):
        if inode is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        if not path.parent.is_dir():
            return  # the name of its folder was lost
        node = self.nodes[inode]
        path.touch(0o600)
        is_hit = in_flight is not None and in_flight.inode == inode and "write" in in_flight.name
        if is_hit:
            node.pending.append((in_flight, False))
        path.write_bytes(node.image(survives))
        if is_hit:
            node.pending.pop()


def prefix(rng, n):
    return rng.choice((0, n, rng.randrange(n + 1)))


def survival(rng):
    """How much of what was not flushed is there: nothing, all, whole writes, sectors, or all but a torn
    last one."""
    kind = rng.randrange(5)
    share = rng.random()
    seed = rng.random()

    def of(call):
        mine = random.Random(f"{seed} {call.began} {call.at}")
        if kind == 0:
            return False
        if kind == 1:
            return None
        if kind == 2 or call.name == "resize":
            return None if mine.random() < share else False
        if kind == 3:
            return lambda sector: mine.random() < share
        torn = call.at // SECTOR + mine.randrange(len(call.data) // SECTOR + 1)
        return lambda sector: sector < torn

    return of
