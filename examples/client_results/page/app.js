// The page: calls the server, and answers when the server asks back.

import { connect, reason } from "./connection.js";
import { element } from "./element.js";

const $ = (id) => document.getElementById(id);
const { connection, start } = connect("bank", { onReady: showBalance });

async function showBalance() {
  try {
    $("balance").textContent = await connection.invoke("balance");
  } catch {
    // The connection broke again; the next one asks again.
  }
}

// ---- the server asks ----

/** What this returns, or resolves to, is the server's answer. */
function ask(question, seconds) {
  $("text").textContent = question;
  $("question").returnValue = "";
  $("question").showModal();
  const since = performance.now();
  const left = () => 1 - (performance.now() - since) / 1000 / seconds;
  const timer = setInterval(() => ($("left").value = left()), 50);
  $("left").value = 1;
  return new Promise((resolve) => {
    $("question").onclose = () => {
      clearInterval(timer);
      // Closing it with the Escape key is a no.
      resolve($("question").returnValue === "yes");
    };
  });
}

/** Without a handler the client library itself answers, with an error. */
function listen() {
  if ($("answering").checked) connection.on("confirm", ask);
  else connection.off("confirm");
}

$("answering").addEventListener("change", listen);
listen();

// ---- the user asks ----

function note(kind, what, came) {
  const item = element("li", kind, "", element("span", "soft", what), element("strong", "", came));
  $("log").prepend(item);
}

$("transfer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [amount, to] = [$("amount").valueAsNumber, $("to").value];
  const what = `${amount} to ${to}`;
  try {
    $("balance").textContent = await connection.invoke("transfer", amount, to);
    note("good", what, "Sent");
  } catch (error) {
    note("bad", what, reason(error));
  }
  // After a time-out the question is still open, and nobody waits for its answer any more.
  $("question").close();
});

start();
