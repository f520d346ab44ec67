// Raw connections: the transports of the official client without its hub protocol, and a browser's own WebSocket.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { HttpTransportType, NullLogger } from "@microsoft/signalr";

import { programs, Queue, startBrowser, startServer } from "./support.mjs";

const limit = { timeout: 30_000 };
// What carries a HubConnection in the official client; the package has it, without a name of its own.
const { HttpConnection } = createRequire(import.meta.url)("@microsoft/signalr/dist/cjs/HttpConnection.js");
const format = { text: 1, binary: 2 };

async function open(t, url, transport, transferFormat) {
  const connection = new HttpConnection(url, { transport, logger: NullLogger.instance, logMessageContent: false });
  const heard = new Queue();
  connection.onreceive = (data) => heard.push(data);
  connection.onclose = () => heard.push("closed");
  await connection.start(transferFormat);
  t.after(() => connection.stop());
  return { connection, heard };
}

/** Waits until all of a text has come back, in however many pieces. */
async function back(heard, text) {
  let all = "";
  while (all.length < text.length) all += await heard.next("the echo");
  assert.equal(all, text);
}

for (const name of ["WebSockets", "ServerSentEvents", "LongPolling"]) {
  test(`${name}: what is sent comes back, in order`, limit, async (t) => {
    const server = await startServer(programs.echo, "127.0.0.1:0");
    t.after(() => server.kill());
    const { connection, heard } = await open(t, `${server.url}/echo`, HttpTransportType[name], format.text);
    for (const text of ["one", "zwei ä€𝄞", "x".repeat(100_000)]) {
      await connection.send(text);
      await back(heard, text);
    }
    for (let number = 0; number < 50; number++) await connection.send(`${number};`);
    await back(heard, [...Array(50).keys()].map((number) => `${number};`).join(""));
    await connection.stop();
    assert.equal(await heard.next("the end"), "closed");
  });
}

test("a page needs nothing but its WebSocket", limit, async (t) => {
  const server = await startServer(programs.echo, "127.0.0.1:0");
  t.after(() => server.kill());
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.url}/`);
  const result = await page.evaluate(() => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/echo`);
    const heard = [];
    socket.onopen = () => socket.send("hello €");
    socket.onmessage = ({ data }) => {
      heard.push(data);
      socket.close(1000);
    };
    socket.onerror = () => reject(new Error("the socket failed"));
    socket.onclose = ({ code, wasClean }) => resolve({ heard, code, wasClean });
  }));
  assert.deepEqual(result, { heard: ["hello €"], code: 1000, wasClean: true });
});
