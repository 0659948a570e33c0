"""The Autobahn suite on this engine, in both roles: ``python -m tests.autobahn``.

``suites`` sets a suite up and knows how it is started, ``echo`` is what it tests,
``running`` brings the two together, ``results`` compares what came out with what is
committed in ``expected.json``, and ``__main__`` is the command. Nothing here is collected by
pytest; ``tests/integration/test_autobahn.py`` tests the logic.
"""
