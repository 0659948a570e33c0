"""The benchmark suite: how fast the engine is beside every peer that runs without sockets.

From a peer to a figure: ``peers`` (one small class for each library) carry out
``workloads`` (one row of a table for each) as ``measure`` calls them in turn;
``memory`` and ``growth`` count bytes and fit curves; ``results`` keeps all of it as JSON,
``goals`` compares it with what the project wants, and ``markdown`` and ``plots`` show it.

The programs are beside this folder: ``all.py``, ``run.py``, ``guard.py``, ``session.py``.
"""
