"""Bundles: hooks as one file, whose every byte counts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import signal
import stat
import struct
import subprocess
import sys
import time
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws
from joserfc.registry import HeaderParameter

from bundles import V, bundled, publish, version, write_keys
from claimhooks import LoadError
from claimhooks.bundle import Bundle, build, read
from claimhooks.bundle.archive import pack
from claimhooks.bundle.content import MAX_BYTES, parse
from claimhooks.bundle.signature import TYPE, PublicKey, sign
from claimhooks.snapshot import Snapshot
from claimhooks.token import Algorithm, SigningKey

if TYPE_CHECKING:
    from given import Hooks

ROOT = Path("hooks")
BUNDLE = bundled(1)
KEY = SigningKey.generate("EdDSA")

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=8
).filter(lambda name: not name.startswith(".") and name != "__pycache__")
FILES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".py"),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50).map(str.encode),
    max_size=5,
)


def parsed(content: bytes) -> Bundle:
    return parse(content, "hooks.bundle", ROOT)


def refused(content: bytes) -> str:
    """Why a bundle is refused, with the code."""
    with pytest.raises(LoadError) as raised:
        parsed(content)
    (problem,) = raised.value.problems
    assert problem.file == "hooks.bundle"
    return f"{problem.reason} [{problem.code}]"


def public_key(tmp_path: Path, key: SigningKey = KEY) -> PublicKey:
    return PublicKey.load(write_keys(tmp_path, key)[1])


# The file ----------------------------------------------------------------------------------------


@given(files=FILES, revision=st.integers(0, 2**53 - 1))
def test_any_hooks_come_out_of_a_bundle_as_they_went_in(
    files: dict[str, bytes], revision: int
) -> None:
    before = Snapshot.of(ROOT, files)
    content = build(before, revision)
    found = parsed(content)
    assert found.snapshot.digest == found.manifest.digest == before.digest
    assert list(found.snapshot.files.items()) == list(before.files.items())
    assert found.snapshot.revision == found.manifest.revision == revision
    assert build(found.snapshot, revision) == content


def test_a_folder_and_its_bundle_are_the_same_generation(hooks: Hooks, tmp_path: Path) -> None:
    folder = hooks({"20-b.py": "x = 1\n", "10-ä.py": "", "lib/deep/a.py": "# ü\n", "b.txt": "no"})
    (tmp_path / "hooks.bundle").write_bytes(build(Snapshot.read(folder), 7))
    found = read(tmp_path / "hooks.bundle")
    assert found.snapshot.digest == Snapshot.read(folder).digest
    assert [file.path for file in found.manifest.files] == ["10-ä.py", "20-b.py", "lib/deep/a.py"]


def test_the_bytes_of_a_bundle_never_change() -> None:
    # Bundles that are in use must be read by every later release, and built anew the same.
    files = {"10-a.py": b"x = 1\n", "lib/ä.py": "ü = 2\n".encode(), "empty.py": b""}
    content = build(Snapshot.of(ROOT, files), 1_764_086_400)
    pinned = "2913cac4f485c94668f4817014399840bf89820ead69c5161ea8a52886ceeb10"
    assert hashlib.sha256(content).hexdigest() == pinned


def test_any_program_for_zip_files_reads_a_bundle() -> None:
    files = {"10-a.py": b"x = 1\n", "lib/ä.py": b"y = 2\n"}
    with zipfile.ZipFile(io.BytesIO(build(Snapshot.of(ROOT, files), 3))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "hooks/10-a.py", "hooks/lib/ä.py"]
        assert archive.read("hooks/lib/ä.py") == b"y = 2\n"
        assert json.loads(archive.read("manifest.json"))["revision"] == 3
        for member in archive.infolist():
            assert stat.S_ISREG(member.external_attr >> 16)
            assert member.date_time == (1980, 1, 1, 0, 0, 0)


def test_a_bundle_with_any_bit_changed_is_refused() -> None:
    for place in range(len(BUNDLE)):
        for bit in range(8):
            changed = bytearray(BUNDLE)
            changed[place] ^= 1 << bit
            assert refused(bytes(changed))


@given(place=st.integers(0, len(BUNDLE) - 1), byte=st.integers(0, 255))
def test_a_bundle_with_any_byte_changed_is_refused(place: int, byte: int) -> None:
    changed = BUNDLE[:place] + bytes([byte]) + BUNDLE[place + 1 :]
    if changed == BUNDLE:
        assert parsed(changed).manifest.revision == 1
    else:
        assert refused(changed)


def test_a_part_of_a_bundle_is_refused() -> None:
    for length in range(len(BUNDLE)):
        assert refused(BUNDLE[:length])
    assert refused(BUNDLE[:400]) == "cut short: there are 400 bytes of it [bundle_broken]"


@given(junk=st.binary(min_size=1, max_size=200))
def test_a_bundle_with_anything_before_or_after_it_is_refused(junk: bytes) -> None:
    assert refused(BUNDLE + junk)
    assert refused(junk + BUNDLE)


@given(
    content=st.binary(max_size=400) | st.binary(max_size=400).map(lambda end: BUNDLE[:500] + end)
)
def test_anything_else_is_refused_in_words(content: bytes) -> None:
    assert refused(content)


# What somebody means harm with -------------------------------------------------------------------


def archived(**changes: Any) -> bytes:
    """A bundle whose manifest tells something else."""
    document = json.loads(parsed(BUNDLE).manifest.to_json()) | changes
    return packed(document, version(1))


def packed(document: object, files: dict[str, bytes]) -> bytes:
    text = json.dumps(document, indent=2).encode() + b"\n"
    return pack({"manifest.json": text} | {f"hooks/{path}": files[path] for path in files})


def listed(path: str, content: bytes = b"x = 1\n") -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../evil.py", "outside of the hooks folder"),
        ("/etc/evil.py", "outside of the hooks folder"),
        ("a/../../evil.py", "outside of the hooks folder"),
        ("a//b.py", "outside of the hooks folder"),
        ("..\\evil.py", "not the same on every system"),
        ("C:\\evil.py", "not the same on every system"),
        ("a\0.py", "not the same on every system"),
        ("\x1b[31m.py", "not the same on every system"),
        ("\ud800.py", "not the same on every system"),
        ("./a.py", "no file that belongs to a generation"),
        (".hidden.py", "no file that belongs to a generation"),
        ("__pycache__/a.py", "no file that belongs to a generation"),
        ("a.pyc", "no file that belongs to a generation"),
        ("a.so", "no file that belongs to a generation"),
        ("a" * 1000 + ".py", "not the same on every system"),
        ("", "outside of the hooks folder"),
    ],
)
def test_a_path_that_no_hook_has_is_refused(path: str, reason: str) -> None:
    document = json.loads(parsed(BUNDLE).manifest.to_json()) | {"files": [listed(path)]}
    text = json.dumps(document, indent=2).encode() + b"\n"
    name = f"hooks/{path}".encode(errors="surrogatepass").decode(errors="replace")
    found = refused(pack({"manifest.json": text, name: b"x = 1\n"}))
    assert reason in found
    assert found.isprintable()
    assert len(found) < 400


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "0" * 64},
        {"files": []},
        {"files": [listed("10-v.py")]},
        {"files": [listed("10-v.py", version(1)["10-v.py"])] * 2},
        {"files": [listed("10-v.py", version(1)["10-v.py"]) | {"size": 2**60}]},
        {"files": [listed("10-v.py", version(1)["10-v.py"]) | {"size": -1}]},
        {"files": [listed("10-v.py", version(1)["10-v.py"]), listed("20-not-there.py")]},
        {"files": [listed("10-v.py", version(1)["10-v.py"]) | {"mode": 0o777}]},
        {"files": {}},
        {"revision": -1},
        {"revision": 2**53},
        {"revision": 1.0},
        {"revision": "1"},
        {"revision": None},
        {"revision": True},
        {"format": True},
        {"format": 0},
        {"format": "1"},
        {"more\x1b[31m": 1},
    ],
)
def test_a_manifest_that_lies_is_refused(changes: dict[str, Any]) -> None:
    found = refused(archived(**changes))
    assert found.endswith("[bundle_broken]")
    assert found.isprintable()


def test_more_files_than_a_zip_file_can_have_are_refused() -> None:
    files = {f"{number}.py": b"" for number in range(2**16)}
    document = json.loads(parsed(BUNDLE).manifest.to_json())
    text = json.dumps(document | {"files": [listed(path, b"") for path in files]})
    found = refused(pack({"manifest.json": text.encode()}) + b"\0" * 2**22)
    assert "at most 65534 items" in found
    text = json.dumps(document | {"files": [listed("a.py") | {"size": -1}] * 1000})
    assert len(refused(pack({"manifest.json": text.encode()}))) < 400


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"format": 1, "format": 1}',
        b'{"revision": NaN}', b"9" * 5000, b'{"a": "\\ud800"}',
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(text: bytes) -> None:
    assert "manifest cannot be read" in refused(pack({"manifest.json": text}))


def test_a_format_to_come_is_told_from_a_broken_one() -> None:
    assert "format is 2, and this claimhooks knows 1 [bundle_newer]" in refused(archived(format=2))


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"<!DOCTYPE html><title>log in</title>", b"\x1f\x8b\x08\0", b"\x1b[31m"]
)
def test_what_is_no_bundle_is_told_by_how_it_begins(content: bytes) -> None:
    found = refused(content)
    assert "[bundle_broken]" in found
    assert found.isprintable()


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes], compression: int = 0) -> bytes:
    """A bundle's members and more, as other programs write them."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as bundle, zipfile.ZipFile(file, "w") as archive:
        for one in bundle.infolist():
            archive.writestr(one, bundle.read(one), compression)
        for member, content in members:
            archive.writestr(member, content, compression)
    return file.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_a_bundle_does_not_have_are_refused() -> None:
    extra: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        ("hooks/99-more.py", b"import os\n"),
        ("../../etc/cron.d/evil", b"* * * * * root id\n"),
        ("/etc/passwd", b""),
        ("hooks/10-v.py", b"# a second one\n"),
        ("manifest.json", b"{}"),
        ("hooks/", b""),
        (special("hooks/link.py", stat.S_IFLNK), b"/etc/passwd"),
        (special("hooks/device.py", stat.S_IFCHR), b""),
        (special("hooks/pipe.py", stat.S_IFIFO), b""),
    ]
    for member in extra:
        assert refused(zipped(member))


