import { failure, same } from "./check.mjs";
import { Queue, within } from "./waiting.mjs";

const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;
const refused = (method) => `Failed to invoke '${method}' due to an error on the server.`;
const torn = "An error occurred on the server while streaming results.";

/** All items of a stream; its error, with the items before it, rejects. */
export function all(stream, what = "the end of a stream") {
  const items = [];
  return within(new Promise((complete, reject) => {
    const error = (error) => reject(Object.assign(error, { items }));
    stream.subscribe({ next: (item) => items.push(item), complete: () => complete(items), error });
  }), what);
}

/** Listens to a stream: its items in a queue, and the way to cancel it. */
function listen(stream) {
  const items = new Queue();
  const ended = new Queue();
  const subscription = stream.subscribe({ next: (item) => items.push(item), complete: () => ended.push("complete"), error: (error) => ended.push(error) });
  return { items, ended, cancel: () => subscription.dispose() };
}

export function streams(test) {
  test("a stream has its items in order, and an end", async ({ open }) => {
    const connection = await open("streams");
    same(await all(connection.stream("count", 0)), []);
    same(await all(connection.stream("count", 1)), [0]);
    same(await all(connection.stream("count", 5_000)), Array.from({ length: 5_000 }, (_, i) => i));
  });

  test("items of a stream may be anything, nothing included", async ({ open, encoding }) => {
    const connection = await open("streams");
    const ann = { fullName: "Ann Ödegård", age: 37, tags: [] };
    same(await all(connection.stream("profiles", ["Ann Ödegård", ""])), [ann, null]);
    const blobs = [new Uint8Array(0), Uint8Array.of(0, 255, 30), new Uint8Array(10_000).fill(129)];
    same((await all(connection.stream("blobs", blobs.map(encoding.bytes.write)))).map(encoding.bytes.read), blobs);
    const moments = [new Date("2017-04-11T00:00:00Z"), new Date("1969-07-20T20:17:40.500Z")];
    same((await all(connection.stream("moments", moments.map(encoding.date.write)))).map(encoding.date.read), moments);
  });

  test("streams and calls of one connection run side by side", async ({ open }) => {
    const connection = await open("streams");
    const held = listen(connection.stream("held"));
    const counts = Array.from({ length: 20 }, (_, i) => all(connection.stream("count", 100 + i)));
    same(await connection.invoke("add", 1, 2), 3);
    for (const [i, items] of (await Promise.all(counts)).entries()) same(items.length, 100 + i);
    await connection.invoke("letGo", 2);
    same([await held.items.next("an item"), await held.items.next("an item")], [0, 1]);
    same(held.ended.drain(), [], "the held stream goes on");
  });

  test("a cancelled stream is dropped, and sends nothing more", async ({ open }) => {
    const connection = await open("streams");
    const held = listen(connection.stream("held"));
    await connection.invoke("letGo", 3);
    for (const expected of [0, 1, 2]) same(await held.items.next("an item"), expected);
    held.cancel();
    same(await connection.heard.next("the end of the stream"), "dropped");
    await connection.invoke("letGo", 100);
    same(held.items.drain(), []);
    same(await all(connection.stream("count", 2)), [0, 1], "the connection survives");
  });

  test("a stream that never sends anything is cancelled too", async ({ open }) => {
    const connection = await open("streams");
    const silent = Array.from({ length: 10 }, () => listen(connection.stream("silent")));
    for (const stream of silent) stream.cancel();
    for (const _ of silent) same(await connection.heard.next("the end of a stream"), "dropped");
    same(await connection.invoke("add", 1, 2), 3);
  });

  test("a stream that fails says why as far as it may, behind its items", async ({ open }) => {
    const connection = await open("streams");
    const failing = (method, ...args) => all(connection.stream(method, ...args)).then(() => "no error", ({ message, items }) => [items, message]);
    same(await failing("torn", 3, true), [[0, 1, 2], `${torn} HubException: the paper is torn`]);
    same(await failing("torn", 0, true), [[], `${torn} HubException: the paper is torn`]);
    same(await failing("torn", 1, false), [[0], torn]);
    same(await failing("panicking"), [[0], torn]);
    same(await failing("refused"), [[], `${unexpected("refused")} HubException: no paper left`]);
    same(await failing("nope"), [[], `${refused("nope")} HubException: Method does not exist.`]);
    same(await failing("count"), [[], refused("count")]);
    same(await failing("count", "many"), [[], refused("count")]);
    same(await all(connection.stream("count", 2)), [0, 1], "the connection survives");
  });

  test("the kind of call must fit the method", async ({ open }) => {
    const connection = await open("streams");
    same(await failure(connection.invoke("count", 3)), "The client attempted to invoke the streaming 'count' method with a non-streaming invocation.");
    same(await failure(all(connection.stream("add", 1, 2))), "The client attempted to invoke the non-streaming 'add' method with a streaming invocation.");
    await connection.send("count", 3);
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });
}
