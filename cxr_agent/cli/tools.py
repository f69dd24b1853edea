"""``cxr-agent tools``: what a planner can call, and tools of one's own."""

from __future__ import annotations

import typer

from cxr_agent.cli import tools_check, tools_list, tools_new, tools_run, tools_show

app = typer.Typer(help="The tools that a reading can use, and your own.", no_args_is_help=True)
app.command("list")(tools_list.list_tools)
app.command("show")(tools_show.show)
app.command("run")(tools_run.run)
app.command("new")(tools_new.new)
app.command("check")(tools_check.check)
