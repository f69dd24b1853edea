"""The program's entry: commands, and errors as one clear line with a documented exit status."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated, Final

import typer

from cxr_agent.cli import (
    ask,
    batch,
    chat,
    check_report,
    deidentify,
    demo,
    dictate,
    doctor,
    drr,
    evaluation,
    export,
    ground,
    kb,
    measure,
    models,
    preferences,
    read,
    receive,
    register,
    resume,
    schema,
    segment,
    send,
    serve,
    structure,
    synthesise,
    tools,
    watch,
)
from cxr_agent.cli import trace as runs
from cxr_agent.cli.problems import internal_error, print_error
from cxr_agent.errors import CxrAgentError, OutputError, UsageError

_INTERRUPTED: Final = 130

app = typer.Typer(
    name="cxr-agent",
    help="Read chest radiographs with tools; every sentence of the report rests on evidence. "
    "Research use only.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("read")(read.read)
app.command("resume")(resume.resume)
app.command("chat")(chat.chat)
app.command("ask")(ask.ask)
app.command("segment")(segment.segment)
app.command("ground")(ground.ground)
app.command("measure")(measure.measure)
app.command("export")(export.export)
app.command("check-report")(check_report.check_report)
app.command("structure")(structure.structure)
app.command("drr")(drr.drr)
app.command("dictate")(dictate.dictate)
app.command("synthesise")(synthesise.synthesise)
app.command("register")(register.register)
app.command("watch")(watch.watch)
app.command("send")(send.send)
app.command("receive")(receive.receive)
app.command("schema")(schema.schema)
app.command("deidentify")(deidentify.deidentify)
app.command("eval")(evaluation.evaluate)
app.command("preferences")(preferences.preferences)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(batch.app, name="batch")
app.add_typer(runs.app, name="trace")
app.add_typer(kb.app, name="kb")
app.add_typer(tools.app, name="tools")
app.add_typer(models.app, name="models")
app.add_typer(serve.app, name="serve")


@app.callback()
def options(
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error.", envvar="CXR_AGENT_DEBUG"),
    ] = False,
) -> None:
    """Options that come before the command."""
    os.environ["CXR_AGENT_DEBUG"] = "1" if debug else ""


def run() -> None:
    """Run the command line and end the process.

    Exit statuses are those of :mod:`cxr_agent.errors`: 0 fine, 1 a checked report has
    errors, two runs differ or a batch has failures, 2 usage, 3 unreadable file, 4 not a film this
    program reads, 5 tool, 6 model, 7 output, 8 trace, 9 definition, 10 a server, 70 a fault of the
    program, 130 interrupted.
    """
    sys.exit(_run())


def _run() -> int:
    try:
        # A film's name may be no valid text; it must not stop the message about it.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        outcome = app(standalone_mode=False)
        sys.stdout.flush()  # what fails here would fail unseen when the process ends
    except CxrAgentError as error:
        if os.environ.get("CXR_AGENT_DEBUG"):
            traceback.print_exc()
        print_error(error)
        return error.exit_status
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # The reader of our output went away (``| head``): nothing is left to say. Where click
        # sees it first, it turns it into an exit.
        _drop_output()
        return 0
    except KeyboardInterrupt:
        outcome = _INTERRUPTED
    except Exception as error:
        if type(error).__name__ in ("Exit", "Abort"):
            return int(getattr(error, "exit_code", _INTERRUPTED))
        usage = _usage(error)
        if usage is not None:
            print_error(usage)
            return usage.exit_status
        if hasattr(error, "exit_code") and hasattr(error, "show"):
            error.show()  # a group without a command: its help page
            return int(error.exit_code)
        told = _unwritten(error) or internal_error(error)
        print_error(told)
        return told.exit_status
    if outcome == _INTERRUPTED:  # also how click tells of an interrupt
        print("cxr-agent: interrupted", file=sys.stderr)
    return outcome if isinstance(outcome, int) else 0


def _usage(error: Exception) -> UsageError | None:
    """One of click's complaints about the command line as one of ours."""
    describe = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    if describe is None or type(error).__name__ == "NoArgsIsHelpError":
        return None
    command = f"{context.command_path} --help" if context is not None else "cxr-agent --help"
    return UsageError("usage", " ".join(str(describe()).split()), hint=f"See `{command}`.")


def _unwritten(error: Exception) -> OutputError | None:
    """Standard output on a full disk or a broken device: all other writing has its own errors."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
        return None
    _drop_output()
    return OutputError(
        "output_not_writable",
        f"standard output cannot be written: {error.strerror}",
        hint="Send it where there is room.",
    )


def _drop_output() -> None:
    """Let what standard output still holds go nowhere, or the end of the process complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run()
