// What the tests share: server processes, clients, networks that break or block, and waiting for events.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import * as signalR from "@microsoft/signalr";
import { chromium } from "playwright-core";

const release = fileURLToPath(new URL("../../target/release/examples/", import.meta.url));

/** The server programs. The variables are for builds elsewhere; the small examples lie beside the chat. */
const chat = process.env.CHAT_SERVER ?? path.join(release, "chat");
export const programs = {
  chat,
  interop: process.env.INTEROP_SERVER ?? path.join(release, "interop_server"),
  hello: path.join(path.dirname(chat), "hello"),
  axum: path.join(path.dirname(chat), "axum"),
};

/** Starts a server and waits until it has printed its URL. */
export async function startServer(program, ...args) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
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
      const found = /http:\/\/[\d.:]+/.exec(line);
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
export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Rejects when `promise` takes too long, with words that tell what was waited for. */
export async function within(promise, what, millis = 10_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${millis} ms for ${what}`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Events as a queue: `next()` takes the oldest, or waits for one. */
export class Queue {
  #items = [];
  #waiting = [];

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(what = "an event") {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what);
  }

  /** Takes all that is here now. */
  drain() {
    return this.#items.splice(0);
  }
}

const quiet = { log() {} };

/** Reaches the server directly, after a negotiation. */
export const negotiated = { transport: signalR.HttpTransportType.WebSockets };
/** The same without the negotiation. */
export const skipped = { ...negotiated, skipNegotiation: true };

/** A connection that is not started yet, with everything that happens to it in queues. */
export function client(url, { options = negotiated, retries = null, ...timers } = {}) {
  const builder = new signalR.HubConnectionBuilder().withUrl(url, options).configureLogging(quiet);
  if (retries) builder.withAutomaticReconnect(retries);
  const connection = Object.assign(builder.build(), timers);
  const queues = { heard: new Queue(), gone: new Queue(), closed: new Queue(), reconnecting: new Queue(), reconnected: new Queue() };
  connection.on("heard", (from, text) => queues.heard.push(text));
  connection.on("gone", (id, reason) => queues.gone.push({ id, reason }));
  connection.onclose((error) => queues.closed.push(error));
  connection.onreconnecting((error) => queues.reconnecting.push(error));
  connection.onreconnected((id) => queues.reconnected.push(id));
  return Object.assign(connection, queues);
}

/** A started client, stopped when the test ends. The welcome of `on_connected` has been heard. */
export async function connected(t, url, settings) {
  const connection = client(url, settings);
  t.after(() => connection.stop());
  await connection.start();
  const welcome = await connection.heard.next("the welcome");
  if (welcome !== "welcome") throw new Error(`heard ${welcome} before the welcome`);
  return connection;
}

/** A TCP relay in front of the server: `cut()` breaks all connections, `freeze()` swallows what clients send. */
export async function relay(t, port) {
  const pairs = new Set();
  let frozen = false;
  const server = net.createServer((near) => {
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
    freeze: () => (frozen = true),
    thaw: () => (frozen = false),
  };
}

/** An HTTP proxy that lets no WebSocket through, and refuses what `refuse` says. */
export async function proxy(t, port, refuse = () => false) {
  const refused = [];
  const agent = new http.Agent({ keepAlive: true });
  const forward = (request, response) => {
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
  };
  const server = http.createServer(forward);
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
