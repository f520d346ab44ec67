// The official client in headless Chromium, from the scripts that pages load: the common suite once more.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { programs, startBrowser, startServer } from "./support.mjs";
import { offered } from "./suite/encodings.mjs";
import { cases } from "./suite/index.mjs";

const limit = { timeout: 30_000 };
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

const bundle = (name) => here(`node_modules/@microsoft/${name}/dist/browser/${name}.js`);
const script = `
  import { run } from "/suite/index.mjs";
  const library = { signalR, msgpack: signalR.protocols.msgpack };
  window.runCase = (name, encoding, way) => run(name, library, location.origin, encoding, way);`;

let server;
let browser;
let page;
const errors = [];
before(async () => {
  [server, browser] = await Promise.all([startServer(programs.interop), startBrowser()]);
  page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  // The page itself must come from the server: the browser lets pages of other origins not connect to this machine.
  await page.goto(server.url);
  await page.route("**/suite/*.mjs", (route) => route.fulfill({ path: here(new URL(route.request().url()).pathname.slice(1)) }));
  for (const name of ["signalr", "signalr-protocol-msgpack"]) await page.addScriptTag({ path: bundle(name) });
  await page.addScriptTag({ type: "module", content: script });
  await page.waitForFunction(() => window.runCase !== undefined);
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

/** Runs a case on the page. */
async function run(...args) {
  const error = await page.evaluate((args) => window.runCase(...args).then(() => null, (error) => error.stack), args);
  assert.equal(error, null);
  assert.deepEqual(errors.splice(0), []);
}

for (const encoding of offered) {
  for (const way of ["negotiated", "skipped", "events", "polls"]) {
    // Events are texts.
    if (way === "events" && encoding !== "json") continue;
    describe(`the suite on a page in ${encoding}, ${way}`, () => {
      for (const name of cases.keys()) test(name, limit, () => run(name, encoding, way));
    });
  }

  test(`messages in ${encoding} are of its own kind in both directions`, limit, async () => {
    const kinds = { sent: new Set(), received: new Set() };
    const note = (set) => ({ payload }) => set.add(typeof payload === "string" ? "text" : "binary");
    page.once("websocket", (socket) => {
      socket.on("framesent", note(kinds.sent));
      socket.on("framereceived", note(kinds.received));
    });
    await run("methods return values, or nothing, at once or later", encoding, "negotiated");
    const expected = {
      json: { sent: ["text"], received: ["text"] },
      // The request that opens a connection is a text in either encoding.
      messagepack: { sent: ["text", "binary"], received: ["binary"] },
    };
    assert.deepEqual({ sent: [...kinds.sent], received: [...kinds.received] }, expected[encoding]);
  });
}
