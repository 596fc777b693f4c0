"""Benchmarks: `python -m tests.bench`. A measure is one file here with `TITLE` and `async def measure(bench)`.

Every figure is printed beside a floor or a rival that was measured in the same run on the same machine: what a
neighbour, a bare handler or another tool needs for the same work. A floor that an issue names is marked as reached
or not; nothing is asserted.
"""
