// A client on the npm package ws, for the conformance kit: node ws_client.js URL
//
// It goes through the cases that the kit serves at URL, as a client of Autobahn's fuzzing server
// does: asks for their number, connects once for each and sends every message back, and asks for
// the report in the end. Some connections at a time: most cases consist of waiting. permessage-
// deflate is offered, as by default. The package is found through NODE_PATH.
"use strict";

const WebSocket = require("ws");

const AGENT = "ws";
const AT_ONCE = 64;
const base = process.argv[2];

// The connection's last message, once it is closed.
function visit(path, echo) {
  return new Promise((resolve) => {
    let last = null;
    const socket = new WebSocket(base + path, { perMessageDeflate: { threshold: 0 } });
    socket.on("error", () => {}); // closed or never open: "close" comes as well
    socket.on("message", (data, isBinary) => {
      last = data.toString();
      if (echo) socket.send(data, { binary: isBinary });
    });
    socket.on("close", () => resolve(last));
  });
}

async function main() {
  const count = Number(await visit("/getCaseCount", false));
  let index = 0;
  async function work() {
    while (index < count) await visit(`/runCase?case=${++index}&agent=${AGENT}`, true);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await visit(`/updateReports?agent=${AGENT}`, false);
}

main();
