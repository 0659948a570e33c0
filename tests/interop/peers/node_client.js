// The WebSocket that is built into node: node node_client.js URL SCENARIO [--[no-]deflate]
//
// It prints one line of JSON: what it saw. Its API cannot ask for no compression: that is up to
// the server.
"use strict";

const { observe } = require("./browser_api.js");
const { SCENARIOS, digest } = require("./scenarios.js");

async function main() {
  const [base, name] = process.argv.slice(2);
  const [path, sent, expected, close] = SCENARIOS[name];
  const messages = sent.map((message) =>
    typeof message === "string" ? { text: message } : { bytes: message.toString("latin1") },
  );
  const seen = await observe(base + path, messages, expected, close, close !== null);
  seen.received = seen.received.map(([kind, data]) =>
    digest(kind === "text" ? data : Buffer.from(data, "latin1"), kind === "binary"),
  );
  console.log(JSON.stringify(seen));
}

main();
