// What every client must be able to do, in Node and in a page, in each encoding: the cases are written once.
// Each file registers its cases with a `test` of the caller's; a case gets a `World`.

import { calls } from "./calls.mjs";
import { World } from "./client.mjs";
import { endings } from "./endings.mjs";
import { questions } from "./questions.mjs";
import { streams } from "./streams.mjs";
import { uploads } from "./uploads.mjs";
import { values } from "./values.mjs";

/** The cases by their names. */
export const cases = new Map();
for (const register of [values, calls, streams, uploads, questions]) register((name, run) => cases.set(name, run));

/** The same for cases that need a server and a network of their own. */
export const lasting = new Map();
endings((name, run) => lasting.set(name, run));

/** Runs a case with a world of its own. */
export async function run(name, ...worldly) {
  const world = new World(...worldly);
  try {
    await (cases.get(name) ?? lasting.get(name))(world);
  } finally {
    await world.close();
  }
}
