"""The CA's keys are sealed with passphrases, which come from a terminal or a descriptor and from nowhere else."""

import base64
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time
import unittest

from cryptography.hazmat.primitives import serialization

from ca_case import INIT, PROGRAM, CaTest

ISSUING, ROOT, OTHER = "correct horse battery", "staple stands elsewhere", "quite another phrase"
BOTH = {"passphrase-fd": ISSUING, "root-passphrase-fd": ROOT}
SEALED = INIT[:-1]  # without --no-passphrase


class Keys(CaTest):
    base = None  # of a CA that was made once: sealing is meant to be slow

    def init(self):
        if Keys.base is None:
            with open(self.path("agencies.yaml"), "w") as f:
                f.write("agencies: [{id: kab.18.07}]")
            self.run_ca(*SEALED, "--registry", "agencies.yaml", secrets=BOTH)
            Keys.base = tempfile.TemporaryDirectory()
            shutil.copytree(self.path("ca"), os.path.join(Keys.base.name, "ca"))
        else:
            shutil.copytree(os.path.join(Keys.base.name, "ca"), self.path("ca"))
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "req.pem")
        self.sign = ("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07")

    def opens(self, name, passphrase):
        with open(self.path(f"ca/{name}/key.pem"), "rb") as f:
            pem = f.read()
        self.assertTrue(pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"), pem[:40])
        try:
            serialization.load_pem_private_key(pem, passphrase.encode())
            return True
        except ValueError:
            return False


class Passphrases(Keys):
    def test_keys_are_sealed_with_two_passphrases(self):
        self.init()
        for name in ("agency", "operator", "server"):
            self.assertTrue(self.opens(name, ISSUING))
        self.assertFalse(self.opens("agency", ROOT))
        self.assertTrue(self.opens("root", ROOT))

    def test_scrypt_makes_guessing_dear(self):
        self.init()
        with open(self.path("ca/agency/key.pem"), "rb") as f:
            lines = f.read().splitlines()
        der = base64.b64decode(b"".join(lines[1:-1]))
        self.assertIn(bytes.fromhex("06092b06010401da47040b"), der)  # 1.3.6.1.4.1.11591.4.11
        self.assertIn(bytes.fromhex("02024000020108020105"), der)  # N 16384, r 8, p 5

    def test_sign_needs_the_issuing_passphrase_alone(self):
        self.init()
        self.run_ca(*self.sign, secrets={"passphrase-fd": ISSUING})
        before = self.snapshot()
        self.refuse("does not open", *self.sign, secrets={"passphrase-fd": ROOT})
        self.refuse("--passphrase-fd is needed", *self.sign)
        self.assertEqual(self.snapshot(), before)

    def test_two_secrets_may_follow_each_other_on_one_descriptor(self):
        reading = self.pipe_with(f"{ISSUING}\n{ROOT}")
        self.addCleanup(os.close, reading)
        subprocess.run([PROGRAM, *SEALED, f"--passphrase-fd={reading}",
                        f"--root-passphrase-fd={reading}"],
                       cwd=self.dir, check=True, capture_output=True, pass_fds=[reading])
        self.assertTrue(self.opens("agency", ISSUING))
        self.assertTrue(self.opens("root", ROOT))

    def test_bad_passphrases_are_refused_and_leave_nothing(self):
        for text, words in (("short", "at least 12"), ("", "nothing stands there"),
                            ("x" * 1025, "at most 1024"), ("with\0in it and long", "a line of")):
            self.refuse(words, *SEALED, secrets={"passphrase-fd": text, "root-passphrase-fd": ROOT})
        self.refuse("is needed", *SEALED)
        self.refuse("Bad file descriptor", *SEALED, "--passphrase-fd=77")
        self.assertEqual(os.listdir(self.dir), [])

    def test_new_passphrase_takes_the_place_of_the_old_for_all_issuing_keys(self):
        self.init()
        change = ("passphrase", "--dir", "ca")
        self.refuse("does not open", *change, secrets={"passphrase-fd": OTHER,
                                                       "new-passphrase-fd": OTHER})
        self.refuse("at least 12", *change, secrets={"passphrase-fd": ISSUING,
                                                     "new-passphrase-fd": "short"})
        self.run_ca(*change, secrets={"passphrase-fd": ISSUING, "new-passphrase-fd": OTHER})
        for name in ("agency", "operator", "server"):
            self.assertTrue(self.opens(name, OTHER))
        self.refuse("does not open", *self.sign, secrets={"passphrase-fd": ISSUING})
        self.run_ca(*change, "--root", secrets={"root-passphrase-fd": ROOT,
                                                "new-passphrase-fd": OTHER})
        self.assertTrue(self.opens("root", OTHER))

    def test_passphrase_can_be_taken_away_and_given_again(self):
        self.init()
        self.run_ca("passphrase", "--dir", "ca", "--no-passphrase",
                    secrets={"passphrase-fd": ISSUING})
        self.run_ca(*self.sign)
        self.run_ca("passphrase", "--dir", "ca", secrets={"new-passphrase-fd": OTHER})
        self.assertTrue(self.opens("agency", OTHER))

    def test_root_key_is_used_where_it_is_kept(self):
        self.init()
        os.makedirs(self.path("safe/root"))
        os.rename(self.path("ca/root/key.pem"), self.path("safe/root/key.pem"))
        prepare = ("rollover", "--dir", "ca", "prepare", "agency")
        self.refuse("needs the key", *prepare, secrets=BOTH)
        os.makedirs(self.path("wrong/root"))
        shutil.copy(self.path("ca/server/key.pem"), self.path("wrong/root/key.pem"))
        self.refuse("not that of its certificate", *prepare, "--keys", "wrong",
                    secrets={"passphrase-fd": ISSUING, "root-passphrase-fd": ISSUING})
        self.refuse("is not in its place", "passphrase", "--dir", "ca", "--root", "--keys", "safe",
                    secrets={"root-passphrase-fd": ROOT, "new-passphrase-fd": OTHER})
        self.run_ca(*prepare, "--keys", "safe", secrets=BOTH)
        self.assertTrue(self.opens("agency.2", ISSUING))
        self.assertFalse(os.path.exists(self.path("ca/root/key.pem")))


class Terminal(Keys):
    @staticmethod
    def wait_for_no_echo(terminal):
        end = time.monotonic() + 60
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            assert time.monotonic() < end, "the terminal still shows what is typed"

    def talk(self, answers, *arguments):
        """Runs the program on a terminal of its own and answers each prompt; (exit code, what the terminal showed)."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(PROGRAM, [PROGRAM, *arguments], self.environment())
        shown, answered = b"", 0
        while select.select([terminal], [], [], 60)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # it has ended
                break
            if answers and len(shown) > answered and shown.endswith(b": "):
                answered = len(shown)
                self.wait_for_no_echo(terminal)
                os.write(terminal, answers.pop(0).encode() + b"\n")
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_init_asks_twice_for_each_and_shows_nothing(self):
        code, shown = self.talk([ROOT, ROOT, ISSUING, ISSUING], *SEALED)
        self.assertEqual(code, 0, shown)
        self.assertEqual(shown.count("Choose the passphrase"), 4)
        for secret in (ROOT, ISSUING):
            self.assertNotIn(secret, shown)
        self.assertTrue(self.opens("agency", ISSUING))
        self.assertTrue(self.opens("root", ROOT))

    def test_two_that_differ_are_refused_and_leave_nothing(self):
        code, shown = self.talk([ROOT, ISSUING], *SEALED)
        self.assertEqual(code, 1, shown)
        self.assertIn("not the same twice", shown)
        self.assertEqual(os.listdir(self.dir), [])

    def test_interrupt_at_the_prompt_ends_it_and_leaves_nothing(self):
        code, shown = self.talk([ROOT, "\x03"], *SEALED)
        self.assertEqual(code, -signal.SIGINT, shown)
        self.assertEqual(os.listdir(self.dir), [])

    def test_sign_asks_once(self):
        self.init()
        code, shown = self.talk([ISSUING], *self.sign, "--out", "cert.pem")
        self.assertEqual(code, 0, shown)
        self.assertEqual(shown.count("Give the passphrase"), 1)
        self.assertEqual(len(self.certs("cert.pem")), 2)

    def test_crl_without_an_answer_for_the_root_leaves_its_list(self):
        self.init()
        before = self.crl("ca/crl/root.pem")
        code, shown = self.talk(["", ISSUING], "crl", "--dir", "ca")
        self.assertEqual(code, 0, shown)
        self.assertIn("root: its key is not at hand", shown)
        self.assertEqual(self.crl("ca/crl/root.pem"), before)

    def test_who_is_asked_keeps_nobody_waiting(self):
        self.init()
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(PROGRAM, [PROGRAM, *self.sign], self.environment())
        shown = b""
        while not shown.endswith(b": "):
            shown += os.read(terminal, 4096)
        self.run_ca("crl", "--dir", "ca", secrets={"passphrase-fd": ISSUING})
        os.close(terminal)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    unittest.main()
