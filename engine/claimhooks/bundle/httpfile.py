"""A file at an ``http(s)://`` address.

With urllib: the file system that fsspec has for HTTP asks without conditions, and an HTTP client
that logs its requests would log what is secret in their addresses.
"""

from __future__ import annotations

from base64 import b64encode
from http.client import HTTPException, HTTPResponse
from typing import IO, TYPE_CHECKING, Final, cast
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from claimhooks.bundle.fetching import File, Missing, Unreachable, within, without_secrets

if TYPE_CHECKING:
    from http.client import HTTPMessage

SILENCE: Final = 10.0
"""Seconds that the server may say nothing."""


class HttpFile(File):
    """Asked for with the ETag of what is known already (RFC 9110 §13.1.2)."""

    def __init__(self, address: str, shown: str, max_bytes: int) -> None:
        """Raises ValueError for an address that cannot be."""
        parts = urlsplit(address)
        if not parts.hostname or parts.port == 0:
            raise ValueError("an address without a host")
        user, _, host = parts.netloc.rpartition("@")
        super().__init__(shown, max_bytes)
        self._address = address
        self._url = parts._replace(netloc=host).geturl()
        self._authorization = f"Basic {b64encode(unquote(user).encode()).decode()}" if user else ""
        self._etag: str | None = None
        self._content = b""

    def read(self) -> bytes:
        """What it holds now. Raises :class:`Unreachable`."""
        # Of something compressed, a little could become any amount.
        request = Request(self._url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - HTTP
        if self._etag is not None:
            request.add_header("If-None-Match", self._etag)
        if self._authorization:
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            # Made each time: certificates that are trusted change while a process runs.
            opened = build_opener(_Redirects).open(request, timeout=SILENCE)
            with cast("HTTPResponse", opened) as response:
                return self._answer(response)
        except HTTPError as error:
            error.close()
            if error.code == 304 and self._etag is not None:
                return self._content
            kind = Missing if error.code in {404, 410} else Unreachable
            raise kind(f"HTTP {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(self._reason(error)) from None

    def _answer(self, response: HTTPResponse) -> bytes:
        if response.status != 200:
            raise Unreachable(f"HTTP {response.status}")
        content = within(response.read(self.max_bytes + 1), self.max_bytes)
        if response.length:
            raise Unreachable(f"half of it: {response.length:,} bytes are missing")
        # Where no length is told, what is only the first part looks like all of it.
        is_whole = response.length is not None or response.chunked
        self._etag = response.headers.get("ETag") if is_whole else None
        self._content = content
        return content

    def _reason(self, error: Exception) -> str:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, TimeoutError):
            return f"the server says nothing for {SILENCE:g} s"
        return without_secrets(str(cause), self._address) or type(cause).__name__


class _Redirects(HTTPRedirectHandler):
    """Follows to where there is as much TLS as before, and nowhere but over HTTP."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in {"https", req.type}:
            fp.close()
            raise URLError("it is redirected to an address without TLS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
