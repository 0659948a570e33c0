"""Mutation testing of the engine's core: ``python -m tests.mutation``; see README.md."""
