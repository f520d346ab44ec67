// Stateful reconnect with the official client: its socket is cut again and again while both sides send.
//
// STATEFUL_MESSAGES and STATEFUL_CUTS ask for more than the usual numbers; 100000 and 200 take some minutes. An acknowledgement comes once a
// second, and what may be sent without one is 100,000 bytes, about 2,000 messages.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, describe, test } from "node:test";

import { library, programs, startServer, within } from "./support.mjs";
import { encodingOf, offered } from "./suite/encodings.mjs";

const messages = Number(process.env.STATEFUL_MESSAGES ?? 10_000);
const cuts = Number(process.env.STATEFUL_CUTS ?? 20);
const limit = { timeout: 30_000 + messages * 10 };

let server;
before(async () => {
  server = await startServer(programs.interop);
}, limit);
after(() => server?.kill(), limit);

/** Numbers that look random and are the same every time. */
function dice(seed) {
  return (most) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return 1 + (seed % most);
  };
}

/**
 * A TCP relay that cuts each connection after some bytes, in whatever direction and place, as long as there are cuts left. It counts from
 * the client's first frame on, as the official client tries only once to come back: what breaks off before has no second chance.
 */
async function cutting(t, port, roll, most) {
  const pairs = new Set();
  const state = { left: 0, made: 0 };
  const relay = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    const pair = [near, far];
    pairs.add(pair);
    let chunks = 0;
    let bytes = roll(most);
    const pass = (from, to) => (data) => {
      if (from === near) chunks += 1;
      const counts = chunks > 1 && state.left > 0;
      if (!counts || data.length < bytes) {
        if (counts) bytes -= data.length;
        to.write(data);
        return;
      }
      state.left -= 1;
      state.made += 1;
      to.write(data.subarray(0, bytes), () => pair.forEach((socket) => socket.resetAndDestroy()));
      from.pause();
    };
    near.on("data", pass(near, far));
    far.on("data", pass(far, near));
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        pair.forEach((socket) => socket.destroy());
      });
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => {
    relay.close();
    for (const pair of pairs) pair.forEach((socket) => socket.destroy());
  });
  return Object.assign(state, {
    url: `http://127.0.0.1:${relay.address().port}`,
    cut: () => pairs.forEach((pair) => pair.forEach((socket) => socket.resetAndDestroy())),
  });
}

/** A client that is connected, with what it has been told. */
async function connect(t, url, encoding) {
  const connection = new library.signalR.HubConnectionBuilder()
    .withUrl(`${url}/stateful`, { transport: library.signalR.HttpTransportType.WebSockets })
    .withHubProtocol(encodingOf(encoding).protocol(library))
    .withStatefulReconnect()
    .configureLogging({ log() {} })
    .build();
  const heard = [];
  const ends = [];
  connection.on("number", (number) => heard.push(number));
  connection.on("heard", () => {});
  connection.onclose((error) => ends.push(error));
  t.after(() => connection.stop());
  await connection.start();
  return { connection, heard, ends };
}

/** Waits, and fails at once when the connection ends. */
async function until(happened, ends, what) {
  const waiting = async () => {
    while (!happened()) {
      assert.deepEqual(ends, [], what);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await within(waiting(), what, limit.timeout);
}

const numbers = (count) => Array.from({ length: count }, (_, number) => number);

for (const encoding of offered) {
  describe(`stateful reconnect in ${encoding}`, () => {
    test(`${cuts} cuts while ${messages} messages go each way lose and double nothing`, limit, async (t) => {
      const roll = dice(encoding.length);
      const relay = await cutting(t, server.port, roll, Math.ceil((messages * 110) / cuts));
      const { connection, heard, ends } = await connect(t, relay.url, encoding);
      const id = connection.connectionId;
      relay.left = cuts;
      const counting = connection.invoke("countTo", messages);
      for (let number = 0; number < messages; number++) await connection.send("record", number);
      await until(() => heard.length >= messages, ends, "all numbers");
      assert.equal(await counting, messages);
      // What is not used up yet: the client is idle, and cut all the same.
      for (let number = 0; relay.left > 0; number++) assert.equal(await connection.invoke("add", number, 1), number + 1);
      const recorded = await connection.invoke("recorded");
      assert.deepEqual(heard, numbers(messages));
      assert.deepEqual(recorded, numbers(messages));
      assert.equal(relay.made, cuts);
      assert.equal(connection.connectionId, id);
      assert.deepEqual(ends, []);
    });

    test("a call that waits for its answer, the groups and the items last", limit, async (t) => {
      const relay = await cutting(t, server.port, dice(1), 1);
      const { connection, ends } = await connect(t, relay.url, encoding);
      await connection.invoke("keep", "tea");
      await connection.invoke("join", "drinkers");
      const told = new Promise((resolve) => connection.on("heard", (_, text) => text === "news" && resolve()));
      const slow = connection.invoke("slow", 500);
      relay.cut();
      assert.equal(await slow, 500);
      assert.equal(await connection.invoke("kept"), "tea");
      relay.cut();
      const other = await connect(t, `http://127.0.0.1:${server.port}`, encoding);
      await other.connection.invoke("tell", { to: "group", group: "drinkers" }, "news");
      await within(told, "the news", 5_000);
      assert.deepEqual(ends, []);
    });
  });
}
