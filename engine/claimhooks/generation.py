"""A snapshot that has been compiled, loaded, validated and ordered: the hooks that run."""

from __future__ import annotations

import inspect
import threading
import weakref
from dataclasses import dataclass, replace
from traceback import format_exception_only
from types import CodeType
from typing import TYPE_CHECKING, Final, Literal

import pluggy

from claimhooks import hookspec
from claimhooks.errors import LoadError, Problem
from claimhooks.match import Matcher
from claimhooks.modules import DidNotCompile, Modules
from claimhooks.policy import Judge
from claimhooks.secret import Redactor, SecretMissing, read_secret
from claimhooks.settings import Settings
from claimhooks.syntax import HOOK_NAME, compile_file, is_hook_file
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from claimhooks.snapshot import Snapshot

ARGUMENTS: Final = ("client", "scope", "audience", "context")


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of a generation, ready to be called."""

    name: str
    """Its file without ``.py``."""
    file: str
    """As the operator would name it."""
    line: int | None
    function: Callable[..., object]
    arguments: tuple[str, ...]
    """The names of those that it takes, in its order."""
    on_error: Literal["deny", "skip"]
    matcher: Matcher | None
    secrets: Mapping[str, str]


class Generation:
    """The hooks of one snapshot, in the order in which they run. Immutable.

    Whoever runs an exchange holds a reference; when the last one goes, the modules are unloaded.
    """

    def __init__(
        self, snapshot: Snapshot, settings: Settings, hooks: tuple[Hook, ...], modules: Modules
    ) -> None:
        self.digest: Final = snapshot.digest
        self.hooks: Final = hooks
        self.settings: Final = settings
        self.judge: Final = Judge(settings.policy, settings.issuer)
        self.redactor: Final = Redactor.of(hook.secrets for hook in hooks)
        self.modules: Final = modules
        weakref.finalize(self, modules.unload).atexit = False

    @classmethod
    def load(
        cls, snapshot: Snapshot, settings: Settings | None = None, *, allow_empty: bool = False
    ) -> Generation:
        """Compile, import and validate `snapshot`. Files of disabled hooks are not touched.

        Raises :class:`~claimhooks.errors.LoadError` with every problem of the folder and its
        settings together.
        """
        settings = settings or Settings()
        problems: list[Problem] = []
        names = hook_names(snapshot)
        if not names and not allow_empty:
            reason = "there is no hook in this folder"
            problems.append(Problem("folder_empty", str(snapshot.root), reason))
        problems.extend(_unknown_hooks(settings, names))
        enabled = [name for name in names if settings.of_hook(name).enabled]
        secrets = {name: _secrets(name, snapshot, settings, problems) for name in enabled}
        disabled = {f"{name}.py" for name in names if name not in enabled}
        code = {
            path: compile_file(snapshot, path, problems)
            for path in snapshot.files
            if path not in disabled
        }
        modules = Modules(snapshot, code)
        try:
            hooks = tuple(
                Hook(
                    name=name,
                    file=snapshot.shown(f"{name}.py"),
                    line=_line_of(implementation.function),
                    function=implementation.function,
                    arguments=implementation.argnames,
                    on_error=settings.of_hook(name).on_error,
                    matcher=Matcher.of(settings.of_hook(name).match),
                    secrets=secrets[name],
                )
                for name, implementation in _implementations(enabled, snapshot, modules, problems)
            )
            if problems:
                raise LoadError(_presentable(problems, Redactor.of(secrets.values())))
        except BaseException:
            modules.unload()
            raise
        return cls(snapshot, settings, hooks, modules)


def hook_names(snapshot: Snapshot) -> list[str]:
    """The names of all hooks in `snapshot`, enabled or not, in the order of their files."""
    return [path.removesuffix(".py") for path in snapshot.files if is_hook_file(path)]


def _presentable(problems: list[Problem], redactor: Redactor) -> list[Problem]:
    # A helper that fails does so for each hook that imports it: once is enough.
    redacted = {replace(problem, reason=redactor.text(problem.reason)) for problem in problems}
    return sorted(redacted, key=lambda problem: (problem.file, problem.line or 0, problem.reason))


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


def _implementations(
    names: list[str], snapshot: Snapshot, modules: Modules, problems: list[Problem]
) -> Iterator[tuple[str, pluggy.HookImpl]]:
    """The hooks of the files `names` in the order in which they run."""
    manager = pluggy.PluginManager(hookspec.PROJECT)
    manager.add_hookspecs(hookspec)
    for name in names:
        if (module := _import(name, snapshot, modules, problems)) is not None:
            problems.extend(_register(name, module, snapshot.shown(f"{name}.py"), manager))
    # pluggy calls the last registered first, and trylast in its own way: we go by the files.
    implementations = manager.hook.credentials_exchange.get_hookimpls()
    implementations.sort(key=lambda one: (one.trylast - one.tryfirst, names.index(one.plugin_name)))
    for implementation in implementations:
        yield implementation.plugin_name, implementation


def _import(
    name: str, snapshot: Snapshot, modules: Modules, problems: list[Problem]
) -> ModuleType | None:
    path = f"{name}.py"
    threads = set(threading.enumerate())
    try:
        return modules.load(path)
    except DidNotCompile:
        return None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a hook file may raise anything at all
        if isinstance(error, ImportError):
            code, reason = "import_failed", str(error)
        elif isinstance(error, SystemExit):
            code, reason = "load_exited", "sys.exit() while loading"
        else:
            code, reason = "load_raised", "".join(format_exception_only(error)).strip()
        file, line = modules.locate(error) or (snapshot.shown(path), None)
        problems.append(Problem(code, file, modules.readable(reason), line))
        return None
    finally:
        for thread in set(threading.enumerate()) - threads:
            reason = f"left the thread {thread.name!r} running"
            problems.append(Problem("thread_left_running", snapshot.shown(path), reason))


def _register(
    name: str, module: ModuleType, file: str, manager: pluggy.PluginManager
) -> Iterator[Problem]:
    """Hand one module to pluggy; yields why it, or a function in it, cannot be a hook."""
    marked = {
        attribute: options
        for attribute in dir(module)
        if (options := manager.parse_hookimpl_opts(module, attribute))
    }
    functions = {attribute: getattr(module, attribute) for attribute in marked}
    hooks = [
        functions[attribute]
        for attribute, options in marked.items()
        if (options["specname"] or attribute) == HOOK_NAME
    ]
    for attribute, options in marked.items():
        if options["wrapper"] or options["hookwrapper"]:
            line = _line_of(functions[attribute])
            yield Problem("hook_is_wrapper", file, "hook wrappers are not run", line)
            return
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError:
        if manager.is_registered(module):
            manager.unregister(module)
        else:
            yield from _unknown_arguments(hooks, file)
        for attribute in marked.keys() - {HOOK_NAME}:
            reason = (
                f"{attribute} is no hook that claimhooks knows{nearest(attribute, [HOOK_NAME])}"
            )
            yield Problem("hook_misspelt", file, reason, _line_of(functions[attribute]))
        return
    if not hooks:
        plain = getattr(module, HOOK_NAME, None)
        reason = f"{HOOK_NAME} lacks the decorator @hookimpl" if plain else "no hook in this file"
        yield Problem("hook_missing", file, reason, _line_of(plain))
    for second in hooks[1:]:
        yield Problem("hook_twice", file, "a second hook in one file", _line_of(second))
    for function in hooks:
        yield from _uncallable(function, file)


def _unknown_arguments(functions: list[Callable[..., object]], file: str) -> Iterator[Problem]:
    for function in functions:
        for argument in inspect.signature(function).parameters.keys() - set(ARGUMENTS):
            reason = f"unknown argument {argument!r}{nearest(argument, ARGUMENTS)}"
            yield Problem("argument_unknown", file, reason, _line_of(function))


def _uncallable(function: Callable[..., object], file: str) -> Iterator[Problem]:
    line = _line_of(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        yield Problem("hook_is_generator", file, "the hook yields", line)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            reason = f"the hook takes {parameter}, which nothing is passed to"
            yield Problem("argument_unknown", file, reason, line)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            reason = (
                f"the argument {parameter.name!r} is keyword-only; hooks are called by position"
            )
            yield Problem("argument_unknown", file, reason, line, remedy="remove the '*' before it")


def _line_of(function: object) -> int | None:
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if isinstance(code, CodeType) else None
