"""Programs that use one released package each; started by ``run_aliased``.

All servers serve the same paths:

``/echo``
    Accepts with the subprotocol ``chat.v2`` if offered and the fields ``x-app`` and
    ``x-token``, the latter as in the request; sends back each message. On the text
    ``close 4001 bye`` it closes with that code and reason. When the connection has ended
    it prints what it was told: ``gone {"id": "7", "code": 4001, "reason": "bye"}``, with
    the id of the query ``?id=7``.
``/greet``
    Accepts, sends ``hello``, and closes with 1001 and ``done`` without reading.
``/reject``
    Refuses: status 403, field ``x-why: closed``, body ``no entry``.
``/engine``
    Accepts and sends the file of the engine that the package uses.
"""
