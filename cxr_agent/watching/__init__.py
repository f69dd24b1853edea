"""Watching an archive or a folder: each new study is read once, and its results stored once."""

from cxr_agent.watching.watch import Happening, Watch, WatchOptions

__all__ = ["Happening", "Watch", "WatchOptions"]
