"""Run operator-written Python hooks at OAuth 2.0's client-credentials exchange."""

from claimhooks.errors import (
    AccessDenied,
    ClaimhooksError,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    LoadError,
    OAuthError,
    Problem,
    SampleError,
    ServerError,
    TemporarilyUnavailable,
    TokenRejected,
)
from claimhooks.exchange import Api, Client, Exchange, Outcome, RequestContext, TraceEntry
from claimhooks.hookspec import Context, Patch, hookimpl
from claimhooks.policy import Policy
from claimhooks.runtime import Runtime
from claimhooks.settings import HookSettings, Settings

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "Api",
    "ClaimhooksError",
    "Client",
    "Context",
    "Exchange",
    "HookSettings",
    "InvalidRequest",
    "InvalidScope",
    "InvalidTarget",
    "LoadError",
    "OAuthError",
    "Outcome",
    "Patch",
    "Policy",
    "Problem",
    "RequestContext",
    "Runtime",
    "SampleError",
    "ServerError",
    "Settings",
    "TemporarilyUnavailable",
    "TokenRejected",
    "TraceEntry",
    "hookimpl",
]
