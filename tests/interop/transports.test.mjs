// The official client over the transports that are no sockets: chosen, and fallen back to behind proxies that block others.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { client, connected as connectedAs, isEvents, library, programs, proxy, relay, startServer, ways, within } from "./support.mjs";
import { failure } from "./suite/check.mjs";
import { offered } from "./suite/encodings.mjs";
import { cases, run } from "./suite/index.mjs";

const limit = { timeout: 30_000 };
/** Enough quick retries to outlast a restart. */
const retries = Array(200).fill(25);

let server;
before(async () => {
  server = await startServer(programs.interop);
}, limit);
after(() => server?.kill(), limit);

/** How a client gets through: the transport that it wants, or that is left of all, and what stands between it and the server. */
const roads = [
  { way: "events", encodings: ["json"], transport: "ServerSentEvents" },
  { way: "polls", encodings: offered, transport: "LongPolling" },
  { way: "any", encodings: ["json"], transport: "ServerSentEvents", through: (t, port) => proxy(t, port) },
  { way: "any", encodings: offered, transport: "LongPolling", through: (t, port) => proxy(t, port, isEvents) },
];

for (const { way, encodings, transport, through } of roads) {
  for (const encoding of encodings) {
    const between = async (t, port = server.port) => (through ? await through(t, port) : { url: `http://127.0.0.1:${port}` });
    const options = ways[way];
    const connect = async (t, hub = "hub", settings) => {
      const { url } = await between(t);
      return connectedAs(t, `${url}/${hub}`, { encoding, options, ...settings });
    };
    const blocked = through ? ", where others are blocked" : "";

    describe(`the suite in ${encoding} over ${transport}${blocked}`, () => {
      for (const name of cases.keys()) {
        test(name, limit, async (t) => run(name, library, (await between(t)).url, encoding, way));
      }
    });

    describe(`connections in ${encoding} over ${transport}${blocked}`, () => {
      test("the hub sees the transport, cookies and the query", limit, async (t) => {
        const headers = { Cookie: "a=1; tea=green" };
        const connection = await connect(t, "hub?tenant=7", { options: { ...options, headers } });
        const caller = await connection.invoke("whoAmI");
        assert.equal(caller.transport, transport);
        assert.equal(caller.cookie, "green");
        assert.equal(caller.hasPeer, true);
        assert.match(caller.query, /tenant=7/);
        assert.match(caller.agent, /SignalR/);
      });

      test("broadcasts reach everybody in order", limit, async (t) => {
        const connections = await Promise.all([connect(t, "detailed"), connect(t, "detailed"), connect(t, "detailed")]);
        for (let i = 0; i < 50; i++) await connections[i % 3].invoke("tell", { to: "all" }, `${i}`);
        for (const connection of connections) {
          for (let i = 0; i < 50; i++) assert.equal(await connection.heard.next("a broadcast"), `${i}`);
        }
      });

      test("messages of 40 KB pass where the limit is raised, and larger ones than that end the connection", limit, async (t) => {
        const connection = await connect(t, "large", { retries });
        for (const size of [40_000, 200_000]) {
          const text = "x".repeat(size);
          assert.equal(await connection.invoke("echoString", text), text);
        }
        connection.send("echoString", "x".repeat(300_000)).catch(() => {});
        await connection.reconnecting.next("the break");
        await connection.reconnected.next("the return");
        assert.equal(await connection.invoke("add", 1, 2), 3);
      });

      test("the hub closes with a reason, and the client comes back if it may", limit, async (t) => {
        const final = await connect(t, "hub", { retries });
        final.send("closeMe", "tea is over", false).catch(() => {});
        assert.equal((await final.closed.next("the end")).message, "Server returned an error on close: tea is over");
        assert.deepEqual(final.reconnecting.drain(), []);

        const returning = await connect(t, "hub", { retries });
        const id = returning.connectionId;
        returning.send("closeMe", null, true).catch(() => {});
        await returning.reconnecting.next("the break");
        assert.notEqual(await returning.reconnected.next("the return"), id);
        assert.equal((await returning.invoke("whoAmI")).transport, transport);
      });

      test("a client that stops is gone at once, and its last words are heard", limit, async (t) => {
        const [witness, connection] = [await connect(t, "quick"), await connect(t, "quick")];
        const id = connection.connectionId;
        await connection.send("tell", { to: "all" }, "the last words");
        await connection.stop();
        assert.equal(await within(witness.heard.next(), "the last words", 3_000), "the last words");
        assert.deepEqual(await within(witness.gone.next(), "the departure", 3_000), { id, reason: null });
      });

      test("a server that stops or dies is found again", limit, async (t) => {
        const first = await startServer(programs.interop);
        const { url } = await between(t, first.port);
        const connection = await connectedAs(t, `${url}/hub`, { encoding, options, retries });
        const { code } = await within(first.stop(), "the server to stop");
        assert.equal(code, 0);
        await connection.reconnecting.next("the goodbye");
        const second = await startServer(programs.interop, `127.0.0.1:${first.port}`);
        await connection.reconnected.next("the return");
        assert.equal((await connection.invoke("whoAmI")).transport, transport);
        await second.kill();
        await connection.reconnecting.next("the break");
        const third = await startServer(programs.interop, `127.0.0.1:${first.port}`);
        t.after(() => third.kill());
        await connection.reconnected.next("the second return");
        assert.equal(await connection.invoke("add", 1, 2), 3);
      });

      test("a network that breaks is survived", limit, async (t) => {
        const { url } = await between(t);
        const wire = await relay(t, Number(new URL(url).port));
        const connection = await connectedAs(t, `${wire.url}/hub`, { encoding, options, retries });
        const id = connection.connectionId;
        wire.cut();
        await connection.reconnecting.next("the break");
        assert.notEqual(await connection.reconnected.next("the return"), id);
        assert.equal(await connection.invoke("add", 1, 2), 3);
      });
    });
  }
}

describe("falling back", () => {
  test("a client says which transports have failed when none is left", limit, async (t) => {
    const blocked = await proxy(t, server.port, (request) => request.method === "GET");
    const message = await failure(client(`${blocked.url}/hub`, { options: ways.any }).start());
    assert.match(message, /^Unable to connect to the server with any of the available transports\. .*WebSockets failed.*ServerSentEvents failed.*LongPolling failed/);
    assert.equal(blocked.refused.length, 3);
  });

  test("MessagePack takes no event stream, and passes over it", limit, async (t) => {
    const events = client(`${server.url}/hub`, { encoding: "messagepack", options: ways.events });
    assert.match(await failure(events.start()), /'ServerSentEvents' does not support Binary/);
    const blocked = await proxy(t, server.port);
    const connection = await connectedAs(t, `${blocked.url}/hub`, { encoding: "messagepack", options: ways.any });
    assert.equal((await connection.invoke("whoAmI")).transport, "LongPolling");
    assert.equal(blocked.refused.length, 1);
  });
});
