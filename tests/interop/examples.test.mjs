// The small examples do what their first lines promise.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { HttpTransportType, Subject } from "@microsoft/signalr";

import { client, programs, Queue, relay, startBrowser, startServer, within } from "./support.mjs";

const limit = { timeout: 30_000 };
const allTransports = [HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents, HttpTransportType.LongPolling];

async function connect(t, url) {
  const connection = client(url);
  t.after(() => connection.stop());
  await connection.start();
  return connection;
}

test("hello: what one client sends, every client hears", limit, async (t) => {
  const server = await startServer(programs.hello, "127.0.0.1:0");
  t.after(() => server.kill());
  const [ann, ben] = [await connect(t, `${server.url}/chat`), await connect(t, `${server.url}/chat`)];
  const heard = [ann, ben].map((connection) => {
    const queue = new Queue();
    connection.on("messageReceived", (...args) => queue.push(args));
    return queue;
  });
  await ann.invoke("send", "ann", "hello");
  for (const queue of heard) assert.deepEqual(await queue.next("the message"), ["ann", "hello"]);
});

test("axum: an HTTP handler pushes to the hub's clients, and Ctrl-C lets everybody go", limit, async (t) => {
  const server = await startServer(programs.axum, "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await fetch(server.url);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.match(await page.text(), /@microsoft\/signalr/);

  const reader = await connect(t, `${server.url}/hub`);
  const [peer, local] = await reader.invoke("ends");
  assert.match(peer, /^127\.0\.0\.1:\d+$/);
  assert.equal(local, `127.0.0.1:${server.port}`);
  const news = new Queue();
  reader.on("news", (text) => news.push(text));
  const notify = async (body) => (await fetch(`${server.url}/notify`, { method: "POST", body })).status;
  assert.equal(await notify(" the build is green "), 202);
  assert.equal(await news.next("the news"), "the build is green");
  assert.equal(await notify(" "), 400);

  const { code } = await within(server.stop(), "the server to stop");
  assert.equal(code, 0);
  assert.equal(await reader.closed.next("the goodbye"), undefined);
});

test("axum: the page shows what was pushed, with the client from the CDN that it asks for", limit, async (t) => {
  const server = await startServer(programs.axum, "127.0.0.1:0");
  t.after(() => server.kill());
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  // The installed package stands in for the CDN; the browser compares it with the hash that the page demands.
  const local = fileURLToPath(new URL("node_modules/@microsoft/signalr/dist/browser/signalr.min.js", import.meta.url));
  await page.route("https://cdn.jsdelivr.net/npm/@microsoft/signalr@*/dist/browser/signalr.min.js", (route) =>
    route.fulfill({ path: local, headers: { "access-control-allow-origin": "*" } }));
  const connected = page.waitForEvent("websocket").then((socket) => socket.waitForEvent("framereceived"));
  await page.goto(server.url);
  await connected;
  await page.getByLabel("News").fill("the <b>build</b> is green");
  await page.getByRole("button", { name: "Push" }).click();
  await page.getByRole("listitem").filter({ hasText: "the <b>build</b> is green" }).waitFor();
});

test("hyper: every window hears the applause, and Ctrl-C lets everybody go", limit, async (t) => {
  const server = await startServer(programs.hyper, "127.0.0.1:0");
  t.after(() => server.kill());
  const page = await fetch(server.url);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.match(await page.text(), /@microsoft\/signalr/);
  assert.equal((await fetch(`${server.url}/elsewhere`)).status, 404);

  const windows = [];
  for (const transport of allTransports) {
    const connection = client(`${server.url}/hub`, { options: { transport } });
    t.after(() => connection.stop());
    const heard = new Queue();
    connection.on("applause", (claps) => heard.push(claps));
    await connection.start();
    const [peer, local] = await connection.invoke("ends");
    assert.match(peer, /^127\.0\.0\.1:\d+$/);
    assert.equal(local, `127.0.0.1:${server.port}`);
    windows.push({ connection, heard });
  }
  for (let claps = 1; claps <= windows.length; claps++) {
    await windows[claps - 1].connection.invoke("clap");
    for (const { heard } of windows) assert.equal(await heard.next("the applause"), claps);
  }
  const { code } = await within(server.stop(), "the server to stop");
  assert.equal(code, 0);
});

test("actix: the hub is reached by every transport, in both encodings, and Ctrl-C lets everybody go", limit, async (t) => {
  const server = await startServer(programs.actix, "127.0.0.1:0");
  t.after(() => server.kill());
  assert.match(await (await fetch(server.url)).text(), /^An ordinary page/);
  assert.equal((await fetch(`${server.url}/elsewhere`)).status, 404);
  assert.equal((await fetch(`${server.url}/chat/elsewhere`)).status, 404);

  const everybody = [];
  for (const encoding of ["json", "messagepack"]) {
    for (const transport of allTransports) {
      if (encoding === "messagepack" && transport === HttpTransportType.ServerSentEvents) continue;
      const connection = client(`${server.url}/chat`, { encoding, options: { transport } });
      t.after(() => connection.stop());
      const heard = new Queue();
      connection.on("messageReceived", (...args) => heard.push(args));
      await connection.start();
      assert.equal(await connection.invoke("transport"), HttpTransportType[transport]);
      assert.match(await connection.invoke("peer"), /^127\.0\.0\.1:\d+$/);
      assert.equal(await connection.invoke("local"), `127.0.0.1:${server.port}`);
      everybody.push({ connection, heard });
    }
  }
  const long = "x".repeat(20_000);
  for (const { connection } of everybody) {
    await connection.invoke("send", "ann", long);
    for (const { heard } of everybody) assert.deepEqual(await heard.next("the message"), ["ann", long]);
  }
  // Many small messages, and none is lost or turned over.
  for (let number = 0; number < 200; number++) await everybody[0].connection.send("send", "ben", `${number}`);
  for (const { heard } of everybody) {
    for (let number = 0; number < 200; number++) assert.deepEqual(await heard.next("a message"), ["ben", `${number}`]);
  }
  const { code } = await within(server.stop(), "the server to stop");
  assert.equal(code, 0);
  for (const { connection } of everybody) assert.equal(await connection.closed.next("the goodbye"), undefined);
});

test("actix: the server knows at once when a client's socket or event stream breaks", limit, async (t) => {
  const server = await startServer(programs.actix, "127.0.0.1:0");
  t.after(() => server.kill());
  const network = await relay(t, server.port);
  const lost = [];
  for (const transport of [HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents]) {
    const connection = client(`${network.url}/chat`, { options: { transport } });
    t.after(() => connection.stop());
    await connection.start();
    lost.push(connection);
  }
  network.cut();
  for (const connection of lost) await connection.closed.next("the loss");
  // A server that still had them would wait for five seconds.
  const { code } = await within(server.stop(), "the server to stop", 3_000);
  assert.equal(code, 0);
});

/** The URL of a negotiated connection. */
async function negotiate(base) {
  const negotiated = await fetch(`${base}/negotiate?negotiateVersion=1`, { method: "POST" });
  return `${base}?id=${(await negotiated.json()).connectionToken}`;
}

/** A connection of long polling by hand: its URL, after the first poll. */
async function poll(base) {
  const url = await negotiate(base);
  assert.equal(await (await fetch(url)).text(), "");
  return url;
}

/** Sends a GET request on a socket of its own, which nobody but the test closes. */
async function get(url, headers = {}) {
  const { port, host, pathname, search } = new URL(url);
  const socket = net.connect(port, "127.0.0.1");
  await once(socket, "connect");
  const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return socket;
}

const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==" };
for (const [what, headers] of [["a socket", upgrade], ["an event stream", { Accept: "text/event-stream" }]]) {
  test(`actix: the server knows at once when a client closes its end of ${what}`, limit, async (t) => {
    const server = await startServer(programs.actix, "127.0.0.1:0");
    t.after(() => server.kill());
    const url = await negotiate(`${server.url}/chat`);
    const socket = await get(url, headers);
    t.after(() => socket.destroy());
    await within(once(socket, "data"), "the answer");
    const closed = once(socket.resume(), "close");
    socket.end();
    await within(closed, "the server to close its end", 3_000);
    assert.equal((await fetch(url, { method: "POST" })).status, 404);
  });
}

const handshake = '{"protocol":"json","version":1}\x1e';

for (const [how, end] of [["breaks", "resetAndDestroy"], ["is closed", "end"]]) {
  test(`actix: the messages of a poll that ${how} go to the next one`, limit, async (t) => {
    const server = await startServer(programs.actix, "127.0.0.1:0");
    t.after(() => server.kill());
    const url = await poll(`${server.url}/chat`);
    const socket = await get(url);
    t.after(() => socket.destroy());
    // Nothing says when it has come: a POST on another socket, answered, is a good moment later.
    assert.equal((await fetch(url, { method: "POST" })).status, 200);
    const closed = once(socket.resume(), "close");
    socket[end]();
    await within(closed, "the server to close its end", 3_000);
    assert.equal((await fetch(url, { method: "POST", body: handshake })).status, 200);
    assert.equal(await (await within(fetch(url), "the next poll")).text(), "{}\x1e");
  });
}

test("actix: a body counts whatever upgrade is asked for with it", limit, async (t) => {
  const server = await startServer(programs.actix, "127.0.0.1:0");
  t.after(() => server.kill());
  const url = await poll(`${server.url}/chat`);
  // As `curl --http2` sends it.
  const headers = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__" };
  const request = http.request(url, { method: "POST", headers }).end(handshake);
  const [answer] = await within(once(request, "response"), "the answer");
  answer.resume();
  assert.equal(answer.statusCode, 200);
  assert.equal(await (await within(fetch(url), "the next poll")).text(), "{}\x1e");
});

test("the pages pin the scripts that are tested here", limit, async () => {
  const source = await readFile(new URL("../../examples/shared/pages.rs", import.meta.url), "utf8");
  const [, version] = /VERSION: &str = "([^"]+)"/.exec(source);
  const scripts = [...source.matchAll(/package: "([^"]+)",\s+file: "([^"]+)",\s+hash: "sha384-([^"]+)"/g)];
  assert.equal(scripts.length, 2);
  for (const [, name, file, hash] of scripts) {
    const installed = new URL(`node_modules/${name}/`, import.meta.url);
    assert.equal(JSON.parse(await readFile(new URL("package.json", installed), "utf8")).version, version);
    const script = await readFile(new URL(`dist/browser/${file}`, installed));
    assert.equal(createHash("sha384").update(script).digest("base64"), hash, name);
  }
});

