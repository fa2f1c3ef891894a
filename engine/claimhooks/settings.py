"""``claimhooks.toml``: the policy, and what each hook may do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
)

from claimhooks.errors import LoadError, Problem
from claimhooks.match import Match
from claimhooks.policy import Policy
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES: Final = 1024 * 1024

SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]


def seconds_of(value: object) -> float:
    """The seconds that a duration has. Raises ValueError."""
    if isinstance(value, float):
        seconds = value
    elif isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", value)):
        seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    else:
        raise ValueError('a duration is written as "250ms" or "2s"')
    if not 0.001 <= seconds <= 3600:
        raise ValueError("a duration is between 1ms and 3600s")
    return seconds


Duration = Annotated[float, BeforeValidator(seconds_of)]
"""Seconds: a float in Python, written as ``"250ms"`` or ``"2s"`` in a file."""


Lane = Literal["inline", "worker"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class HookSettings(_Table):
    """The table ``[hooks."NAME"]``, NAME being the hook's file without ``.py``."""

    enabled: bool = True
    on_error: Literal["deny", "skip"] = "deny"
    """What a fault of this hook does: fail the exchange, or leave this hook's effects out."""
    match: Match = Match()
    secrets: Annotated[tuple[SecretName, ...], Field(strict=False)] = ()
    """Names of the secrets that this hook sees in ``context.secrets``."""
    deadline: Duration | None = None
    """What this hook alone may take in a worker, apart from the deadline of the exchange."""
    network: bool = False
    """Whether this hook needs the network: it then runs in workers of its own that have it."""


class WorkerSettings(_Table):
    """The table ``[worker]``: what holds for the processes of the worker lane."""

    processes: int = Field(default=2, ge=1, le=64)
    """How many run hooks at a time; one more stands by."""
    deadline: Duration = 0.25
    """What all hooks of one exchange may take together."""
    memory: int = Field(default=512, ge=64)
    """Address space of one worker, in MiB."""
    sandbox: Literal["required", "best-effort", "off"] = "best-effort"
    """Whether to start without all layers of the sandbox."""


class Settings(_Table):
    """All of ``claimhooks.toml``."""

    issuer: str | None = None
    """The URL of the token issuer: the ``iss`` of its tokens. Its host is reserved for it."""
    secrets_dir: Path = Field(default=Path("/run/secrets"), strict=False)
    """Where secrets are mounted as files."""
    quiet: Duration = 0.1
    """How long the files must have been left alone before a change of them is looked at."""
    gate: Path | None = Field(default=None, strict=False)
    """Samples whose `expect` a generation must meet before it becomes active."""
    lane: Lane = "inline"
    """Whether hooks run in this process, or in isolated ones."""
    worker: WorkerSettings = WorkerSettings()
    policy: Policy = Policy()
    hooks: dict[str, HookSettings] = Field(default_factory=dict[str, HookSettings])

    _file: str = PrivateAttr("claimhooks.toml")

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """The settings in the file at `path`. Raises :class:`LoadError` with every problem."""
        file = str(path)
        text = _read(Path(path))
        try:
            settings = cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"at line (\d+)", str(error))
            problems = [
                Problem("settings_malformed", file, str(error), int(found[1]) if found else None)
            ]
        except RecursionError:
            problems = [Problem("settings_malformed", file, "nested too deeply")]
        except ValidationError as error:
            problems = [
                Problem("settings_invalid", file, reason, _line_of(location, text))
                for location, reason in explain(error, cls)
            ]
        else:
            settings._file = file  # noqa: SLF001 - its own
            return settings
        raise LoadError(problems)

    @property
    def file(self) -> str:
        """Where the settings were read from, for messages."""
        return self._file

    @property
    def gate_path(self) -> Path | None:
        """Where `gate` is: a relative one is beside the settings file."""
        return None if self.gate is None else Path(self._file).parent / self.gate

    def of_hook(self, name: str) -> HookSettings:
        """The settings of one hook: the defaults if the file does not mention it."""
        return self.hooks.get(name, _DEFAULTS)


_DEFAULTS: Final = HookSettings()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise LoadError([Problem("settings_unreadable", str(path), reason)]) from None
    if len(data) > MAX_BYTES:
        raise LoadError([Problem("settings_malformed", str(path), "larger than 1 MiB")])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LoadError([Problem("settings_malformed", str(path), "not UTF-8", line)]) from None


def _line_of(location: Sequence[int | str], text: str) -> int | None:
    """The line of a key: tomllib tells none, so search for its table and then for the key."""
    keys = [re.escape(step) for step in location if isinstance(step, str)]
    start, line = 0, None
    for depth, key in enumerate(keys):
        before = "".join(rf"[\"']?{step}[\"']?\s*\.\s*" for step in keys[:depth])
        header = rf"\[\s*{before}[\"']?{key}[\"']?\s*[\].]"
        found = re.compile(rf"^\s*(?:{header}|[\"']?{key}[\"']?\s*[=.])", re.MULTILINE).search(
            text, start
        )
        if found:
            start = found.start()
            line = text.count("\n", 0, found.end()) + 1
    return line
