// The official client over every transport that the server offers, chosen and fallen back to.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { HttpTransportType, HubConnectionState, Subject } from "@microsoft/signalr";

import { client, connected, isEvents, programs, proxy, relay, startServer, within } from "./support.mjs";

const limit = { timeout: 30_000 };
/** Enough quick retries to outlast a restart. */
const retries = Array(200).fill(25);

let server;
let hub;
before(async () => {
  server = await startServer(programs.interop);
  hub = `${server.url}/everywhere`;
}, limit);
after(() => server?.kill(), limit);

const failure = (promise) => promise.then((value) => assert.fail(`succeeded with ${value}`), (error) => error.message);

/** Everything that a stream brings, or its error. */
const drained = (stream) => new Promise((resolve, reject) => {
  const items = [];
  stream.subscribe({ next: (item) => items.push(item), error: reject, complete: () => resolve(items) });
});

/** How a client gets through: what it asks for, and what stands between it and the server. */
const ways = {
  WebSockets: { options: { transport: HttpTransportType.WebSockets } },
  ServerSentEvents: { options: { transport: HttpTransportType.ServerSentEvents } },
  LongPolling: { options: { transport: HttpTransportType.LongPolling } },
  "ServerSentEvents, where WebSockets are blocked": { options: {}, through: (t) => proxy(t, server.port) },
  "LongPolling, where events are blocked as well": { options: {}, through: (t) => proxy(t, server.port, isEvents) },
};

