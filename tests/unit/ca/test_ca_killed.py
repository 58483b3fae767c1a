"""A run that is killed anywhere leaves the state before it or the state after it, and runs beside each other wait."""

import os
import random
import shutil
import signal
import subprocess
import unittest

from ca_case import DOMAIN, INIT, KILL_AT, PROGRAM, CaTest


# A command is killed at every third call, another third each time; KILL_STRIDE=1 takes all.
STRIDE = int(os.environ.get("KILL_STRIDE", "3"))


class Killable(CaTest):
    """Kills the program before its nth write, rename, removal or flush, for every n until it lives; no mask helps it to keep
    its files private."""

    def setUp(self):
        super().setUp()
        self.addCleanup(os.umask, os.umask(0))

    def environment(self, **more):
        return super().environment(LD_PRELOAD=KILL_AT, ASAN_OPTIONS="verify_asan_link_order=0",
                                   **more)

    def killed_at(self, n, *arguments, secrets=None):
        done = self.run_ca(*arguments, code=(0, -signal.SIGKILL), secrets=secrets, KILL_AT=str(n))
        return done.returncode != 0

    def each_kill(self, *arguments, secrets=None):
        """Yields after each run that was killed, then after the one that was not."""
        n = random.randint(1, STRIDE)
        while self.killed_at(n, *arguments, secrets=secrets):
            self.check_keys_are_private()
            yield n
            n += STRIDE
        self.assertGreater(n, 5)
        yield n

    def check_whole(self):
        """Everything fits together: bundle, lists and keys are those of the CAs that count, and nothing is left over."""
        states = self.states()
        counted = [name for name, state in states.items() if state != "withdrawn"]
        self.assertEqual([name for _, _, files in os.walk(self.path("ca")) for name in files
                          if ".new-" in name], [])
        bundle = {cert.serial_number for cert in self.certs("ca/ca.pem")}
        self.assertEqual(bundle, {self.certs(f"ca/{name}/cert.pem")[0].serial_number
                                  for name in counted})
        for kind in ("agency", "operator", "server"):
            self.assertLessEqual({cert.serial_number for cert in
                                  self.certs(f"ca/issuers/{kind}.pem")}, bundle)
        self.assertEqual(set(os.listdir(self.path("ca/crl"))), {f"{name}.pem" for name in counted})
        with open(self.path("ca/crl.pem"), "rb") as f:
            together = f.read()
        for name in counted:
            with open(self.path(f"ca/crl/{name}.pem"), "rb") as f:
                self.assertIn(f.read(), together)
        self.assertEqual(len({self.is_sealed(name) for name in counted if name != "root"}), 1)
        self.assertEqual(together.count(b"BEGIN X509 CRL"), len(counted))

    def is_sealed(self, name):
        with open(self.path(f"ca/{name}/key.pem"), "rb") as f:
            return b"ENCRYPTED" in f.read()

    def states(self):
        lines = self.run_ca("rollover", "--dir", "ca").stdout.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def before_or_after(self, *command, secrets=None):
        """Kills command everywhere: the next run that writes finds the folder as it was, or as the command makes it."""
        with open(self.path("agencies.yaml"), "w") as f:
            f.write("agencies: [{id: kab.18.07}]")
        old = self.digests(), self.states()
        old_acts = len(self.acts())
        seen = []
        for n in self.each_kill(*command, secrets=secrets):
            with self.subTest(killed_before_call=n):
                seen.append(len(self.acts()) > old_acts)
                self.run_ca("registry", "--dir", "ca", "agencies.yaml")
                self.check_whole()
                if seen[-1]:
                    self.assertNotEqual(self.digests(), old[0])
                else:
                    self.assertEqual((self.digests(), self.states()), old)
            self.reset()
        self.assertEqual(seen, sorted(seen))  # before the commit, and behind it
        self.assertGreater(seen.count(False), 3)
        self.assertGreater(seen.count(True), 1)

    def acts(self):
        return self.run_ca("log", "--dir", "ca").stdout.splitlines()

    def records(self):
        return self.run_ca("list", "--dir", "ca").stdout.splitlines()

    def reset(self):
        shutil.rmtree(self.path("ca"), ignore_errors=True)
        shutil.copytree(self.path("base"), self.path("ca"))

    def prepare(self):
        self.init()
        self.run_ca("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "req.pem")
        self.run_ca("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07", "--out",
                    "first.pem")
        os.rename(self.path("ca"), self.path("base"))
        self.reset()

    def keep(self):
        """What reset goes back to is from now on this."""
        shutil.rmtree(self.path("base"))
        shutil.copytree(self.path("ca"), self.path("base"))


class Killed(Killable):
    def test_init_makes_all_or_nothing(self):
        for _ in self.each_kill(*INIT, "--development"):
            if os.path.exists(self.path("ca")):
                self.assertEqual(len(self.records()), 3)
                self.assertEqual(len(self.certs("ca/ca.pem")), 4)
                self.agency()
                shutil.rmtree(self.path("ca"))

    def test_sign_is_recorded_whole_or_not_at_all(self):
        self.prepare()
        before = len(self.records())
        sign = ("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07", "--out",
                "cert.pem")
        for _ in self.each_kill(*sign):
            records = self.records()
            self.assertIn(len(records), (before, before + 1))
            known = {record.split()[0] for record in records}
            if os.path.exists(self.path("cert.pem")):
                cert = self.certs("cert.pem")[0]
                self.assertIn(f"{cert.serial_number:032x}", known)
                os.remove(self.path("cert.pem"))
            for serial in known:
                self.run_ca("export", "--dir", "ca", serial)
            self.run_ca(*sign)
            os.remove(self.path("cert.pem"))
            self.reset()

    def test_revoke_then_crl_tells_the_ledger_truth(self):
        self.prepare()
        for _ in self.each_kill("revoke", "--dir", "ca", "--agency", "kab.18.07"):
            for name in ("root", "agency", "operator", "server"):
                self.crl(f"ca/crl/{name}.pem")
            revoked = sum("revoked" in record for record in self.records())
            on_list = len(self.crl("ca/crl/agency.pem"))
            self.assertLessEqual(on_list, revoked)
            self.run_ca("crl", "--dir", "ca")
            self.assertEqual(len(self.crl("ca/crl/agency.pem")), revoked)
            self.reset()

    def test_request_killed_and_run_again_completes(self):
        request = ("request", "--agency", "kab.18.07", "--key", "key.pem", "--csr", "req.pem")
        for _ in self.each_kill(*request):
            self.run_ca(*request)
            os.remove(self.path("key.pem"))
            os.remove(self.path("req.pem"))

    def test_each_step_of_a_rollover_is_done_whole_or_not_at_all(self):
        self.prepare()
        for step in ("prepare", "activate", "withdraw"):
            self.before_or_after("rollover", "--dir", "ca", step, "agency", "--cut-off")
            self.run_ca("rollover", "--dir", "ca", step, "agency", "--cut-off")
            self.keep()

    def test_change_of_passphrase_leaves_all_keys_with_the_same(self):
        self.prepare()
        self.before_or_after("passphrase", "--dir", "ca",
                             secrets={"new-passphrase-fd": "correct horse battery"})

    def test_renewal_is_recorded_whole_or_not_at_all(self):
        self.prepare()
        before = len(self.records())
        renew = ("renew", "--dir", "ca", "--cert", "first.pem", "--csr", "req.pem", "--out",
                 "cert.pem")
        for _ in self.each_kill(*renew):
            added = len(self.records()) - before
            self.assertEqual("renew" in self.acts()[-1], added == 1)
            self.assertIn(added, (0, 1))
            self.assertLessEqual(os.path.exists(self.path("cert.pem")), added)
            self.reset()

    def test_new_registry_is_whole_or_the_old_one(self):
        self.prepare()
        with open(self.path("agencies.yaml"), "w") as f:
            f.write("agencies: [{id: kl.kp2mi}, {id: kl.komdigi}]")
        sign = ("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07")
        for _ in self.each_kill("registry", "--dir", "ca", "agencies.yaml"):
            is_new = "registry 2" in self.acts()[-1]
            self.run_ca(*sign, code=1 if is_new else 0)
            self.reset()


class Together(Killable):
    def test_runs_beside_each_other_wait_and_lose_nothing(self):
        self.prepare()
        commands = [("sign", "--dir", "ca", "--csr", "req.pem", "--agency", "kab.18.07", "--out",
                     f"out-{i}.pem") for i in range(8)]
        commands += [("crl", "--dir", "ca")] * 4 + [("revoke", "--dir", "ca", "--agency",
                                                     "kab.18.07")]
        before = len(self.acts())
        running = [subprocess.Popen([PROGRAM, *command], cwd=self.dir, stderr=subprocess.PIPE,
                                    env=self.environment()) for command in commands]
        for process in running:
            _, words = process.communicate()
            self.assertEqual(process.returncode, 0, words)
        serials = {self.certs(f"out-{i}.pem")[0].serial_number for i in range(8)}
        self.assertEqual(len(serials), 8)
        self.assertLessEqual({f"{serial:032x}" for serial in serials},
                             {record.split()[0] for record in self.records()})
        self.run_ca("crl", "--dir", "ca")
        self.assertEqual(len(self.crl("ca/crl/agency.pem")),
                         sum("revoked" in record for record in self.records()))
        self.assertEqual(len(self.acts()) - before, len(commands) + 1 + self.revoked_acts())

    def revoked_acts(self):
        """revoke records an act for each certificate."""
        return sum(" revoke " in act for act in self.acts()) - 1

    def test_who_only_reads_waits_for_nobody(self):
        self.prepare()
        self.run_ca("init", "--dir", "sealed", "--trust-domain", DOMAIN, secrets={
            "passphrase-fd": "correct horse battery", "root-passphrase-fd": "correct horse battery"})
        reading, writing = os.pipe()
        waiting = subprocess.Popen(
            [PROGRAM, "crl", "--dir", "sealed", f"--passphrase-fd={reading}"], cwd=self.dir,
            pass_fds=[reading], stderr=subprocess.DEVNULL, env=self.environment())
        try:
            self.run_ca("list", "--dir", "sealed")
            self.assertIsNone(waiting.poll())
        finally:
            os.close(writing)
            os.close(reading)
            waiting.wait()


if __name__ == "__main__":
    unittest.main()
