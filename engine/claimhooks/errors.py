"""Every error of claimhooks, in one catalogue.

Three readers, three forms:

* OAuth clients get an :class:`OAuthError`: an RFC code and a text without internals.
* Operators get a :class:`Problem`: file, line, reason and remedy, under a stable code.
* Programs that embed claimhooks catch a :class:`ClaimhooksError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class ClaimhooksError(Exception):
    """The base of every exception that claimhooks raises on purpose."""


# What OAuth clients see --------------------------------------------------------------------------

MAX_DESCRIPTION: Final = 1000
_OUTSIDE_RFC_TEXT: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def rfc_text(text: str) -> str:
    """`text` within the characters of RFC 6749 §5.2 (%x20-21 / %x23-5B / %x5D-7E).

    Double quotes become single ones, a backslash becomes a slash, anything else outside becomes
    ``?``; at most 1,000 characters are kept.
    """
    text = text[:MAX_DESCRIPTION].replace('"', "'").replace("\\", "/")
    return _OUTSIDE_RFC_TEXT.sub("?", text)


def utf8_text(text: str) -> str:
    """`text` with lone surrogates escaped, so that it can be written as UTF-8."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def printable(text: str) -> str:
    """`text` with control characters escaped: those of a hostile hook must not reach a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


class OAuthError(ClaimhooksError):
    """A denial: raise a subclass in a hook and it becomes the response (RFC 6749 §5.2).

    `description` is shown to the OAuth client; without one the class's own text is used.
    """

    error: ClassVar[str] = "server_error"
    status: ClassVar[int] = 500
    default_description: ClassVar[str] = "the authorization server could not issue the token"

    def __init__(self, description: str = "") -> None:
        self.description = str(description) or self.default_description
        super().__init__(self.description)


class AccessDenied(OAuthError):
    """`access_denied`, HTTP 400. The code is borrowed from RFC 6749 §4.1.2.1."""

    error = "access_denied"
    status = 400
    default_description = "access denied"


class InvalidScope(OAuthError):
    """`invalid_scope`, HTTP 400 (RFC 6749 §5.2)."""

    error = "invalid_scope"
    status = 400
    default_description = "the requested scope is invalid"


class InvalidRequest(OAuthError):
    """`invalid_request`, HTTP 400 (RFC 6749 §5.2)."""

    error = "invalid_request"
    status = 400
    default_description = "the request is invalid"


class InvalidClient(OAuthError):
    """`invalid_client`, HTTP 401 (RFC 6749 §5.2). Of the issuer, not for hooks."""

    error = "invalid_client"
    status = 401
    default_description = "client authentication failed"


class UnauthorizedClient(OAuthError):
    """`unauthorized_client`, HTTP 400 (RFC 6749 §5.2). Of the issuer, not for hooks."""

    error = "unauthorized_client"
    status = 400
    default_description = "the client may not do this"


class UnsupportedGrantType(OAuthError):
    """`unsupported_grant_type`, HTTP 400 (RFC 6749 §5.2). Of the issuer, not for hooks."""

    error = "unsupported_grant_type"
    status = 400
    default_description = "the grant type is not supported"


class InvalidTarget(OAuthError):
    """`invalid_target`, HTTP 400 (RFC 8707 §2)."""

    error = "invalid_target"
    status = 400
    default_description = "the requested audience is invalid"


class TemporarilyUnavailable(OAuthError):
    """`temporarily_unavailable`, HTTP 400. The code is borrowed from RFC 6749 §4.1.2.1.

    Not 503: real clients drop the body of a 5xx, and with it the description.
    """

    error = "temporarily_unavailable"
    status = 400
    default_description = "try again later"


class ServerError(OAuthError):
    """`server_error`, HTTP 500 with the hook's text. The code is from RFC 6749 §4.1.2.1."""


# What operators see ------------------------------------------------------------------------------

