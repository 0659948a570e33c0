"""Other implementations, driven by the conformance kit: adapters, servers and clients."""
