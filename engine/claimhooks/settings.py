"""``claimhooks.toml``: the policy, and what each hook may do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

from claimhooks import tomlfile
from claimhooks.match import Match
from claimhooks.policy import Policy

FILE_NAME: Final = "claimhooks.toml"
"""Of the settings that are found beside the hooks."""
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


HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", to_lower=True)]


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


PeerName = Literal["hydra", "okta", "cognito", "zitadel", "wso2", "entra"]
"""Issuers that there is a bridge for."""
Caller = Literal["api_key", "basic", "bearer", "hmac", "jwt"]
"""Ways in which a peer authenticates itself."""

SecretNames = Annotated[tuple[SecretName, ...], Field(strict=False, min_length=1)]
"""Secrets of which each is accepted: while one takes the place of another there are two."""


class ApiKeySettings(_Table):
    """A secret that the peer sends as it is, in a header or in a cookie."""

    header: HeaderName | None = None
    cookie: SecretName | None = None
    secrets: SecretNames

    @model_validator(mode="after")
    def _is_in_one_place(self) -> Self:
        if (self.header is None) == (self.cookie is None):
            raise ValueError("say where the key is: in a header, or in a cookie")
        return self


class BasicSettings(_Table):
    """HTTP Basic authentication (RFC 7617)."""

    user: str
    secrets: SecretNames


class BearerSettings(_Table):
    """A fixed token behind ``Bearer`` in the header ``authorization`` (RFC 6750 §2.1)."""

    secrets: SecretNames


class HmacSettings(_Table):
    """A signature of the body and the time, by a key that both know."""

    secrets: SecretNames
    tolerance: Duration = 300.0
    """How far the time may be from ours."""


class JwtSettings(_Table):
    """A JWT that the peer, or its authorization server, signs."""

    jwks: Annotated[
        str, StringConstraints(pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/]|[^:]+$)")
    ]
    """Where its public keys are: an https URL, or a file beside the settings."""
    issuer: str
    audience: str
    decryption_keys: SecretNames | None = None
    """Secrets with private keys in PEM, if the JWT comes encrypted (RFC 7516)."""


class BridgeSettings(_Table):
    """A table ``[bridges.PEER]``: what holds for the calls of one peer."""

    api_key: ApiKeySettings | None = None
    basic: BasicSettings | None = None
    bearer: BearerSettings | None = None
    hmac: HmacSettings | None = None
    jwt: JwtSettings | None = None
    audience: Annotated[str, StringConstraints(min_length=1)] | None = None
    """What hooks see as the audience of a token that is for none."""
    on_unsupported: Literal["deny", "drop"] = "deny"
    """What becomes of a token for which hooks ask what the peer cannot do."""
    registry: bool = True
    """Whether clients are looked up in the registry of ``[server]``, if that names one."""
    tokens_of_people: bool = False
    """Whether hooks may run for tokens that are not of the client-credentials grant (Entra)."""

    @model_validator(mode="after")
    def _has_one_caller(self) -> Self:
        if len(found := [kind for kind in CALLERS if getattr(self, kind) is not None]) > 1:
            raise ValueError(f"a call is authenticated in one way, not by {' and '.join(found)}")
        return self

    @property
    def caller(self) -> Caller | None:
        """How a call is authenticated: one of :data:`CALLERS`."""
        return next((kind for kind in CALLERS if getattr(self, kind) is not None), None)


CALLERS: Final[tuple[Caller, ...]] = get_args(Caller)


HIDEABLE: Final = ("client.id", "client.name", "client.tenant", "request.ip")
"""Fields that a recording can do without."""
HIDEABLE_BELOW: Final = ("client.metadata", "request.params", "request.headers", "claims")
"""Tables whose fields it can do without. The claims are those of the outcome."""


def _hideable(path: str) -> str:
    table = next((table for table in HIDEABLE_BELOW if path.startswith(f"{table}.")), None)
    below = path[len(table) + 1 :] if table else ""
    if path not in HIDEABLE and not below:
        known = ", ".join([*HIDEABLE, *(f"{table}.NAME" for table in HIDEABLE_BELOW)])
        raise ValueError(f"{path!r} is none of {known}")
    if any("*" in name != "*" for name in below.split(".")):
        raise ValueError(f"{path!r}: a * stands for a whole name")
    # Headers are known by their names in lower case.
    return path.lower() if table == "request.headers" else path


FieldPaths = Annotated[
    tuple[Annotated[str, AfterValidator(_hideable)], ...],
    Field(strict=False),
]
"""Names on the way to a field of an entry, joined by dots; ``*`` is any name."""


class RecordSettings(_Table):
    """The table ``[record]``: exchanges are written down, for ``claimhooks replay``."""

    folder: AnyPath
    """Where the files are."""
    rate: float = Field(default=1.0, ge=0, le=1)
    """The part of all exchanges that is recorded, chosen at random."""
    max_size: int = Field(default=64, ge=1, le=1024)
    """MiB of a file; then the next is begun."""
    max_age: int = Field(default=24, ge=1, le=8760)
    """Hours after which the next file is begun."""
    keep: int = Field(default=10, ge=1, le=10_000)
    """How many files stay in the folder beside those that are being written."""
    compress: bool = False
    """Whether files are compressed with gzip once they are complete."""
    redact: FieldPaths = ()
    """What is replaced by a mark."""
    pseudonymise: FieldPaths = ()
    """What is replaced by a keyed hash: equal values stay equal, and nobody knows which."""
    pseudonym_key: SecretName | None = None
    """The secret that the hashes are keyed with."""

    @model_validator(mode="after")
    def _pseudonyms_have_a_key(self) -> Self:
        if self.pseudonymise and self.pseudonym_key is None:
            raise ValueError("pseudonymise needs a pseudonym_key: the name of a secret")
        return self


class BundleSettings(_Table):
    """The table ``[bundle]``: what holds where the hooks are a bundle."""

    key: AnyPath | None = None
    """The public key that bundles must be signed for; None: they need no signature."""
    poll: Duration = 30.0
    """How often an address is asked for another one."""


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
    bundle: BundleSettings = BundleSettings()
    record: RecordSettings | None = None
    """What is recorded of the exchanges; None: nothing."""
    policy: Policy = Policy()
    hooks: dict[str, HookSettings] = Field(default_factory=dict[str, HookSettings])
    bridges: dict[PeerName, BridgeSettings] = Field(default_factory=dict[PeerName, BridgeSettings])

    _file: str = PrivateAttr(FILE_NAME)

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """The settings in the file at `path`. Raises :class:`LoadError` with every problem."""
        return cls.parse(tomlfile.read(Path(path), "settings", MAX_BYTES), str(path))

    @classmethod
    def parse(cls, text: str, file: str) -> Settings:
        """The settings in `text`, which was read from `file`. Raises :class:`LoadError`."""
        settings = tomlfile.load(text, cls, file, "settings")
        settings._file = file  # noqa: SLF001 - its own
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
    def bundle_key(self) -> Path | None:
        """Where the key of bundles is: a relative one is beside the settings file."""
        return None if self.bundle.key is None else Path(self._file).parent / self.bundle.key

    @property
    def record_folder(self) -> Path | None:
        """Where recordings are: a relative folder is beside the settings file."""
        return None if self.record is None else Path(self._file).parent / self.record.folder

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

    def of_bridge(self, peer: PeerName) -> BridgeSettings:
        """The settings of one bridge: the defaults if the file does not mention it."""
        return self.bridges.get(peer, _NO_BRIDGE)


_DEFAULTS: Final = HookSettings()
_NO_BRIDGE: Final = BridgeSettings()
