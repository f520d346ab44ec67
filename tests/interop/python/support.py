"""What the tests of all Python clients share: the server, and values that each encoding writes in its own way."""

import base64
import os
import pathlib
import subprocess
import tempfile
import unittest
from datetime import datetime

from msgpack import Timestamp

RELEASE = pathlib.Path(__file__).resolve().parents[3] / "target/release/examples"
PROGRAM = os.environ.get("INTEROP_SERVER", RELEASE / "interop_server")

# Long enough for a busy machine; nothing waits so long that works.
PATIENCE = 10


class WithServer:
    """Gives a test class a server of its own; `url` is where it listens."""

    @classmethod
    def setUpClass(cls):
        # What it logs, among it the panics that tests ask for, is shown only if it dies.
        log = tempfile.TemporaryFile()
        cls.addClassCleanup(log.close)
        server = subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, stderr=log, text=True)
        cls.addClassCleanup(stop, server, log)
        with server.stdout as lines:
            cls.url = lines.readline().strip()


def stop(server, log):
    died = server.poll()
    server.kill()
    server.wait()
    if died is not None:
        log.seek(0)
        raise AssertionError(f"the server has ended with {died}: {log.read().decode()}")


class Json:
    """Bytes and moments are texts, and it is for the user to know which."""

    binary = False

    @staticmethod
    def write_bytes(data):
        return base64.b64encode(data).decode()

    @staticmethod
    def read_bytes(text):
        return base64.b64decode(text, validate=True)

    @staticmethod
    def write_moment(moment):
        return moment.isoformat()

    @staticmethod
    def read_moment(text):
        # Python before 3.11 does not read the final Z.
        return datetime.fromisoformat(text.replace("Z", "+00:00"))


class MessagePack:
    """Bytes are bytes, and moments the timestamps of the `msgpack` package."""

    binary = True

    @staticmethod
    def write_bytes(data):
        return data

    @staticmethod
    def read_bytes(data):
        assert isinstance(data, bytes), data
        return data

    @staticmethod
    def write_moment(moment):
        return Timestamp.from_datetime(moment)

    @staticmethod
    def read_moment(timestamp):
        assert isinstance(timestamp, Timestamp), timestamp
        return timestamp.to_datetime()


# The encodings that the server offers.
OFFERED = [Json, MessagePack]


def in_each_encoding(cases, base=unittest.TestCase):
    """The test classes that run `cases` in each encoding, by their names."""
    made = {}
    for encoding in OFFERED:
        name = cases.__name__ + encoding.__name__
        made[name] = type(name, (cases, WithServer, base), {"encoding": encoding, "__module__": cases.__module__})
    return made
