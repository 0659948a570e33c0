"""The interoperation matrix: this library against other people's, really run, both ways.

``python -m tests.interop`` runs all of it; docs/interop.md is what came out.

``peer_api``  what a peer is, and how the peers are found
``peers``     a module a peer; ``programs`` the Python programs that some of them run
``proxies``   what stands between our server and a client
``our_ends``  our server and our client, on examples/transports
``scenarios`` what is done over each connection, and what is expected of it
``judging``   whether what both ends saw is what was expected
``running``   starts programs, runs a pair's scenarios
``table``     docs/interop.json, docs/interop.md, the README's short form
"""
