"""The first tables."""

from __future__ import annotations

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, String, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "claimhooks_clients",
        Column("id", String(256), primary_key=True),
        Column("name", Text),
        Column("tenant", Text),
        Column("metadata", JSON, nullable=False),
        Column("enabled", Boolean, nullable=False),
        Column("auth_methods", JSON, nullable=False),
        Column("grant_types", JSON, nullable=False),
        Column("secrets", JSON, nullable=False),
        Column("jwks", JSON),
        Column("jwks_uri", Text),
        Column("token_lifetime", Integer),
        Column("quota", JSON),
    )
    op.create_table(
        "claimhooks_apis",
        Column("identifier", String(512), primary_key=True),
        Column("name", Text),
        Column("scopes", JSON, nullable=False),
        Column("token_lifetime", Integer, nullable=False),
        Column("signing_alg", String(16), nullable=False),
        Column("token_profile", String(16), nullable=False),
    )
    op.create_table(
        "claimhooks_grants",
        Column(
            "client_id",
            String(256),
            ForeignKey("claimhooks_clients.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column(
            "audience",
            String(512),
            ForeignKey("claimhooks_apis.identifier", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        Column("scopes", JSON, nullable=False),
    )
    number = op.create_table(
        "claimhooks_revision",
        Column("number", BigInteger, nullable=False),
    )
    op.bulk_insert(number, [{"number": 1}])
    op.create_table(
        "claimhooks_used_assertions",
        Column("hash", String(64), primary_key=True),
        Column("expires", BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "claimhooks_token_counts",
        Column("client_id", String(256), primary_key=True),
        Column("window_seconds", Integer, primary_key=True),
        Column("window_start", BigInteger, primary_key=True),
        Column("count", BigInteger, nullable=False),
    )
