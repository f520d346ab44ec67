import { failure, same } from "./check.mjs";
import { all } from "./streams.mjs";

const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;

export function uploads(test) {
  test("an upload reaches the method as it comes", async ({ open, Subject }) => {
    const connection = await open("streams");
    const numbers = new Subject();
    const sum = connection.invoke("sum", numbers);
    for (let i = 1; i <= 1_000; i++) numbers.next(i);
    same(await connection.invoke("add", 1, 2), 3, "calls go on meanwhile");
    numbers.complete();
    same(await sum, 500_500);

    const nothing = new Subject();
    const zero = connection.invoke("sum", nothing);
    nothing.complete();
    same(await zero, 0);
  });

  test("several uploads go between the arguments of one call", async ({ open, Subject }) => {
    const connection = await open("streams");
    const [left, right] = [new Subject(), new Subject()];
    const woven = connection.invoke("weave", left, " and ", right);
    right.next("tea");
    right.next("honey");
    left.next("cake");
    left.next("bread");
    right.complete();
    left.complete();
    same(await woven, "cake and tea bread and honey ");
  });

  test("several calls upload at once", async ({ open, Subject }) => {
    const connection = await open("streams");
    const subjects = Array.from({ length: 20 }, () => new Subject());
    const sums = subjects.map((subject) => connection.invoke("sum", subject));
    for (let i = 0; i < 50; i++) subjects.forEach((subject, s) => subject.next(s * i));
    subjects.forEach((subject) => subject.complete());
    same(await Promise.all(sums), subjects.map((_, s) => s * 1_225));
  });

  test("what is uploaded may be anything", async ({ open, encoding, Subject }) => {
    const connection = await open("streams");
    const profiles = new Subject();
    const names = connection.invoke("profileNames", profiles);
    for (const fullName of ["Ann", "Ben"]) profiles.next({ fullName, age: null, tags: ["x"] });
    profiles.complete();
    same(await names, ["Ann", "Ben"]);

    // A file in pieces.
    const file = Uint8Array.from({ length: 20_000 }, (_, i) => (i * i) % 256);
    const pieces = new Subject();
    const copy = connection.invoke("upload", pieces);
    for (let at = 0; at < file.length; at += 3_000) pieces.next(encoding.bytes.write(file.subarray(at, at + 3_000)));
    pieces.complete();
    same(encoding.bytes.read(await copy), file);
  });

  test("an upload may feed a stream", async ({ open, Subject }) => {
    const connection = await open("streams");
    const numbers = new Subject();
    const scaled = all(connection.stream("scaled", 3, numbers));
    for (const number of [1, -2, 100]) numbers.next(number);
    numbers.complete();
    same(await scaled, [3, -6, 300]);
  });

  test("an upload without an answer is heard of all the same", async ({ open, Subject }) => {
    const connection = await open("streams");
    const numbers = new Subject();
    await connection.send("sumTold", numbers);
    for (const number of [1, 2, 3]) numbers.next(number);
    numbers.complete();
    same(await connection.heard.next("the sum"), "6");
  });

  test("the method hears how an upload ends", async ({ open, Subject }) => {
    const connection = await open("streams");
    const outcome = async (end, ...items) => {
      const subject = new Subject();
      const told = connection.invoke("outcome", subject);
      for (const item of items) subject.next(item);
      end(subject);
      return told;
    };
    same(await outcome((subject) => subject.complete(), 1, 2), "2, then the end");
    same(await outcome((subject) => subject.error(new Error("the pen is dry")), 1, 2, 3), "3, then the pen is dry");
    // What does not fit the method's items ends the upload for the method; the client may go on, it is not heard.
    for (const misfit of [256, -1, 1.5, "1", null, {}]) {
      const told = await outcome((subject) => subject.complete(), 1, misfit, 2);
      same(told.startsWith("1, then "), true, told);
      same(told === "1, then the end", false, told);
    }
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });

  test("a method that ends early leaves the rest of its upload unread", async ({ open, Subject }) => {
    const connection = await open("streams");
    const numbers = new Subject();
    const early = connection.invoke("early", numbers);
    numbers.next(1);
    same(await early, "early");
    for (let i = 0; i < 1_000; i++) numbers.next(i % 256);
    numbers.complete();
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });

  test("uploads must be as many as the method takes", async ({ open, Subject }) => {
    const connection = await open("streams");
    const count = (method, sent, expected) => `${unexpected(method)} HubException: Client sent ${sent} stream(s), Hub method expects ${expected}.`;
    same(await failure(connection.invoke("sum")), count("sum", 0, 1));
    same(await failure(connection.invoke("weave", new Subject(), " and ")), count("weave", 1, 2));
    same(await failure(connection.invoke("add", 1, 2, new Subject())), count("add", 1, 0));
    // Never side by side: of two neighbours, the client takes the second for an argument.
    same(await failure(connection.invoke("add", new Subject(), 1, new Subject(), 2)), count("add", 2, 0));
    same(await failure(all(connection.stream("scaled", 3))), count("scaled", 0, 1));
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });
}
