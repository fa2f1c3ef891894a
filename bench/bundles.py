"""What it costs that hooks are a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.engine import micros
from bench.given import folder_of
from bench.table import Row, row
from claimhooks.bundle import Feed, build, read
from claimhooks.bundle.signature import PublicKey, sign
from claimhooks.snapshot import Snapshot
from claimhooks.token import SigningKey

if TYPE_CHECKING:
    from pathlib import Path


def bundle(parent: Path) -> list[Row]:
    folder = folder_of(20, parent)
    place, signing_key = parent / "hooks.bundle", SigningKey.generate("EdDSA")
    content = build(Snapshot.read(folder), 1)
    place.write_bytes(content)
    (parent / "hooks.bundle.sig").write_bytes(sign(content, signing_key))
    public = signing_key.private.public_key()
    pem = parent / "hooks.pub.pem"
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    key, feed = PublicKey.load(pem), Feed(place)
    folder_read, bundle_read, followed = micros(
        lambda: Snapshot.read(folder),
        lambda: read(place, key),
        lambda: feed.read(key, fetch=False),
        rounds=15,
        calls=5,
    )
    return [
        row("reading a signed bundle of 20 hooks", bundle_read / 1000, " ms", 5),
        row("… as a multiple of reading the folder", bundle_read / folder_read, "×", 2),
        row(
            "looking whether it has changed, as a part of the folder",
            followed / folder_read,
            "×",
            1,
        ),
    ]
