"""gzip (RFC 1952) and Zstandard (RFC 8878), member by member, cut or not."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Literal, Protocol

from claimhooks.errors import Problem, SampleError
from claimhooks.replay.place import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Packing = Literal["gzip", "zstd"]

STEP: Final = 2048
"""Bytes to be unpacked at a time: few, so that they can hold only so much."""


class _Member(Protocol):
    """How the two libraries unpack one member, which RFC 8878 calls a frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def packing_of(start: bytes) -> Packing | None:
    """How a file that begins with `start` is packed, whatever its name; None: it is not."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    # A frame, or one to be skipped (§3.1.2), which parallel compressors begin with.
    if start[:4] == b"\x28\xb5\x2f\xfd" or start[1:4] == b"\x2a\x4d\x18":
        return "zstd"
    return None


def unpacked(chunks: Iterator[bytes], packing: Packing, name: str) -> Iterator[bytes]:
    """What is packed in `chunks`, which are of :data:`STEP` bytes at most.

    Raises :class:`Damaged` once all that can be unpacked has been yielded.
    """
    new, errors = _gzip() if packing == "gzip" else _zstd(name)
    data = next(chunks, b"")
    while data:
        member = new()
        while True:
            try:
                content = member.decompress(data)
            except errors as error:
                raise Damaged(f"from here on its {packing} data is broken: {error}") from None
            if content:
                yield content
            if member.eof:
                break
            data = next(chunks, b"")
            if not data:
                raise Damaged(f"the file ends in the middle of its {packing} data")
        # Between members, and after the last, there may be padding.
        data = member.unused_data.lstrip(b"\0")
        while not data and (more := next(chunks, b"")):
            data = more.lstrip(b"\0")


def _gzip() -> tuple[Callable[[], _Member], type[Exception]]:
    return lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), zlib.error


def _zstd(name: str) -> tuple[Callable[[], _Member], type[Exception]]:
    try:
        import zstandard  # noqa: PLC0415 - optional
    except ImportError:
        reason = "packed with Zstandard, which zstandard unpacks: it is not installed"
        raise SampleError([Problem("replay_missing", name, reason)]) from None
    return zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError
