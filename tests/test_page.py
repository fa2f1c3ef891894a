"""The page of a dry run, in a real browser: Chromium, without a network."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from claimhooks.cli.page.element import element, html
from claimhooks.errors import printable
from given import API, hook
from programs import NODE, Programs, lacking

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
TIER = "https://acme.example/tier"
ATTACK = '</script><img src=x onerror="window.attacked=1"><script>window.attacked=1</script>\''

HOOKS = {
    "10-suspended.py": hook('if client.metadata.get("suspended"): raise AccessDenied("no more")'),
    "20-tier.py": hook(
        f"""
        if client.metadata.get("tier") == "lead": raise KeyError("lead")
        return {{"{TIER}": client.metadata.get("tier", "free"), "scope": scope + ["admin"]}}
        """
    ),
    "30-labels.py": hook('return client.metadata.get("labels")'),
    "40-narrow.py": hook(
        'return {"scope": ["admin"], "expires_in": 600} if client.metadata.get("narrow") else None'
    ),
}
ABOUT_API = {"identifier": API, "scopes": ["orders:read", "admin"], "token_lifetime": 3600}


def sample(name: str, metadata: dict[str, Any], **rest: Any) -> dict[str, Any]:
    client = {"id": "orders-worker", "name": "Orders worker", "metadata": metadata}
    fields = {"client": client, "audience": API, "scope": ["orders:read"], "api": ABOUT_API}
    return {"name": name, **fields, **rest}


SAMPLES = [
    sample("usual", {}, expect={"status": "granted"}),
    sample("narrowed", {"tier": "gold", "narrow": True}),
    sample("suspended", {"suspended": True}),
    sample("faulty", {"tier": "lead"}),
    sample("refused", {"labels": {"iss": "https://evil.example/"}}),
    sample("unexpected", {"tier": "gold"}, expect={"scope": ["orders:read"], "expires_in": 60}),
    sample("many labels", {"labels": {f"https://acme.example/{n}": ["x"] * 99 for n in range(20)}}),
    sample(
        ATTACK,
        {"labels": {"urn:acme:label": {ATTACK: [ATTACK, "\u202eevil\x1b[31m\x00"]}}},
        request={"params": {ATTACK: ATTACK}},
        expect={"claims": {ATTACK: ATTACK}},
    ),
]


def dry_run(folder: Path, *options: str, **rest: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "claimhooks", "run", "samples.jsonl", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **rest)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with hooks and samples that do all that hooks can do."""
    return _project(tmp_path)


def _project(folder: Path, samples: list[dict[str, Any]] = SAMPLES) -> Path:
    (folder / "hooks").mkdir()
    for name, source in HOOKS.items():
        (folder / "hooks" / name).write_text(source)
    (folder / "samples.jsonl").write_text("\n".join(map(json.dumps, samples)))
    return folder


# In the browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = _launched(playwright)
        yield found
        found.close()


