// The Rust client in headless Chromium: cases of tests/wasm, in pages of our own server, and in a worker.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { programs, startBrowser, startServer, surroundings, target } from "./support.mjs";

const limit = { timeout: 30_000 };
const folder = process.env.WASM_CLIENT ?? path.join(target, "wasm/client");
const module = "/wasm/signalr_wasm_tests.js";
let server;
let browser;
let shared;
before(async () => {
  [server, browser] = await Promise.all([startServer(programs.interop), startBrowser()]);
  shared = await open(server.url);
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

/** Opens a page of a server with the client in it, and gives what runs a case there. `outside` is what the case may do to the world. */
async function open(url, outside = () => {}) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.exposeFunction("outside", (deed) => outside(deed, page));
  await page.route("**/wasm/*", (route) => route.fulfill({ path: path.join(folder, path.basename(new URL(route.request().url()).pathname)) }));
  await page.goto(url);
  await page.addScriptTag({ type: "module", content: `import start, { run } from "${module}"; window.memory = (await start()).memory; window.run = run;` });
  await page.waitForFunction(() => window.run !== undefined);
  const run = async (name, encoding = "json", way = "negotiated", base = url) => {
    const args = [name, base, encoding, way];
    const { outcome, error } = await page.evaluate(
      (args) => window.run(...args).then((outcome) => ({ outcome }), (error) => ({ error: String(error) })),
      args,
    );
    assert.equal(error, undefined);
    assert.deepEqual(errors, []);
    return JSON.parse(outcome);
  };
  return { page, run };
}

const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;
const calls = (way) => ({
  sum: 3,
  text: "é\u001e🦀",
  echoed: true,
  blob: true,
  moment: true,
  recorded: [1, 2, 3],
  errors: [
    `${unexpected("failPublic")} HubException: no tea left`,
    unexpected("failPrivate"),
    unexpected("failPanic"),
    "Failed to invoke 'private' due to an error on the server. HubException: Method does not exist.",
  ],
  together: 2_450,
  hasId: way === "negotiated",
  sameId: true,
  transport: "WebSockets",
  stopped: "The 'invoke' method cannot be called if the connection is not active",
});
const silence = "Server timeout (300.00ms) elapsed without receiving a message from the server.";
const tooMuch = /^the server sent faster than was read: \d+ bytes wait, more than the 50000 that `receive_queue_limit` allows$/;

for (const encoding of ["json", "messagepack"]) {
  for (const way of ["negotiated", "skipped"]) {
    describe(`the Rust client on a page in ${encoding}, ${way}`, () => {
      const gives = (name, expected) =>
        test(name, limit, async () => assert.deepEqual(await shared.run(name, encoding, way), expected));

      gives("calls", calls(way));
      gives("proxies", { sum: 42, echoed: true });
      gives("streams", {
        inOrder: true,
        torn: [0, 1],
        error: "An error occurred on the server while streaming results. HubException: the paper is torn",
        held: [0, 1],
        dropped: "dropped",
      });
      gives("uploads", { sum: 500_500, woven: "a-x b-y ", scaled: [3, 6, 9, 12] });
      gives("large uploads", { bytes: 2_000_000, same: true });
      gives("messages", { numbers: true, removed: true, heard: "it is me" });
      gives("questions", { confirmed: true, older: { fullName: "Ann", age: 38, tags: [] }, number: "the number 22", nobody: "no handler" });
      gives("closing", ["closed: The server closed the connection with the following error: we move", "closed", "closed", "closed"]);
      gives("coming back", { events: ["reconnecting", "reconnected"], welcome: "welcome", otherId: true, sum: 3 });
      gives("a silent server", { event: `closed: ${silence}`, waiting: silence });
      gives("dropped", { same: true, reason: null });

      test("members", limit, async () => {
        const { refused, ...outcome } = await shared.run("members", encoding, way);
        // Of WebSockets pages learn nothing.
        assert.deepEqual(outcome, { user: "ann+&=%/~ ?#", isUnauthorized: way === "negotiated" });
        const why = { negotiated: "was answered with the status 401", skipped: "failed: it could not be opened, and browsers do not say why" };
        assert.ok(refused.endsWith(why[way]), refused);
      });

      test("unread streams", limit, async () => {
        const { few, error } = await shared.run("unread streams", encoding, way);
        assert.ok(few);
        assert.match(error, tooMuch);
      });

      test("a broken network", limit, async (t) => {
        const { url, outside } = await surroundings(t);
        const { page, run } = await open(url, outside);
        t.after(() => page.close());
        assert.deepEqual(await run("a broken network", encoding, way), {
          lost: "reconnecting: the connection's input or output failed: the server closed the WebSocket without a close frame",
          failed: true,
          back: "reconnected",
          sum: 3,
        });
      });
    });
  }

  describe(`the Rust client on a page in ${encoding}`, () => {
    test("a stateful reconnect", limit, async (t) => {
      const { url, outside } = await surroundings(t);
      const { page, run } = await open(url, outside);
      t.after(() => page.close());
      assert.deepEqual(await run("a cut network", encoding), { waited: 300, inOrder: true, quiet: true });
    });

    test("messages are of the encoding's own kind", limit, async () => {
      const kinds = new Set();
      const note = ({ payload }) => kinds.add(typeof payload);
      shared.page.once("websocket", (socket) => socket.on("framesent", note).on("framereceived", note));
      await shared.run("proxies", encoding);
      assert.deepEqual([...kinds], [encoding === "json" ? "string" : "object"]);
    });
  });
}

test("an address without a host is the page's own", limit, async () => {
  assert.deepEqual(await shared.run("calls", "json", "negotiated", ""), calls("negotiated"));
});

test("a page of another origin uses a hub that allows it", limit, async (t) => {
  const other = await startServer(programs.interop, "127.0.0.1:0", server.url);
  t.after(() => other.kill());
  assert.deepEqual(await shared.run("proxies", "json", "negotiated", `${other.url}/large?as=`), { sum: 42, echoed: true });
});

test("byte streams of the page's own", limit, async () => assert.equal(await shared.run("byte streams"), 3));

test("options are checked", limit, async () => {
  assert.deepEqual(await shared.run("options"), [
    "option `url` must be an absolute http or https URL, but is `ftp://h/hub`",
    "option `url` must not hold a user name, but is `http://…@h/hub`: credentials are sent as an access token or a header",
    "option `url` must be an absolute http or https URL, but is empty",
    "option `request_timeout` must be longer than zero",
    "option `authentication_refresh_before` must be longer than zero",
    "option `receive_queue_limit` must be at least 1, but is 0",
    null,
  ]);
});

test("options that pages cannot have are not there", limit, async () => assert.equal(await shared.run("absent"), null));

test("refusals", limit, async () => {
  const { url } = server;
  assert.deepEqual(await shared.run("refusals"), {
    refused: "The server closed the connection with the following error: Connection closed with an error. HubException: members only",
    state: "Disconnected",
    nobody: "negotiation at http://127.0.0.1:1024/hub/negotiate failed: TypeError: Failed to fetch",
    missing: `Invalid negotiation response received.: the answer of ${url}/no/hub/here, of type text/html; charset=utf-8: expected value at line 1 column 1`,
  });
});

describe("a negotiation", () => {
  const url = () => `${server.url}/moved/negotiate`;

  /** What becomes of one that is answered so, and how often it was asked for. */
  async function answered(t, answer) {
    let asked = 0;
    const fulfil = (route) => {
      asked += 1;
      return answer(route);
    };
    await shared.page.route("**/moved/negotiate*", fulfil);
    t.after(() => shared.page.unroute("**/moved/negotiate*"));
    return { outcome: await shared.run("one attempt"), asked };
  }
  const json = (json) => (route) => route.fulfill({ json });

  test("that leads to another hub brings its token there", limit, async (t) => {
    const { outcome } = await answered(t, json({ url: `${server.url}/members`, accessToken: "bob" }));
    assert.equal(outcome, "bob");
  });

  test("that leads round in circles ends after a hundred", limit, async (t) => {
    const { outcome, asked } = await answered(t, json({ url: `${server.url}/moved` }));
    assert.deepEqual([outcome, asked], ["Negotiate redirection limit exceeded.", 100]);
  });

  test("that offers other transports names them", limit, async (t) => {
    const availableTransports = [{ transport: "ServerSentEvents", transferFormats: ["Text"] }];
    const { outcome } = await answered(t, json({ connectionId: "1", availableTransports }));
    const texts = ["Unable to connect to the server with any of the available transports.", "(ServerSentEvents failed: The transport is not supported by the client.)"];
    assert.equal(outcome, texts.join(" "));
  });

  test("that fails says why", limit, async (t) => {
    const outcome = async (answer) => (await answered(t, answer)).outcome;
    assert.equal(await outcome(json({ error: "not today" })), "not today");
    assert.equal(await outcome((route) => route.fulfill({ status: 503 })), `negotiation at ${url()} was answered with the status 503`);
    const book = { body: "x".repeat(70_000) };
    assert.equal(await outcome((route) => route.fulfill(book)), `negotiation at ${url()} failed: the answer has more than 65536 bytes`);
  });

  test("without an answer is given up", limit, async (t) => {
    const aborted = shared.page.waitForEvent("requestfailed");
    const { outcome } = await answered(t, () => {});
    assert.equal((await aborted).failure().errorText, "net::ERR_ABORTED");
    assert.equal(outcome, `negotiation at ${url()} was not answered within the \`request_timeout\`: 2s`);
  });
});

describe("an authentication refresh", () => {
  /** A page whose negotiations lead to a hub, with a lifetime of two seconds, and whose refreshes are answered in turn. */
  async function play(t, hub, answers, outside) {
    const { page, run } = await open(server.url, outside);
    t.after(() => page.close());
    const asked = [];
    const negotiation = { url: `${server.url}/${hub}`, accessToken: "bob", tokenLifetimeSeconds: 2 };
    await page.route("**/moved/negotiate*", (route) => route.fulfill({ json: negotiation }));
    await page.route("**/moved/refresh*", (route, request) => answers[asked.push(request) - 1](route));
    return { page, run, asked };
  }
  const valid = (tokenLifetimeSeconds) => (route) => route.fulfill({ json: { tokenLifetimeSeconds } });

  test("goes to the page's server when it is due and by hand, with a new token", limit, async (t) => {
    const empty = (route) => route.fulfill({ status: 204 });
    const refusal = (route) => route.fulfill({ status: 403 });
    const book = (route) => route.fulfill({ body: "x".repeat(70_000) });
    const answers = [valid(3_600), valid(7_200), empty, refusal, book, () => {}];
    const { page, run, asked } = await play(t, "members", answers);
    const aborted = page.waitForEvent("requestfailed");
    const { outcomes, user } = await run("refreshes");
    const what = `the authentication refresh at ${server.url}/moved/refresh`;
    assert.deepEqual(outcomes, [
      3_600,
      7_200,
      null,
      `${what} was answered with the status 403`,
      `${what} failed: the answer has more than 65536 bytes`,
      `${what} was not answered within the \`request_timeout\`: 2s`,
    ]);
    assert.equal((await aborted).failure().errorText, "net::ERR_ABORTED");
    assert.equal(user, "bob");
    const seen = asked.map((request) => [request.method(), request.headers().authorization, request.postData()]);
    // The first token was the negotiation's.
    assert.deepEqual(seen, [2, 3, 4, 5, 6, 7].map((number) => ["POST", `Bearer token-${number}`, null]));
    for (const request of asked) assert.match(request.url(), /\/moved\/refresh\?id=.+/);
  });

  test("is not late on a hidden page, whose timers are slow", limit, async (t) => {
    const slow = (_, page) =>
      page.evaluate(() => {
        const { setTimeout } = window;
        window.setTimeout = (call, millis, ...more) => setTimeout(call, Math.max(millis, 60_000), ...more);
      });
    const { run, asked } = await play(t, "quick", [valid(3_600)], slow);
    assert.equal(await run("late timers"), 3_600);
    assert.equal(asked.length, 1);
  });
});

test("connections that have ended leave nothing behind", limit, async (t) => {
  const { page, run } = await open(server.url);
  t.after(() => page.close());
  const size = () => page.evaluate(() => window.memory.buffer.byteLength);
  await run("rounds");
  const before = await size();
  for (let i = 0; i < 4; i++) await run("rounds");
  assert.equal(await size(), before);
});

test("a hidden page, whose timers are slow, still pings", limit, async (t) => {
  let heard = 0;
  let slowed;
  const outside = async (_, page) => {
    await page.evaluate(() => {
      const { setTimeout } = window;
      window.setTimeout = (call, millis, ...more) => setTimeout(call, Math.max(millis, 60_000), ...more);
    });
    heard = 0;
    // More pings of the server than it gives a silent client time for.
    await new Promise((resolve) => (slowed = resolve));
  };
  const { page, run } = await open(server.url, outside);
  t.after(() => page.close());
  page.once("websocket", (socket) => socket.on("framereceived", () => ++heard >= 8 && slowed?.()));
  assert.equal(await run("slow timers"), 3);
});

test("a worker", limit, async () => {
  const script = `
    onmessage = async ({ data: { module, args } }) => {
      const { default: start, run } = await import(module);
      await start();
      postMessage(await run(...args).catch((error) => String(error)));
    };`;
  const outcome = await shared.page.evaluate(([script, module, args]) => {
    // A script that did not come from the server, or from its page, may not connect to it.
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), { type: "module" });
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => resolve(message);
      worker.postMessage({ module: new URL(module, location).href, args });
    }).finally(() => worker.terminate());
  }, [script, module, ["calls", "", "messagepack", "negotiated"]]);
  assert.deepEqual(outcome.startsWith("{") ? JSON.parse(outcome) : outcome, calls("negotiated"));
});
