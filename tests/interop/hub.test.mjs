// The official client against the Rust server, over WebSockets and JSON.
// Texts of errors are compared whole: they are part of the protocol.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { HubConnectionState } from "@microsoft/signalr";

import { client, connected, negotiated, programs, relay, skipped, startServer, within } from "./support.mjs";

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

const failure = (promise) => promise.then((value) => assert.fail(`succeeded with ${value}`), (error) => error.message);

for (const [way, options] of Object.entries({ negotiated, skipped })) {
  describe(`over WebSockets, negotiation ${way}`, () => {
    test("every JSON shape comes back as it went", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      const ann = { fullName: "Ann Ödegård", age: 37, tags: ["a", "b"] };
      const text = "naïve 日本語 👩‍👩‍👧‍👦 \u0000 \u001e \u2028 \"quoted\" back\\slash <b>&amp;";
      const shapes = {
        echoString: ["", text, "x".repeat(30_000)],
        echoNumber: [0, 5, -1.5, 1e308, 0.1],
        echoInteger: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
        echoBool: [true, false],
        echoOption: [null, "some"],
        echoStruct: [ann, { ...ann, age: null, tags: [] }],
        echoList: [[], [1, 2, 3]],
        echoMap: [{}, { ann, "key with \"quotes\" 👍": ann }],
        echoAny: [null, 1, "x", [], {}, [[{ deep: [null, { er: text }] }]]],
      };
      for (const [method, values] of Object.entries(shapes)) {
        for (const value of values) assert.deepEqual(await connection.invoke(method, value), value, method);
      }
      assert.equal(await connection.invoke("echoBorrowed", "hello", ann), "hello Ann Ödegård");
    });

    test("methods return values, or nothing, at once or later", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      assert.equal(await connection.invoke("add", 2, 40), 42);
      assert.equal(await connection.invoke("nothing"), null);
      assert.equal(await connection.invoke("slow", 20), 20);
    });

    test("names are found without case, and only exported ones", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      assert.equal(await connection.invoke("ADD", 1, 2), 3);
      assert.equal(await connection.invoke("Add", 1, 2), 3);
      assert.equal(await connection.invoke("theOtherName"), "renamed");
      assert.equal(await connection.invoke("THEOTHERNAME"), "renamed");
      const hidden = ["nope", "renamed", "private", "onConnected", "on_connected", "OnConnectedAsync", "onDisconnected", "add ", "echo_string"];
      for (const name of hidden) {
        assert.equal(
          await failure(connection.invoke(name)),
          `Failed to invoke '${name}' due to an error on the server. HubException: Method does not exist.`,
        );
      }
      assert.equal(await connection.invoke("add", 1, 2), 3, "the connection survives");
    });

    test("errors say what the hub chose to say, and no more", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      const unexpected = (name) => `An unexpected error occurred invoking '${name}' on the server.`;
      assert.equal(await failure(connection.invoke("failPublic")), `${unexpected("failPublic")} HubException: no tea left`);
      assert.equal(await failure(connection.invoke("FAILpublic")), `${unexpected("FAILpublic")} HubException: no tea left`);
      assert.equal(await failure(connection.invoke("failPrivate")), unexpected("failPrivate"));
      assert.equal(await failure(connection.invoke("failPanic")), unexpected("failPanic"));
      for (const args of [[], [1], [1, 2, 3], ["one", "two"], [null, 1], [1.5, 1]]) {
        assert.equal(await failure(connection.invoke("add", ...args)), "Failed to invoke 'add' due to an error on the server.");
      }
      assert.equal(await connection.invoke("add", 1, 2), 3, "the connection survives");
    });

    test("a thousand sends of one tick arrive in order", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      for (let i = 0; i < 1_000; i++) connection.send("record", i);
      assert.deepEqual(await connection.invoke("recorded"), Array.from({ length: 1_000 }, (_, i) => i));
    });

    test("ten thousand numbers reach the caller in order, before the answer", limit, async (t) => {
      const connection = await connected(t, hub, { options });
      const seen = [];
      connection.on("number", (n) => seen.push(n));
      assert.equal(await connection.invoke("countTo", 10_000), 10_000);
      assert.deepEqual(seen, Array.from({ length: 10_000 }, (_, i) => i));
    });
  });
}

describe("calls", () => {
  test("a failing send without an answer harms nothing", limit, async (t) => {
    const connection = await connected(t, hub);
    for (const method of ["nope", "failPublic", "failPanic", "add"]) await connection.send(method);
    assert.equal(await connection.invoke("add", 1, 2), 3);
  });

  test("many calls at once each get their own answer", limit, async (t) => {
    const connections = await Promise.all(Array.from({ length: 5 }, () => connected(t, hub)));
    const calls = connections.flatMap((connection, c) =>
      Array.from({ length: 200 }, async (_, i) => assert.equal(await connection.invoke("add", 1_000 * c, i), 1_000 * c + i)));
    await Promise.all(calls);
  });

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

  test("detailed errors tell more, when they are switched on", limit, async (t) => {
    const connection = await connected(t, `${server.url}/detailed`);
    assert.match(await failure(connection.invoke("failPrivate")), /^An unexpected error occurred invoking 'failPrivate' on the server\. .*: invalid digit found in string$/);
    assert.equal(
      await failure(connection.invoke("add", 1)),
      "Failed to invoke 'add' due to an error on the server. InvalidDataException: Invocation provides 1 argument(s) but target expects 2.",
    );
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

describe("sending", () => {
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

    const pascal = client(`${server.url}/pascal`);
    t.after(() => pascal.stop());
    await pascal.start();
    const received = within(new Promise((resolve) => pascal.on("MessageReceived", resolve)), "the message in Pascal case");
    await pascal.invoke("SayIt", "hello");
    assert.equal(await received, "hello");
  });
});

describe("the end of a connection", () => {
  /** What a client without a chance hears at its start: the refusal may come before or after `start` has resolved. */
  async function refusal(t, url) {
    const connection = client(url, { retries });
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
describe("keep-alive", () => {
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
