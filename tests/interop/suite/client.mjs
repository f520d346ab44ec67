// The official client, as the tests use it. It is handed in, as it comes from a package in Node and from a script in pages.

import { encodingOf } from "./encodings.mjs";
import { Queue } from "./waiting.mjs";

const quiet = { log() {} };

/** The ways to reach a server: by a socket, after a negotiation or directly; by other transports; by whatever gets through. */
export const waysOf = ({ signalR: { HttpTransportType } }) => {
  const negotiated = { transport: HttpTransportType.WebSockets };
  return {
    negotiated,
    skipped: { ...negotiated, skipNegotiation: true },
    events: { transport: HttpTransportType.ServerSentEvents },
    polls: { transport: HttpTransportType.LongPolling },
    any: {},
  };
};

/** A connection that is not started yet, with everything that happens to it in queues. */
export function build(library, url, { encoding = "json", options = waysOf(library).negotiated, retries = null, ...timers } = {}) {
  const builder = new library.signalR.HubConnectionBuilder()
    .withUrl(url, options)
    .withHubProtocol(encodingOf(encoding).protocol(library))
    .configureLogging(quiet);
  if (retries) builder.withAutomaticReconnect(retries);
  const connection = Object.assign(builder.build(), timers);
  const queues = { heard: new Queue(), gone: new Queue(), closed: new Queue(), reconnecting: new Queue(), reconnected: new Queue() };
  connection.on("heard", (from, text) => queues.heard.push(text));
  connection.on("gone", (id, reason) => queues.gone.push({ id, reason }));
  connection.onclose((error) => queues.closed.push(error));
  connection.onreconnecting((error) => queues.reconnecting.push(error));
  connection.onreconnected((id) => queues.reconnected.push(id));
  return Object.assign(connection, queues);
}

/**
 * Counts what a connection sends. The client goes on sending the items of an upload, one after the other, when the call that they are
 * for has ended; what it has not sent when it is stopped is a rejection that nobody hears.
 */
function watchSends(connection) {
  let underWay = 0;
  const send = connection._sendWithProtocol;
  connection._sendWithProtocol = async (...message) => {
    underWay += 1;
    try {
      return await send.apply(connection, message);
    } finally {
      underWay -= 1;
    }
  };
  /** Resolves when nothing has been sent for a moment, or can be. */
  return async () => {
    for (let quiet = 0; quiet < 3 && connection.state === "Connected"; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      quiet = underWay === 0 ? quiet + 1 : 0;
    }
  };
}

/** Starts a connection; the welcome of `on_connected` has been heard. */
export async function start(connection) {
  await connection.start();
  const welcome = await connection.heard.next("the welcome");
  if (welcome !== "welcome") throw new Error(`heard ${welcome} before the welcome`);
  return connection;
}

/** What a case has: an encoding, and connections that are stopped when it ends. */
export class World {
  #library;
  #server;
  #options;
  #connections = [];

  /** `outside` does something to the server, or to the network, by name; see `surroundings` in `support.mjs`. */
  constructor(library, server, encoding, way, outside) {
    this.outside = outside;
    this.#library = library;
    this.#server = server;
    this.#options = waysOf(library)[way];
    this.encoding = encodingOf(encoding);
    this.Subject = library.signalR.Subject;
  }

  /** A started client of one of the server's hubs. */
  open = (hub = "hub", settings = {}) => {
    const own = { encoding: this.encoding.name, options: this.#options };
    const connection = build(this.#library, `${this.#server}/${hub}`, { ...own, ...settings });
    this.#connections.push({ connection, sent: watchSends(connection) });
    return start(connection);
  };

  close() {
    return Promise.all(
      this.#connections.map(async ({ connection, sent }) => {
        await sent();
        await connection.stop();
      }),
    );
  }
}
