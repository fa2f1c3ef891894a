"""Logical lines of Python, laid out as `ruff format` would."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.comments import ABOVE, BESIDE, END

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from claimhooks.migrate.python.lines import Line

WIDTH: Final = 88
INDENT: Final = "    "

_TOKEN: Final = re.compile(
    rf"""
    [rf]*"(?:[^"\\]|\\.)*" | [rf]*'(?:[^'\\]|\\.)*'     # a text
    | [{ABOVE}{BESIDE}][^{END}]*{END}                   # a comment
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_STATEMENT: Final = re.compile(
    r"""
    (?P<head>
        (?: return | raise | if | elif | while )[ ]
        | [\w.,\ *]+ (?:\[[^\]]*\])* [ ][+\-*/]?=[ ]
        | for[ ].*?[ ]in[ ]
    )
    (?P<rest> .*?) (?P<tail> :?)$
    """,
    re.VERBOSE,
)
_OPERATORS: Final = (
    (" if ", " else "),
    (" or ",),
    (" and ",),
    (" not in ", " is not ", " in ", " is ", " == ", " != ", " <= ", " >= ", " < ", " > "),
    (" + ", " - "),
    (" * ",),
)
_NAMED: Final = re.compile(r"""\w+=(?!=)|(?:"[^"]*"|'[^']*'|[\w.]+):\ """, re.VERBOSE)
"""A key of a dict, or the name of an argument."""
_DEFINES: Final = re.compile(r"(async def|def|class|@)\b|@")


def lay_out(lines: Sequence[Line]) -> str:
    """The text of a Python file."""
    out: list[str] = []
    previous: Line | None = None
    for index, line in enumerate(lines):
        if not line.text:
            _blank(out, 1)
            continue
        _blank(out, _blanks_before(lines, index, previous))
        out.extend(_written(line))
        previous = line
    while out and not out[-1]:
        out.pop()
    return "\n".join(out) + "\n"


def _blank(out: list[str], count: int) -> None:
    missing = count
    for line in reversed(out):
        if line or not missing:
            break
        missing -= 1
    if out:
        out.extend([""] * missing)


def _blanks_before(lines: Sequence[Line], index: int, previous: Line | None) -> int:
    """How many blank lines have to be above this line: around functions, two or one."""
    line = lines[index]
    if previous is None:
        return 0
    wanted = 1 if line.depth else 2
    if _DEFINES.match(line.text):
        above = previous.text
        opens = previous.depth < line.depth and bool(_DEFINES.match(above))
        is_joined = above.startswith("#") and previous.depth == line.depth
        return 0 if opens or is_joined or above.startswith("@") else wanted
    if line.text.startswith("#") and _heads_function(lines, index):
        return 0 if previous.depth < line.depth or previous.text.startswith("#") else wanted
    return wanted if _ends_function(lines, index) else 0


def _heads_function(lines: Sequence[Line], index: int) -> bool:
    depth = lines[index].depth
    for line in lines[index:]:
        if not line.text or line.depth != depth:
            return False
        if not line.text.startswith("#"):
            return bool(_DEFINES.match(line.text))
    return False


def _ends_function(lines: Sequence[Line], index: int) -> bool:
    """Whether the line before this one, further in, belongs to a function that ends here."""
    depth = lines[index].depth
    for line in reversed(lines[:index]):
        if line.text and line.depth <= depth:
            return line.depth == depth and bool(_DEFINES.match(line.text))
    return False


def _written(line: Line) -> Iterator[str]:
    start = INDENT * line.depth
    if line.text.startswith("#"):
        yield start + line.text
        return
    comment = f"  {line.comment}" if line.comment else ""
    if comment and len(start + line.text + comment) > WIDTH:
        yield start + line.comment
        comment = ""
    *before, last = _split(line.text, line.depth)
    yield from before
    yield last + comment


def _split(text: str, depth: int) -> list[str]:
    """`text` as physical lines."""
    start = INDENT * depth
    if _fits(text, depth):
        return [start + text]
    found = _STATEMENT.match(text)
    if found and _wants_parentheses(found["rest"], found["head"], found["tail"], depth):
        inner = _split_operators(found["rest"], depth + 1)
        return [f"{start}{found['head']}(", *inner, f"{start}){found['tail']}"]
    pair = _last_brackets(text)
    if pair is None:
        return [start + text]
    opening, closing = pair
    head, body, tail = text[: opening + 1], text[opening + 1 : closing], text[closing:]
    is_trailer = opening > 0 and (text[opening - 1].isalnum() or text[opening - 1] in "_)]")
    if not is_trailer and text[opening] == "(":
        inner = _split_operators(body, depth + 1)
    else:
        inner = _split_body(body, depth + 1, is_display=not is_trailer)
    return [start + head, *inner, *_with_tail(start, tail, depth)]


def _wants_parentheses(rest: str, head: str, tail: str, depth: int) -> bool:
    """Whether an expression is put into parentheses, so that it can be broken at its operators."""
    parts, pair = _delimiters(rest), _last_brackets(rest)
    if not parts:
        return pair is None and _fits(rest, depth + 1)
    if len(parts) > 2 or pair is None or pair[1] != len(rest) - 1:
        return True
    # With one operator only, the brackets at the end may be broken instead.
    return not _fits(head + rest[: pair[0] + 1] + tail, depth)


