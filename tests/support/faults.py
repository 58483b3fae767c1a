"""Faults between a server and its data folder: the library of tests/support/faults, preloaded.

    faults = Faults(folder, data)            files of the plan and the trace stand in folder
    ex.environment = faults.environment      before ex.start()
    faults.plan("EIO flush journal/data.mdb 1+")     from now on; faults.plan() ends it
    faults.fired()                           the calls that rules have fired at
    faults.shift_clock(-3600)                seconds
"""

import os
import pathlib
import struct

from exchange import BIN

LIBRARY = BIN.parent / "tests" / "faults.so"


class Faults:
    def __init__(self, folder, data, trace=False):
        self._plan = pathlib.Path(folder) / "faults.plan"
        self._clock = pathlib.Path(folder) / "faults.clock"
        self.trace = pathlib.Path(folder) / "faults.trace" if trace else None
        self._clock.write_bytes(bytes(8))
        sanitizer = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"),
                                           "verify_asan_link_order=0")))
        self.environment = {
            "LD_PRELOAD": str(LIBRARY), "ASAN_OPTIONS": sanitizer,
            "FAULTS_DIR": str(pathlib.Path(data).resolve()), "FAULTS_PLAN": str(self._plan),
            "FAULTS_CLOCK": str(self._clock),
            **({"FAULTS_TRACE": str(self.trace)} if trace else {})}

    def plan(self, *rules):
        """Puts these rules in place of those before, and forgets what has fired."""
        self._fired.unlink(missing_ok=True)
        draft = self._plan.with_suffix(".draft")
        draft.write_text("".join(f"{rule}\n" for rule in rules))
        draft.rename(self._plan)

    @property
    def _fired(self):
        return self._plan.with_name(self._plan.name + ".fired")

    def fired(self):
        return self._fired.read_text().splitlines() if self._fired.exists() else []

    def shift_clock(self, seconds):
        with open(self._clock, "r+b") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))