def test_compression_is_refused_whatever_would_come_out() -> None:
    bomb = ("hooks/bomb.py", b"#" * 50_000_000)
    content = zipped(bomb, compression=zipfile.ZIP_DEFLATED)
    assert len(content) < 100_000
    assert refused(content)


def test_sizes_that_lie_cost_no_memory() -> None:
    # Each of many members says that it is as large as everything.
    files = [listed(f"{number}.py") for number in range(2000)]
    document = json.loads(parsed(BUNDLE).manifest.to_json()) | {"files": files}
    members = {f"hooks/{file['path']}": b"x = 1\n" for file in files}
    content = bytearray(pack({"manifest.json": json.dumps(document).encode()} | members))
    place = content.find(b"PK\x03\x04", 10)
    while place >= 0:
        content[place + 22 : place + 26] = struct.pack("<L", 2**32 - 1)
        place = content.find(b"PK\x03\x04", place + 1)
    assert refused(bytes(content))


def test_files_that_a_folder_could_not_have_are_refused() -> None:
    for content, reason in ((b"\xff", "is not UTF-8"), (b"#" * (2**20 + 1), "larger than 1 MiB")):
        found = refused(build(Snapshot.of(ROOT, {"a.py": content}), 1))
        assert f"the file 'a.py': {reason}" in found.replace("byte 0xff ", "")


