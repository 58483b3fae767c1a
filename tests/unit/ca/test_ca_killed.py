"""A run that is killed anywhere leaves the state before it or the state after it, and runs beside each other wait."""

import os
import shutil
import signal
import subprocess
import unittest

from ca_case import DOMAIN, INIT, KILL_AT, PROGRAM, CaTest


class Killed(CaTest):
    """Kills the program before its nth write, rename or flush, for every n until it lives."""

    def environment(self, **more):
        return super().environment(LD_PRELOAD=KILL_AT, ASAN_OPTIONS="verify_asan_link_order=0",
                                   **more)

    def killed_at(self, n, *arguments):
        done = subprocess.run([PROGRAM, *arguments], cwd=self.dir, capture_output=True,
                              env=self.environment(KILL_AT=str(n)))
        self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
        return done.returncode != 0

    def each_kill(self, *arguments):
        """Yields after each run that was killed, then after the one that was not."""
        n = 1
        while self.killed_at(n, *arguments):
            yield n
            n += 1
        self.assertGreater(n, 5)
        yield n

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


if __name__ == "__main__":
    unittest.main()
