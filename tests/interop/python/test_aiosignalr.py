"""The Rust client against a server built with `aiosignalr`, over each transport and encoding that it offers.

What it does otherwise than the specification is listed in `tests/CONFORMANCE.md`.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import RELEASE

PROGRAM = os.environ.get("INTEROP_CLIENT", RELEASE / "interop_client")
SERVER = pathlib.Path(__file__).with_name("aiosignalr_server.py")

# More than the program has patience.
PATIENCE = 40

# What the program is told, and the options of the server that it starts.
RUNS = {
    "json_over_sockets": ["sockets", "json"],
    "messagepack_over_sockets": ["sockets", "messagepack", "--mended"],
    "json_without_negotiation": ["bare", "json"],
    "messagepack_without_negotiation": ["bare", "messagepack", "--mended"],
    "json_over_events": ["events", "json"],
    "json_over_polls": ["polls", "json", "--mended"],
    "messagepack_over_polls": ["polls", "messagepack", "--mended"],
    "faults_that_need_mending": ["faults", "json", "--poll-seconds", "0.2"],
}


class Aiosignalr(unittest.TestCase):
    """All runs begin at once, each with a server of its own, and each test waits for one of them."""

    @classmethod
    def setUpClass(cls):
        cls.running = {}
        for name, (way, encoding, *options) in RUNS.items():
            output = tempfile.TemporaryFile()
            cls.addClassCleanup(output.close)
            command = [PROGRAM, way, encoding, sys.executable, SERVER, *options]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.kill)
            cls.running[name] = process, output


def passing(name):
    def test(self):
        process, output = self.running[name]
        code = process.wait(PATIENCE)
        output.seek(0)
        self.assertEqual(code, 0, output.read().decode())

    return test


for name in RUNS:
    setattr(Aiosignalr, f"test_{name}", passing(name))

if __name__ == "__main__":
    unittest.main()
