// Runs cases in a process of its own: which certificates Node trusts is settled when it starts.
// node over_tls.mjs URL ENCODING WAY CASE...

import { argv } from "node:process";

import { library, ways } from "../support.mjs";
import { build, start } from "./client.mjs";
import { run } from "./index.mjs";

const [url, encoding, way, ...names] = argv.slice(2);
const connection = await start(build(library, `${url}/hub`, { encoding, options: ways[way] }));
const { http, transport } = await connection.invoke("whoAmI");
await connection.stop();
for (const name of names) await run(name, library, url, encoding, way);
console.log(JSON.stringify({ http, transport, cases: names.length }));
