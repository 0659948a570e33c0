"""Released servers and clients, unchanged, on this engine.

``alias`` makes ``wsproto`` mean this package, ``run_aliased`` starts a program on it;
``consumers`` are the programs. ``peer`` and ``h2_tunnel`` are peers made by hand, which
share no code with the engine. ``server_suite`` and ``client_suite`` hold what every
server and every client is tested for; a ``test_*`` file says which package, and adds
what is peculiar to it.
"""
