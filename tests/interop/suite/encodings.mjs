// The hub protocol's encodings: what a user of the client does differently in each.

const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const all = {
  json: {
    protocol: ({ signalR }) => new signalR.JsonHubProtocol(),
    // JSON has neither bytes nor dates: both travel as texts, and it is for the user to know which is which.
    bytes: { write: toBase64, read: fromBase64 },
    date: { write: (date) => date.toISOString(), read: (text) => new Date(text) },
    // A property that is undefined is left out.
    undefinedProperties: false,
    // NaN and the infinities become null.
    everyNumber: false,
    // Integers are written with all their digits, whatever their size.
    largeIntegers: true,
  },
  messagepack: {
    protocol: ({ msgpack }) => new msgpack.MessagePackHubProtocol(),
    bytes: { write: (bytes) => bytes, read: (bytes) => bytes },
    date: { write: (date) => date, read: (date) => date },
    // A property that is undefined becomes nil.
    undefinedProperties: true,
    everyNumber: true,
    // An integer that a double cannot hold for certain is written as a float, which is no integer for the server.
    largeIntegers: false,
  },
};

/** The encodings that the server offers. */
export const offered = ["json", "messagepack"];

/** What there is to know of an encoding by its name. */
export const encodingOf = (name) => ({ name, ...all[name] });