# Why the policy refused a part of a patch: code → remedy.
REFUSALS: Final[dict[str, str]] = {
    "claim_not_namespaced": "name the claim with an http(s) URL or a URN that you own, such as "
    "https://acme.example/tier, or list the plain name in [policy] private_claims",
    "claim_not_in_namespaces": "use one of the namespaces listed in [policy] namespaces, or add "
    "this one there",
    "claim_reserved": "choose another name: this one belongs to the issuer",
    "claim_reserved_host": "use a host that you own; see [policy] reserved_hosts",
    "claim_not_json": "return str, int, float, bool, None, list or dict, as it is to be signed",
    "claim_too_large": "put less into the token: all custom claims together may take 100,000 "
    "bytes encoded",
    "claim_conflict": "let one hook own the claim, or read context.claims before setting it",
    "scope_not_allowed": "grant the scope to the client, define it at the API, or widen "
    "[policy] scopes",
    "scope_malformed": "return a list of scope tokens (RFC 6749 §3.3): printable ASCII without "
    "space, double quote or backslash",
    "lifetime_extended": "return an expires_in that is at most the API's token lifetime",
    "lifetime_malformed": "return expires_in as a whole number of seconds, 1 or more",
}

# How a hook fails: code → remedy.
FAULTS: Final[dict[str, str]] = {
    "hook_raised": "mend the hook, or raise AccessDenied (or a sibling) where a denial is meant",
    "hook_exited": "return or raise instead: a hook must not end the process",
    "answer_not_a_patch": "return None, or a dict of claim names, 'scope' and 'expires_in'",
    "policy_refused": "see the refusals of this hook",
    "deadline_exceeded": "make the hook faster, give it a deadline of its own in its settings, or "
    "raise that of [worker]",
    "worker_died": "mend the hook: it ended the process that it ran in",
    "worker_garbled": "let the hook leave the descriptors of its process alone",
    "worker_unavailable": "raise [worker] processes, or look in the log for why none starts",
    "answer_too_large": "put less into the token: all custom claims together may take 100,000 "
    "bytes encoded",
    "hook_suspended": "mend the hook: it kept ending its workers, and is tried again after a pause "
    "or when the files change",
}

