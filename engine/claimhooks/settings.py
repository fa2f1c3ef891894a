"""``claimhooks.toml``: the policy, and what each hook may do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
)

from claimhooks import tomlfile
from claimhooks.match import Match
from claimhooks.policy import Policy

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


def _nameable(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a NUL character")
    return path


AnyPath = Annotated[Path, Field(strict=False), AfterValidator(_nameable)]


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


HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", to_lower=True)]


class ServerSettings(_Table):
    """The table ``[server]``: what holds for the token issuer."""

    registry: str | None = None
    """Where clients, APIs and grants are: a TOML file, or the address of a database."""
    error_style: Literal["rfc6749", "auth0"] = "rfc6749"
    """In whose words token requests are refused."""
    headers: Annotated[tuple[HeaderName, ...], Field(strict=False)] = ()
    """Request headers that hooks see in ``context.request.headers``."""
    trace_header: HeaderName | None = None
    """The response header that tells the trace id of the exchange, if any."""
    concurrency: int = Field(default=200, ge=1)
    """Token requests under way at a time; more are answered 503."""


class Settings(_Table):
    """All of ``claimhooks.toml``."""

    issuer: str | None = None
    """The URL of the token issuer: the ``iss`` of its tokens. Its host is reserved for it."""
    secrets_dir: AnyPath = Path("/run/secrets")
    """Where secrets are mounted as files."""
    quiet: Duration = 0.1
    """How long the files must have been left alone before a change of them is looked at."""
    gate: AnyPath | None = None
    """Samples whose `expect` a generation must meet before it becomes active."""
    lane: Lane | None = None
    """Whether hooks run in this process, or in isolated ones; None: as the program has it."""
    worker: WorkerSettings = WorkerSettings()
    server: ServerSettings = ServerSettings()
    policy: Policy = Policy()
    hooks: dict[str, HookSettings] = Field(default_factory=dict[str, HookSettings])

    _file: str = PrivateAttr("claimhooks.toml")

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """The settings in the file at `path`. Raises :class:`LoadError` with every problem."""
        text = tomlfile.read(Path(path), "settings", MAX_BYTES)
        settings = tomlfile.load(text, cls, str(path), "settings")
        settings._file = str(path)  # noqa: SLF001 - its own
        return settings

    @property
    def file(self) -> str:
        """Where the settings were read from, for messages."""
        return self._file

    @property
    def gate_path(self) -> Path | None:
        """Where `gate` is: a relative one is beside the settings file."""
        return None if self.gate is None else Path(self._file).parent / self.gate

    @property
    def registry_address(self) -> str | None:
        """Where the registry is: a file with a relative name is beside the settings file."""
        named = self.server.registry
        if named is None or "://" in named:
            return named
        return str(Path(self._file).parent / named)

    def of_hook(self, name: str) -> HookSettings:
        """The settings of one hook: the defaults if the file does not mention it."""
        return self.hooks.get(name, _DEFAULTS)


_DEFAULTS: Final = HookSettings()
