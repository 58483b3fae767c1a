"""Where the server is killed. A rule (tests/support/faults/plan.c) with one number left open: the how-manyeth such call."""

from typing import NamedTuple


class Point(NamedTuple):
    name: str
    rule: str  # {} stands for the number
    most: int  # the number is drawn from 1 to this
    at_start: bool = False  # counted from the start of the process, so that coming back up is hit too


FIRST_START = Point("coming up: the first time", "kill any * {}", 50, at_start=True)

POINTS = (
    Point("a group half written", "tear write journal/wal/* {}", 60),
    Point("a group written, not flushed", "kill flush journal/wal/* {}", 60),
    Point("a group flushed, nobody told", "kill-after flush journal/wal/* {}", 60),
    Point("some pages applied", "kill-after write journal/data.mdb {}", 5),
    Point("a page half applied", "tear write journal/data.mdb {}", 5),
    Point("applied, not flushed", "kill flush journal/data.mdb {}", 2),
    Point("applied, without its root", "kill durable-write journal/data.mdb {}", 2),
    Point("the root of what is applied half written", "tear durable-write journal/data.mdb {}", 2),
    Point("applied, the log not told", "kill-after durable-write journal/data.mdb {}", 2),
    Point("the index half written", "kill-after write index/data.mdb {}", 5),
    Point("the index written, not flushed", "kill flush index/data.mdb {}", 1),
    Point("the index flushed, without its root", "kill durable-write index/data.mdb {}", 1),
    Point("the index committed, ids still in memory", "kill-after durable-write index/data.mdb {}", 1),
    Point("a line of the audit record half written", "tear write audit/* {}", 3),
    Point("a line of the audit record written", "kill-after write audit/* {}", 3),
    Point("coming up: the journal", "kill any journal/* {}", 7, at_start=True),
    Point("coming up: the log", "kill any journal/wal/* {}", 12, at_start=True),
    Point("coming up: the index", "kill any index/* {}", 12, at_start=True),
    Point("coming up: anything", "kill-after any * {}", 30, at_start=True),
)
