"""The programs that one learns WebSockets with, on ``examples.transports.on_asyncio``."""