# Why a folder, a settings file or a sample could not be used: code → remedy.
PROBLEMS: Final[dict[str, str]] = {
    "folder_missing": "create the folder, or name another one or a bundle with --hooks",
    "folder_unreadable": "make the folder readable for this user",
    "folder_empty": "add a hook file, or pass --allow-empty to run without hooks",
    "file_unreadable": "make it a readable, regular file, or remove it",
    "file_too_large": "keep a hook file under 1 MiB; data belongs elsewhere",
    "file_not_utf8": "save the file as UTF-8",
    "syntax_error": "correct the syntax",
    "import_failed": "correct the import, or install what it needs",
    "load_raised": "mend the code that runs when the file is loaded",
    "load_exited": "remove the call: loading a hook must not end the process",
    "thread_left_running": "start no threads while loading; a reload could not stop them",
    "absolute_sibling_import": "import it relatively, so that it is reloaded with the hook",
    "hook_missing": "add a function credentials_exchange with the decorator @hookimpl, or let the "
    "file name start with '_' to make it a helper",
    "hook_misspelt": "rename the function to credentials_exchange",
    "hook_twice": "give each hook a file of its own",
    "hook_in_subfolder": "move the file up into the hooks folder: only files there are hooks",
    "hook_is_wrapper": "write two plain hooks instead, one named to run before and one after",
    "hook_is_generator": "return the patch instead of yielding it",
    "argument_unknown": "take any of client, scope, audience and context, by name",
    "hook_unknown": "name the hook after its file, without .py",
    "secret_missing": "set the environment variable, or mount the file",
    "pseudonym_key_weak": "make one with 'openssl rand -hex 32'",
    "settings_unreadable": "make the settings file readable",
    "settings_malformed": "correct the TOML",
    "settings_invalid": "see 'Configuration' in the README",
    "load_ended_process": "remove what ends the process from the code that runs when the file is "
    "loaded",
    "load_timed_out": "let the code that runs when the file is loaded do less",
    "lane_unavailable": 'use lane = "inline", or run on Linux 5.4 or newer',
    "sandbox_missing": "install claimhooks[sandbox] and use a kernel with Landlock and seccomp, or "
    'set sandbox = "best-effort"',
    "deadline_unkept": "use --lane worker",
    "reload_failed": "report this, with the traceback in the log: it is a mistake of claimhooks",
    "lane_changed": "restart to change the lane, or take the change back",
    "gate_failed": "mend the hook, or the sample if it expects the wrong thing",
    "sample_unreadable": "make the sample a readable file",
    "sample_malformed": "correct the JSON",
    "sample_invalid": "see 'Samples' in the README",
    "sample_missing": "name a .json file, a .jsonl file, a folder of them, or -",
    "sample_changed": "run the tests again",
    "hooks_changed": "run the tests again, once nobody saves",
    "coverage_missing": "install claimhooks[coverage]",
    "output_unwritable": "name a file in a folder that this user may write to, and that has room",
    "bundle_address": "name a folder, a file, or an address: https://, http://, or one that fsspec "
    "knows, such as s3:// and gs://",
    "bundle_unreachable": "make it readable, or see why its server does not answer",
    "bundle_broken": "build it again with 'claimhooks bundle build', or copy it again: of what it "
    "holds, nothing is used",
    "bundle_newer": "use the claimhooks that it was built with, or a newer one",
    "bundle_too_large": "bundle only hooks and their helpers; data belongs elsewhere",
    "bundle_path": "rename the file",
    "bundle_unsigned": "sign it: claimhooks bundle sign FILE --key PRIVATE-KEY; publish the .sig "
    "before the bundle",
    "bundle_signature": "sign it with the key that [bundle] key is the public half of, and publish "
    "the .sig before the bundle",
    "bundle_key": "name a public key in PEM, as 'openssl pkey -in PRIVATE-KEY -pubout' prints it, "
    "or a JWK: RSA of 2,048 bits or more, P-256 or Ed25519",
    "bundle_older": "build it with a greater --revision; to go back at once, roll back",
    "remote_missing": "install claimhooks[remote]; for s3:// also s3fs, for gs:// also gcsfs",
    "output_exists": "name another file, or move that one away first",
    "javascript_unreadable": "make it a readable file of JavaScript",
    "javascript_malformed": "correct the JavaScript; node --check FILE says more",
    "javascript_not_a_hook": "name a file that sets module.exports to function (client, scope, "
    "audience, context, cb)",
    "javascript_untranslated": "translate it by hand, and report it: it is a mistake of ours",
    "migrate_missing": "install claimhooks[migrate]",
    "recording_missing": "name a recording, a file of samples, a folder of them, or -",
    "recording_unreadable": "make it readable for this user, or correct the address",
    "recording_malformed": "see 'What a change would do' in the README; of bad lines, the rest is "
    "replayed without --strict",
    "recording_empty": "name one with exchanges in it",
    "revision_unreadable": "name a folder, a bundle, or a folder in a revision, such as "
    "HEAD~1:hooks",
    "replay_stopped": "mend the hook that did it, or use --lane worker",
    "replay_interrupted": "with replay --resume FILE, the same command goes on from there",
    "replay_missing": "install claimhooks[replay]",
    "ray_missing": "install claimhooks[ray]",
    "ray_failed": "see what Ray says of it: ray status, and its dashboard",
    "checkpoint_other": "name another file, or remove this one to begin anew",
    "checkpoint_unreadable": "name another file, or remove this one to begin anew",
    "checkpoint_unwritable": "name a file in a folder that this user may write to, and that has "
    "room",
    "recording_unwritable": "make the folder writable for this user, and room on its disk",
    "project_taken": "name another folder, or move it away: nothing was written",
    "project_unwritable": "name a folder that this user may write to, and that has room",
    "registry_address": "name a .toml file, sqlite:///FILE or postgresql+psycopg://HOST/DATABASE",
    "registry_missing": "make one with 'claimhooks registry import FILE', or by starting "
    "'claimhooks serve'",
    "registry_unreadable": "make it readable for this user",
    "registry_malformed": "correct the TOML or JSON",
    "registry_invalid": "see 'Registry' in the README",
    "registry_removes": "pass --replace to remove them, or --merge to leave them",
    "registry_reference": "add the client, the API or its scope first, or correct the name",
    "registry_newer": "use the claimhooks that made these tables, or a newer one",
    "registry_outdated": "start 'claimhooks serve', which migrates them, or change a record with "
    "'claimhooks registry'",
    "secret_key_missing": "copy the one that the secrets in the registry were hashed with, or name "
    "it with --secret-key-file",
    "secret_key_unusable": "put at least 64 hexadecimal digits there, as 'openssl rand -hex 32' "
    "prints them",
    "bridge_of_people": "use it for people's tokens with tokens_of_people = true, which runs hooks "
    "for clients over them",
    "bridge_decryption": "put an RSA key of 2,048 bits or more, or a P-256 key, in PEM into it",
    "jwe_missing": "install claimhooks[jwe]",
    "bridge_caller": "give the bridge a table of its own, such as [bridges.hydra] api_key = "
    '{ header = "authorization", secrets = ["HYDRA_API_KEY"] }',
    "bridge_not_http": "see 'Bridges' in the README for how this peer is answered",
    "bridge_keys": "name a file with a JWK set, or the https URL of one",
    "server_missing": "install claimhooks[server]",
    "keys_missing": "start the issuer once, which makes its keys, or name another folder",
    "keys_exposed": "take the rights of others away",
    "keys_unreadable": "make it readable for this user, or restore it from a backup",
    "keys_unwritable": "make the folder writable for this user, and room on its disk",
    "keys_state_broken": "restore the folder from a backup, or move it away to begin with new keys",
    "key_mismatched": "restore the file from a backup",
    "key_unknown": "see 'claimhooks keys list'",
    "key_known": "import each key once, for one algorithm",
    "key_active": "make another key sign first: claimhooks keys rotate --now",
    "signing_key_missing": "make one: claimhooks keys rotate --alg",
    "pem_encrypted": "write it without its password: openssl pkey -in FILE -out NEW",
    "pem_unusable": "take an unencrypted private key: RSA of 2,048 bits or more for RS256 and "
    "PS256, P-256 for ES256, Ed25519 for EdDSA",
}

