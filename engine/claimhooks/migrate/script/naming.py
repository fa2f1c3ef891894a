"""What variables are called in Python."""

from __future__ import annotations

import builtins
import keyword
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claimhooks.migrate.script.bindings import Binding


_MODULES: Final = "asyncio base64 datetime functools hashlib hmac httpx2 json math os re sys uuid"


_TAKEN: Final = frozenset(
    {*keyword.kwlist, *dir(builtins), *_MODULES.split(), "UTC", "quote", "hookimpl"}
    | {"AccessDenied", "InvalidRequest", "InvalidScope", "OAuthError", "ServerError"}
    | {"credentials_exchange"}
)


def free_name(binding: Binding, reserved: Iterable[str]) -> str:
    """A name for a variable that means nothing else where it is seen; none of `reserved`."""
    taken = {
        other.python
        for scope in binding.scope.related()
        for other in scope.names.values()
        if other is not binding
    }
    taken.update(_TAKEN, reserved)
    name = binding.name.replace("$", "_")
    return next(each for each in numbered(name) if each not in taken)


def numbered(name: str) -> Iterator[str]:
    """`name`, and names like it without end."""
    yield name
    yield f"{name}_"
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
