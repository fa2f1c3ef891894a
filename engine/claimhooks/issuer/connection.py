"""Connections of ``claimhooks serve``."""

from __future__ import annotations

from claimhooks.issuer import answers
from claimhooks.issuer.refusals import Malformed
from claimhooks.serving import connection


class Connection(connection.Connection):
    """Refuses in the form of every other refusal."""

    def refusal(self, text: str) -> bytes:
        """As RFC 6749 §5.2 has it."""
        return answers.refused(Malformed(text), "rfc6749").body
