// An echo server on the npm package ws, for the conformance kit: node ws_server.js [SUBPROTOCOL...]
//
// It prints its URL and serves until it is ended. permessage-deflate is on, which ws has for
// servers that ask for it; with no threshold, so that what is small is compressed as well. The
// package is found through NODE_PATH.
"use strict";

const { WebSocketServer } = require("ws");

const supported = process.argv.slice(2);

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => supported.find((name) => offered.has(name)) ?? false,
});

server.on("connection", (socket) => {
  socket.on("error", () => {}); // ws itself has closed the connection
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

server.on("listening", () => console.log(`ws://127.0.0.1:${server.address().port}/`));
