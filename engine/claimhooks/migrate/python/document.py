"""The whole file: what it is translated from, its imports, the hook, and what that needs."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from claimhooks.errors import Problem, ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claimhooks.migrate.python.code import Line
    from claimhooks.migrate.state import Effects

SUPPORT: Final = "claimhooks.migrate.python.support"
PARTS: Final = ("values", "numbers", "collections", "requests")
"""The modules of the support, in the order in which a file has what is needed of them."""

_HEAD: Final = "# What JavaScript does by itself."
_INDENT: Final = "    "


def document(lines: Sequence[Line], effects: Effects, file: str, name: str) -> str:
    """The text of a hook file, from its lines; `name` is the script `file` without its folder.

    Raises :class:`ScriptError`: ``migrate_missing`` without the formatter,
    ``javascript_untranslated`` if the lines are no Python.
    """
    support, modules = support_of(effects.support)
    parts = ["\n".join(map(_written, lines))]
    if support:
        # What runs while the file is loaded needs it before.
        is_early = any("js_" in line.text for line in lines if not line.depth)
        parts.insert(0 if is_early else 1, "\n\n\n".join([_HEAD, *support]))
    head = f'"""Translated from {_plain(name)} by claimhooks migrate."""'
    imports = _imports(effects.imports | {f"import {each}" for each in modules}, effects.names)
    text = "\n\n".join([head, imports, "\n\n\n".join(parts)])
    try:
        compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        reason = f"its translation is no Python: {error}"
        raise ScriptError([Problem("javascript_untranslated", file, reason)]) from None
    return _formatted(text, file)


def _written(line: Line) -> str:
    comment = f"  {line.comment}" if line.comment else ""
    return f"{_INDENT * line.depth}{line.text}{comment}".rstrip()


def _formatted(text: str, file: str) -> str:
    # -P: a module of that name in the current folder is not it.
    command = [sys.executable, "-P", "-m", "ruff", "format", "--isolated", "--quiet", "-"]
    done = subprocess.run(  # noqa: S603 - no shell, and no option comes from outside
        command, input=text.encode(), capture_output=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").splitlines()[-1:])
        reason = f"the formatter ruff does not run: {said}"
        raise ScriptError([Problem("migrate_missing", file, reason)])
    return done.stdout.decode()


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in name)


def _imports(statements: Iterable[str], names: Iterable[str]) -> str:
    """The imports of a hook file, in groups and sorted as ruff sorts them."""
    own = ", ".join(sorted({*names, "hookimpl"}))
    third = sorted(statement for statement in statements if "httpx2" in statement)
    standard = sorted({*statements}.difference(third), key=lambda one: (one[0] == "f", one))
    groups = (standard, [*third, f"from claimhooks import {own}"])
    return "\n\n".join("\n".join(group) for group in groups if group)


def support_names() -> list[str]:
    """All functions of the support."""
    return [*_support()[0]]


def support_of(names: Iterable[str]) -> tuple[list[str], set[str]]:
    """The functions of the support that are needed, and the modules that these import."""
    functions, modules = _support()
    wanted: set[str] = set()
    used: set[str] = set()
    pending = {*names}
    while pending:
        wanted |= pending
        for name in pending:
            used |= functions[name][1]
        pending = (used & functions.keys()) - wanted
    return [text for name, (text, _) in functions.items() if name in wanted], used & modules


@lru_cache(maxsize=1)
def _support() -> tuple[dict[str, tuple[str, set[str]]], set[str]]:
    """The functions of the support, with the names that they mention, and its modules."""
    functions: dict[str, tuple[str, set[str]]] = {}
    modules: set[str] = set()
    for part in PARTS:
        source = files(SUPPORT).joinpath(f"{part}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                text = _bare(node, source)
                names = {one.id for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Name)}
                functions[node.name] = text, names
            elif isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
    return functions, modules


def _bare(node: ast.FunctionDef | ast.AsyncFunctionDef, source: str) -> str:
    """A function without annotations, as hooks are written."""
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    body = source.splitlines()[node.body[0].lineno - 1 : node.end_lineno]
    return "\n".join([f"{word} {node.name}({ast.unparse(node.args)}):", *body])