# What `claimhooks check --strict` finds in hooks before they run: code → remedy. Names of claims
# are refused with the codes of REFUSALS, arguments with `argument_unknown`.
FINDINGS: Final[dict[str, str]] = {
    "argument_not_passed": "remove its default",
    "network_not_allowed": "say network = true in the settings of the hook, or do without",
    "file_not_allowed": "keep the data in a helper file, in the client's metadata, or in a secret",
    "process_not_allowed": "do it in Python, within the process",
    "blocking_call": "await an async library instead, or make the hook a plain def",
    "state_kept": "keep it in a variable of the function, or pass it from one to the other",
    "clock_read": "take context.now; to measure how long something takes, time.perf_counter()",
    "randomness_used": "make the value out of the exchange, as with hashlib",
    "secret_unused": "take it out of the hook's secrets in the settings",
    "secret_not_configured": "add it to the hook's secrets in the settings",
    "hook_unreachable": "correct the match in the settings, or add the client or grant that it is "
    "for to the registry",
    "effect_unsupported": "keep this from the hooks that run there, or say "
    'on_unsupported = "drop" in the settings of the bridge',
    "ignore_unused": "remove the comment",
    "ignore_unknown": "write # claimhooks: ignore[CODE], with a code of claimhooks check --strict",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that an operator has to mend, and where."""

    code: str
    """A key of :data:`PROBLEMS`."""
    file: str
    reason: str
    line: int | None = None
    remedy: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason} [{self.code}]\n  → {self.remedy or PROBLEMS[self.code]}"


class ProblemsError(ClaimhooksError):
    """Something that an operator wrote cannot be used; `problems` has every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class LoadError(ProblemsError):
    """A hooks folder, its settings, or the signing keys cannot be used."""


class SampleError(ProblemsError):
    """A sample exchange cannot be read."""


class ScriptError(ProblemsError):
    """A JavaScript hook of the old system cannot be translated."""


class TokenRejected(ClaimhooksError):
    """An access token failed verification at `step`, one of :data:`claimhooks.token.STEPS`."""

    def __init__(self, step: str, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"{step}: {reason}")
