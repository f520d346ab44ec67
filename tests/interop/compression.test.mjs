// permessage-deflate with those who speak it: the official client in Node, over `ws`, and in Chromium.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { connected, programs, skipped, startBrowser, startServer } from "./support.mjs";
import { offered } from "./suite/encodings.mjs";

const limit = { timeout: 30_000 };
// The socket that the client itself would take.
const WebSocket = createRequire(createRequire(import.meta.url).resolve("@microsoft/signalr"))("ws");
const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const text = "long enough to be compressed, ".repeat(900);

let server;
before(async () => {
  server = await startServer(programs.interop);
}, limit);
after(() => server?.kill(), limit);

describe("in Node", () => {
  for (const encoding of offered) {
    for (const [hub, wanted] of [["compressed", true], ["hub", false]]) {
      test(`long texts in ${encoding} ${wanted ? "shrink both ways" : "are left alone where compression is off"}`, limit, async (t) => {
        const sockets = [];
        class Watched extends WebSocket {
          constructor(...args) {
            super(...args);
            sockets.push(this);
          }
        }
        const options = { ...skipped, WebSocket: Watched };
        const connection = await connected(t, `${server.url}/${hub}`, { encoding, options });
        const [socket] = sockets;
        assert.equal(socket.extensions, wanted ? "permessage-deflate" : "");
        const { _socket: wire } = socket;
        const before = [wire.bytesRead, wire.bytesWritten];
        for (let i = 0; i < 20; i++) assert.equal(await connection.invoke("echoString", `${i} ${text}`), `${i} ${text}`);
        const moved = [wire.bytesRead - before[0], wire.bytesWritten - before[1]];
        for (const bytes of moved) {
          if (wanted) assert.ok(bytes < (20 * text.length) / 20, `${bytes} bytes`);
          else assert.ok(bytes > 20 * text.length, `${bytes} bytes`);
        }
      });
    }
  }
});

test("in Chromium a page's socket is compressed", limit, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.addScriptTag({ path: fileURLToPath(new URL("node_modules/@microsoft/signalr/dist/browser/signalr.js", import.meta.url)) });
  const told = await page.evaluate(async (text) => {
    let socket;
    class Watched extends WebSocket {
      constructor(...args) {
        super(...args);
        socket = this;
      }
    }
    const connection = new signalR.HubConnectionBuilder().withUrl("/compressed", { WebSocket: Watched }).build();
    await connection.start();
    const echoes = await Promise.all(Array.from({ length: 20 }, (_, i) => connection.invoke("echoString", `${i} ${text}`)));
    const right = echoes.every((echo, i) => echo === `${i} ${text}`);
    await connection.stop();
    return { extensions: socket.extensions, right };
  }, text);
  assert.deepEqual(told, { extensions: agreed, right: true });
});
