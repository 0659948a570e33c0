// A server on the npm package ws: node ws_server.js PORT [--[no-]deflate]
//
// It prints "listening on PORT". The package is found through NODE_PATH.
"use strict";

const { WebSocketServer } = require("ws");

const { PING, thirds } = require("./scenarios.js");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: process.argv.includes("--no-deflate") ? false : { threshold: 0 },
  verifyClient: ({ req }, decide) => decide(req.url !== "/reject", 403),
});

server.on("connection", (socket, request) => {
  socket.on("error", (error) => console.error(error));
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? null : data.toString();
    if (request.url === "/close" && text !== null) {
      const [code, ...reason] = text.split(" ");
      socket.close(Number(code), reason.join(" "));
    } else if (request.url === "/fragments" && text !== null) {
      const [first, second, third] = thirds(text);
      socket.send(first, { fin: false });
      socket.send(second, { fin: false });
      socket.send(third, { fin: true });
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
  if (request.url === "/ping") {
    socket.on("pong", (payload) => socket.send(`pong: ${payload}`));
    socket.ping(PING);
  }
});

server.on("listening", () => console.log(`listening on ${server.address().port}`));
