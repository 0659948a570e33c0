// A client on the npm package ws: node ws_client.js URL SCENARIO [--[no-]deflate]
//
// It prints one line of JSON: what it saw. The package is found through NODE_PATH.
"use strict";

const WebSocket = require("ws");

const { SCENARIOS, PING, thirds, digest } = require("./scenarios.js");

const [base, name] = process.argv.slice(2);
const [path, sent, expected, close] = SCENARIOS[name];
const perMessageDeflate = process.argv.includes("--no-deflate") ? false : { threshold: 0 };

const seen = { opened: false, status: null, extensions: null, received: [], close: null, pong: null };
const queue = [...sent];
const socket = new WebSocket(base + path, { perMessageDeflate });

function next() {
  if (queue.length > 0) {
    const message = queue.shift();
    if (name === "fragmented") {
      const [first, second, third] = thirds(message);
      socket.send(first, { fin: false });
      socket.send(second, { fin: false });
      socket.send(third, { fin: true });
    } else {
      socket.send(message);
    }
  } else if (seen.received.length >= expected && close !== null) {
    socket.close(...close);
  }
}

socket.on("open", () => {
  seen.opened = true;
  seen.extensions = socket.extensions;
  if (name === "ping") socket.ping(PING);
  else next();
});
socket.on("pong", (payload) => {
  seen.pong = payload.toString();
  next();
});
socket.on("message", (data, isBinary) => {
  seen.received.push(digest(data, isBinary));
  next();
});
socket.on("unexpected-response", (request, response) => {
  seen.status = response.statusCode;
  request.destroy();
  console.log(JSON.stringify(seen));
});
socket.on("error", (error) => console.error(error));
socket.on("close", (code, reason) => {
  if (!seen.opened) return;
  if (code !== 1006) seen.close = [code, reason.toString()];
  console.log(JSON.stringify(seen));
});
