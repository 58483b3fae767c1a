"""Plants each fault of mutations.py in a copy of the policy code and demands that the comparison finds it.

    run.py --build build/release [--fault WORDS] [--seed N] [--decisions N]

Compiles and links as the build folder's Ninja files say; the source tree stays as it is. Fails for a
fault that is not found, and for one that no longer applies.
"""

import argparse
import contextlib
import io
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import compare  # noqa: E402
from mutations import FAULTS  # noqa: E402

ROOT = HERE.parents[3]
FOLDERS = ("server/policy", "proto/schema")


class Build:
    """How the build folder makes policy_answers, with some of its objects made from a copy."""

    def __init__(self, folder, scratch):
        self.folder, self.scratch = folder, scratch
        told = subprocess.run(["ninja", "-C", folder, "-t", "commands", "policy_answers"],
                              check=True, capture_output=True, text=True).stdout
        self.link = shlex.split(told.splitlines()[-1])[2:-2]  # without ": &&" and "&& :"
        self.compile = {}
        for words in map(shlex.split, told.splitlines()):
            source = pathlib.Path(words[-1])
            if "-c" in words and source.is_relative_to(ROOT):
                self.compile[str(source.relative_to(ROOT))] = words

    def run(self, words):
        subprocess.run(words, cwd=self.folder, check=True)

    def made_of(self, path):
        """The objects that a changed file goes into: its own, or those of its folder."""
        folder = path.rpartition("/")[0]
        return [path] if path.endswith(".c") else [
            source for source in self.compile if source.rpartition("/")[0] == folder]

    def mutated(self, fault):
        _, path, there, instead = fault
        text = (ROOT / path).read_text()
        if text.count(there) != 1:
            return None
        changed = self.scratch / path
        changed.write_text(text.replace(there, instead))
        objects = [self._object(source) for source in self.made_of(path)]
        changed.write_text(text)
        return self._linked(objects)

    def _object(self, source):
        """Compiled in haste, and without warnings: a fault may leave a function unused."""
        words = list(self.compile[source])
        made = str(self.scratch / source.replace("/", "_")) + ".o"
        for flag, value in (("-o", made), ("-MF", made + ".d"), ("-c", str(self.scratch / source))):
            words[words.index(flag) + 1] = value
        self.run(words + ["-O0", "-U_FORTIFY_SOURCE", "-w"])
        return made

    def _linked(self, objects):
        """Before the libraries, so that theirs of the same name are not taken."""
        words = list(self.link)
        at = words.index("-o")
        program = self.scratch / "policy_answers"
        words[at:at + 2] = [*objects, "-o", str(program)]
        self.run(words)
        return program


def verdict(build, fault, arguments, sample):
    program = build.mutated(fault)
    if program is None:
        return False, "no longer applies"
    arguments.answers = program
    with contextlib.redirect_stdout(io.StringIO()) as told:
        differing = compare.run(arguments, sample, build.scratch)
    rounds = told.getvalue().count("\nround ") + 1
    return differing > 0, f"found in round {rounds}" if differing else "NOT FOUND"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", required=True, type=pathlib.Path, help="a Ninja build folder")
    parser.add_argument("--fault", default="", help="those that hold these words alone")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decisions", type=int, default=200_000)
    parser.set_defaults(round=None, stop=True)
    arguments = parser.parse_args()
    sample, survived = compare.policies.from_folder(), 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, scratch / name)
        build = Build(arguments.build.resolve(), scratch)
        for fault in FAULTS:
            if arguments.fault in fault[0]:
                is_found, words = verdict(build, fault, arguments, sample)
                survived += not is_found
                print(f"{fault[0]:62} {fault[1]:32} {words}", flush=True)
    if survived:
        print(f"{survived} faults were not found or no longer apply")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
