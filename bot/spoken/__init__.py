"""The grammar of the times that people say, in its parts. Callers ask bot/spoken_time.py, which puts them together."""
