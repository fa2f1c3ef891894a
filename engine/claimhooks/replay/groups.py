"""Exchanges in groups within groups: how many, and the first of each as an example."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_GROUPS: Final = 100
"""Groups that are told apart within one."""
MAX_TEXT: Final = 200
"""Characters of the name of one."""


def short(text: str) -> str:
    """`text` as the name of a group: a long one is shortened, and still like no other."""
    if len(text) <= MAX_TEXT:
        return text
    digest = sha256(text.encode()).hexdigest()[:12]
    return f"{text[: MAX_TEXT // 2]}… ({len(text):,} characters, SHA-256 {digest}…)"


@dataclass(frozen=True, slots=True)
class Example:
    """Where in a recording something is to be seen."""

    file: str
    line: int
    client: str

    def below(self, lines: int) -> Example:
        """The same, if the file has so many lines before those that were counted."""
        return Example(self.file, self.line + lines, self.client)


@dataclass(slots=True)
class Group:
    """Some exchanges, and the groups that they form.

    The groups within are told apart as long as there are no more than :data:`MAX_GROUPS` of them,
    else none is. So what is counted depends neither on the order of the exchanges nor on how they
    are divided.
    """

    count: int = 0
    example: Example | None = None
    """The first."""
    groups: dict[str, Group] | None = field(default_factory=dict[str, "Group"])
    """None: too many to be told apart."""

    def add(self, example: Example, *paths: Sequence[str]) -> None:
        """Count an exchange here, and once in each group on the way to any of `paths`."""
        self.count += 1
        if self.example is None:
            self.example = example
        within: dict[str, list[Sequence[str]]] = {}
        for path in filter(None, paths):
            within.setdefault(path[0], []).append(path[1:])
        for name, rest in within.items():
            if (group := self._within(name)) is not None:
                group.add(example, *rest)

    def merge(self, other: Group, lines: int = 0) -> None:
        """Count what `other` has counted in later lines, the file having `lines` before them."""
        self.count += other.count
        if self.example is None and other.example is not None:
            self.example = other.example.below(lines)
        if other.groups is None:
            self.groups = None
        for name, theirs in (other.groups or {}).items():
            if (ours := self._within(name)) is not None:
                ours.merge(theirs, lines)

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Group]]:
        """The innermost groups that are told apart, the largest first, and the way to each."""
        if not self.groups:
            yield path, self
            return
        for name, group in sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0])):
            yield from group.leaves((*path, name))

    def _within(self, name: str) -> Group | None:
        """The group `name`, made if it is new; None if groups are not told apart."""
        if self.groups is None:
            return None
        group = self.groups.get(name)
        if group is None:
            if len(self.groups) == MAX_GROUPS:
                self.groups = None
                return None
            group = self.groups[name] = Group()
        return group