def test_hooks_that_do_not_fit_into_a_bundle_are_named() -> None:
    for files in (
        {f"{number}.py": b"#" * 1024 * 1024 for number in range(32)},
        {f"{number}.py": b"" for number in range(2**16)},
    ):
        with pytest.raises(LoadError) as raised:
            build(Snapshot.of(ROOT, files), 1)
        assert raised.value.problems[0].code == "bundle_too_large"
    with pytest.raises(LoadError) as raised:
        build(Snapshot.of(ROOT, {"a\\b.py": b"", "c\nd.py": b""}), 1)
    assert [problem.code for problem in raised.value.problems] == ["bundle_path"] * 2


def test_a_file_that_is_no_file_or_too_large_is_refused_at_once(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(MAX_BYTES * 1000)
    for place, code in (
        (pipe, "bundle_unreachable"),
        (tmp_path, "bundle_unreachable"),
        (tmp_path / "nowhere", "bundle_unreachable"),
        (Path("/dev/zero"), "bundle_unreachable"),
        (large, "bundle_too_large"),
    ):
        with pytest.raises(LoadError) as raised:
            read(place)
        (problem,) = raised.value.problems
        assert (problem.code, problem.file) == (code, str(place))


# The signature -----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256", "PS256"])
def test_a_signature_is_verified_with_the_key_as_pem_or_jwk(
    tmp_path: Path, algorithm: Algorithm
) -> None:
    key = SigningKey.generate(algorithm)
    place = tmp_path / "hooks.bundle"
    publish(place, BUNDLE, key)
    _, pem = write_keys(tmp_path, key)
    (tmp_path / "hooks.jwk").write_text(json.dumps(key.public_jwk()))
    for file in (pem, tmp_path / "hooks.jwk"):
        public = PublicKey.load(file)
        assert public.kid == key.kid
        assert read(place, public).manifest.revision == 1


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "PS256"])
def test_another_library_verifies_the_signature(algorithm: Algorithm) -> None:
    key = SigningKey.generate(algorithm)
    text = sign(BUNDLE, key).decode().strip()
    registry = jws.JWSRegistry(
        header_registry={"b64": HeaderParameter("unencoded payload", "bool")},
        algorithms=[algorithm],
    )
    other = jwk.import_key({**key.public_jwk()})
    found = jws.deserialize_compact(text, other, registry=registry, payload=BUNDLE)
    assert found.headers() == {
        "alg": algorithm, "typ": TYPE, "kid": key.kid, "b64": False, "crit": ["b64"],
    }  # fmt: skip
    with pytest.raises(Exception, match="bad_signature"):
        jws.deserialize_compact(text, other, registry=registry, payload=BUNDLE + b"\0")


