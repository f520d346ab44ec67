import { failure, same } from "./check.mjs";
import { Queue } from "./waiting.mjs";

const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;
const unreadable = "unreadable: Error trying to deserialize result to i32.";

export function questions(test) {
  test("the hub asks its caller, and gets the answer", async ({ open, encoding }) => {
    const connection = await open("questions");
    connection.on("number", () => 42);
    connection.on("confirm", async (question) => question === "really?");
    connection.on("older", (profile) => ({ ...profile, age: profile.age + 1 }));
    connection.on("copy", (blob) => encoding.bytes.write(encoding.bytes.read(blob)));
    connection.on("nextDay", (moment) => encoding.date.write(new Date(encoding.date.read(moment).getTime() + 86_400_000)));

    same(await connection.invoke("askNumber"), "the number 42");
    same(await connection.invoke("askNumberUntyped", "number"), "the number 42");
    same(await connection.invoke("askConfirm", "really?"), true);
    same(await connection.invoke("askConfirm", "no?"), false);
    const ann = { fullName: "Ann", age: 37, tags: ["a"] };
    same(await connection.invoke("askOlder", ann), { ...ann, age: 38 });
    const bytes = Uint8Array.of(0, 30, 255);
    same(encoding.bytes.read(await connection.invoke("askCopy", encoding.bytes.write(bytes))), bytes);
    const answer = await connection.invoke("askNextDay", encoding.date.write(new Date("2024-02-28T12:00:00Z")));
    same(encoding.date.read(answer), new Date("2024-02-29T12:00:00Z"));
  });

  test("an answer may need calls of its own", async ({ open }) => {
    const connection = await open("questions");
    connection.on("number", async () => (await connection.invoke("myId")).length);
    connection.on("confirm", async () => (await connection.invoke("askNumber")) === "the number 22");
    same(await connection.invoke("askConfirm", "even so deep?"), true);
  });

  test("another client is asked, by a call and from outside", async ({ open }) => {
    const [asks, answers] = [await open("questions"), await open("questions")];
    asks.on("number", () => 1);
    answers.on("number", () => 2);
    const id = await answers.invoke("myId");
    same(await asks.invoke("askNumberOf", id), "the number 2");
    same(await asks.invoke("askNumberFromOutside", id), "the number 2");
    same(await asks.invoke("askNumberOf", await asks.invoke("myId")), "the number 1");
    for (const method of ["askNumberOf", "askNumberFromOutside"]) {
      same(await asks.invoke(method, "nobody"), "gone: Connection 'nobody' does not exist.");
    }
  });

  test("what goes wrong on the client, the hub reads", async ({ open }) => {
    const connection = await open("questions");
    const asked = () => connection.invoke("askNumber");
    same(await asked(), "no handler");
    same(await failure(connection.invoke("askConfirm", "really?")), unexpected("askConfirm"));

    const answers = [
      [() => undefined, "no handler"],
      [() => { throw new Error("I count nothing"); }, "the client says: Error: I count nothing"],
      [async () => { throw new Error("I count later"); }, "the client says: Error: I count later"],
      [() => "42", unreadable],
      [() => null, unreadable],
      [() => 4.5, unreadable],
      [() => 2 ** 31, unreadable],
      [() => [42], unreadable],
      [() => 2 ** 31 - 1, "the number 2147483647"],
    ];
    for (const [answer, expected] of answers) {
      connection.on("number", answer);
      const told = await asked();
      same(told.slice(0, expected.length), expected, told);
      connection.off("number");
    }
    for (const number of [1, 2]) connection.on("number", () => number);
    same(await asked(), "the client says: Client provided multiple results.");
    same(await connection.invoke("myId") !== "", true, "the connection survives");
  });

  test("an answer that takes too long is not waited for, and comes to nothing", async ({ open }) => {
    const connection = await open("questions");
    const questions = new Queue();
    connection.on("number", () => new Promise((answer) => questions.push(answer)));
    same(await connection.invoke("askNumberBriefly", 50), "too late");
    const late = await questions.next("the question");
    late(42);
    const asked = connection.invoke("askNumberBriefly", 10_000);
    (await questions.next("the second question"))(43);
    same(await asked, "the number 43");
  });

  test("a client that leaves answers nothing any more", async ({ open }) => {
    const [asks, leaves] = [await open("questions"), await open("questions")];
    const questions = new Queue();
    leaves.on("number", () => new Promise((answer) => questions.push(answer)));
    const id = await leaves.invoke("myId");
    const asked = asks.invoke("askNumberOf", id);
    await questions.next("the question");
    await leaves.stop();
    same(await asked, `gone: Connection '${id}' disconnected.`);
  });
}
