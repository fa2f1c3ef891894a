"""The whole file: what it is translated from, its imports, the hook, and what that needs."""

from __future__ import annotations

import ast
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.python.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claimhooks.migrate.effects import Effects
    from claimhooks.migrate.python.lines import Line

SUPPORT: Final = "claimhooks.migrate.python.support"
PARTS: Final = ("values", "numbers", "comparison", "tables", "lists", "dates", "requests")
"""The modules of the support, in the order in which a file has what is needed of them."""

_HEAD: Final = "# What JavaScript does by itself."
_DEFINITIONS: Final = ("@", "def ", "async def ")


def document(lines: Sequence[Line], effects: Effects, name: str) -> str:
    """The text of a hook file, from its lines; `name` is the script that they translate."""
    support, imports = support_of(effects.support)
    # What runs while the file is loaded needs it before.
    is_early = any("js_" in line.text for line in lines if not line.depth)
    head = f'"""Translated from {_plain(name)} by claimhooks migrate."""'
    blocks = [lay_out(lines).rstrip("\n")]
    if support:
        blocks.insert(0 if is_early else 1, "\n\n\n".join([_HEAD, *support]))
    code = "\n\n\n".join(block for block in blocks if block)
    gap = "\n\n" if _begins_with_definition(code) else "\n"
    return f"{head}\n\n{_imports(effects.imports | imports, effects.names)}\n{gap}{code}\n"


def _begins_with_definition(code: str) -> bool:
    first = next((line for line in code.splitlines() if line and line[0] != "#"), "")
    return first.startswith(_DEFINITIONS)


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in name)


def _imports(statements: Iterable[str], names: Iterable[str]) -> str:
    """The imports of a hook file, in groups and sorted as ruff sorts them."""
    own = ", ".join(sorted({*names, "hookimpl"}))
    third = {statement for statement in statements if "httpx2" in statement}
    standard = sorted({*statements} - third, key=lambda one: (one.startswith("from "), one))
    groups = (standard, [*sorted(third), f"from claimhooks import {own}"])
    return "\n\n".join("\n".join(group) for group in groups if group)


def support_names() -> list[str]:
    """All functions of the support."""
    return [*_support()[0]]


def support_of(names: Iterable[str]) -> tuple[list[str], set[str]]:
    """The functions of the support that are needed, and what these import."""
    functions, imports = _support()
    wanted = {*names}
    pending = [*wanted]
    used: set[str] = set()
    while pending:
        _, mentioned = functions[pending.pop()]
        used |= mentioned
        further = mentioned & functions.keys() - wanted
        wanted |= further
        pending.extend(further)
    needed = {statement for name, statement in imports.items() if name in used}
    return [text for name, (text, _) in functions.items() if name in wanted], _merged(needed)


def _merged(statements: set[str]) -> set[str]:
    """Imports from the same module as one."""
    plain = {each for each in statements if not each.startswith("from ")}
    modules: dict[str, list[str]] = {}
    for each in statements - plain:
        _, module, _, name = each.split(" ", 3)
        modules.setdefault(module, []).append(name)
    return plain | {
        f"from {module} import {', '.join(sorted(names))}" for module, names in modules.items()
    }


@lru_cache(maxsize=1)
def _support() -> tuple[dict[str, tuple[str, set[str]]], dict[str, str]]:
    """The functions of the support, with the names that they mention, and its imports."""
    functions: dict[str, tuple[str, set[str]]] = {}
    imports: dict[str, str] = {}
    for part in PARTS:
        source = files(SUPPORT).joinpath(f"{part}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                text = _bare(node, source)
                names = {one.id for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Name)}
                functions[node.name] = text, names
            elif isinstance(node, ast.Import):
                imports |= {alias.name: f"import {alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    imports[alias.name] = f"from {node.module} import {alias.name}"
    own = functions.keys() | {"annotations", "Value"}
    return functions, {name: text for name, text in imports.items() if name not in own}


def _bare(node: ast.FunctionDef | ast.AsyncFunctionDef, source: str) -> str:
    """A function without annotations, as hooks are written."""
    for argument in ast.walk(node.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    body = source.splitlines()[node.body[0].lineno - 1 : node.end_lineno]
    arguments = ast.unparse(node.args).replace("'", '"')
    return "\n".join([f"{word} {node.name}({arguments}):", *body])
