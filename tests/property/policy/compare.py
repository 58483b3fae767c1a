"""Asks the compiled policy and the oracle the same questions and shows where they differ.

    compare.py --answers build/release/bin/policy_answers [--seed N] [--decisions N] [--round N]

A run is a row of rounds, each with a policy: the sample as its YAML files say, and policies drawn at
random. A round depends on the seed and its own number alone, so --round repeats one of them.
"""

import argparse
import collections
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

import drawn_policy  # noqa: E402
import policies  # noqa: E402
from oracle import KINDS, NEVER, Oracle  # noqa: E402
from questions import Questions  # noqa: E402

ROUNDS = 20  # every fifth is the sample
SHOWN = 5
PLACES = ("region", "destination", "addressed_to")


class Exchange:
    """policy_answers with one policy: a folder of YAML files, or a message."""

    def __init__(self, program, policy, scratch):
        self.program, self.policy, self.file = program, policy, scratch / "policy.pb"

    def ask(self, lines):
        """(answers, grounds by number, grants by number), or the places of a refusal."""
        if isinstance(self.policy, pathlib.Path):
            command = [self.program, self.policy]
        else:
            self.file.write_bytes(self.policy.SerializeToString())
            command = [self.program, "--message", self.file]
        done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True)
        if done.returncode == 3:
            return [line.split("\t")[0] for line in done.stderr.splitlines()]
        if done.returncode != 0:
            raise SystemExit(f"policy_answers: exit {done.returncode}: {done.stderr}")
        answers = done.stdout.splitlines()
        named = {"ground": {}, "grant": {}}
        for line in answers[len(lines):]:
            what, number, *names = line.split("\t")
            named[what][number] = tuple("" if name == "never" else name for name in names)
        return answers[:len(lines)], named["ground"], named["grant"]

    def accept(self):
        """Takes the grants out of a drawn policy that the exchange refuses; how many."""
        removed = 0
        while isinstance(refused := self.ask(["next 2026-01-01"]), list):
            removed += drawn_policy.without(self.policy, refused)
        return removed


class Round:
    def __init__(self, arguments, sample, number, scratch):
        self.name = ("sample", "crowded", "shaken", "crowded", "overlaid")[number % 5]
        self.rng = random.Random(f"{arguments.seed}/{number}")
        self.policy = sample if self.name == "sample" else getattr(drawn_policy, self.name)(
            self.rng, sample)
        self.exchange = Exchange(
            arguments.answers, policies.SAMPLE if self.name == "sample" else self.policy, scratch)
        self.removed = self.exchange.accept()
        self.counts = collections.Counter()

    def run(self, decisions):
        """The differences, each a text for people."""
        self.oracle = Oracle(self.policy)
        questions = Questions(self.rng, self.policy, self.oracle)
        asked = [questions.draw() for _ in range(decisions)]
        answers, self.grounds, self.grants = self.exchange.ask([line for line, _, _ in asked])
        self._sets = {}
        differences = []
        for (line, expected, kind), answer in zip(asked, answers):
            self.counts[kind, expected[0].partition(" ")[0] in ("no", "0")] += 1
            if not self._agrees(kind, expected, answer):
                differences.append(self._told(line, expected, kind, answer))
        assert len(answers) == len(asked), "an answer is missing"
        return differences

    def _agrees(self, kind, expected, answer):
        text, names = expected
        if kind == "see" and names is not None:
            answer, _, numbers = answer.rpartition(" ")
            return answer == text and self._ground_set(numbers) == names
        if kind == "publish":
            first, _, rest = answer.partition(" ")
            if names is not None:
                return first == "yes" and self.grants[rest][:3] == names
            if rest.partition(" ")[0] in PLACES:
                return text == "no place 0"
        return answer == text

    def _ground_set(self, text):
        found = self._sets.get(text)
        if found is None:
            numbers = text.split(",")
            assert [*map(int, numbers)] == sorted({*map(int, numbers)}), f"grounds {text}"
            found = self._sets[text] = frozenset(self.grounds[number] for number in numbers)
        return found

    # What a difference looks like

    def _told(self, line, expected, kind, answer):
        words = line.split()
        lines = [line, f"  oracle    {expected[0]} {self._names(expected[1])}",
                 f"  exchange  {answer}"]
        if kind == "see":
            lines += self._fields(KINDS[words[2]], expected[0], answer)
            lines += self._rights(self.oracle.reading.get((words[1], words[2]), ()))
        elif kind == "publish":
            lines += self._rights(self.oracle.publishing.get((words[2], words[3]), ()))
        return "\n".join(lines)

    @staticmethod
    def _names(names):
        return sorted(names) if isinstance(names, frozenset) else names or ""

    @staticmethod
    def _fields(kind, expected, answer):
        ours, theirs = expected.split(), answer.split()
        if "no" in (ours[0], theirs[0]):
            return []
        return [f"  {form}: oracle {hide}, exchange {show}" for form, our, their in
                zip(("full", "coarse", "rewritten", "exact"), ours[1:5], theirs[1:5])
                for hide, show in [[[name for i, name in enumerate(kind.names)
                                     if int(mask, 16) >> i & 1] for mask in (our, their)]]
                if hide != show]

    @staticmethod
    def _rights(rights):
        return [f"  right {right.names[0]} {right.valid_from}..{right.valid_to.replace(NEVER, '')}"
                f" in force {right.is_in_force}, under its ceiling: level {right.level} specific "
                f"{sorted(right.specific)} scope {right.top_scope}; "
                f"{' '.join(str(right.grant).split())}" for right in rights]


def run(arguments, sample, scratch):
    """Prints what it does and finds; how many decisions differ."""
    rounds = range(ROUNDS) if arguments.round is None else [arguments.round]
    share = arguments.decisions // ROUNDS
    counts, differing = collections.Counter(), 0
    for number in rounds:
        began = time.monotonic()
        one = Round(arguments, sample, number, scratch)
        differences = one.run(share)
        counts += one.counts
        differing += len(differences)
        print(f"round {number:2}  {one.name:8} {share} decisions, {len(differences)} differ; "
              f"{one.removed} drawn grants refused ({time.monotonic() - began:.1f} s)", flush=True)
        for difference in differences[:SHOWN]:
            print(difference)
        if differences and arguments.stop:
            break
    for (kind, is_no), count in sorted(counts.items()):
        print(f"{count:9} {kind} {'no' if is_no else 'yes'}")
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--answers", required=True, help="the program policy_answers")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--round", type=int, help="this round alone")
    parser.add_argument("--stop", action="store_true", help="end after a round that differs")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        differing = run(arguments, policies.from_folder(), pathlib.Path(scratch))
    if differing:
        print(f"{differing} decisions differ; again with --seed {arguments.seed}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
