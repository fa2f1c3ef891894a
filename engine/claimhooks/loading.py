"""Loading: from a plan to functions that can be called."""

from __future__ import annotations

import inspect
import weakref
from threading import Thread
from types import CodeType
from typing import TYPE_CHECKING, Final

import pluggy

from claimhooks import hookspec
from claimhooks.errors import Problem
from claimhooks.generation import Generation, hook_names
from claimhooks.interrupt import is_interrupt
from claimhooks.modules import DidNotCompile, Modules
from claimhooks.syntax import HOOK_NAME, compile_file
from claimhooks.threads import threads_started
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

    from claimhooks.generation import Hook, Plan
    from claimhooks.snapshot import Snapshot

ARGUMENTS: Final = ("client", "scope", "audience", "context")


class LoadedGeneration(Generation):
    """A generation whose functions are in this process."""

    def __init__(self, plan: Plan, found: Sequence[pluggy.HookImpl], modules: Modules) -> None:
        super().__init__(plan, [_hook(plan, one) for one in found])
        self.functions: Final[Mapping[str, Callable[..., object]]] = {
            one.plugin_name: one.function for one in found
        }
        self.modules: Final = modules
        weakref.finalize(self, modules.unload).atexit = False

    @classmethod
    def load(
        cls, plan: Plan, begin: Callable[[str], object] = lambda _name: None
    ) -> LoadedGeneration:
        """Compile, import and validate the hooks of `plan`.

        `begin` is told the name of each hook before its file is imported. Raises
        :class:`~claimhooks.errors.LoadError` with every problem of the folder and its settings
        together.
        """
        snapshot = plan.snapshot
        problems: list[Problem] = []
        disabled = {f"{name}.py" for name in hook_names(snapshot) if name not in plan.names}
        code = {
            path: compile_file(snapshot, path, problems)
            for path in snapshot.files
            if path not in disabled
        }
        modules = Modules(snapshot, code)
        try:
            found = _implementations(plan.names, snapshot, modules, problems, begin)
            plan.check(problems)
        except BaseException:
            modules.unload()
            raise
        return cls(plan, found, modules)


def _hook(plan: Plan, found: pluggy.HookImpl) -> Hook:
    line = _line_of(found.function, plan.snapshot.shown(f"{found.plugin_name}.py"))
    return plan.hook(found.plugin_name, line, found.argnames, found.trylast - found.tryfirst)


def _implementations(
    names: tuple[str, ...],
    snapshot: Snapshot,
    modules: Modules,
    problems: list[Problem],
    begin: Callable[[str], object],
) -> list[pluggy.HookImpl]:
    """The hooks of the files `names`, in no order."""
    manager = pluggy.PluginManager(hookspec.PROJECT)
    manager.add_hookspecs(hookspec)
    for name in names:
        begin(name)
        file = snapshot.shown(f"{name}.py")
        with threads_started() as threads:
            module = _import(name, snapshot, modules, problems)
        for thread in filter(Thread.is_alive, [*threads]):
            reason = f"left the thread {thread.name!r} running"
            problems.append(Problem("thread_left_running", file, reason))
        if module is not None:
            try:
                problems.extend(_register(name, module, file, manager))
            except Exception as error:  # noqa: BLE001 - what is looked at may be made to raise
                reason = f"cannot be looked at: {modules.readable(repr(error))}"
                problems.append(Problem("load_raised", file, reason))
    return manager.hook.credentials_exchange.get_hookimpls()


def _import(
    name: str, snapshot: Snapshot, modules: Modules, problems: list[Problem]
) -> ModuleType | None:
    path = f"{name}.py"
    try:
        return modules.load(path)
    except DidNotCompile:
        return None
    except BaseException as error:  # a hook file may raise anything at all
        if is_interrupt(error):
            raise
        if isinstance(error, ImportError):
            code, reason = "import_failed", str(error)
        elif isinstance(error, SystemExit):
            code, reason = "load_exited", "sys.exit() while loading"
        else:
            code, reason = "load_raised", modules.told(error)
        file, line = modules.locate(error) or (snapshot.shown(path), None)
        problems.append(Problem(code, file, modules.readable(reason), line))
        return None


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
            line = _line_of(functions[attribute], file)
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
            yield Problem("hook_misspelt", file, reason, _line_of(functions[attribute], file))
        return
    if not hooks:
        plain = getattr(module, HOOK_NAME, None)
        reason = f"{HOOK_NAME} lacks the decorator @hookimpl" if plain else "no hook in this file"
        yield Problem("hook_missing", file, reason, _line_of(plain, file))
    for second in hooks[1:]:
        yield Problem("hook_twice", file, "a second hook in one file", _line_of(second, file))
    for function in hooks:
        yield from _uncallable(function, file)


def _unknown_arguments(functions: list[Callable[..., object]], file: str) -> Iterator[Problem]:
    for function in functions:
        for argument in inspect.signature(function).parameters.keys() - set(ARGUMENTS):
            reason = f"unknown argument {argument!r}{nearest(argument, ARGUMENTS)}"
            yield Problem("argument_unknown", file, reason, _line_of(function, file))


def _uncallable(function: Callable[..., object], file: str) -> Iterator[Problem]:
    line = _line_of(function, file)
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


def _line_of(function: object, file: str) -> int | None:
    """Where `function` is in `file`; None if it is not there, but imported."""
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType) and code.co_filename == file:
        return code.co_firstlineno
    return None