def test_a_signed_bundle_with_any_byte_changed_is_refused(tmp_path: Path) -> None:
    public, signature = public_key(tmp_path), sign(BUNDLE, KEY)
    public.verify(BUNDLE, signature, "hooks.bundle.sig")
    for place in range(len(BUNDLE)):
        changed = bytearray(BUNDLE)
        changed[place] ^= 1
        with pytest.raises(LoadError):
            public.verify(bytes(changed), signature, "hooks.bundle.sig")


def encoded(payload: bytes, key: Any, algorithm: str | None, **header: Any) -> bytes:
    return jwt.PyJWS().encode(payload, key, algorithm, headers=header).encode()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "it is no signature"),
        (lambda: b"\xff\x00..", "it is no signature"),
        (lambda: b"a.b.c", "it is no signature"),
        (lambda: b"[" * 60_000, "it is no signature"),
        (lambda: sign(BUNDLE, SigningKey.generate("EdDSA")), "says to be by"),
        (lambda: sign(BUNDLE, SigningKey.generate("ES256")), "says to be by"),
        (lambda: sign(bundled(2), KEY), f"not the one that {KEY.kid} has signed"),
        (
            lambda: encoded(BUNDLE, None, None, typ=TYPE, b64=False, crit=["b64"]),
            "to be by ?, not by",
        ),
        (
            lambda: encoded(BUNDLE, "s" * 64, "HS256", typ=TYPE, b64=False, crit=["b64"]),
            "to be by ?, not by",
        ),
        (
            lambda: encoded(BUNDLE, KEY.private, "EdDSA", b64=False, crit=["b64"]),
            "it is for something else: its typ is 'JWT'",
        ),
        (lambda: encoded(BUNDLE, KEY.private, "EdDSA", typ=TYPE), "says to be by"),
        (lambda: KEY.sign({"iss": "https://issuer.example/"}).encode(), "has signed"),
        (lambda: encoded(BUNDLE, "s" * 64, "HS256", kid="\x1b[31m" * 99), "says to be by \\u001b"),
    ],
)
def test_a_signature_that_is_none_of_this_bundle_is_refused(
    tmp_path: Path, make: Callable[[], bytes], reason: str
) -> None:
    with pytest.raises(LoadError) as raised:
        public_key(tmp_path).verify(BUNDLE, make(), "hooks.bundle.sig")
    (problem,) = raised.value.problems
    assert problem.code == "bundle_signature"
    assert reason in problem.reason
    assert problem.reason.isprintable()


@given(
    header=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "b64", "crit"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text()),
    ).map(lambda header: json.dumps(header).encode()),
    rest=st.binary(max_size=70),
)
def test_no_signature_is_good_by_chance(header: bytes, rest: bytes) -> None:
    public = KEY.private.public_key()
    assert isinstance(public, ed25519.Ed25519PublicKey)
    segments = [urlsafe_b64encode(part).rstrip(b"=") for part in (header, rest)]
    for signature in (b"..".join(segments), header + rest):
        with pytest.raises(LoadError):
            PublicKey(public, ("EdDSA",), KEY.kid).verify(BUNDLE, signature, "hooks.bundle.sig")


