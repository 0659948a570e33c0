// A client's part on the WebSocket of the Web, for a page and for node alike.
//
// observe() sends each message once the answer to the one before has come, closes if the client
// is to close first, and resolves with what it saw. "received" has the messages themselves, bytes
// as a string of characters U+0000 to U+00FF. A message to send is {text} or {bytes}, likewise.
"use strict";

function bytesOf(characters) {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

function charactersOf(buffer) {
  const bytes = new Uint8Array(buffer);
  let characters = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    characters += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return characters;
}

function observe(url, sent, expected, close, clientCloses) {
  return new Promise((resolve) => {
    const seen = { opened: false, extensions: null, received: [], close: null };
    const queue = [...sent];
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";

    function next() {
      if (queue.length > 0) {
        const message = queue.shift();
        socket.send("text" in message ? message.text : bytesOf(message.bytes));
      } else if (seen.received.length >= expected && clientCloses) {
        socket.close(...close);
      }
    }

    socket.onopen = () => {
      seen.opened = true;
      seen.extensions = socket.extensions;
      next();
    };
    socket.onmessage = ({ data }) => {
      const isText = typeof data === "string";
      seen.received.push(isText ? ["text", data] : ["binary", charactersOf(data)]);
      next();
    };
    socket.onerror = () => {
      if (!seen.opened) resolve(seen); // undici gives no close event then
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      if (wasClean) seen.close = [code, reason];
      resolve(seen);
    };
  });
}

if (typeof module !== "undefined") module.exports = { observe };
