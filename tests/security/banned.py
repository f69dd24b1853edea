"""Looks through source text for calls that run, unpack or load what a file of others says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

MODULES = frozenset(
    {
        *("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "jsonpickle"),
        *("marshal", "shelve", "dbm", "yaml", "ruamel", "code", "codeop", "pty"),
        *(
            "telnetlib",
            "ftplib",
            "xml.sax.handler",
            "xml.sax.expatreader",
            "xml.dom",
            "lxml",
            "xmlrpc",
        ),
    }
)
"""Importing one of these is found, whatever is done with it."""
CALLS = frozenset(
    {
        *("eval", "exec", "compile", "__import__"),
        *("builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__"),
        *("os.system", "os.popen", "os.startfile", "subprocess.getoutput"),
        *("subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
        *("numpy.fromregex", "pandas.read_pickle", "pandas.eval", "numpy.lib.format.read_array"),
        *("torch.jit.load", "torch.hub.load", "torch.package.PackageImporter"),
        *("shutil.unpack_archive", "tempfile.mktemp"),
        *("ssl._create_unverified_context", "xml.etree.ElementTree.parse"),
    }
)
METHODS = frozenset({"extractall", "exec_module", "read_pickle", "to_pickle"})
"""Of whatever object: its class is not known here."""
ANY_PICTURE = "PIL.Image.open without formats"
"""Pillow then tries some forty decoders."""
PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn")


@dataclass(frozen=True)
class Found:
    """One place in a source file."""

    line: int
    what: str


def look_through(source: str) -> Iterator[Found]:
    """Every use of what is banned."""
    tree = ast.parse(source)
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_import(node, one.name) for one in node.names if _banned(one.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            whole = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
            yield from (_import(node, name) for name in whole if _banned(name) or name in CALLS)
        elif isinstance(node, ast.Call):
            yield from _call(node, names)
        elif isinstance(node, ast.Name | ast.Attribute):
            # Handed on rather than called: ``work = eval``.
            name = _dotted(node, names)
            if name in CALLS:
                yield Found(node.lineno, name)
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                yield Found(node.lineno, node.attr)


def _names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, wherever in the file it is imported."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                names[one.asname or one.name.partition(".")[0]] = (
                    one.name if one.asname else one.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for one in node.names:
                names[one.asname or one.name] = f"{node.module}.{one.name}"
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """``os.path.join`` of such an expression; with an unknown beginning from the first dot on."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return "?"


def _banned(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in MODULES)


def _import(node: ast.stmt, name: str) -> Found:
    return Found(node.lineno, f"import {name}")


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[Found]:
    name = _dotted(node.func, names)
    given = {one.arg: one.value for one in node.keywords if one.arg is not None}
    if name.startswith(PREFIXES):
        yield Found(node.lineno, name)
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield Found(node.lineno, "torch.load without weights_only")
    if name == "PIL.Image.open" and "formats" not in given:
        yield Found(node.lineno, ANY_PICTURE)
    for argument, harmless in (("shell", False), ("allow_pickle", False), ("verify", True)):
        if argument in given and not _is(given[argument], harmless):
            yield Found(node.lineno, f"{argument}={ast.unparse(given[argument])}")
    if _is(given.get("trust_remote_code"), True):
        yield Found(node.lineno, "trust_remote_code=True")


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
