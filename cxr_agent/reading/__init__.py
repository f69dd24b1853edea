"""Reading studies: files in, a report out, everything in a trace."""

from cxr_agent.reading.agent import Agent, read
from cxr_agent.reading.run import Run
from cxr_agent.reading.version import program_version

__all__ = ["Agent", "Run", "program_version", "read"]
