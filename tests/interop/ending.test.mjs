// How connections of the official client end, by either side or by the network between them, and come back.
// Texts of errors are compared whole: they are part of the protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { HubConnectionState } from "@microsoft/signalr";

import { client, connected as connectedAs, programs, relay, skipped, startServer, within } from "./support.mjs";
import { failure } from "./suite/check.mjs";
import { offered } from "./suite/encodings.mjs";

const limit = { timeout: 30_000 };
/** Enough quick retries to outlast a restart. */
const retries = Array(200).fill(25);

let server;
let hub;
before(async () => {
  server = await startServer(programs.interop);
  hub = `${server.url}/hub`;
}, limit);
after(() => server?.kill(), limit);

for (const encoding of offered) {
  const connected = (t, url, settings) => connectedAs(t, url, { encoding, ...settings });

  describe(`the end of a connection in ${encoding}`, () => {
    /** What a client without a chance hears at its start: the refusal may come before or after `start` has resolved. */
    async function refusal(t, url) {
      const connection = client(url, { encoding, retries });
      t.after(() => connection.stop());
      const error = await connection.start().then(() => connection.closed.next("the refusal"), (error) => error);
      assert.deepEqual(connection.reconnecting.drain(), [], "a refused client does not come back");
      return error.message;
    }

    test("a hub that refuses says why only if it wants to", limit, async (t) => {
      const closed = "Server returned an error on close: Connection closed with an error.";
      assert.equal(await refusal(t, `${server.url}/refuse`), closed);
      assert.equal(await refusal(t, `${server.url}/refuse?why=public`), `${closed} HubException: members only`);
    });

    test("others hear that a client has gone, once, and it is in no group any more", limit, async (t) => {
      const [stays, leaves] = await Promise.all([connected(t, `${server.url}/detailed`), connected(t, `${server.url}/detailed`)]);
      const id = leaves.connectionId;
      await leaves.invoke("join", "leavers");
      await leaves.stop();
      assert.deepEqual(await stays.gone.next("the departure"), { id, reason: null });
      assert.equal(await stays.invoke("connections"), 1);
      await stays.invoke("tell", { to: "group", group: "leavers" }, "hello");
      assert.deepEqual(stays.gone.drain(), []);
    });

    test("abort ends the connection for good", limit, async (t) => {
      const connection = await connected(t, hub, { retries });
      connection.send("abortMe");
      assert.equal(await connection.closed.next("the end"), undefined);
      assert.deepEqual(connection.reconnecting.drain(), []);
    });

    test("close tells the reason, and with permission the client comes back", limit, async (t) => {
      const final = await connected(t, hub, { retries });
      final.send("closeMe", "tea is over", false);
      assert.equal((await final.closed.next("the end")).message, "Server returned an error on close: tea is over");
      assert.deepEqual(final.reconnecting.drain(), []);

      const returning = await connected(t, hub, { retries });
      const id = returning.connectionId;
      returning.send("closeMe", null, true);
      assert.equal(await returning.reconnecting.next("the break"), undefined);
      const next = await returning.reconnected.next("the return");
      assert.notEqual(next, id);
      assert.equal(await returning.invoke("count"), 1, "a new connection has a new session");
    });

    test("a broken network is survived, with a new id and no groups", limit, async (t) => {
      const wire = await relay(t, server.port);
      const connection = await connected(t, `${wire.url}/hub`, { retries });
      const id = connection.connectionId;
      await connection.invoke("join", "survivors");
      wire.cut();
      await connection.reconnecting.next("the break");
      assert.notEqual(await connection.reconnected.next("the return"), id);
      assert.equal(await connection.heard.next("the second welcome"), "welcome");
      await connection.invoke("tell", { to: "group", group: "survivors" }, "hello");
      await connection.invoke("tell", { to: "caller" }, "fence");
      assert.equal(await connection.heard.next("the fence"), "fence");
    });

    test("an oversize message ends the connection with an error, and the client may come back", limit, async (t) => {
      const connection = await connected(t, hub, { retries });
      connection.send("echoString", "x".repeat(33_000));
      assert.equal((await connection.reconnecting.next("the break")).message, "Server returned an error on close: Connection closed with an error.");
      await connection.reconnected.next("the return");
      assert.equal(await connection.invoke("add", 1, 2), 3);
    });

    test("so does a call without a name, which the protocol forbids", limit, async (t) => {
      const connection = await connected(t, hub, { retries });
      assert.equal(await failure(connection.invoke("")), "Server returned an error on close: Connection closed with an error.");
      await connection.reconnected.next("the return");
    });

    test("a server that stops says goodbye, and its clients find the next one", limit, async (t) => {
      const first = await startServer(programs.interop);
      const connections = await Promise.all([
        connected(t, `${first.url}/hub`, { retries }),
        connected(t, `${first.url}/hub`, { retries, options: skipped }),
        connected(t, `${first.url}/hub`),
      ]);
      const [, , withoutRetries] = connections;
      const { code } = await within(first.stop(), "the server to stop");
      assert.equal(code, 0);
      for (const connection of connections.slice(0, 2)) {
        assert.equal(await connection.reconnecting.next("the goodbye"), undefined, "a goodbye is no error");
      }
      assert.equal(await withoutRetries.closed.next("the goodbye"), undefined);

      const second = await startServer(programs.interop, `127.0.0.1:${first.port}`);
      t.after(() => second.kill());
      for (const connection of connections.slice(0, 2)) {
        await connection.reconnected.next("the return");
        assert.equal(await connection.invoke("add", 1, 2), 3);
      }
    });

    test("a server that dies is found again, too", limit, async (t) => {
      const first = await startServer(programs.interop);
      const connection = await connected(t, `${first.url}/hub`, { retries });
      await first.kill();
      await connection.reconnecting.next("the break");
      const second = await startServer(programs.interop, `127.0.0.1:${first.port}`);
      t.after(() => second.kill());
      await connection.reconnected.next("the return");
      assert.equal(await connection.invoke("add", 1, 2), 3);
    });
  });

  // These wait for clocks: the server's keep-alive is 500 ms and its client timeout 2 s.
  describe(`keep-alive in ${encoding}`, () => {
    test("pings keep an idle connection alive on both sides", limit, async (t) => {
      const settings = { serverTimeoutInMilliseconds: 1_500, keepAliveIntervalInMilliseconds: 500 };
      const connection = await connected(t, `${server.url}/quick`, settings);
      const ended = connection.closed.next("nothing, in peace").then(() => "ended", () => "in peace");
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5_000))]);
      assert.equal(connection.state, HubConnectionState.Connected);
      assert.equal(await connection.invoke("add", 1, 2), 3);
    });

    test("a client that falls silent is let go, and may come back", limit, async (t) => {
      const wire = await relay(t, server.port);
      const witness = await connected(t, `${server.url}/quick`, { keepAliveIntervalInMilliseconds: 500 });
      const connection = await connected(t, `${wire.url}/quick`, { retries, keepAliveIntervalInMilliseconds: 500 });
      connection.onreconnecting(() => wire.thaw());
      const id = connection.connectionId;
      wire.freeze();
      assert.equal((await connection.reconnecting.next("the time-out")).message, "Server returned an error on close: Connection closed with an error.");
      const gone = await witness.gone.next("the departure");
      assert.equal(gone.id, id);
      assert.ok(gone.reason, "the hub is told why");
      assert.notEqual(await connection.reconnected.next("the return"), id);
    });
  });
}
