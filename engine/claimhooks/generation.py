"""The hooks of one snapshot, in the order in which they run; and the plan that they come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from claimhooks.errors import LoadError, Problem
from claimhooks.match import Matcher
from claimhooks.policy import Judge
from claimhooks.secret import Redactor, SecretMissing, read_secret
from claimhooks.settings import Settings
from claimhooks.syntax import is_hook_file
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from claimhooks.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of a generation, wherever its function is."""

    name: str
    """Its file without ``.py``."""
    file: str
    """As the operator would name it."""
    line: int | None
    arguments: tuple[str, ...]
    """The names of those that it takes, in its order."""
    on_error: Literal["deny", "skip"]
    matcher: Matcher | None
    secrets: Mapping[str, str]
    deadline: float | None
    """Seconds that it alone may take in a worker; None: it shares those of the exchange."""
    network: bool
    """Whether it runs in workers that may use the network."""
    rank: int
    """-1 for pluggy's tryfirst, 1 for trylast, else 0."""


@dataclass(frozen=True)
class Plan:
    """What a generation is to be loaded from: nothing of it has run yet."""

    snapshot: Snapshot
    settings: Settings
    names: tuple[str, ...]
    """The enabled hooks, in the order of their files."""
    secrets: Mapping[str, Mapping[str, str]]
    """Hook → its secrets."""
    problems: tuple[Problem, ...] = field(default=())
    """What is wrong already. Loading goes on, to find the rest, and then fails."""

    @classmethod
    def of(
        cls, snapshot: Snapshot, settings: Settings | None = None, *, allow_empty: bool = False
    ) -> Plan:
        """The plan for `snapshot`. Files of disabled hooks are not touched."""
        settings = settings or Settings()
        problems: list[Problem] = []
        names = hook_names(snapshot)
        if not names and not allow_empty:
            reason = "there is no hook in this folder"
            problems.append(Problem("folder_empty", str(snapshot.root), reason))
        problems.extend(_unknown_hooks(settings, names))
        enabled = tuple(name for name in names if settings.of_hook(name).enabled)
        secrets = {name: _secrets(name, snapshot, settings, problems) for name in enabled}
        return cls(snapshot, settings, enabled, secrets, tuple(problems))

    def hook(self, name: str, line: int | None, arguments: tuple[str, ...], rank: int) -> Hook:
        """The hook `name`, of which loading has told the rest."""
        settings = self.settings.of_hook(name)
        return Hook(
            name=name,
            file=self.snapshot.shown(f"{name}.py"),
            line=line,
            arguments=arguments,
            on_error=settings.on_error,
            matcher=Matcher.of(settings.match),
            secrets=self.secrets[name],
            deadline=settings.deadline,
            network=settings.network,
            rank=rank,
        )

    def check(self, found: Iterable[Problem]) -> None:
        """Raise :class:`LoadError` if there are problems, those that loading `found` included."""
        redactor = Redactor.of(self.secrets.values())
        # A helper that fails does so for each hook that imports it: once is enough.
        problems = {
            replace(problem, reason=redactor.text(problem.reason))
            for problem in (*self.problems, *found)
        }
        if problems:
            raise LoadError(sorted(problems, key=lambda p: (p.file, p.line or 0, p.reason)))


class Generation:
    """The hooks of one snapshot, in the order in which they run. Immutable.

    Whoever runs an exchange holds a reference; when the last one goes, what the lane holds for the
    generation (modules, workers) is let go as well.
    """

    def __init__(self, plan: Plan, hooks: Iterable[Hook]) -> None:
        self.digest: Final = plan.snapshot.digest
        self.revision: Final = plan.snapshot.revision
        self.settings: Final = plan.settings
        # pluggy calls the last registered first, and trylast in its own way: we go by the files.
        self.hooks: Final = tuple(sorted(hooks, key=lambda h: (h.rank, plan.names.index(h.name))))
        self.judge: Final = Judge(plan.settings.policy, plan.settings.issuer)
        self.redactor: Final = Redactor.of(hook.secrets for hook in self.hooks)


def hook_names(snapshot: Snapshot) -> list[str]:
    """The names of all hooks in `snapshot`, enabled or not, in the order of their files."""
    return [path.removesuffix(".py") for path in snapshot.files if is_hook_file(path)]


def _unknown_hooks(settings: Settings, names: list[str]) -> Iterator[Problem]:
    for name in settings.hooks:
        if name not in names:
            reason = f"[hooks.{name!r}]: there is no such hook{nearest(name, names)}"
            yield Problem("hook_unknown", settings.file, reason)


def _secrets(
    name: str, snapshot: Snapshot, settings: Settings, problems: list[Problem]
) -> dict[str, str]:
    values: dict[str, str] = {}
    for secret in settings.of_hook(name).secrets:
        try:
            values[secret] = read_secret(secret, settings.secrets_dir)
        except SecretMissing as error:
            problems.append(Problem("secret_missing", snapshot.shown(f"{name}.py"), str(error)))
    return values
