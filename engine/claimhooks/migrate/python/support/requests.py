"""HTTP lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from claimhooks.migrate.python.support import Value


async def js_http(method: str, url: str, **options: Value) -> httpx2.Response:
    """The answer to an HTTP request, after redirects."""
    async with httpx2.AsyncClient(follow_redirects=True) as http:
        return await http.request(method, url, **options)


async def js_axios(method: str, url: str, **options: Value) -> httpx2.Response:
    """The answer to an HTTP request; one that is not 2xx is an error."""
    return (await js_http(method, url, **options)).raise_for_status()


async def js_request(method: str, url: str, *, parse: bool = False, **options: Value) -> Value:
    """Error, response and body, as `request` gives them to its callback."""
    try:
        response = await js_http(method, url, **options)
    except httpx2.HTTPError as error:
        return error, None, None
    if not parse:
        return None, response, response.text
    try:
        return None, response, response.json()
    except ValueError:
        return None, response, response.text
