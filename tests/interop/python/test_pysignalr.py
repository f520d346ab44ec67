"""`pysignalr` against the Rust server.

What it lacks, as of 1.3.3:
- A method to cancel a stream. It has the message, though, and so the test sends that.
- Arguments, results and errors of uploads: `ClientStream` sends a call without an id, with one stream and `[]`.
- Obedience to `allowReconnect`: it comes back after every Close message without an error.
"""

import asyncio
import logging
import unittest
from datetime import datetime, timedelta, timezone

from pysignalr.client import SignalRClient
from pysignalr.exceptions import ServerError
from pysignalr.messages import CancelInvocationMessage
from pysignalr.protocol.json import JSONProtocol
from pysignalr.protocol.messagepack import MessagepackProtocol

from support import PATIENCE, in_each_encoding

# It logs each connection that ends, and each question without an answer.
logging.getLogger("pysignalr").setLevel(logging.CRITICAL)


def soon(awaitable):
    return asyncio.wait_for(awaitable, PATIENCE)


class CallFailed(Exception):
    pass


class Connection:
    """A client that runs, with awaitable calls in place of callbacks."""

    def __init__(self, url, encoding):
        protocol = MessagepackProtocol() if encoding.binary else JSONProtocol()
        self.client = SignalRClient(url, protocol=protocol, retry_sleep=0.05)
        self.opened, self.heard, self.errors = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()

        async def opened():
            self.opened.put_nowait(None)

        async def heard(arguments):
            self.heard.put_nowait(arguments[1])

        self.client.on_open(opened)
        self.client.on("heard", heard)
        self.client.on_error(self.errors.put)

    async def start(self):
        self.running = asyncio.create_task(self.client.run())
        await soon(self.opened.get())
        assert await soon(self.heard.get()) == "welcome"

    async def stop(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def invoke(self, method, *arguments):
        answer = asyncio.get_running_loop().create_future()

        async def completed(message):
            answer.set_result(message)

        await self.client.send(method, list(arguments), completed)
        message = await soon(answer)
        if message.error:
            # The client hands errors to both callbacks.
            assert (await soon(self.errors.get())).error == message.error
            raise CallFailed(message.error)
        return message.result

    async def stream(self, method, *arguments):
        """A running stream: its items, and its end, which is an error text or `None`."""
        items, end = asyncio.Queue(), asyncio.get_running_loop().create_future()

        async def ended(message):
            end.set_result(message.error)

        await self.client.stream(method, list(arguments), items.put, ended, ended)
        return items, end

    async def stream_all(self, method, *arguments):
        items, end = await self.stream(method, *arguments)
        error = await soon(end)
        return [items.get_nowait() for _ in range(items.qsize())], error


class Pysignalr:
    async def open(self, hub="hub"):
        connection = Connection(f"{self.url}/{hub}", self.encoding)
        await connection.start()
        self.addAsyncCleanup(connection.stop)
        return connection

    async def refuses(self, call, error):
        with self.assertRaises(CallFailed) as failed:
            await call
        self.assertEqual(str(failed.exception), error)

    async def test_values_come_back_as_they_went(self):
        connection = await self.open()
        ann = {"fullName": "Ann Ödegård", "age": 37, "tags": ["a", "b"]}
        text = 'naïve 日本語 👩‍👩‍👧‍👦 \0 \x1e "quoted" back\\slash'
        shapes = {
            "echoString": ["", text, "x" * 30_000],
            "echoNumber": [0, 5, -1.5, 1e308, 0.1],
            "echoInteger": [0, -1, 127, 128, -129, 2**53 + 1, 2**63 - 1, -(2**63)],
            "echoBool": [True, False],
            "echoOption": [None, "some"],
            "echoStruct": [ann, {**ann, "age": None, "tags": []}],
            "echoList": [[], [1, 2, 3], list(range(1_000))],
            "echoMap": [{}, {"ann": ann, 'key with "quotes" 👍': ann}],
            "echoAny": [None, 1, 1.5, "x", [], {}, [[{"deep": [None, {"er": text}]}]]],
        }
        for method, values in shapes.items():
            for value in values:
                with self.subTest(method, value=value):
                    self.assertEqual(await connection.invoke(method, value), value)
        self.assertEqual(await connection.invoke("extremes"), [-(2**63), 2**63 - 1, 2**64 - 1])

    async def test_bytes_and_moments_come_back_as_they_went(self):
        connection = await self.open()
        for data in (b"", b"\0\x1e\xff", bytes(range(256)) * 50):
            echo = await connection.invoke("echoBlob", self.encoding.write_bytes(data))
            self.assertEqual(self.encoding.read_bytes(echo), data)
        for moment in ("2017-04-11T00:00:00+00:00", "2026-11-24T21:25:00.123456+00:00", "1969-07-20T20:17:40+00:00", "2514-05-30T01:53:04+00:00"):
            moment = datetime.fromisoformat(moment)
            echo = await connection.invoke("echoTimestamp", self.encoding.write_moment(moment))
            self.assertEqual(self.encoding.read_moment(echo), moment)

    async def test_calls_return_or_fail(self):
        connection = await self.open()
        self.assertEqual(await connection.invoke("add", 2, 40), 42)
        self.assertEqual(await connection.invoke("ADD", 2, 40), 42)
        self.assertIsNone(await connection.invoke("nothing"))
        self.assertEqual(await connection.invoke("slow", 20), 20)
        unexpected = "An unexpected error occurred invoking '{}' on the server.".format
        refused = "Failed to invoke '{}' due to an error on the server.".format
        await self.refuses(connection.invoke("failPublic"), unexpected("failPublic") + " HubException: no tea left")
        for method in ("failPrivate", "failPanic"):
            await self.refuses(connection.invoke(method), unexpected(method))
        await self.refuses(connection.invoke("nope"), refused("nope") + " HubException: Method does not exist.")
        for arguments in ([], [1], [1, 2, 3], ["one", "two"], [None, 1], [1.5, 1]):
            await self.refuses(connection.invoke("add", *arguments), refused("add"))
        self.assertEqual(await connection.invoke("add", 1, 2), 3)

    async def test_sends_arrive_in_order_and_fail_in_silence(self):
        connection = await self.open()
        for number in range(500):
            await connection.client.send("record", [number])
        for method in ("nope", "failPublic", "failPanic", "add"):
            await connection.client.send(method, [])
        self.assertEqual(await connection.invoke("recorded"), list(range(500)))
        self.assertTrue(connection.errors.empty())

    async def test_streams_have_items_and_an_end(self):
        connection = await self.open("streams")
        for length in (0, 1, 1_000):
            self.assertEqual(await connection.stream_all("count", length), (list(range(length)), None))
        ann = {"fullName": "Ann", "age": 37, "tags": []}
        self.assertEqual(await connection.stream_all("profiles", ["Ann", ""]), ([ann, None], None))
        blobs = [b"", b"\0\xff", b"\x81" * 10_000]
        items, _ = await connection.stream_all("blobs", [self.encoding.write_bytes(blob) for blob in blobs])
        self.assertEqual([self.encoding.read_bytes(item) for item in items], blobs)

    async def test_streams_fail_behind_their_items(self):
        connection = await self.open("streams")
        torn = "An error occurred on the server while streaming results."
        public = torn + " HubException: the paper is torn"
        self.assertEqual(await connection.stream_all("torn", 3, True), ([0, 1, 2], public))
        self.assertEqual(await connection.stream_all("torn", 1, False), ([0], torn))
        self.assertEqual(await connection.stream_all("panicking"), ([0], torn))
        refused = "An unexpected error occurred invoking 'refused' on the server. HubException: no paper left"
        self.assertEqual(await connection.stream_all("refused"), ([], refused))
        wrong = "The client attempted to invoke the {} method with a {} invocation.".format
        self.assertEqual(await connection.stream_all("add", 1, 2), ([], wrong("non-streaming 'add'", "streaming")))
        await self.refuses(connection.invoke("count", 3), wrong("streaming 'count'", "non-streaming"))

    async def test_streams_are_cancelled_silent_ones_too(self):
        connection = await self.open("streams")
        for method, sent in (("held", 2), ("silent", 0)):
            items, end = await connection.stream(method)
            await connection.invoke("letGo", sent)
            self.assertEqual([await soon(items.get()) for _ in range(sent)], list(range(sent)))
            [invocation] = connection.client._stream_handlers
            await connection.client._transport.send(CancelInvocationMessage(invocation))
            self.assertEqual(await soon(connection.heard.get()), "dropped")
            self.assertIsNone(await soon(end))
            self.assertTrue(items.empty())

    async def test_uploads_arrive(self):
        connection = await self.open("streams")
        for numbers in ([], [1, 2, 3], list(range(1_000))):
            async with connection.client.client_stream("sumTold") as upload:
                for number in numbers:
                    await upload.send(number)
            self.assertEqual(await soon(connection.heard.get()), str(sum(numbers)))
        # Without an id there is no answer to what does not fit.
        async with connection.client.client_stream("weave"):
            pass
        self.assertEqual(await connection.invoke("add", 1, 2), 3)

    async def test_questions_are_answered(self):
        connection = await self.open("questions")
        encoding = self.encoding

        async def number(arguments):
            return 42

        async def confirm(arguments):
            return arguments == ["really?"]

        async def older(arguments):
            [profile] = arguments
            return {**profile, "age": profile["age"] + 1}

        async def copy(arguments):
            return encoding.write_bytes(encoding.read_bytes(arguments[0]))

        async def next_day(arguments):
            return encoding.write_moment(encoding.read_moment(arguments[0]) + timedelta(days=1))

        handlers = {"number": number, "confirm": confirm, "older": older, "copy": copy, "nextDay": next_day}
        for name, handler in handlers.items():
            connection.client.on(name, handler)
        self.assertEqual(await connection.invoke("askNumber"), "the number 42")
        self.assertIs(await connection.invoke("askConfirm", "really?"), True)
        self.assertIs(await connection.invoke("askConfirm", "no?"), False)
        ann = {"fullName": "Ann", "age": 37, "tags": []}
        self.assertEqual(await connection.invoke("askOlder", ann), {**ann, "age": 38})
        copied = await connection.invoke("askCopy", encoding.write_bytes(b"\0\x1e\xff"))
        self.assertEqual(encoding.read_bytes(copied), b"\0\x1e\xff")
        moment = datetime(2024, 2, 28, 12, tzinfo=timezone.utc)
        answer = await connection.invoke("askNextDay", encoding.write_moment(moment))
        self.assertEqual(encoding.read_moment(answer), moment + timedelta(days=1))

    async def test_questions_fail_as_the_client_says(self):
        connection = await self.open("questions")
        nothing = "no handler"
        self.assertEqual(await connection.invoke("askNumberUntyped", "unknown"), nothing)

        async def fails(arguments):
            raise ValueError("I count nothing")

        async def silent(arguments):
            return None

        async def text(arguments):
            return "42"

        for name, handler in {"fails": fails, "silent": silent, "text": text, "twice": fails}.items():
            connection.client.on(name, handler)
        connection.client.on("twice", text)
        expected = {
            "fails": "the client says: I count nothing",
            "silent": nothing,
            "text": "unreadable: Error trying to deserialize result to i32.",
            "twice": "the client says: Client provided multiple results.",
        }
        for name, start in expected.items():
            told = await connection.invoke("askNumberUntyped", name)
            self.assertEqual(told[: len(start)], start, told)
        gone = "gone: Connection 'nobody' does not exist."
        self.assertEqual(await connection.invoke("askNumberOf", "nobody"), gone)

    async def test_a_connection_ends_with_its_error_or_comes_back(self):
        connection = await self.open()
        await connection.invoke("count")
        await connection.client.send("closeMe", [None, True])
        await soon(connection.opened.get())
        self.assertEqual(await soon(connection.heard.get()), "welcome")
        self.assertEqual(await connection.invoke("count"), 1)
        await connection.client.send("closeMe", ["tea is over", False])
        with self.assertRaises(ServerError) as ended:
            await soon(connection.running)
        self.assertEqual(ended.exception.message, "tea is over")


globals().update(in_each_encoding(Pysignalr, unittest.IsolatedAsyncioTestCase))

if __name__ == "__main__":
    unittest.main()
