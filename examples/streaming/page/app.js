// The page: one connection, in the protocol of the reader's choice, for both halves.

import { connect } from "./connection.js";
import * as ticker from "./ticker.js";
import * as uploads from "./upload.js";

const $ = (id) => document.getElementById(id);
const protocols = {
  json: () => new signalR.JsonHubProtocol(),
  messagepack: () => new signalR.protocols.msgpack.MessagePackHubProtocol(),
};
let hub;

/** A connection has one protocol for life, so another protocol is another connection. */
function use(protocol) {
  hub?.close();
  hub = connect("hub", {
    protocol: protocols[protocol](),
    onReady: () => ticker.start(hub.connection),
  });
  uploads.use(hub.connection, protocol);
  hub.start();
}

$("protocols").addEventListener("change", (event) => {
  // So that a reload, and a link, keep to it.
  history.replaceState(null, "", `?protocol=${event.target.value}`);
  use(event.target.value);
});

const choice = (value) => $("protocols").querySelector(`[value="${value}"]`);
if (!signalR.protocols?.msgpack) choice("messagepack").disabled = true;
const wanted = new URLSearchParams(location.search).get("protocol");
const picked = wanted in protocols && !choice(wanted).disabled ? wanted : "json";
choice(picked).checked = true;
use(picked);