def _with_tail(start: str, tail: str, depth: int) -> list[str]:
    if _fits(tail, depth):
        return [start + tail]
    first, *rest = _split(tail[1:], depth)
    return [start + tail[0] + first.removeprefix(start), *rest]


def _fits(text: str, depth: int) -> bool:
    return (
        len(text) + len(INDENT) * depth <= WIDTH
        and ABOVE not in text
        and BESIDE not in text
        and not _has_magic_comma(text)
    )


def _has_magic_comma(text: str) -> bool:
    tokens = _TOKEN.findall(text)
    return any(
        sign == "," and after in {")", "]", "}"} for sign, after in itertools.pairwise(tokens)
    )


def _split_body(body: str, depth: int, *, is_display: bool) -> list[str]:
    """What is between brackets: of a call or subscript, or of a list or dict."""
    if _is_comprehension(body):
        return [INDENT * depth + body] if _fits(body, depth) else _split_comprehension(body, depth)
    items = _items(body)
    is_whole = not body.rstrip().endswith(",") and ABOVE not in body and BESIDE not in body
    if is_whole and (not is_display or len(items) == 1) and _fits(body, depth):
        return [INDENT * depth + body]
    if len(items) == 1 and is_whole:
        return _split_operators(body, depth)
    lines: list[str] = []
    for item in items:
        lines.extend(_split_item(item.strip(), depth))
    return lines


def _split_item(item: str, depth: int) -> list[str]:
    lines: list[str] = []
    while item.startswith(ABOVE):
        comment, _, item = item[1:].partition(END)
        lines.append(INDENT * depth + comment)
    # A mark further in belongs to something within the item.
    text, _, beside = item.rpartition(BESIDE) if item.endswith(END) else (item, "", "")
    code = _split_argument(text, depth)
    if beside:
        code[-1] += f"  {beside.removesuffix(END)}"
    return lines + code


def _split_argument(text: str, depth: int) -> list[str]:
    """One item of a call, list or dict, with the comma after it."""
    name = _NAMED.match(text)
    prefix = name[0] if name else ""
    parts = _delimiters(text[len(prefix) :])
    if _fits(f"{text},", depth) or not parts:
        return _split(f"{text},", depth)
    *first, last = parts
    lines = [f"{prefix}{parts[0]}", *parts[1:-1], f"{last},"] if first else [f"{prefix}{last},"]
    return [line for each in lines for line in _split(each, depth)]


def _split_operators(text: str, depth: int) -> list[str]:
    """`text` broken before its loosest operators, if it has to be broken."""
    if _fits(text, depth):
        return [INDENT * depth + text]
    parts = _delimiters(text)
    if not parts:
        return _split(text, depth)
    return [line for part in parts for line in _split_part(part, depth)]


def _split_part(part: str, depth: int) -> list[str]:
    return _split(part, depth)


def _is_comprehension(body: str) -> bool:
    return any(text == " for " for _, text in _top_level(body, (" for ",)))


def _split_comprehension(body: str, depth: int) -> list[str]:
    cuts = [at for at, _ in _top_level(body, (" for ", " if "))]
    first_for = next(at for at, text in _top_level(body, (" for ",)) if text)
    cuts = [at for at in cuts if at >= first_for]
    parts = [body[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    return [line for part in parts for line in _split(part, depth)]


def _delimiters(text: str) -> list[str]:
    """The operands of the loosest operators of `text`, each but the first with its operator."""
    for operators in _OPERATORS:
        cuts = [at for at, _ in _top_level(text, operators)]
        if cuts:
            bounds = [0, *cuts, len(text)]
            return [text[a:b].strip() for a, b in itertools.pairwise(bounds)]
    return []


def _top_level(text: str, sought: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Where `sought` stand outside of brackets and texts."""
    sought = tuple(sought)
    depth = position = skip = 0
    for token in _TOKEN.findall(text):
        if token in _CLOSING:
            depth += 1
        elif token in _CLOSING.values():
            depth -= 1
        elif not depth and position >= skip:
            for each in sought:
                if text.startswith(each, position):
                    yield position, each
                    skip = position + len(each) - 1
                    break
        position += len(token)


def _items(body: str) -> list[str]:
    cuts = [at for at, _ in _top_level(body, (",",))]
    bounds = [0, *(at + 1 for at in cuts), len(body) + 1]
    parts = [body[a : b - 1] for a, b in itertools.pairwise(bounds)]
    return [part for part in parts if part.strip()]


def _last_brackets(text: str) -> tuple[int, int] | None:
    """The last pair of brackets outside of others that has something in it."""
    found: tuple[int, int] | None = None
    depth = position = opening = 0
    for token in _TOKEN.findall(text):
        if token in _CLOSING:
            if not depth:
                opening = position
            depth += 1
        elif token in _CLOSING.values():
            depth -= 1
            if not depth and position > opening + 1:
                found = (opening, position)
        position += len(token)
    return found
