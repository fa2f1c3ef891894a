"""The tables of the SQL store. Columns are named as the fields of the records are."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA: Final = "0001"
"""The newest migration. Their numbers ascend: a greater one is of a newer claimhooks."""

# Operators share databases: no name may be another program's.
VERSION_TABLE: Final = "claimhooks_schema"

metadata: Final = MetaData()

clients: Final = Table(
    "claimhooks_clients",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("name", Text),
    Column("tenant", Text),
    Column("metadata", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("auth_methods", JSON, nullable=False),
    Column("grant_types", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("jwks", JSON(none_as_null=True)),
    Column("jwks_uri", Text),
    Column("token_lifetime", Integer),
    Column("quota", JSON(none_as_null=True)),
)

apis: Final = Table(
    "claimhooks_apis",
    metadata,
    Column("identifier", String(512), primary_key=True),
    Column("name", Text),
    Column("scopes", JSON, nullable=False),
    Column("token_lifetime", Integer, nullable=False),
    Column("signing_alg", String(16), nullable=False),
    Column("token_profile", String(16), nullable=False),
)

grants: Final = Table(
    "claimhooks_grants",
    metadata,
    Column(
        "client_id",
        String(256),
        ForeignKey(clients.c.id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "audience",
        String(512),
        ForeignKey(apis.c.identifier, ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("scopes", JSON, nullable=False),
)

revision: Final = Table(
    "claimhooks_revision",
    metadata,
    Column("number", BigInteger, nullable=False),
)
"""One row. Every change updates it first, which makes writers wait for each other."""

used_assertions: Final = Table(
    "claimhooks_used_assertions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
)
"""A hash of client and `jti`: of one length, and of any characters."""

token_counts: Final = Table(
    "claimhooks_token_counts",
    metadata,
    Column("client_id", String(256), primary_key=True),
    Column("window_seconds", Integer, primary_key=True),
    Column("window_start", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
