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
before(async () => {
  [server, browser] = await Promise.all([startServer(programs.interop), startBrowser()]);
  page = await browser.newPage();
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

for (const encoding of offered) {
  for (const way of ["negotiated", "skipped"]) {
    describe(`the suite on a page in ${encoding}, negotiation ${way}`, () => {
      for (const name of cases.keys()) {
        test(name, limit, async () => {
          const error = await page.evaluate(
            (args) => window.runCase(...args).then(() => null, (error) => error.stack),
            [name, encoding, way],
          );
          assert.equal(error, null);
        });
      }
    });
  }
}
