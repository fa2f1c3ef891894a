"""A ZIP archive without compression, whose every byte follows from its members.

Not with zipfile, and not deflated: what those write differs between releases of Python and of
zlib, and bundles must stay what they are. Any unzip reads it. Section numbers are those of
APPNOTE.TXT, the specification of PKWARE.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MEMBERS: Final = 0xFFFF

_LOCAL: Final = struct.Struct("<4s5H3L2H")
"""§4.3.7: signature, version, flags, method, time, date, CRC, sizes, lengths of name and extra."""
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
"""§4.3.12: the same after the version it was made by; then lengths, attributes and offset."""
_END: Final = struct.Struct("<4s4H2LH")
"""§4.3.16: signature, disks, counts, size and offset of the central directory, comment."""
_SIZE: Final = slice(22, 26)
"""Of the content, in a local header."""

_VERSION: Final = 20
_UNIX: Final = 3 << 8 | _VERSION
_UTF8: Final = 1 << 11
_STORED: Final = 0
_EPOCH: Final = 1 << 5 | 1
"""1980-01-01, the first day that there is (§4.4.6)."""
_MODE: Final = 0o100644 << 16
"""A regular file, ``rw-r--r--``."""


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of `members`, at most :data:`MAX_MEMBERS`: name → content, in this order."""
    archive, directory = bytearray(), bytearray()
    for name, content in members.items():
        encoded = name.encode()
        common = (
            *(_VERSION, _UTF8, _STORED, 0, _EPOCH),
            *(crc32(content), len(content), len(content), len(encoded), 0),
        )
        rest = (0, 0, 0, _MODE, len(archive))
        directory += _CENTRAL.pack(b"PK\x01\x02", _UNIX, *common, *rest) + encoded
        archive += _LOCAL.pack(b"PK\x03\x04", *common) + encoded + content
    count = len(members)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(archive), 0)
    return b"".join((archive, directory, end))


def member(archive: bytes, name: str, start: int) -> tuple[bytes, int]:
    """What should be the member `name` if its header begins at `start`, and where the next begins.

    Checks nothing: what was read of an archive is proved by packing it again. In one that is cut
    short, the next begins beyond the end.
    """
    header = archive[start : start + _LOCAL.size]
    begin = start + _LOCAL.size + len(name.encode())
    end = begin + int.from_bytes(header[_SIZE], "little")
    return archive[begin:end], end
