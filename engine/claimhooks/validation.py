"""What pydantic found wrong, in the words of the person who wrote the input."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, get_args

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic_core import ErrorDetails

    Location = Sequence[int | str]

MAX_STEPS: Final = 8

_EXPECTED: Final = {
    "bool_type": "true or false",
    "datetime_type": "a date and time",
    "dict_type": "an object",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
    "string_type": "text",
    "tuple_type": "a list",
}


def explain(
    error: ValidationError, model: type[BaseModel]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Each mistake in the input of `model`: its location, and the location with what is wrong."""
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
        place = "".join(steps[:MAX_STEPS]).removeprefix(".")
        what = _what(detail, model)
        yield location, f"{place}: {what}" if place else what


def nearest(name: str, names: Iterable[str]) -> str:
    """Which of `names` may have been meant by `name`, to append to a reason."""
    names = sorted(names)
    if close := get_close_matches(name, names, n=1, cutoff=0.5):
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else ""


def _what(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, location = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return f"unknown key{nearest(str(location[-1]), _keys_at(model, location[:-1]))}"
    if kind == "missing":
        return "is missing"
    if "recursion" in detail["msg"].lower():
        return "nested too deeply"
    if expected := _EXPECTED.get(kind):
        found: object = detail["input"]
        return f"must be {expected}, not {_json_name(found)}"
    message = detail["msg"].removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("String should", "text should")


def _json_name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


def _keys_at(model: type[BaseModel], location: Location) -> Iterable[str]:
    """The keys that the table at `location` may have."""
    for step in location:
        if isinstance(step, str) and step in model.model_fields:
            inner = _model_in(model.model_fields[step].annotation)
            if inner is None:
                return ()
            model = inner
    return model.model_fields


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
