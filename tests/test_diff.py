"""``claimhooks diff``: which tokens change between two versions of the hooks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from claimhooks import Client
from given import exchange, hook
from replaying import NEW, OLD, TIER, claimhooks, exchanges, folder, lines


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two folders of hooks, and samples."""
    folder(tmp_path, "old", **{"20-tier": OLD})
    folder(tmp_path, "new", **{"20-tier": NEW})
    samples = exchanges("a", "reporter", "reporter", "suspended", tier="gold")
    (tmp_path / "samples.jsonl").write_text(
        "".join(f"{one.model_dump_json()}\n" for one in samples)
    )
    return tmp_path


def diff(project: Path, *arguments: str | Path, **options: Any) -> tuple[int, dict[str, Any]]:
    done = claimhooks(project, "diff", *arguments, "--format", "json", **options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_changes_are_grouped_by_kind_with_one_example_each(project: Path) -> None:
    done = claimhooks(project, "diff", "old", "new", "samples.jsonl")
    assert done.returncode == 1
    header, _, changes = done.stdout.partition("\n\n")
    assert [line.split(",")[0] for line in header.splitlines()] == ["old  old", "new  new"]
    assert changes == (
        "4 of 4 samples differ\n"
        f'  claim {TIER} "gold" → "platinum" on 3\n'
        "      samples.jsonl:1, client a\n"
        "  + scope admin on 2\n"
        "      samples.jsonl:2, client reporter\n"
        "  expires_in 3600 → 60 s on 2\n"
        "      samples.jsonl:2, client reporter\n"
        "  granted → denied: access_denied: this client is suspended on 1\n"
        "      samples.jsonl:4, client suspended\n"
    )


def test_the_same_hooks_exit_0(project: Path) -> None:
    status, document = diff(project, "old", "old", "samples.jsonl")
    assert (status, document["differ"], document["changes"]) == (0, 0, [])
    assert document["old"] == document["new"]
    assert document["samples"] == 4


CHANGES = {
    "+ scope": ("", 'return {"scope": [*scope, "admin"]}', "admin", None, None),
    "- scope": ("", 'return {"scope": []}', "orders:read", None, None),
    "scope order": (
        'return {"scope": ["admin", *scope]}',
        'return {"scope": [*scope, "admin"]}',
        None,
        None,
        None,
    ),
    "+ claim": ("", 'return {"urn:acme:x": {"b": [1], "a": None}}', "urn:acme:x", None, "{"),
    "- claim": ('return {"urn:acme:x": 1}', "", "urn:acme:x", None, None),
    "claim": ('return {"urn:acme:x": 1}', 'return {"urn:acme:x": True}', "urn:acme:x", "1", "true"),
    "expires_in": ("", 'return {"expires_in": 9}', None, "3600", "9"),
    "outcome": ("", "1 / 0", None, "granted", "fault"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_every_kind_of_change_is_told(project: Path, kind: str) -> None:
    old, new, name, before, after = CHANGES[kind]
    (project / "old" / "20-tier.py").write_text(hook(old))
    (project / "new" / "20-tier.py").write_text(hook(new))
    status, document = diff(project, "old", "new", "samples.jsonl")
    assert (status, document["differ"]) == (1, 4)
    (change,) = document["changes"]
    assert (change["kind"], change["name"], change["count"]) == (kind, name, 4)
    assert change["before"] == before
    assert change["after"] == after or (after == "{" and json.loads(change["after"]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"urn:acme:x": {"a": 1, "b": [2]}}', '{"urn:acme:x": {"b": [2], "a": 1}}'),
        ('{"urn:acme:x": 1, "urn:acme:y": 2}', '{"urn:acme:y": 2, "urn:acme:x": 1}'),
        ('{"urn:acme:x": 1.50}', '{"urn:acme:x": 3 / 2}'),
    ],
)
def test_what_is_the_same_json_is_no_change(project: Path, old: str, new: str) -> None:
    (project / "old" / "20-tier.py").write_text(hook(f"return {old}"))
    (project / "new" / "20-tier.py").write_text(hook(f"return {new}"))
    assert diff(project, "old", "new", "samples.jsonl")[0] == 0


def test_values_too_many_to_be_told_apart_are_counted_together(project: Path) -> None:
    body = 'n = client.metadata["n"]\nreturn {"urn:acme:n": n, "urn:acme:few": n % 12}'
    (project / "new" / "20-tier.py").write_text(hook(body))
    (project / "old" / "20-tier.py").write_text(hook("pass"))
    samples = [exchange(client=Client(id="c", metadata={"n": n})) for n in range(120)]
    text = "".join(f"{one.model_dump_json()}\n" for one in samples)
    (project / "samples.jsonl").write_text(text)
    done = claimhooks(project, "diff", "old", "new", "samples.jsonl")
    assert "  + claim urn:acme:n: more than 100 different ones on 120\n" in done.stdout
    assert "  + claim urn:acme:few = 0 on 10\n      samples.jsonl:1, client c\n" in done.stdout
    assert "  + claim urn:acme:few: 4 others, 40 times\n" in done.stdout
    _, document = diff(project, "old", "new", "samples.jsonl")
    few = [one for one in document["changes"] if one["name"] == "urn:acme:few"]
    assert sorted(int(one["after"]) for one in few) == list(range(12))


def test_where_one_exchange_has_many_changes_of_a_kind_it_counts_once(project: Path) -> None:
    body = 'n = client.metadata["n"]\nreturn {f"urn:acme:n{n + i}": 1 for i in range(3)}'
    (project / "new" / "20-tier.py").write_text(hook(body))
    (project / "old" / "20-tier.py").write_text(hook("pass"))
    samples = [exchange(client=Client(id="c", metadata={"n": n * 3})) for n in range(40)]
    text = "".join(f"{one.model_dump_json()}\n" for one in samples)
    (project / "samples.jsonl").write_text(text)
    _, document = diff(project, "old", "new", "samples.jsonl")
    (change,) = document["changes"]
    assert (change["kind"], change["is_one"], change["count"]) == ("+ claim", False, 40)
    assert document["differ"] == 40


def test_a_change_of_what_a_recording_hides_is_a_change_between_hooks(project: Path) -> None:
    for side, end in (("old", "a"), ("new", "b")):
        (project / side / "20-tier.py").write_text(
            hook(f'return {{"{TIER}": client.metadata["tier"] + client.id + "/{end}"}}')
        )
    hidden = exchanges("pseudonym-0123456789abcdef0123456789abcdef", tier="[redacted]")
    (project / "rec.jsonl").write_text("".join(lines(project / "old", hidden)))
    status, document = diff(project, "old", "new", "rec.jsonl")
    assert (status, document["differ"]) == (1, 1)
    assert (document["changes"][0]["kind"], document["changes"][0]["name"]) == ("claim", TIER)


RANDOM = "import random\nreturn {'urn:acme:x': random.random()}"


@pytest.mark.parametrize(
    ("body", "mode", "reason"),
    [
        (RANDOM, "strict", "they do not answer the same every time"),
        ('return {"aud": "x"}', "lenient", "their settings differ"),
    ],
)
def test_changes_between_the_same_hooks_are_explained(
    project: Path, body: str, mode: str, reason: str
) -> None:
    for side, its_mode in (("a", "strict"), ("b", mode)):
        folder(project / side, "hooks", **{"20-tier": hook(body)})
        (project / side / "claimhooks.toml").write_text(f'[policy]\nmode = "{its_mode}"\n')
    done = claimhooks(project, "diff", "a/hooks", "b/hooks", "samples.jsonl")
    assert done.returncode == 1
    assert f"4 of 4 samples differ\nthe hooks are the same: {reason}\n" in done.stdout


def test_samples_are_what_run_takes(project: Path) -> None:
    (project / "folder").mkdir()
    pretty = json.dumps(json.loads(exchanges("suspended")[0].model_dump_json()), indent=2)
    (project / "folder" / "one.json").write_text(pretty)
    (project / "folder" / "two.jsonl").write_text((project / "samples.jsonl").read_text())
    (project / "folder" / "readme.txt").write_text("not a sample")
    (project / "rec.jsonl").write_text("".join(lines(project / "old", exchanges("suspended"))))
    arguments = ("old", "new", "folder", "rec.jsonl", "-")
    _, document = diff(project, *arguments, stdin=pretty)
    assert (document["samples"], document["differ"]) == (7, 7)
    change = next(one for one in document["changes"] if one["kind"] == "outcome")
    assert change["count"] == 4
    assert change["example"] == {"file": "folder/one.json", "line": 1, "client": "suspended"}


def test_a_sample_that_cannot_be_used_exits_2_and_prints_nothing_but_why(project: Path) -> None:
    (project / "bad.json").write_text('{\n  "client": {"id": "x"},\n  "audience" "a"\n}')
    with (project / "samples.jsonl").open("a") as samples:
        samples.write('{"client": {"id": "x"}, "audience": "a", "scopes": []}\n')
    done = claimhooks(project, "diff", "old", "new", "samples.jsonl", "bad.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "samples.jsonl:5: scope: is missing; scopes: unknown key" in done.stderr
    assert "bad.json:3: not JSON" in done.stderr


def test_bad_samples_are_counted_and_what_they_hold_reaches_no_terminal(project: Path) -> None:
    (project / "samples.jsonl").write_text('{"\\u202e\\u001b[2J":1,"audience":"a"}\n' * 30)
    done = claimhooks(project, "diff", "old", "new", "samples.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "30 lines cannot be used; the first 20 of them:\nsamples.jsonl:1: " in done.stderr
    assert "\\u202e\\u001b[2J: unknown key" in done.stderr
    assert "\u202e" not in done.stderr


def test_hooks_that_do_not_load_are_told_with_their_side(project: Path) -> None:
    (project / "old" / "30-bad.py").write_text("x = (")
    done = claimhooks(project, "diff", "old", "new", "samples.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "old/30-bad.py:1" in done.stderr
    assert "folder_missing" in claimhooks(project, "diff", "no", "new", "samples.jsonl").stderr


def test_each_side_has_the_settings_beside_it_or_both_those_that_are_named(project: Path) -> None:
    for side, mode in (("a", "strict"), ("b", "lenient")):
        folder(project / side, "hooks", **{"20-tier": hook('return {"aud": "x"}')})
        (project / side / "claimhooks.toml").write_text(f'[policy]\nmode = "{mode}"\n')
    arguments = ("a/hooks", "b/hooks", "samples.jsonl")
    status, document = diff(project, *arguments)
    assert (status, document["changes"][0]["before"]) == (1, "fault")
    assert document["changes"][0]["after"] == "granted"
    assert diff(project, *arguments, "--config", "b/claimhooks.toml")[0] == 0


@pytest.mark.worker
def test_both_sides_can_run_in_workers(project: Path) -> None:
    (project / "new" / "30-end.py").write_text(hook("import os; os._exit(1)"))
    _, document = diff(project, "old", "new", "samples.jsonl", "--lane", "worker")
    assert {one["kind"] for one in document["changes"]} == {"outcome"}


# Git revisions -----------------------------------------------------------------------------------


def git(place: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example", *arguments],
        cwd=place, check=True, capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip


@pytest.fixture
def repository(project: Path) -> Path:
    """A repository with the old hooks in the first commit and the new ones in the second."""
    hooks = folder(project, "deploy/hooks", **{"20-tier": OLD, "_lib": "X = 1"})
    (hooks / "sub").mkdir()
    (hooks / "sub" / "more é.py").write_text("Y = 2")
    (hooks / "linked.py").symlink_to("20-tier.py")
    (hooks / ".hidden.py").write_text("x = (")
    (hooks / "notes.txt").write_bytes(b"\xff")
    (project / "deploy" / "claimhooks.toml").write_text('[policy]\nmode = "lenient"\n')
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "deploy")
    git(project, "commit", "-qm", "fix: the first")
    (hooks / "20-tier.py").write_text(NEW)
    git(project, "commit", "-qam", "the second")
    return project


def test_a_revision_has_what_its_folder_had(repository: Path) -> None:
    hooks = repository / "deploy" / "hooks"
    status, document = diff(repository, "HEAD:deploy/hooks", "deploy/hooks", "samples.jsonl")
    assert (status, document["changes"]) == (0, [])
    assert document["old"]["generation"] == document["new"]["generation"]
    (hooks / "20-tier.py").write_text(OLD)
    for name in ("HEAD~1:deploy/hooks", "HEAD^{/fix: the}:deploy/hooks/", "main~1:deploy/hooks"):
        _, document = diff(repository, name, "deploy/hooks", "samples.jsonl")
        assert document["old"]["generation"] == document["new"]["generation"]
        assert document["old"]["hooks"] == name
    names = ("HEAD~1:./hooks", "hooks", "../samples.jsonl")
    _, document = diff(repository / "deploy", *names)
    assert document["old"]["generation"] == document["new"]["generation"]


def test_two_revisions_are_compared_without_touching_the_folder(repository: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    arguments = ("HEAD~1:deploy/hooks", "HEAD:deploy/hooks", "samples.jsonl")
    done = claimhooks(repository, "diff", *arguments)
    assert done.returncode == 1
    assert "old  HEAD~1:deploy/hooks, generation" in done.stdout
    assert f'claim {TIER} "gold" → "platinum" on 3' in done.stdout
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


def test_the_settings_of_a_revision_are_those_beside_its_folder(repository: Path) -> None:
    hooks = repository / "deploy" / "hooks"
    (hooks / "20-tier.py").write_text(hook('return {"aud": "x"}'))
    (repository / "deploy" / "claimhooks.toml").write_text('[policy]\nmode = "lenint"\n')
    git(repository, "commit", "-qam", "the third")
    done = claimhooks(repository, "diff", "HEAD:deploy/hooks", "old", "samples.jsonl")
    assert "HEAD:deploy/claimhooks.toml:2: policy.mode: must be" in done.stderr
    (repository / "deploy" / "claimhooks.toml").unlink()
    git(repository, "commit", "-qam", "the fourth")
    _, document = diff(repository, "HEAD:deploy/hooks", "old", "samples.jsonl")
    assert document["changes"][0]["before"] == "fault", "strict by default"


def test_a_revision_that_does_not_load_is_told_as_git_names_it(repository: Path) -> None:
    hooks = repository / "deploy" / "hooks"
    (hooks / "30-bad.py").write_text("x = (")
    (hooks / "40-bytes.py").write_bytes(b"\xff")
    (hooks / "out.py").symlink_to("../../old/20-tier.py")
    (hooks / "lib").symlink_to("sub")
    git(repository, "add", "-A", "deploy")
    git(repository, "commit", "-qm", "bad")
    done = claimhooks(repository, "diff", "HEAD:deploy/hooks", "new", "samples.jsonl")
    assert done.returncode == 2
    assert "HEAD:deploy/hooks/40-bytes.py:1: byte 0xff is not UTF-8" in done.stderr
    assert "HEAD:deploy/hooks/out.py: a link that leads out of the folder" in done.stderr
    assert "HEAD:deploy/hooks/lib: a link to a folder" in done.stderr
    for name in ("40-bytes.py", "out.py", "lib"):
        (hooks / name).unlink()
    git(repository, "commit", "-qam", "bad")
    done = claimhooks(repository, "diff", "HEAD:deploy/hooks", "new", "samples.jsonl")
    assert "HEAD:deploy/hooks/30-bad.py:1: " in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nope:deploy/hooks", "there is no such revision, or no such folder in it"),
        ("HEAD:nope", "there is no such revision, or no such folder in it"),
        ("HEAD:deploy/hooks/20-tier.py", "not a folder"),
        ("--upload-pack=x:deploy", "no such revision"),
        (":deploy/hooks", "nor REVISION:FOLDER"),
    ],
)
def test_a_revision_that_is_not_there_is_told(repository: Path, name: str, reason: str) -> None:
    done = claimhooks(repository, "diff", "--", name, "new", "samples.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_without_git_or_a_repository_the_reason_is_told(repository: Path, tmp_path: Path) -> None:
    arguments = ("diff", "HEAD:deploy/hooks", "new", "samples.jsonl")
    done = claimhooks(repository, *arguments, PATH=str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "git, which is not installed" in done.stderr
    (repository / ".git").rename(repository / "git")
    done = claimhooks(repository, *arguments, GIT_CEILING_DIRECTORIES=str(repository.parent))
    assert "not a git repository" in done.stderr
    assert "Traceback" not in done.stderr


# Bundles -----------------------------------------------------------------------------------------


def test_a_bundle_is_compared_with_the_folder_that_it_was_built_of(project: Path) -> None:
    made = claimhooks(
        project, "bundle", "build", "old", "--revision", "7", "--output", "old.bundle"
    )
    assert made.returncode == 0, made.stderr
    status, document = diff(project, "old.bundle", "old", "samples.jsonl")
    assert status == 0
    assert document["old"]["generation"] == document["new"]["generation"]
    assert diff(project, "old.bundle", "new", "samples.jsonl")[0] == 1
    (project / "old.bundle").write_bytes(b"PK nothing")
    done = claimhooks(project, "diff", "old.bundle", "new", "samples.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "old.bundle" in done.stderr
