"""The plugin for pytest: fixtures for tests of hooks, and samples that are collected as tests.

Two settings among pytest's own: ``claimhooks_hooks``, the folder of hooks, and
``claimhooks_samples``, the samples to collect. Without the second nothing is collected.

It stands beside the package: pytest starts with it wherever it is installed, and whatever is in a
package comes with all that the package imports.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from claimhooks.runtime import Runtime
    from claimhooks.samples import Sample, Written
    from claimhooks.testing import ExchangeBuilder

HOOKS: Final = "claimhooks_hooks"
SAMPLES: Final = "claimhooks_samples"

_runtime_of_samples: Final = pytest.StashKey["Runtime"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    parser.addini(HOOKS, "the folder of hooks, from rootdir (default: hooks)", default="hooks")
    parser.addini(
        SAMPLES,
        "files of samples for claimhooks, and folders of them, to collect as tests",
        type="paths",
        default=[],
    )


@pytest.fixture
def hooks(pytestconfig: pytest.Config) -> Iterator[Runtime]:
    """The hooks of the project, freshly loaded: ``hooks.run(exchange)`` gives an outcome."""
    from claimhooks.errors import LoadError  # noqa: PLC0415

    try:
        runtime = _runtime(pytestconfig)
    except LoadError as error:
        reason = f"the hooks cannot be used\n{error}"
        raise pytest.fail.Exception(reason, pytrace=False) from None
    with runtime:
        yield runtime


@pytest.fixture
def exchange() -> ExchangeBuilder:
    """Builds exchanges: ``exchange(client_id=…, metadata=…, scope=…)``."""
    from claimhooks.testing import exchange as build  # noqa: PLC0415

    return build


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SampleFile | None:
    """Collect files of samples, where the settings say that they are some."""
    if file_path.suffix not in {".json", ".jsonl"}:
        return None
    places: list[Path] = parent.config.getini(SAMPLES)
    if file_path not in places and file_path.parent not in places:
        return None
    # pytest leaves the types of **kw open.
    file: SampleFile = SampleFile.from_parent(  # pyright: ignore[reportUnknownMemberType]
        parent, path=file_path
    )
    return file


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the hooks that the samples ran on."""
    if (runtime := config.stash.get(_runtime_of_samples, None)) is not None:
        runtime.close()


class SampleFile(pytest.File):
    """A file with a sample, or one a line."""

    def collect(self) -> Iterable[SampleItem]:
        """The samples."""
        from claimhooks.errors import Problem, SampleError, printable  # noqa: PLC0415
        from claimhooks.samples import find  # noqa: PLC0415

        problems: list[Problem] = []
        names: dict[str, int] = {}
        items: list[SampleItem] = []
        for written in find([_shown(self.path)], problems):
            try:
                sample = written.parsed()
            except SampleError as error:
                problems.extend(error.problems)
                continue
            name = printable(sample.name)
            names[name] = count = names.get(name, 0) + 1
            if count > 1:
                name = f"{name} #{count}"
            item: SampleItem = SampleItem.from_parent(  # pyright: ignore[reportUnknownMemberType]
                self, name=name, written=written, sample=sample
            )
            items.append(item)
        if problems:
            raise self.CollectError("\n".join(map(str, problems)))
        return items


class SampleItem(pytest.Item):
    """A sample: passes if it is as it expects."""

    def __init__(self, *, written: Written, sample: Sample, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own
        self._line = written.expectation_line
        self._sample = sample

    def runtest(self) -> None:
        """Run the hooks."""
        from claimhooks.errors import LoadError  # noqa: PLC0415
        from claimhooks.expectation import Expect  # noqa: PLC0415
        from claimhooks.testing import check  # noqa: PLC0415

        stash = self.config.stash
        try:
            if _runtime_of_samples not in stash:
                stash[_runtime_of_samples] = _runtime(self.config)
            outcome = stash[_runtime_of_samples].run(self._sample)
            check(self._sample.expect or Expect(), outcome)
        except (AssertionError, LoadError) as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        if self._sample.expect is None:
            pytest.skip("it has no expectation")

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line and title."""
        return self.path, self._line - 1, f"sample {self.name}"


def _runtime(config: pytest.Config) -> Runtime:
    """Hooks run in this process, whatever the settings say: debuggers and coverage see them."""
    from claimhooks.errors import LoadError, Problem  # noqa: PLC0415
    from claimhooks.runtime import Runtime  # noqa: PLC0415
    from claimhooks.settings import Settings  # noqa: PLC0415

    hooks_dir = config.rootpath / config.getini(HOOKS)
    if not hooks_dir.exists():
        reason = "there is no such folder"
        remedy = f"name it in pytest's settings, from {config.rootpath}: {HOOKS} = FOLDER"
        raise LoadError([Problem("folder_missing", _shown(hooks_dir), reason, remedy=remedy)])
    file = hooks_dir.parent / "claimhooks.toml"
    settings = Settings.load(_shown(file)) if file.exists() else Settings()
    # The samples of a gate are tests like others; and nothing of a test is recorded.
    changes = {"lane": "inline", "gate": None, "record": None}
    return Runtime(_shown(hooks_dir), settings.model_copy(update=changes))


def _shown(path: Path) -> str:
    """`path` as a person would write it, for messages."""
    return os.path.relpath(path)
