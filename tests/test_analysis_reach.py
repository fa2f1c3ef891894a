"""Static analysis against a registry, and comments that ignore findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysing import Check, codes, strict
from given import hook


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK_KEY", "a value")
    monkeypatch.setenv("CRM_TOKEN", "another")
    return strict


class TestReach:
    """Which hooks a registry can reach."""

    REGISTRY = """
        [clients.one]
        [clients.two]
        [clients.off]
        enabled = false
        [clients.other]
        grant_types = ["authorization_code"]
        [apis."https://api.example/"]
        scopes = { "a:read" = "", "a:write" = "" }
        [apis."https://lonely.example/"]
        [[grants]]
        client_id = "one"
        audience = "https://api.example/"
        scopes = ["a:read"]
        [[grants]]
        client_id = "off"
        audience = "https://api.example/"
        scopes = "all"
        [[grants]]
        client_id = "other"
        audience = "https://api.example/"
        scopes = "all"
        """

    @pytest.mark.parametrize(
        ("match", "reason"),
        [
            ('clients = ["o*"]', None),
            ('clients = ["x", "one"]\nmatch.scopes = ["a:*"]', None),
            ('audiences = ["https://api.example/"]', None),
            ('clients = ["two"]', "match.clients: no enabled client with a grant is 'two'"),
            ('clients = ["off"]', "match.clients: no enabled client"),
            ('clients = ["other"]', "match.clients: no enabled client"),
            ('audiences = ["https://lonely.*"]', "match.audiences: no API that a client has a gra"),
            ('scopes = ["a:write"]', "match.scopes: no grant has a scope that is 'a:write'"),
            ('scopes = ["b:*", "c"]', "match.scopes: no grant has a scope that is 'b:*', 'c'"),
        ],
    )
    def test_a_match_that_no_grant_satisfies(
        self, match: str, reason: str | None, check: Check
    ) -> None:
        files = {"10-a.py": hook("pass"), "registry.toml": self.REGISTRY}
        found = check(files, f"[hooks.10-a]\nmatch.{match}\n")
        if reason is None:
            assert found == []
        else:
            assert codes(found) == [("hook_unreachable", 0)]
            assert reason in found[0]["reason"]

    @pytest.mark.parametrize(
        ("scopes", "wanted", "is_reached"),
        [
            ("grant", "a:write", False),
            ("api", "a:write", True),
            ("api", "b", False),
            ("any", "b", True),
        ],
    )
    def test_other_hooks_may_add_scopes(
        self, scopes: str, wanted: str, is_reached: bool, check: Check
    ) -> None:
        files = {"10-a.py": hook("pass"), "20-b.py": hook("pass"), "registry.toml": self.REGISTRY}
        settings = f'[policy]\nscopes = "{scopes}"\n[hooks.20-b]\nmatch.scopes = ["{wanted}"]\n'
        assert (check(files, settings) == []) is is_reached


class TestIgnoring:
    """Comments that ignore findings."""

    def test_a_comment_ignores_what_it_names_in_its_line(self, check: Check) -> None:
        body = """
            import time, random
            time.time()  # noqa: X # claimhooks: ignore[clock_read] for a reason
            time.time(), random.random()  # claimhooks: ignore[clock_read, randomness_used]
            time.time(), random.random()  # claimhooks: ignore[clock_read]
            # claimhooks: ignore[clock_read]
            time.time()
            "# claimhooks: ignore[clock_read]"
            """
        assert codes(check(body)) == [
            ("randomness_used", 4),
            ("ignore_unused", 5),
            ("clock_read", 6),
        ]

    @pytest.mark.parametrize(
        ("comment", "code", "reason"),
        [
            ("ignore[clock_raed]", "ignore_unknown", "did you mean 'clock_read'?"),
            ("ignore[CLOCK_READ]", "ignore_unknown", "did you mean 'clock_read'?"),
            ("ignore", "ignore_unknown", "names no code"),
            ("ignore[]", "ignore_unknown", "names no code"),
            ("ignore[syntax_error]", "ignore_unknown", "cannot be ignored"),
            ("ignore[ignore_unused]", "ignore_unknown", "cannot be ignored"),
            ("ignore[clock_read]", "ignore_unused", "there is no clock_read in this line"),
        ],
    )
    def test_a_comment_that_ignores_nothing_is_a_finding(
        self, comment: str, code: str, reason: str, check: Check
    ) -> None:
        (finding,) = check(f"return None  # claimhooks: {comment}")
        assert (finding["code"], finding["line"], finding["column"]) == (code, 5, 20)
        assert reason in finding["reason"]

    def test_a_rule_that_was_not_applied_may_need_its_comment(self, check: Check) -> None:
        source = hook("pass").replace(
            "audience, context):", "audience, context):  # claimhooks: ignore[hook_unreachable]"
        )
        settings = '[hooks.10-a]\nmatch.clients = ["x"]\n'
        assert check({"10-a.py": source}, settings) == []
        assert check({"10-a.py": source, "registry.toml": TestReach.REGISTRY}, settings) == []
        reached = '[hooks.10-a]\nmatch.clients = ["one"]\n'
        assert codes(check({"10-a.py": source}, reached)) == [("ignore_unused", 0)]
