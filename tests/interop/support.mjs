// What the tests share in Node: server processes, clients, browsers, pages, and networks that break or block.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import * as signalR from "@microsoft/signalr";
import * as msgpack from "@microsoft/signalr-protocol-msgpack";
import { chromium } from "playwright-core";

import { build, start, waysOf } from "./suite/client.mjs";
import { Queue, within } from "./suite/waiting.mjs";

export { Queue, within };

export const target = fileURLToPath(new URL("../../target/", import.meta.url));
const examples = path.join(target, "debug/examples");

/** The server programs. The variables are for builds elsewhere; the small examples lie beside the chat. */
const chat = process.env.CHAT_SERVER ?? path.join(examples, "chat");
export const programs = {
  chat,
  interop: process.env.INTEROP_SERVER ?? path.join(examples, "interop_server"),
  hello: path.join(path.dirname(chat), "hello"),
  axum: path.join(path.dirname(chat), "axum"),
  hyper: path.join(path.dirname(chat), "hyper"),
  actix: process.env.ACTIX_SERVER ?? path.join(target, "actix/debug/signalr-example-actix"),
  streaming: path.join(path.dirname(chat), "streaming"),
  clientResults: path.join(path.dirname(chat), "client_results"),
  echo: path.join(path.dirname(chat), "echo"),
  benchHub: path.join(path.dirname(chat), "bench_hub"),
  tls: path.join(path.dirname(chat), "tls"),
};

/** Starts a server and waits until it has printed its URL. */
export const startServer = (program, ...args) => startServerWith({}, program, ...args);

/** The same with variables of its environment. */
export async function startServerWith(variables, program, ...args) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...variables } });
  const exited = once(child, "exit");
  let stderr = "";
  child.stderr.on("data", (data) => (stderr += data));
  // A test run that dies must not leave servers behind.
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);

  const url = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${program} ended with ${code}: ${stderr}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /https?:\/\/[\d.:]+/.exec(line);
      if (found) resolve(found[0]);
    });
  });

  const end = async (signal) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    process.off("exit", kill);
    const [code] = await exited;
    return { code, stderr };
  };
  return {
    url,
    port: Number(new URL(url).port),
    /** As Ctrl-C does: the server says goodbye. */
    stop: () => end("SIGINT"),
    /** As a power cut does. */
    kill: () => end("SIGKILL"),
  };
}

/** Starts a headless Chromium that talks to nobody but us. */
export function startBrowser(...flags) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...flags],
  });
}

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const bundle = (name) => here(`node_modules/@microsoft/${name}/dist/browser/${name}.js`);
const suiteScript = `
  import { run } from "/suite/index.mjs";
  const library = { signalR, msgpack: signalR.protocols.msgpack };
  window.runCase = (name, encoding, way) => run(name, library, location.origin, encoding, way, window.outside);`;

/**
 * Opens a page of a server and gives it the official client and the common suite: `runCase(name, encoding, way)` runs a case there.
 * `outside` is what the case may do to its server and network.
 */
export async function openSuite(browser, url, outside) {
  const page = await browser.newPage();
  if (outside) await page.exposeFunction("outside", outside);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  // The page itself must come from the server: the browser lets pages of other origins not connect to this machine.
  await page.goto(url);
  await page.route("**/suite/*.mjs", (route) => route.fulfill({ path: here(new URL(route.request().url()).pathname.slice(1)) }));
  for (const name of ["signalr", "signalr-protocol-msgpack"]) await page.addScriptTag({ path: bundle(name) });
  await page.addScriptTag({ type: "module", content: suiteScript });
  await page.waitForFunction(() => window.runCase !== undefined);
  const runCase = async (...args) => {
    const error = await page.evaluate((args) => window.runCase(...args).then(() => null, (error) => error.stack), args);
    assert.equal(error, null);
    assert.deepEqual(errors.splice(0), []);
  };
  return { page, runCase };
}

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 320, height: 640 };

