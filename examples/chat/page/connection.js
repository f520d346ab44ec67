// The connection to the hub: gets connected, stays connected, says how it is going.

/** Tries for ever, at most 15 s apart. The jitter keeps a thousand pages from coming back in the same instant. */
function retryDelay(failures) {
  return Math.min(15_000, 500 * 2 ** failures) * (0.75 + Math.random() / 2);
}

/**
 * Connects to the hub at `url` and keeps at it.
 * `onState` gets "connecting", "connected", "reconnecting" or "disconnected".
 * `onReady` is called after every connect and reconnect: to the server each one is a stranger without name and room.
 */
export function connect(url, { onState, onReady }) {
  const connection = new signalR.HubConnectionBuilder()
    .withUrl(url)
    .withAutomaticReconnect({ nextRetryDelayInMilliseconds: ({ previousRetryCount }) => retryDelay(previousRetryCount) })
    .configureLogging(signalR.LogLevel.Warning)
    .build();

  const ready = () => {
    onState("connected");
    onReady();
  };
  connection.onreconnecting(() => onState("reconnecting"));
  connection.onreconnected(ready);
  // Comes only when the server closed the connection for good; a lost network never ends the retries.
  connection.onclose(() => onState("disconnected"));

  // Automatic reconnect starts after the first success, so the first attempt needs a loop of its own.
  const start = async () => {
    onState("connecting");
    for (let failures = 0; ; failures++) {
      try {
        await connection.start();
        return ready();
      } catch {
        onState("reconnecting");
        await new Promise((wake) => setTimeout(wake, retryDelay(failures)));
      }
    }
  };
  return { connection, start };
}

/** The text of an error as the hub meant it: `HubError::new("…")` arrives with SignalR's own words before it. */
export function reason(error) {
  return error.message.replace(/^.*HubException: /s, "");
}
