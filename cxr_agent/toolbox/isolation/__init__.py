"""Tools that run elsewhere: in a process, in an environment of their own, on another machine.

``docs/isolation.md`` says what holds where. Nothing is imported here: a tool's own environment
may have NumPy and pydantic alone.
"""
