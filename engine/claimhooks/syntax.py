"""What can be seen in a hook file before any of it runs."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from claimhooks.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from claimhooks.snapshot import Snapshot

HOOK_NAME: Final = "credentials_exchange"


def is_hook_file(path: str) -> bool:
    """Whether a file of a hooks folder, by its path there, is a hook and not a helper."""
    return "/" not in path and not path.startswith("_")


class Parsed(NamedTuple):
    """A file that nothing is wrong with, as far as can be seen."""

    tree: ast.Module
    code: CodeType


def compile_file(snapshot: Snapshot, path: str, problems: list[Problem]) -> CodeType | None:
    """The code of one file, or None; then `problems` has been told what is wrong with it."""
    parsed = parse_file(snapshot, path, problems)
    return None if parsed is None else parsed.code


def parse_file(snapshot: Snapshot, path: str, problems: list[Problem]) -> Parsed | None:
    """One file as a syntax tree and as code; else as :func:`compile_file`."""
    shown = snapshot.shown(path)
    try:
        tree = ast.parse(snapshot.files[path], shown)
        code = compile(tree, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        problems.append(Problem("syntax_error", shown, error.msg, error.lineno))
        return None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or "nested too deeply to be compiled"
        problems.append(Problem("syntax_error", shown, reason))
        return None
    found = [*_repeated_hooks(tree, shown), *_absolute_sibling_imports(tree, shown, snapshot)]
    if "/" in path and not any(part.startswith("_") for part in path.split("/")):
        found.extend(_hooks_in_subfolder(tree, shown))
    problems.extend(found)
    return None if found else Parsed(tree, code)


def _hooks_of(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == HOOK_NAME
    ]


def _repeated_hooks(tree: ast.Module, shown: str) -> Iterator[Problem]:
    hooks = _hooks_of(tree)
    for hook in hooks[1:]:
        reason = f"a second {HOOK_NAME}: it would silently replace that of line {hooks[0].lineno}"
        yield Problem("hook_twice", shown, reason, hook.lineno)


def _hooks_in_subfolder(tree: ast.Module, shown: str) -> Iterator[Problem]:
    for hook in _hooks_of(tree):
        reason = "a hook in a subfolder would never run"
        yield Problem("hook_in_subfolder", shown, reason, hook.lineno)


def _absolute_sibling_imports(
    tree: ast.Module, shown: str, snapshot: Snapshot
) -> Iterator[Problem]:
    siblings = {path.split("/")[0].removesuffix(".py") for path in snapshot.files}
    siblings.add(snapshot.root.name)
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            if top in siblings and not _is_elsewhere(top, snapshot.root):
                relative = (
                    f"from . import {top}" if top != snapshot.root.name else "from . import …"
                )
                yield Problem(
                    "absolute_sibling_import",
                    shown,
                    f"{name!r} is a file of this folder, imported absolutely",
                    node.lineno,
                    remedy=f"write '{relative}', so that it is reloaded with the hook",
                )


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, however deep: a small part of all nodes."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, None)
            if isinstance(inner, list):
                statements = cast("list[ast.AST]", inner)
                todo.extend(statements)
                yield from statements


def _is_elsewhere(name: str, root: Path) -> bool:
    """Whether `name` is a module that is installed, and not one of the folder `root`."""
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    folder = root.resolve()
    return not any(Path(place).resolve().is_relative_to(folder) for place in places)