def _launched(playwright: Playwright) -> Browser:
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        return playwright.chromium.launch(executable_path=installed, args=FLAGS)
    except Error as error:
        lacking(f"there is no Chromium (apt-get install chromium): {error}")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _project(tmp_path_factory.mktemp("page"))
    done = dry_run(folder, "--sign", "--html", "page.html")
    assert done.returncode == 1, done.stderr
    assert "8 samples: 5 granted, 1 denied, 2 fault" in done.stdout
    return folder / "page.html"


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page; at the end, it must have loaded nothing, and nothing must have gone wrong."""
    with _opening(browser, file) as opening:
        yield opening


@contextmanager
def _opening(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    requests: list[str] = []
    complaints: list[str] = []
    contexts = []

    def opening(**options: Any) -> Page:
        contexts.append(context := browser.new_context(offline=True, **options))
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield opening
    for context in contexts:
        context.close()
    assert set(requests) == {file.as_uri()}
    assert complaints == []


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return _unrolled(opened(viewport={"width": 1400, "height": 900}))


def _unrolled(page: Page) -> Page:
    """With all samples rendered: otherwise, those out of sight have no text and no size."""
    page.evaluate(
        """for (const one of document.querySelectorAll(".sample"))
             one.style.contentVisibility = "visible";"""
    )
    return page


def test_the_head_tells_the_verdict_and_what_each_hook_did(page: Page) -> None:
    assert page.locator("#verdict").inner_text() == "4 of 8 samples fail"
    failing = page.locator("nav a")
    assert failing.all_inner_texts()[:3] == ["4 faulty", "5 refused", "6 unexpected"]
    rows = page.locator(".hooks tbody tr").all_inner_texts()
    cells = [row.split("\t")[:7] for row in rows]
    #                         ran changed left-out refused denied fault
    assert cells == [
        ["10-suspended", "8", "0", "0", "0", "1", "0"],
        ["20-tier", "7", "6", "0", "0", "0", "1"],
        ["30-labels", "6", "2", "0", "1", "0", "1"],
        ["40-narrow", "5", "1", "0", "0", "0", "0"],
    ]


def test_the_chain_goes_from_left_to_right_and_says_what_each_hook_changed(page: Page) -> None:
    chain = page.locator("#s2 .chain > li")
    boxes = [box for item in chain.all() if (box := item.bounding_box())]
    lefts = [box["x"] for box in boxes if box["y"] == boxes[0]["y"]]
    assert len(lefts) >= 4
    assert lefts == sorted(lefts)
    names = ["granted scope", "10-suspended", "20-tier", "30-labels", "40-narrow", "granted"]
    assert chain.locator("h3").all_inner_texts() == names
    changes = chain.locator("ul li").all_inner_texts()
    assert changes == [
        "no change",
        f'+claim {TIER} = "gold"',
        "+scope admin",
        "no change",
        "−scope orders:read",
        "~expires_in 3600 → 600 s",
    ]


def test_faults_denials_and_refusals_have_their_place_and_remedy(page: Page) -> None:
    fault = page.locator("#s4 .hook.fault")
    assert "KeyError: 'lead' [hook_raised] at hooks/20-tier.py:5" in fault.inner_text()
    assert "→ mend the hook" in fault.inner_text()
    fault.locator("summary").click()
    assert "in credentials_exchange" in fault.locator("pre").inner_text()
    assert "no more [access_denied] at hooks/10-suspended.py:5" in (
        page.locator("#s3 .hook.denied").inner_text()
    )
    assert page.locator("#s3 .end.denied").inner_text().split() == (
        ["denied", "HTTP", "400", "access_denied", "no", "more"]
    )
    refused = page.locator("#s5 li.refused").inner_text()
    assert 'refused iss = "https://evil.example/"' in refused
    assert "[claim_reserved]" in refused
    assert "→ choose another name" in refused


def test_the_token_is_shown_without_hooks_and_with_them(page: Page) -> None:
    def row(sample: str, claim: str) -> list[str]:
        found = page.locator(f"#{sample} .token tr", has=page.locator(f"th >> text='{claim}'"))
        return [*found.locator("th, td").all_inner_texts()]

    assert row("s2", TIER) == [f"+{TIER}", "—", '"gold"']
    assert row("s2", "scope") == ["~scope", "orders:read", "admin"]
    assert row("s2", "sub") == ["sub", '"orders-worker"', '"orders-worker"']
    before, after = (int(cell.split()[0]) for cell in row("s2", "exp")[1:])
    assert before - after == 3000
    assert page.locator("#s2 .token del").all_inner_texts()[-1] == "orders:read"
    assert page.locator("#s3 .token td[rowspan]").inner_text() == "no token"
    assert page.locator("#s2 details", has_text="JWT").locator("pre").text_content() is not None


def test_what_is_not_as_expected_is_shown_as_a_difference(page: Page) -> None:
    assert page.locator("#s1 header").inner_text().count("as expected") == 1
    lines = page.locator("#s6 .differs li").all_inner_texts()
    assert [line.strip() for line in lines] == [
        "− expected, + got",
        "scope orders:read",
        "+scope admin",
        "−expires_in 60",
        "+expires_in 3600",
    ]
    assert "many servers refuse headers" in page.locator("#s7 .warning").inner_text()


def test_timings_are_bars_on_one_scale(page: Page) -> None:
    full = float(page.evaluate("getComputedStyle(document.body).getPropertyValue('--full')"))
    for timing in page.locator("#s2 .timing").all():
        micros = float(timing.inner_text().split()[0].replace(",", ""))
        width = timing.locator(".bar").evaluate(
            "bar => parseFloat(getComputedStyle(bar, '::before').width) / bar.clientWidth"
        )
        assert width == pytest.approx(min(micros / full, 1), abs=0.06)


def test_hostile_names_and_values_are_text(page: Page) -> None:
    # Below, the page is also found to have complained of nothing.
    assert page.evaluate("window.attacked") is None
    assert ATTACK in page.locator("#s8 h2").inner_text()
    assert page.locator("main script, main img").count() == 0
    text = page.locator("#s8").text_content() or ""
    assert "\\u202eevil" in text
    assert "\x1b" not in text
    assert text.count("<script>window.attacked=1</script>") >= 6


def test_keys_move_through_the_samples(page: Page) -> None:
    def current() -> str:
        return str(page.evaluate("document.activeElement.id"))

    def shown() -> list[str]:
        return [one.get_attribute("id") or "" for one in page.locator(".sample:visible").all()]

    for key, expected in [("j", "s1"), ("j", "s2"), ("k", "s1"), ("k", "s1")]:
        page.keyboard.press(key)
        assert current() == expected
    page.keyboard.press("f")
    assert shown() == ["s4", "s5", "s6", "s8"]
    assert page.locator("#shown").inner_text() == "4 of 8 samples"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert current() == "s5"
    page.keyboard.press("f")
    assert len(shown()) == 8
    page.keyboard.press("/")
    page.keyboard.type("gold unexp")
    assert shown() == ["s6"]
    page.keyboard.press("Escape")
    assert len(shown()) == 8
    page.keyboard.press("t")
    assert page.locator(".token:visible").count() == 0
    assert page.locator("#tokens").get_attribute("aria-pressed") == "false"
    page.keyboard.press("t")
    assert page.locator(".token:visible").count() == 8


def test_a_link_to_what_fails_leads_there_whatever_is_shown(page: Page) -> None:
    page.locator("#find").fill("nothing")
    page.get_by_role("link", name="6 unexpected").click()
    assert page.locator("#s6").is_visible()
    assert page.evaluate("document.querySelector('#s6').getBoundingClientRect().top") < 300


def test_all_controls_are_reached_with_tab_and_the_focus_is_seen(page: Page) -> None:
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const at = document.activeElement;
              const shown = at.matches("input[type=radio]") ? at.nextElementSibling : at;
              return [at.id || at.name || at.tagName, getComputedStyle(shown).outlineStyle];
            }"""
        )
        reached.append(seen)
    assert {"find", "show", "tokens", "SUMMARY", "A"} <= {name for name, _ in reached}
    assert all(style != "none" for _, style in reached)