test("bench_hub: every method does what it is measured for", limit, async (t) => {
  const server = await startServer(programs.benchHub, "127.0.0.1:0", "1");
  t.after(() => server.kill());
  const [ann, ben] = [await connect(t, `${server.url}/hub`), await connect(t, `${server.url}/hub`)];
  const [toAnn, toBen] = [ann, ben].map((connection) => {
    const queue = new Queue();
    connection.on("receive", (text) => queue.push(text));
    return queue;
  });
  const large = "x".repeat(100_000);
  assert.equal(await ann.invoke("Echo", large), large);
  await ann.send("SendNothing", "x");
  await ann.invoke("Broadcast", "to all");
  for (const queue of [toAnn, toBen]) assert.equal(await queue.next("the broadcast"), "to all");
  await ben.invoke("JoinGroup", "tea");
  await ann.invoke("SendGroup", "tea", "to tea");
  assert.equal(await toBen.next("the group's message"), "to tea");
  assert.deepEqual(toAnn.drain(), []);

  const counted = [];
  await new Promise((complete, error) => ann.stream("Counter", 1_000).subscribe({ next: (n) => counted.push(n), complete, error }));
  assert.deepEqual(counted, Array.from({ length: 1_000 }, (_, i) => i));
  const items = new Subject();
  const uploaded = ann.invoke("Upload", items);
  for (let i = 0; i < 100; i++) items.next(`item ${i}`);
  items.complete();
  assert.equal(await uploaded, 100);
});
