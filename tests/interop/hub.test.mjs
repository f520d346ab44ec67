// The official client in Node against the Rust server: the common suite, sends to all kinds of clients, and what the
// negotiation tells.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { client, connected as connectedAs, library, programs, skipped, startServer, surroundings, within } from "./support.mjs";
import { failure } from "./suite/check.mjs";
import { offered } from "./suite/encodings.mjs";
import { cases, lasting, run } from "./suite/index.mjs";

const limit = { timeout: 30_000 };

let server;
let hub;
before(async () => {
  server = await startServer(programs.interop);
  hub = `${server.url}/hub`;
}, limit);
after(() => server?.kill(), limit);

for (const encoding of offered) {
  const connected = (t, url, settings) => connectedAs(t, url, { encoding, ...settings });

  for (const way of ["negotiated", "skipped"]) {
    describe(`the suite in ${encoding}, negotiation ${way}`, () => {
      for (const name of cases.keys()) test(name, limit, () => run(name, library, server.url, encoding, way));
      for (const name of lasting.keys()) {
        test(name, limit, async (t) => {
          const { url, outside } = await surroundings(t);
          await run(name, library, url, encoding, way, outside);
        });
      }
    });
  }

  describe(`calls in ${encoding}`, () => {
    test("calls of one connection run one after another, those of others do not wait", limit, async (t) => {
      const [slow, quick] = await Promise.all([connected(t, hub), connected(t, hub)]);
      const order = [];
      await Promise.all([
        slow.invoke("slow", 300).then(() => order.push("slow")),
        slow.invoke("add", 1, 2).then(() => order.push("behind it")),
        quick.invoke("add", 1, 2).then(() => order.push("elsewhere")),
      ]);
      assert.deepEqual(order, ["elsewhere", "slow", "behind it"]);
    });

    test("sessions and items belong to one connection", limit, async (t) => {
      const [a, b] = await Promise.all([connected(t, hub), connected(t, hub)]);
      assert.deepEqual([await a.invoke("count"), await a.invoke("count"), await b.invoke("count")], [1, 2, 1]);
      await a.invoke("keep", "mine");
      assert.deepEqual([await a.invoke("kept"), await b.invoke("kept")], ["mine", null]);
    });

    test("the hub sees who calls", limit, async (t) => {
      const connection = await connected(t, `${hub}?user=ann&tenant=7`);
      const caller = await connection.invoke("whoAmI");
      assert.equal(caller.connectionId, connection.connectionId);
      assert.equal(caller.userId, "ann");
      assert.match(caller.query, /user=ann&tenant=7/);
      assert.match(caller.agent, /SignalR/);
      assert.equal(caller.hasPeer, true);
      const stranger = await connected(t, hub, { options: skipped });
      assert.equal((await stranger.invoke("whoAmI")).userId, null);
    });
  });

  describe(`sends in ${encoding}`, () => {
    /** How often each client hears `text`. A fence sent to each afterwards ends the listening: order is kept. */
    async function hearing(clients, act) {
      await act();
      return Promise.all(clients.map(async (connection) => {
        await connection.invoke("tell", { to: "caller" }, "fence");
        let times = 0;
        for (;;) {
          const text = await connection.heard.next("the fence");
          if (text === "fence") return times;
          assert.equal(text, "hello");
          times++;
        }
      }));
    }

    test("every selector reaches exactly whom it names", limit, async (t) => {
      // A server of its own: `all` would reach the clients of other tests.
      const alone = await startServer(programs.interop);
      t.after(() => alone.kill());
      const at = (user) => connected(t, `${alone.url}/hub${user}`);
      const clients = await Promise.all([at("?user=ann"), at("?user=ben"), at("?user=ann"), at("")]);
      const [a, b, c, d] = clients;
      await Promise.all([a.invoke("join", "red"), b.invoke("join", "red"), b.invoke("join", "blue"), c.invoke("join", "blue")]);

      const [ia, ib, ic, id] = clients.map((connection) => connection.connectionId);
      const anywhere = [
        [{ to: "all" }, [1, 1, 1, 1]],
        [{ to: "allExcept", ids: [ib] }, [1, 0, 1, 1]],
        [{ to: "allExcept", ids: [ib, id, "nobody"] }, [1, 0, 1, 0]],
        [{ to: "client", id: ic }, [0, 0, 1, 0]],
        [{ to: "client", id: "nobody" }, [0, 0, 0, 0]],
        [{ to: "client", id: ic.toUpperCase() + "x" }, [0, 0, 0, 0]],
        [{ to: "clients", ids: [ib, ic, ic, "nobody"] }, [0, 1, 1, 0]],
        [{ to: "clients", ids: [] }, [0, 0, 0, 0]],
        [{ to: "group", group: "red" }, [1, 1, 0, 0]],
        [{ to: "group", group: "RED" }, [0, 0, 0, 0]],
        [{ to: "group", group: "nowhere" }, [0, 0, 0, 0]],
        [{ to: "groups", groups: ["red", "blue", "nowhere"] }, [1, 2, 1, 0]],
        [{ to: "groupExcept", group: "red", ids: [ia] }, [0, 1, 0, 0]],
        [{ to: "user", user: "ann" }, [1, 0, 1, 0]],
        [{ to: "user", user: "ANN" }, [0, 0, 0, 0]],
        [{ to: "users", users: ["ann", "ben", "ben", "nobody"] }, [1, 1, 1, 0]],
      ];
      const fromTheCaller = [
        [{ to: "caller" }, [1, 0, 0, 0]],
        [{ to: "others" }, [0, 1, 1, 1]],
        [{ to: "othersInGroup", group: "red" }, [0, 1, 0, 0]],
        [{ to: "othersInGroup", group: "blue" }, [0, 1, 1, 0]],
      ];
      for (const [target, expected] of [...anywhere, ...fromTheCaller]) {
        assert.deepEqual(await hearing(clients, () => a.invoke("tell", target, "hello")), expected, JSON.stringify(target));
      }
      for (const [target, expected] of anywhere) {
        const name = `from outside: ${JSON.stringify(target)}`;
        assert.deepEqual(await hearing(clients, () => d.invoke("tellFromOutside", target, "hello")), expected, name);
      }
    });

    test("an empty name in a list of groups is refused", limit, async (t) => {
      const connection = await connected(t, hub);
      assert.match(await failure(connection.invoke("tell", { to: "groups", groups: ["a", ""] }, "hello")), /^An unexpected error occurred invoking 'tell' on the server\./);
    });

    test("groups are joined and left, by members and from outside", limit, async (t) => {
      const clients = await Promise.all([connected(t, hub), connected(t, hub)]);
      const [a, b] = clients;
      const members = () => hearing(clients, () => a.invoke("tell", { to: "group", group: "green" }, "hello"));
      assert.deepEqual(await members(), [0, 0]);
      await a.invoke("join", "green");
      await a.invoke("join", "green");
      assert.deepEqual(await members(), [1, 0]);
      await a.invoke("addToGroup", b.connectionId, "green");
      assert.deepEqual(await members(), [1, 1]);
      await b.invoke("leave", "green");
      await b.invoke("leave", "green");
      assert.deepEqual(await members(), [1, 0]);
      await b.invoke("removeFromGroup", a.connectionId, "green");
      assert.deepEqual(await members(), [0, 0]);
      await a.invoke("addToGroup", "nobody", "green");
      assert.deepEqual(await members(), [0, 0]);
    });

    test("names on the wire follow the contract", limit, async (t) => {
      const connection = await connected(t, hub);
      const renamed = within(new Promise((resolve) => connection.on("renamed_event", (...args) => resolve(args))), "the renamed event");
      await connection.invoke("sendOtherName");
      assert.deepEqual(await renamed, []);

      const untyped = within(new Promise((resolve) => connection.on("anything", (...args) => resolve(args))), "the untyped event");
      await connection.invoke("tellUntyped", "anything", "goes");
      assert.deepEqual(await untyped, ["untyped", "goes"]);

      const pascal = client(`${server.url}/pascal`, { encoding });
      t.after(() => pascal.stop());
      await pascal.start();
      const received = within(new Promise((resolve) => pascal.on("MessageReceived", resolve)), "the message in Pascal case");
      await pascal.invoke("SayIt", "hello");
      assert.equal(await received, "hello");
    });
  });
}

describe("negotiation", () => {
  const negotiate = async (query, method = "POST") => fetch(`${hub}/negotiate${query}`, { method });

  test("offers WebSockets, with a secret token from version 1 on", limit, async () => {
    const zero = await (await negotiate("")).json();
    assert.equal(zero.negotiateVersion, 0);
    assert.equal(zero.connectionToken, undefined);
    assert.match(zero.connectionId, /^[\w-]{22}$/);

    const response = await negotiate("?negotiateVersion=1");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    const one = await response.json();
    assert.equal(one.negotiateVersion, 1);
    assert.match(one.connectionToken, /^[\w-]{22}$/);
    assert.notEqual(one.connectionToken, one.connectionId);
    assert.deepEqual(one.availableTransports[0], { transport: "WebSockets", transferFormats: ["Text", "Binary"] });
  });

  test("refuses what it does not understand", limit, async () => {
    assert.equal((await negotiate("", "GET")).status, 405);
    const { error } = await (await negotiate("?negotiateVersion=x")).json();
    assert.equal(error, "The client requested a non-integer protocol version.");
  });
});