/** A window of its own person: nothing is shared with the others. Errors on the page fail the test. */
export async function openPage(t, browser, url, options = {}) {
  const context = await browser.newContext({ viewport: desktop, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && errors.push(message.text()));
  page.on("dialog", (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  t.after(() => assert.deepEqual(errors, []));
  await page.goto(url);
  await badge(page, "Connected");
  return page;
}

/** Waits until a page's badge says so. */
export const badge = (page, text) => page.getByRole("status").filter({ hasText: new RegExp(`^${text}$`) }).waitFor();

/** Nothing scrolls sideways, and nothing is cut off at the right. */
export async function fits(page) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${content} px of content in ${width} px`);
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
      .map((node) => node.outerHTML));
  assert.deepEqual(cut, []);
}

const artifacts = process.env.ARTIFACTS ?? fileURLToPath(new URL("../../target/artifacts/", import.meta.url));

export const screenshot = (page, name) => page.screenshot({ path: path.join(artifacts, `${name}.png`), fullPage: true });

/** The official client, with the encodings that it has. */
export const library = { signalR, msgpack };
export const ways = waysOf(library);
export const { negotiated, skipped } = ways;

/** A connection that is not started yet, with everything that happens to it in queues. */
export const client = (url, settings) => build(library, url, settings);

/** A started client, stopped when the test ends. The welcome of `on_connected` has been heard. */
export async function connected(t, url, settings) {
  const connection = client(url, settings);
  t.after(() => connection.stop());
  return start(connection);
}

/**
 * A TCP relay in front of the server: `cut()` breaks all connections, `down()` does so and takes no new ones until `up()`, `freeze()`
 * swallows what clients send.
 */
export async function relay(t, port) {
  const pairs = new Set();
  let frozen = false;
  let broken = false;
  const server = net.createServer((near) => {
    if (broken) return void near.resetAndDestroy();
    const far = net.connect(port, "127.0.0.1");
    const pair = [near, far];
    pairs.add(pair);
    near.on("data", (data) => frozen || far.write(data));
    far.pipe(near);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => pairs.forEach(([near, far]) => { near.resetAndDestroy(); far.resetAndDestroy(); });
  t.after(() => {
    server.close();
    cut();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut,
    down: () => {
      broken = true;
      cut();
    },
    up: () => (broken = false),
    freeze: () => (frozen = true),
    thaw: () => (frozen = false),
  };
}

/** A server of a test's own behind a network that breaks; `through(t, port)` may put a proxy between the two. `outside(deed)` makes things happen. */
export async function surroundings(t, through) {
  let server = await startServer(programs.interop);
  const { port } = server;
  const near = through ? Number(new URL((await through(t, port)).url).port) : port;
  const network = await relay(t, near);
  // Behind the network, which ends first: Node spins when the client's idle sockets are closed by the server just before they are reset.
  t.after(() => server.kill());
  const deeds = {
    down: () => network.down(),
    up: () => void network.up(),
    stop: async () => {
      const { code } = await within(server.stop(), "the server to stop");
      assert.equal(code, 0);
    },
    kill: async () => void (await server.kill()),
    start: async () => void (server = await startServer(programs.interop, `127.0.0.1:${port}`)),
  };
  return { url: network.url, outside: (deed) => deeds[deed]() };
}

/** An HTTP proxy that lets no WebSocket through, and refuses what `refuse` says. */
export async function proxy(t, port, refuse = () => false) {
  const refused = [];
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    if (refuse(request)) {
      refused.push(request.url);
      response.writeHead(403).end();
      return;
    }
    const { method, headers, url: path } = request;
    const onward = http.request({ host: "127.0.0.1", port, method, headers, path, agent }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("upgrade", (request, socket) => {
    refused.push(request.url);
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
    agent.destroy();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, refused };
}

/** For `refuse`: the request that opens an event stream. */
export const isEvents = (request) => request.headers.accept === "text/event-stream";
