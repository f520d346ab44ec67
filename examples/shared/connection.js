// The connection to the hub: gets connected, stays connected, and shows on the page's badge how it is going.

const $ = (id) => document.getElementById(id);
const words = { connecting: "Connecting", connected: "Connected", reconnecting: "Reconnecting", disconnected: "Disconnected" };

function show(state) {
  $("badge").dataset.state = state;
  $("badge").textContent = words[state];
  $("retry").hidden = state !== "disconnected";
  for (const button of document.querySelectorAll("button[type=submit]")) button.disabled = state !== "connected";
}

if (!globalThis.signalR) {
  show("disconnected");
  document.querySelector("[role=alert]").textContent = "The SignalR client could not be loaded. Is the network up?";
  throw new Error("no SignalR client");
}

/** Tries for ever, at most 15 s apart. The jitter keeps a thousand pages from coming back in the same instant. */
function retryDelay(failures) {
  return Math.min(15_000, 500 * 2 ** failures) * (0.75 + Math.random() / 2);
}

/**
 * Connects to the hub at `url` and keeps at it, until `close` is called.
 * `onState` gets "connecting", "connected", "reconnecting" or "disconnected".
 * `onReady` is called after every connect and reconnect: to the server each one is a stranger who has not said anything yet.
 */
export function connect(url, { protocol = new signalR.JsonHubProtocol(), onState = () => {}, onReady }) {
  const connection = new signalR.HubConnectionBuilder()
    .withUrl(url)
    .withHubProtocol(protocol)
    .withAutomaticReconnect({ nextRetryDelayInMilliseconds: ({ previousRetryCount }) => retryDelay(previousRetryCount) })
    .configureLogging(signalR.LogLevel.Warning)
    .build();

  let closed = false;
  const enter = (state) => {
    if (closed) return;
    show(state);
    onState(state);
    if (state === "connected") onReady();
  };
  connection.onreconnecting(() => enter("reconnecting"));
  connection.onreconnected(() => enter("connected"));
  // Comes only when the server closed the connection for good; a lost network never ends the retries.
  connection.onclose(() => enter("disconnected"));

  // Automatic reconnect starts after the first success, so the first attempt needs a loop of its own.
  const start = async () => {
    enter("connecting");
    for (let failures = 0; !closed; failures++) {
      try {
        await connection.start();
        return enter("connected");
      } catch {
        enter("reconnecting");
        await new Promise((wake) => setTimeout(wake, retryDelay(failures)));
      }
    }
  };
  const close = () => {
    closed = true;
    return connection.stop();
  };
  $("retry").onclick = start;
  return { connection, start, close };
}

/** The text of an error as the hub meant it: `HubError::new("…")` arrives with SignalR's own words before it. */
export function reason(error) {
  return error.message.replace(/^.*HubException: /s, "");
}
