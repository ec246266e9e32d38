"""The calls, by what they are about. app.py puts them together."""
