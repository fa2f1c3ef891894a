"""Every command: its help has examples that are right, and what it prints can be had as JSON."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from claimhooks.cli import main

WIDTH = 80
WITHOUT_RESULTS = {"serve", "serve-bridge", "record", "completion"}
"""Two are servers; one prints lines of JSON anyway, and one a program."""

Path = tuple[str, ...]


def _leaves(command: click.Command, path: Path = ()) -> Iterator[tuple[Path, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from _leaves(below, (*path, name))
    else:
        yield path, command


COMMANDS = dict(_leaves(main))
EACH = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def _name(path: Path) -> str:
    return " ".join(("claimhooks", *path))


def _help(path: Path) -> str:
    done = CliRunner().invoke(main, [*path, "--help"], terminal_width=WIDTH, prog_name="claimhooks")
    assert done.exit_code == 0
    return done.output


def _examples(path: Path) -> list[str]:
    """The command lines of the block of examples, those over several lines joined."""
    _, _, block = _help(path).partition("Examples:\n")
    block = re.sub(r"\\\n\s*", "", block.partition("\n\n")[0])
    return [line.strip() for line in block.splitlines()]


@EACH
def test_every_command_says_what_it_does_with_examples(path: Path) -> None:
    assert COMMANDS[path].get_short_help_str()
    assert any(_name(path) in example for example in _examples(path))


@EACH
def test_the_help_can_be_read_in_a_small_window(path: Path) -> None:
    text, _, rest = _help(path).partition("Examples:\n")
    examples, _, more = rest.partition("\n\n")
    assert max(map(len, [*text.splitlines(), *more.splitlines()])) <= WIDTH
    # Those are not wrapped, so that they can be copied.
    assert max(map(len, examples.splitlines())) <= 100


@EACH
def test_every_option_of_an_example_is_one(path: Path) -> None:
    known = {
        option
        for parameter in COMMANDS[path].get_params(click.Context(COMMANDS[path]))
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for example in _examples(path):
        _, _, rest = example.partition(_name(path))
        words = shlex.split(re.split(r" (?:&&|\||[<>]|\d?>) ?| #|\)\"", rest)[0])
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)}
        assert used <= known, example


@EACH
def test_every_option_is_explained(path: Path) -> None:
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.type is not click.STRING, parameter.name


@EACH
def test_what_a_command_prints_can_be_had_as_json(path: Path) -> None:
    formats = [
        p for p in COMMANDS[path].params if isinstance(p, click.Option) and p.name == "style"
    ]
    if path[0] in WITHOUT_RESULTS:
        assert formats == []
        return
    (option,) = formats
    assert option.opts == ["--format"]
    assert isinstance(option.type, click.Choice)
    assert "json" in option.type.choices
    assert option.default in option.type.choices


def test_what_commands_do_is_told_in_one_line_each() -> None:
    for path in {(), *(path[:-1] for path in COMMANDS)}:
        _, _, lines = _help(path).partition("Commands:\n")
        assert "..." not in lines.partition("\n\n")[0], path


def test_groups_have_examples_too() -> None:
    for path in {(), *(path[:-1] for path in COMMANDS)}:
        assert re.search(r"^  Examples:\n    claimhooks", _help(path), re.MULTILINE)