def test_without_scripts_all_of_it_is_there(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator(".sample:visible").count() == 8
    assert page.locator(".token:visible").count() == 8
    assert not page.locator("#tools").is_visible()


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_nothing_is_wider_than_the_window(opened: Callable[..., Page], width: int) -> None:
    page = _unrolled(opened(viewport={"width": width, "height": 900}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_has_the_samples_and_not_the_controls(page: Page) -> None:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("#tools").is_visible()
    assert page.locator(".sample pre:visible").count() >= 8


@pytest.mark.interop
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_axe_finds_no_barrier(
    opened: Callable[..., Page], pytestconfig: pytest.Config, scheme: str, width: int
) -> None:
    assert pytestconfig.cache is not None
    axe = Programs.with_packages(NODE, pytestconfig.cache).run("axe.mjs", "", {})
    page = _unrolled(opened(color_scheme=scheme, viewport={"width": width, "height": 900}))
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(({violations, passes}) => [violations, passes.length])")
    assert found[0] == []
    assert found[1] > 20


def test_light_and_dark_follow_the_system(opened: Callable[..., Page]) -> None:
    color = "getComputedStyle(document.body).backgroundColor"
    lights = [
        sum(map(int, re.findall(r"\d+", opened(color_scheme=scheme).evaluate(color))[:3]))
        for scheme in ("light", "dark")
    ]
    assert lights[0] > 700
    assert lights[1] < 100


@pytest.mark.slow
def test_a_thousand_samples_open_quickly(browser: Browser, tmp_path: Path) -> None:
    _project(tmp_path, [{**SAMPLES[n % 3], "name": f"one-{n}-"} for n in range(1000)])
    dry_run(tmp_path, "--html", "page.html")
    assert (tmp_path / "page.html").stat().st_size < 6_000_000
    with _opening(browser, tmp_path / "page.html") as opening:
        page = opening()
        millis = page.evaluate("performance.getEntriesByType('navigation')[0].duration")
        assert millis < 5_000
        page.keyboard.press("/")
        page.keyboard.type("one-999-")
        assert page.locator("#shown").inner_text() == "1 of 1,000 samples"


def test_times_beyond_the_calendar_are_numbers(browser: Browser, tmp_path: Path) -> None:
    _project(tmp_path, [sample("late", {}, now="9999-12-31T23:59:59Z")])
    assert dry_run(tmp_path, "--html", "page.html").returncode == 0
    with _opening(browser, tmp_path / "page.html") as opening:
        assert "253402304399" in opening().locator(".token").inner_text()


# As a file ---------------------------------------------------------------------------------------


def test_the_page_names_nothing_outside_itself(file: Path) -> None:
    source = file.read_text()
    head = source[: source.index("<main>")]
    assert not re.findall(r"(?:src|href)=\"(?!#|data:,)", source)
    assert not re.findall(r"@import|url\(|https?://", head)
    assert "default-src 'none'" in head


class _Read(HTMLParser):
    """What a browser makes of HTML: its tags and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text() | st.text("<>&\"'/!-= abscript\x00\u202e\ud800\n"))
def test_any_text_stays_text(text: str) -> None:
    read = _Read(html(element("p", text, element("b"), text, title=text)).decode())
    shown = "\n".join(map(printable, text.split("\n")))
    assert read.text == shown * 2
    assert read.tags == [("p", [("title", printable(text))]), ("b", [])]


def test_quiet_leaves_out_what_is_good_but_counts_it(project: Path) -> None:
    dry_run(project, "--quiet", "--html", "page.html")
    source = (project / "page.html").read_text()
    assert source.count("<article") == 4
    assert "4 of 8 samples fail" in source
    assert 'id="s8"' in source


def test_the_page_takes_the_place_of_the_former_one_whole_or_not_at_all(project: Path) -> None:
    page = project / "page.html"
    page.write_text("former")
    (project / "link.html").symlink_to("page.html")
    (project / "more.jsonl").write_text("{")
    assert dry_run(project, "more.jsonl", "--html", "page.html").returncode == 2
    assert page.read_text() == "former"
    done = dry_run(project, "--html", "page.html", preexec_fn=_with_small_files)
    assert done.returncode == 2
    assert "page.html: cannot be written: File too large [output_unwritable]" in done.stderr
    assert page.read_text() == "former"
    assert dry_run(project, "--html", "link.html").returncode == 1
    assert page.read_text().startswith("<!doctype html>")
    assert (project / "link.html").is_symlink()
    assert {path.name for path in project.iterdir()} == {
        "hooks", "samples.jsonl", "more.jsonl", "page.html", "link.html",
    }  # fmt: skip


def _with_small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_the_test_command_makes_the_same_page(project: Path) -> None:
    command = [sys.executable, "-m", "claimhooks", "test", "samples.jsonl", "--html", "page.html"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    tested = _articles(project)
    dry_run(project, "--html", "page.html")
    # To the tests, a fault is not as expected, whatever the sample says.
    assert len(tested) == 8
    assert tested[:3] == _articles(project)[:3]
    assert tested[5:] == _articles(project)[5:]


def _articles(project: Path) -> list[str]:
    """The samples of a page, without times, headers of tokens and what differs from run to run."""
    source = (project / "page.html").read_text()
    source = re.sub(r"[\d,.]+ [µm]s|--t:[\d.]+|\d{4}-\d\d-\d\d [\d:]+Z", "", source)
    source = re.sub(r"<code>(?:\{\"alg\".*?|\"[\w-]{22}\"|\d{10})</code>", "", source)
    return re.findall(r"<article.*?</article>", source, re.DOTALL)


def test_a_hook_that_does_not_give_the_same_every_time_is_on_the_page(project: Path) -> None:
    (project / "hooks" / "50-random.py").write_text(
        hook("import random; return {'https://acme.example/x': random.random()}")
    )
    (project / "samples.jsonl").write_text(json.dumps(SAMPLES[0]))
    command = [sys.executable, "-m", "claimhooks", "test", "samples.jsonl", "--repeat", "5"]
    subprocess.run([*command, "--html", "page.html"], cwd=project, check=False)
    source = (project / "page.html").read_text()
    assert "1 of 1 samples fail" in source
    assert "hook 50-random gave https://acme.example/x as 0." in source


@pytest.mark.parametrize("place", ["absent/page.html", "hooks", "/dev/full", "samples.jsonl/page"])
def test_a_page_that_cannot_be_written_is_a_problem_with_a_remedy(
    project: Path, place: str
) -> None:
    done = dry_run(project, "--html", place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(place)
    assert "[output_unwritable]\n  → name a file in a folder" in done.stderr
    assert not Path("/dev/full").is_file()


@pytest.mark.parametrize("name", ["x" * 250 + ".html", "loop.html"])
def test_any_name_will_do(project: Path, name: str) -> None:
    (project / "loop.html").symlink_to("loop.html")
    assert dry_run(project, "--html", name).returncode == 1
    assert (project / name).read_text().startswith("<!doctype html>")


def test_others_may_read_the_page_as_the_umask_says(project: Path) -> None:
    dry_run(project, "--html", "page.html", preexec_fn=lambda: os.umask(0o027))
    assert stat.S_IMODE((project / "page.html").stat().st_mode) == 0o640


def test_a_page_is_not_for_watching(project: Path) -> None:
    done = dry_run(project, "--html", "page.html", "--watch")
    assert done.returncode == 2
    assert "--watch prints text" in done.stderr


PEAK = """
import sys
from pathlib import Path
from claimhooks.cli import main
try:
    main(sys.argv[1:])
finally:
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line for line in lines if line.startswith("VmHWM")).split()[1], file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_samples_take_no_more_memory_than_few(project: Path) -> None:
    peaks = []
    for count in (500, 5000):
        (project / "samples.jsonl").write_text((json.dumps(SAMPLES[1]) + "\n") * count)
        arguments = ["run", "samples.jsonl", "--html", "page.html"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments],
            cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        peaks.append(int(done.stderr) / 1024)
    assert (project / "page.html").stat().st_size > 15_000_000
    assert peaks[1] - peaks[0] < 12
