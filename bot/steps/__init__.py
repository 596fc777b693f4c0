"""The steps that the flows of bot/lifecycle.py are made of: one file for what concerns one thing.

A step reads the record, makes one idempotent call, and records what came of it; it may be done again at any time.
It raises TryAgain and GaveUp; what becomes of that is trying.py's business. No step knows another one or the engine.
"""
