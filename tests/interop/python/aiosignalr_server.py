"""A server built with `aiosignalr`, for the Rust client. Prints its URL, and ends with its standard input.

With `--mended` it lacks the two faults that no client gets over: headers that are no map in MessagePack, and a first poll that is
held back.
"""

import argparse
import asyncio
import logging
import os
import sys
import typing

from aiosignalr.errors import HubException
from aiosignalr.protocol import messagepack_protocol
from aiosignalr.server import Hub, IncomingStream, ServerOptions, SignalRServer
from aiosignalr.server.transports import LongPollingServerTransport

Any = typing.Any


class Desk(Hub):
    """Methods without a result have no annotation: that is how the library tells them."""

    def note(self, text):
        self.context.state.setdefault("notes", []).append(text)

    def noted(self) -> list:
        return self.context.state.get("notes", [])

    def add(self, a: int, b: int) -> int:
        return a + b

    def echo(self, value) -> Any:
        return value

    def nothing(self):
        pass

    def fail(self):
        raise HubException("no tea left")

    def crash(self):
        raise ValueError("a secret")

    async def toil(self):
        try:
            await asyncio.Event().wait()
        finally:
            self.note("toil dropped")

    async def count(self, number):
        for item in range(number):
            yield item

    async def endless(self):
        try:
            for item in range(10):
                yield item
            await asyncio.Event().wait()
        finally:
            self.note("endless dropped")

    async def torn(self):
        yield 0
        raise HubException("the paper is torn")

    async def join(self, before, numbers: IncomingStream, texts: IncomingStream, after) -> str:
        pieces = [before]
        for items in (numbers, texts):
            async for item in items:
                pieces.append(str(item))
        return "".join([*pieces, after])

    async def doubled(self, numbers: IncomingStream):
        async for number in numbers:
            yield 2 * number

    async def show(self, texts):
        for text in texts:
            await self.clients.caller.send("shown", text)

    async def ask(self, question) -> str:
        return await self.clients.caller.invoke("asked", question)

    async def enter(self, room):
        await self.groups.add(room)

    async def tell(self, room, text):
        await self.clients.group(room).send("shown", text)

    async def leave(self):
        await self.context.close()

    def whereabouts(self) -> str:
        return self.context.connection_id

    def count_clients(self) -> int:
        return len(server.lifetime.connections)


class Mended(SignalRServer):
    async def handle_longpolling(self, request, response):
        record = await self._resolve_record(request.query.get("id"))
        if record is not None and record.lp_transport is None:
            record.lp_transport = LongPollingServerTransport()
            # The first poll has its answer, without data.
            record.lp_transport._data_event.set()
        await super().handle_longpolling(request, response)


async def serve(port):
    host, port = await server.serve(port=port, path="/desk")
    print(f"http://{host}:{port}/desk", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    # Its own end would wait for all clients to leave.
    os._exit(0)


arguments = argparse.ArgumentParser()
arguments.add_argument("--mended", action="store_true")
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--poll-seconds", type=float, default=15)
chosen = arguments.parse_args()

# It logs each protocol error, and each write to a client that is gone.
logging.disable(logging.CRITICAL)
if chosen.mended:
    messagepack_protocol._EMPTY_HEADERS = {}
options = ServerOptions(long_polling_timeout=chosen.poll_seconds, allow_stateful_reconnects=True)
server = (Mended if chosen.mended else SignalRServer)(Desk, options=options)
asyncio.run(serve(chosen.port))
