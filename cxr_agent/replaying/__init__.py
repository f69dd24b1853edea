"""A run done again: gone on with where it was cut off, its report rebuilt, its tools run anew, or
its planner changed from a step on."""

from cxr_agent.replaying.branch import branch
from cxr_agent.replaying.rebuilt import Rebuilt, rebuild_report
from cxr_agent.replaying.rerun import Difference, rerun_tools
from cxr_agent.replaying.resume import resume

__all__ = ["Difference", "Rebuilt", "branch", "rebuild_report", "rerun_tools", "resume"]