def pem(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no public key"),
        (b"\xff", "holds no public key"),
        (b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "holds no public key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n", "a private key"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}', "a private key"),
        (b'{"kty": "oct", "k": "AAAA"}', "holds no public key"),
        (b'{"kty": 1, "x": []}', "holds no public key"),
        (b'{"kty": "OKP", "crv": "Ed25519", "x": "AA"}', "holds no public key"),
        (b'{"keys": []}', "holds no public key"),
        (b"[]", "no JWK"),
        (b"[" * 60_000, "holds no public key"),
        (b" " * 70_000, "holds no public key"),
        (pem(rsa.generate_private_key(65537, 1024)), "an RSA key of 1024 bits"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "neither RSA"),
        (pem(ed448.Ed448PrivateKey.generate()), "neither RSA"),
        (json.dumps(KEY.public_jwk() | {"alg": "ES256"}).encode(), "a key for 'ES256'"),
    ],
)
def test_what_is_no_key_for_bundles_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "hooks.pub.pem"
    file.write_bytes(content)
    with pytest.raises(LoadError) as raised:
        PublicKey.load(file)
    (problem,) = raised.value.problems
    assert (problem.code, problem.file) == ("bundle_key", str(file))
    assert reason in problem.reason


# The command -------------------------------------------------------------------------------------


