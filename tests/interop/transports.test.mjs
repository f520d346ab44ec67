// The official client over the transports that are no sockets: chosen, and fallen back to behind proxies that block others.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { client, connected as connectedAs, isEvents, library, programs, proxy, startServer, surroundings, ways, within } from "./support.mjs";
import { failure } from "./suite/check.mjs";
import { offered } from "./suite/encodings.mjs";
import { cases, lasting, run } from "./suite/index.mjs";

const limit = { timeout: 30_000 };
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
      for (const name of lasting.keys()) {
        test(name, limit, async (t) => {
          const { url, outside } = await surroundings(t, through);
          await run(name, library, url, encoding, way, outside);
        });
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

      test("a client that stops is gone at once, and its last words are heard", limit, async (t) => {
        const [witness, connection] = [await connect(t, "quick"), await connect(t, "quick")];
        const id = connection.connectionId;
        await connection.send("tell", { to: "all" }, "the last words");
        await connection.stop();
        assert.equal(await within(witness.heard.next(), "the last words", 3_000), "the last words");
        assert.deepEqual(await within(witness.gone.next(), "the departure", 3_000), { id, reason: null });
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
