// A file to the server: a stream of chunks up, and a stream of receipts down.

import { reason } from "./connection.js";

const $ = (id) => document.getElementById(id);
const chunkSize = 16 * 1024;
/**
 * Bytes that may be on the way. A socket in a browser takes everything at once and queues it, so the brake is here: the next
 * chunk is not even read from the file before the server has taken an earlier one. Eight chunks are fewer than the ten that
 * the server puts by, so it never has to stop reading, and the prices keep coming.
 */
const ahead = 8 * chunkSize;

/** A chunk as the hub takes it, a `Blob` there: bytes in MessagePack, base64 in JSON. */
const encoders = {
  json: (bytes) => btoa(String.fromCharCode(...bytes)),
  messagepack: (bytes) => bytes,
};

let connection;
let encode;
let cancel = () => {};

/** Uploads go over this connection from now on. */
export function use(connected, protocol) {
  connection = connected;
  encode = encoders[protocol];
}

/** Goes on with an FNV-1a hash, which the server makes, too. */
function hashed(hash, bytes) {
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Sends a file and resolves with its hash when the server has all of it; `onTaken` hears how much that is so far. */
async function send(file, onTaken) {
  const chunks = new signalR.Subject();
  // Another connection may come meanwhile, but not for this file.
  const [own, encoded] = [connection, encode];
  let taken = { bytes: 0, hash: 0x811c9dc5 };
  let hash = taken.hash;
  let wake = () => {};
  let over = false;

  const arrived = new Promise((resolve, reject) => {
    const end = (settle, value) => {
      over = true;
      settle(value);
      wake();
    };
    const receipts = own.stream("upload", chunks).subscribe({
      next: (receipt) => {
        taken = receipt;
        onTaken(taken.bytes);
        wake();
      },
      complete: () => end(resolve),
      error: (error) => end(reject, error),
    });
    cancel = () => {
      // The server drops the method where it stands, and the rest of the chunks with it.
      receipts.dispose();
      end(reject, new Error("cancelled"));
    };
  });

  const feed = async () => {
    for (let sent = 0; sent < file.size && !over; ) {
      const bytes = new Uint8Array(await file.slice(sent, sent + chunkSize).arrayBuffer());
      while (sent - taken.bytes >= ahead && !over) await new Promise((resolve) => (wake = resolve));
      if (over) break;
      chunks.next(encoded(bytes));
      hash = hashed(hash, bytes);
      sent += bytes.length;
    }
    // Also when it was cancelled: the server still throws the rest away.
    if (own.state === signalR.HubConnectionState.Connected) chunks.complete();
  };
  await Promise.all([feed(), arrived]);
  if (taken.bytes !== file.size || taken.hash !== hash) throw new Error("the server has got something else");
  return hash;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function showProgress(taken, size, since) {
  $("progress").value = size ? taken / size : 1;
  const speed = taken / Math.max(1, performance.now() - since) / 1000;
  $("figures").textContent = `${megabytes(taken)} of ${megabytes(size)} · ${speed.toFixed(1)} MB/s`;
}

async function upload(file) {
  const since = performance.now();
  $("outcome").textContent = "";
  $("upload-error").textContent = "";
  $("upload").classList.add("busy");
  for (const id of ["progress", "cancel"]) $(id).hidden = false;
  showProgress(0, file.size, since);
  try {
    const hash = await send(file, (taken) => showProgress(taken, file.size, since));
    showProgress(file.size, file.size, since);
    const bytes = file.size.toLocaleString();
    $("outcome").textContent = `All ${bytes} bytes have arrived, and are the same there: ${hash.toString(16).padStart(8, "0")}`;
  } catch (error) {
    $("upload-error").textContent = `${file.name}: ${reason(error)}`;
  }
  $("upload").classList.remove("busy");
  $("cancel").hidden = true;
}

/** Four megabytes that nobody has seen before; the browser makes 64 KiB at once. */
function noise() {
  const parts = Array.from({ length: 64 }, () => crypto.getRandomValues(new Uint8Array(62_500)));
  return new File(parts, "noise");
}

$("upload").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("upload").classList.contains("busy")) return;
  upload(event.submitter === $("noise") ? noise() : $("file").files[0]);
});

$("cancel").addEventListener("click", () => cancel());