def claimhooks(
    folder: Path, *arguments: str, limit: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, which can write at most `limit` bytes into a file."""

    def confine() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "claimhooks", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        preexec_fn=confine,
        check=False,
    )


@pytest.fixture
def project(hooks: Hooks) -> Path:
    folder = hooks({path: content.decode() for path, content in version(1).items()})
    write_keys(folder.parent, KEY)
    return folder.parent


def test_a_bundle_is_built_signed_verified_and_shown(project: Path) -> None:
    digest = Snapshot.read(project / "hooks").digest
    done = claimhooks(project, "bundle", "build", "--revision", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hooks.bundle: revision 1, 1 files, ")
    assert f"generation {digest}\n" in done.stdout
    assert (project / "hooks.bundle").read_bytes() == BUNDLE
    done = claimhooks(project, "bundle", "show", "hooks.bundle")
    assert "signature  none\n" in done.stdout

    done = claimhooks(project, "bundle", "sign", "hooks.bundle", "--key", "hooks.pem")
    assert (done.returncode, done.stdout) == (0, f"hooks.bundle.sig: EdDSA, by {KEY.kid}\n")

    done = claimhooks(project, "bundle", "verify", "hooks.bundle", "--key", "hooks.pub.pem")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"signed by {KEY.kid}\n" in done.stdout
    assert f"revision   1\ngeneration {digest}\n" in done.stdout

    done = claimhooks(project, "bundle", "show", "hooks.bundle", "--format", "json")
    document = json.loads(done.stdout)
    assert document["manifest"]["digest"] == digest
    assert document["manifest"]["files"][0]["path"] == "10-v.py"
    assert document["signature"] == {"alg": "EdDSA", "kid": KEY.kid}
    done = claimhooks(project, "bundle", "show", "hooks.bundle")
    assert f"signature  EdDSA, by {KEY.kid}; not verified\n" in done.stdout
    assert "10-v.py" in done.stdout


def test_the_same_revision_makes_the_same_bytes_wherever_and_whenever(project: Path) -> None:
    os.utime(project / "hooks" / "10-v.py", (1, 1))
    (project / "hooks" / "10-v.py").chmod(0o755)
    done = claimhooks(
        project, "bundle", "build", "-o", "x", SOURCE_DATE_EPOCH="1", TZ="Asia/Tokyo",
        PYTHONHASHSEED="7", LC_ALL="C",
    )  # fmt: skip
    assert done.returncode == 0
    assert (project / "x").read_bytes() == BUNDLE


def test_other_commands_take_a_bundle_as_they_take_a_folder(project: Path) -> None:
    publish(project / "hooks.bundle", BUNDLE)
    sample = {"client": {"id": "orders"}, "audience": "https://api.acme.example/", "scope": ["a"]}
    (project / "sample.json").write_text(json.dumps(sample))
    for more in ([], ["--only", "10-v"]):
        run = ["run", "sample.json", "--format", "json", *more]
        folder = claimhooks(project, *run)
        done = claimhooks(project, *run, "--hooks", "hooks.bundle")
        assert (done.returncode, done.stderr) == (0, "")
        results = [json.loads(text.stdout)["results"][0] for text in (folder, done)]
        assert results[0]["claims"] == results[1]["claims"] == {V: 1}
        assert results[0]["generation"] == results[1]["generation"]
        assert results[1]["trace"][0]["file"] == "hooks.bundle/10-v.py"
    done = claimhooks(project, "check", "hooks.bundle")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1. 10-v  hooks.bundle/10-v.py:3" in done.stdout
    (project / "claimhooks.toml").write_text('[bundle]\nkey = "hooks.pub.pem"\n')
    for command in (["check", "hooks.bundle"], ["run", "sample.json", "--hooks", "hooks.bundle"]):
        done = claimhooks(project, *command)
        assert done.returncode == 2
        assert "[bundle_unsigned]" in done.stderr


def test_verify_says_no_with_status_1_and_why(project: Path) -> None:
    def verified(content: bytes, signature: bytes | None) -> str:
        (project / "b").write_bytes(content)
        (project / "b.sig").unlink(missing_ok=True)
        if signature is not None:
            (project / "b.sig").write_bytes(signature)
        done = claimhooks(project, "bundle", "verify", "b", "--key", "hooks.pub.pem")
        assert (done.returncode, done.stderr) == (1, "")
        return done.stdout

    assert "b.sig: there is no such file [bundle_unsigned]" in verified(BUNDLE, None)
    assert "[bundle_signature]" in verified(BUNDLE, sign(bundled(2), KEY))
    assert "[bundle_signature]" in verified(BUNDLE[:-1], sign(BUNDLE, KEY))
    assert "[bundle_broken]" in verified(b"PK", sign(b"PK", KEY))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["build"], "Missing option '--revision' (env var: 'SOURCE_DATE_EPOCH')"),
        (["build", "--revision", "-1"], "not in the range"),
        (["build", "--revision", "soon"], "not a valid integer"),
        (["build", "nowhere", "--revision", "1"], "[folder_missing]"),
        (["build", "empty", "--revision", "1"], "[folder_empty]"),
        (["build", "--revision", "1", "-o", "nowhere/b"], "[output_unwritable]"),
        (["build", "--revision", "1", "-o", "hooks"], "[output_unwritable]"),
        (["sign", "nowhere", "--key", "hooks.pem"], "[bundle_unreachable]"),
        (["sign", "hooks/10-v.py", "--key", "hooks.pem"], "[bundle_broken]"),
        (["sign", "b", "--key", "hooks.pub.pem"], "[keys_exposed]"),
        (["sign", "b", "--key", "nowhere"], "[keys_unreadable]"),
        (["verify", "b", "--key", "hooks.pem"], "[bundle_key]"),
        (["verify", "b", "--key", "nowhere"], "[bundle_key]"),
        (["verify", "nowhere", "--key", "hooks.pub.pem"], "[bundle_unreachable]"),
        (["show", "nowhere"], "[bundle_unreachable]"),
        (["show", "hooks"], "[bundle_unreachable]"),
        (["show", "ftps://x"], "[bundle_address]"),
        (["show", "https://"], "[bundle_address]"),
        (["show", "https://[::1"], "[bundle_address]"),
        (["show", "http://127.0.0.1:1/b"], "[bundle_unreachable]"),
    ],
)
def test_what_cannot_be_done_is_told_with_status_2(
    project: Path, arguments: list[str], reason: str
) -> None:
    (project / "empty").mkdir()
    publish(project / "b", BUNDLE, KEY)
    before = sorted(project.rglob("*"))
    done = claimhooks(project, "bundle", *arguments, SOURCE_DATE_EPOCH="")
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(project.rglob("*")) == before


def test_a_full_disk_leaves_the_bundle_before_it(project: Path) -> None:
    publish(project / "hooks.bundle", bundled(0))
    before = sorted(project.iterdir())
    done = claimhooks(project, "bundle", "build", "--revision", "1", limit=100)
    assert done.returncode == 2
    assert "hooks.bundle: cannot be written: File too large [output_unwritable]" in done.stderr
    assert (project / "hooks.bundle").read_bytes() == bundled(0)
    assert sorted(project.iterdir()) == before


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_the_old_bundle_or_the_new_one(project: Path) -> None:
    for number in range(20):
        (project / "hooks" / f"_{number}.py").write_bytes(b"#" * 1024 * 1024)
    whole = build(Snapshot.read(project / "hooks"), 2)
    command = [sys.executable, "-m", "claimhooks", "bundle", "build", "--revision", "2"]
    began = time.monotonic()
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    took = time.monotonic() - began
    for step in range(12):
        publish(project / "hooks.bundle", BUNDLE)
        process = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL)
        time.sleep(took * (0.4 + step * 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = (project / "hooks.bundle").read_bytes()
        assert content in (BUNDLE, whole)
