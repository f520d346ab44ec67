// Pages of another origin in headless Chromium, with the official client: whom the hub lists, and whom it does not.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { programs, Queue, startBrowser, startServer } from "./support.mjs";

const limit = { timeout: 60_000 };
const bundle = fileURLToPath(new URL("node_modules/@microsoft/signalr/dist/browser/signalr.js", import.meta.url));

/** Serves an empty page, on an origin of its own: another port is enough. */
async function startPages() {
  const pages = http.createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Elsewhere</title>"));
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  return { origin: `http://127.0.0.1:${pages.address().port}`, close: () => { pages.close(); pages.closeAllConnections(); } };
}

let listed;
let foreign;
let server;
let browser;
before(async () => {
  [listed, foreign, browser] = await Promise.all([startPages(), startPages(), startBrowser()]);
  server = await startServer(programs.interop, "127.0.0.1:0", "https://app.example", listed.origin);
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
  listed?.close();
  foreign?.close();
}, limit);

/** A page of that origin with the official client, whose user has a cookie of the hub's host. */
async function open(t, { origin }) {
  const context = await browser.newContext();
  t.after(() => context.close());
  await context.addCookies([{ name: "tea", value: "green", domain: "127.0.0.1", path: "/" }]);
  const page = await context.newPage();
  const said = new Queue();
  page.on("console", (message) => said.push(message.text()));
  await page.goto(origin);
  await page.addScriptTag({ path: bundle });
  return Object.assign(page, { said });
}

/** Waits until the console has said so: it may come later than what it is about. */
async function says(page, pattern) {
  while (!pattern.test(await page.said.next(`${pattern} in the console`)));
}

const blocked = (origin) => new RegExp(`from origin '${origin}' has been blocked by CORS policy`);

/** Connects on the page, and asks what the hub sees; or says why not. */
const use = (page, transport, { url = `${server.url}/large`, ...options } = {}) =>
  page.evaluate(async ({ url, transport, token, ...options }) => {
    const connection = new signalR.HubConnectionBuilder()
      .withUrl(url, { ...options, transport: signalR.HttpTransportType[transport], accessTokenFactory: token && (() => token) })
      .configureLogging(signalR.LogLevel.None)
      .build();
    connection.on("heard", () => {});
    try {
      await connection.start();
      const { transport, cookie } = await connection.invoke("whoAmI");
      const echo = await connection.invoke("echoString", "x".repeat(40_000));
      await connection.stop();
      return [transport, cookie, echo];
    } catch (error) {
      return String(error);
    }
  }, { url, transport, ...options });

const text = "x".repeat(40_000);

for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"]) {
  test("a listed page uses the hub over every transport, with its cookies", limit, async (t) => {
    const page = await open(t, listed);
    assert.deepEqual(await use(page, transport), [transport, "green", text]);
    // A token and headers of one's own have to be asked for.
    const options = { token: "secret", headers: { "x-tenant": "1" } };
    assert.deepEqual(await use(page, transport, options), [transport, "green", text]);
  });
}

test("a listed page leaves its cookies at home if it likes", limit, async (t) => {
  const page = await open(t, listed);
  assert.deepEqual(await use(page, "LongPolling", { withCredentials: false }), ["LongPolling", null, text]);
});

test("a listed page sees the status of an error", limit, async (t) => {
  const page = await open(t, listed);
  const seen = await page.evaluate(async (url) => {
    const response = await fetch(url, { credentials: "include", headers: { "x-requested-with": "XMLHttpRequest" } });
    return [response.status, await response.text()];
  }, `${server.url}/large?id=unknown`);
  assert.deepEqual(seen, [404, "No Connection with that ID"]);
});

test("a page that is not listed is refused, and told why", limit, async (t) => {
  const page = await open(t, foreign);
  for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"]) {
    assert.match(await use(page, transport), /Failed to complete negotiation with the server: TypeError: Failed to fetch/);
    await says(page, blocked(foreign.origin));
  }
  assert.match(await use(page, "WebSockets", { skipNegotiation: true }), /WebSocket failed to connect/);
  await says(page, /WebSocket connection to '.*' failed: .*403/);

  // What the network panel shows.
  const { host } = new URL(server.url);
  const answer = await fetch(`${server.url}/large/negotiate`, { method: "POST", headers: { Origin: foreign.origin } });
  assert.equal(answer.status, 403);
  assert.equal(
    await answer.text(),
    `The origin '${foreign.origin}' may not use this hub: it is not that of the request's host ('${host}'), and \`allow_origins\` does not list it.`,
  );
});

test("a page of the hub's own origin needs no list", limit, async (t) => {
  const page = await open(t, { origin: server.url });
  for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"]) {
    assert.deepEqual(await use(page, transport), [transport, "green", text]);
  }
});

test("a page without an origin is not taken for one that is listed", limit, async (t) => {
  const page = await open(t, listed);
  const error = await page.evaluate(async ({ url }) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, { method: "POST" }).then((answer) => parent.postMessage("read " + answer.status, "*"), (error) => parent.postMessage(String(error), "*"))<\/script>`;
    const told = new Promise((resolve) => addEventListener("message", ({ data }) => resolve(data), { once: true }));
    document.body.append(frame);
    return told;
  }, { url: `${server.url}/large/negotiate` });
  assert.equal(error, "TypeError: Failed to fetch");
  await says(page, blocked("null"));
});
