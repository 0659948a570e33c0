"""Python programs of the interoperation matrix: one other library each, as server and client."""