for (const [way, { options, through }] of Object.entries(ways)) {
  const transport = way.split(",")[0];
  const url = async (t) => (through ? `${(await through(t)).url}/everywhere` : hub);
  const connect = async (t, settings) => connected(t, await url(t), { options, ...settings });

  describe(`over ${way}`, () => {
    test("the transport is the one that is wanted, or left", limit, async (t) => {
      const connection = await connect(t);
      assert.equal(await connection.invoke("transport"), transport);
    });

    test("calls are answered, one by one and many at once", limit, async (t) => {
      const connection = await connect(t);
      const text = "naïve 日本語 👩‍👩‍👧‍👦 \u0000 \u001e \u2028 \r\n \"quoted\" <b>&amp;";
      assert.equal(await connection.invoke("echo", text), text);
      assert.equal(await failure(connection.invoke("fail")), "An unexpected error occurred invoking 'fail' on the server. HubException: no tea left");
      assert.equal(await failure(connection.invoke("nope")), "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.");
      const sums = await Promise.all(Array.from({ length: 200 }, (_, i) => connection.invoke("add", i, 1)));
      assert.deepEqual(sums, Array.from({ length: 200 }, (_, i) => i + 1));
    });

    test("a thousand sends of one tick arrive in order", limit, async (t) => {
      const connection = await connect(t);
      for (let i = 0; i < 1_000; i++) connection.send("record", i);
      assert.deepEqual(await connection.invoke("recorded"), Array.from({ length: 1_000 }, (_, i) => i));
    });

    test("five thousand numbers reach the caller in order, before the answer", limit, async (t) => {
      const connection = await connect(t);
      const seen = [];
      connection.on("number", (n) => seen.push(n));
      assert.equal(await connection.invoke("countTo", 5_000), 5_000);
      assert.deepEqual(seen, Array.from({ length: 5_000 }, (_, i) => i));
    });

    test("broadcasts reach everybody in order", limit, async (t) => {
      const connections = await Promise.all([connect(t), connect(t), connect(t)]);
      for (let i = 0; i < 50; i++) await connections[i % 3].invoke("tellAll", `${way} ${i}`);
      for (const connection of connections) {
        const mine = [];
        // Other tests have clients too.
        while (mine.length < 50) {
          const text = await connection.heard.next("a broadcast");
          if (text.startsWith(`${way} `)) mine.push(text);
        }
        assert.deepEqual(mine, Array.from({ length: 50 }, (_, i) => `${way} ${i}`));
      }
    });

    test("streams come whole, and end when they are cancelled", limit, async (t) => {
      const connection = await connect(t);
      assert.deepEqual(await drained(connection.stream("counter", 100, 0)), Array.from({ length: 100 }, (_, i) => i));
      const before = await connection.invoke("dropped");
      const first = new Promise((resolve, reject) => {
        const endless = connection.stream("counter", 4_000_000_000, 5).subscribe({
          next: (item) => item === 3 && resolve(endless),
          error: reject,
          complete: () => reject(new Error("it ended by itself")),
        });
      });
      (await within(first, "the stream to begin")).dispose();
      await within((async () => {
        while ((await connection.invoke("dropped")) === before) await new Promise((resolve) => setTimeout(resolve, 10));
      })(), "the stream to end");
    });

    test("uploads are read, and streams go both ways", limit, async (t) => {
      const connection = await connect(t);
      const numbers = new Subject();
      const sum = connection.invoke("sum", numbers);
      for (let i = 1; i <= 100; i++) numbers.next(i);
      numbers.complete();
      assert.equal(await sum, 5_050);

      const [upload, doubled] = [new Subject(), []];
      const done = new Promise((resolve, reject) => connection.stream("doubled", upload).subscribe({
        // One goes up when the one before has come down.
        next: (item) => { doubled.push(item); item < 20 ? upload.next(item / 2 + 1) : upload.complete(); },
        error: reject,
        complete: resolve,
      }));
      upload.next(1);
      await within(done, "the stream to end");
      assert.deepEqual(doubled, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    });

    test("a client that is asked answers", limit, async (t) => {
      const connection = await connect(t);
      connection.on("confirm", async (prompt) => prompt === "sure?");
      assert.equal(await connection.invoke("ask", "sure?"), true);
      assert.equal(await connection.invoke("ask", "really?"), false);
    });

    test("messages of 40 KB pass where the limit is raised, and larger ones than that end the connection", limit, async (t) => {
      const connection = await connect(t, { retries });
      for (const size of [40_000, 200_000]) {
        const text = "x".repeat(size);
        assert.equal(await connection.invoke("echo", text), text);
      }
      connection.send("echo", "x".repeat(300_000)).catch(() => {});
      await connection.reconnecting.next("the break");
      await connection.reconnected.next("the return");
      assert.equal(await connection.invoke("add", 1, 2), 3);
    });

    test("the hub closes with a reason, and the client comes back if it may", limit, async (t) => {
      const final = await connect(t, { retries });
      final.send("closeMe", "tea is over", false).catch(() => {});
      assert.equal((await final.closed.next("the end")).message, "Server returned an error on close: tea is over");
      assert.deepEqual(final.reconnecting.drain(), []);

      const returning = await connect(t, { retries });
      const id = returning.connectionId;
      returning.send("closeMe", null, true).catch(() => {});
      await returning.reconnecting.next("the break");
      assert.notEqual(await returning.reconnected.next("the return"), id);
      assert.equal(await returning.invoke("transport"), transport);
    });

    test("a client that stops is gone at once, and its last words are heard", limit, async (t) => {
      const witness = await connect(t);
      const connection = await connect(t);
      const id = connection.connectionId;
      await connection.send("tellAll", `last words of ${id}`);
      await connection.stop();
      await within((async () => {
        while ((await witness.heard.next("the last words")) !== `last words of ${id}`);
        for (;;) {
          const gone = await witness.gone.next("the departure");
          if (gone.id === id) return assert.equal(gone.reason, null);
        }
      })(), "the departure", 3_000);
    });

    test("a server that stops or dies is found again", limit, async (t) => {
      const first = await startServer(programs.interop);
      const between = through ? await proxy(t, first.port, way.startsWith("Long") ? isEvents : undefined) : first;
      const connection = await connected(t, `${between.url}/everywhere`, { options, retries });
      const { code } = await within(first.stop(), "the server to stop");
      assert.equal(code, 0);
      await connection.reconnecting.next("the goodbye");
      const second = await startServer(programs.interop, `127.0.0.1:${first.port}`);
      await connection.reconnected.next("the return");
      assert.equal(await connection.invoke("transport"), transport);
      await second.kill();
      await connection.reconnecting.next("the break");
      const third = await startServer(programs.interop, `127.0.0.1:${first.port}`);
      t.after(() => third.kill());
      await connection.reconnected.next("the second return");
      assert.equal(await connection.invoke("add", 1, 2), 3);
    });

    test("the hub sees cookies and the query", limit, async (t) => {
      const headers = { Cookie: "a=1; tea=green" };
      const connection = await connected(t, `${await url(t)}?tenant=x%20y`, { options: { ...options, headers } });
      assert.equal(await connection.invoke("cookie", "tea"), "green");
      assert.equal(await connection.invoke("query", "tenant"), "x y");
    });
  });
}

describe("falling back", () => {
  test("a client says which transports have failed when none is left", limit, async (t) => {
    const blocked = await proxy(t, server.port, (request) => request.method === "GET");
    const connection = client(`${blocked.url}/everywhere`, { options: {} });
    const message = await failure(connection.start());
    assert.match(message, /^Unable to connect to the server with any of the available transports\. .*WebSockets failed.*ServerSentEvents failed.*LongPolling failed/);
    assert.equal(blocked.refused.length, 3);
  });

  test("a network that breaks is survived over every transport", limit, async (t) => {
    for (const transport of [HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents, HttpTransportType.LongPolling]) {
      const wire = await relay(t, server.port);
      const connection = await connected(t, `${wire.url}/everywhere`, { options: { transport }, retries });
      const id = connection.connectionId;
      wire.cut();
      await connection.reconnecting.next("the break");
      assert.notEqual(await connection.reconnected.next("the return"), id);
      assert.equal(await connection.invoke("add", 1, 2), 3);
      assert.equal(connection.state, HubConnectionState.Connected);
    }
  });
});
