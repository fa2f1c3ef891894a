"""How many tokens a client may have in an hour or a day, counted in what all issuers share."""

from __future__ import annotations

import asyncio
from time import time
from typing import TYPE_CHECKING, Final

from claimhooks.issuer.refusals import QuotaExceeded, Unavailable
from claimhooks.registry import StoreUnavailable

if TYPE_CHECKING:
    from claimhooks.registry import ClientRecord, SharedState

HOUR: Final = 3600
DAY: Final = 86_400


class Quotas:
    """Windows are those of the clock: an hour begins at :00, a day at midnight UTC."""

    def __init__(self, state: SharedState) -> None:
        self._state = state

    async def take(self, client: ClientRecord) -> None:
        """Count one token. Raises :class:`QuotaExceeded`, and :class:`Unavailable`."""
        quota = client.quota
        if quota is None:
            return
        loop = asyncio.get_running_loop()
        for limit, seconds in ((quota.per_hour, HOUR), (quota.per_day, DAY)):
            if limit is None:
                continue
            now = int(time())
            start = now - now % seconds
            try:
                count = await loop.run_in_executor(
                    None, self._state.count_token, client.id, start, seconds
                )
            except StoreUnavailable as error:
                raise Unavailable(str(error)) from None
            if count > limit:
                raise QuotaExceeded(retry_after=start + seconds - now)
