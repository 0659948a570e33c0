// The scenarios of tests/interop/scenarios.py, as a client in JavaScript needs them.
"use strict";

const TEXT = "three fragments each";
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

// path, what is sent (a string is text, a Buffer binary), how many messages come, the close.
const SCENARIOS = {
  "echo-small": ["/echo", ["hello é", ALL_BYTES], 2, [1000, ""]],
  "echo-empty": ["/echo", ["", Buffer.alloc(0)], 2, [1000, ""]],
  "echo-large": [
    "/echo",
    ["0123456789abcdef".repeat(65536), Buffer.concat(Array(4096).fill(ALL_BYTES))],
    2,
    [1000, ""],
  ],
  fragmented: ["/echo", [TEXT], 1, [1000, ""]],
  "from-fragments": ["/fragments", [TEXT], 1, [1000, ""]],
  ping: ["/echo", [], 0, [1000, ""]],
  pinged: ["/ping", [], 1, [1000, ""]],
  "client-closes": ["/echo", [], 0, [4001, "bye"]],
  "server-closes": ["/close", ["3456 enough"], 0, null],
  rejected: ["/reject", [], 0, [1000, ""]],
};

const PING = "are you there";

function thirds(text) {
  const first = Math.floor(text.length / 3);
  const second = Math.floor((2 * text.length) / 3);
  return [text.slice(0, first), text.slice(first, second), text.slice(second)];
}

function digest(data, isBinary) {
  const bytes = Buffer.from(data);
  const hash = require("node:crypto").createHash("sha256").update(bytes).digest("hex");
  return [isBinary ? "binary" : "text", bytes.length, hash];
}

module.exports = { SCENARIOS, PING, thirds, digest };
