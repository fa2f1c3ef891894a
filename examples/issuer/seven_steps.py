"""From a hook to a call that an API accepts, in seven steps: python seven_steps.py [FOLDER]

Each command is shown before it runs; type them yourself and you get the same. FOLDER is made, by
default a temporary one, and stays there.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent.resolve()
AUDIENCE = "https://api.acme.example/"
TIER = """\
from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client):
    return {"https://acme.example/tier": client.metadata["tier"]}
"""
TIER_AND_SCOPE = """\
from claimhooks import hookimpl


@hookimpl
def credentials_exchange(client, scope):
    return {
        "https://acme.example/tier": client.metadata["tier"],
        "scope": scope + ["orders:write"],
    }
"""


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="seven-steps-"))
    issuer_port, api_port = free_port(), free_port()
    issuer, orders = f"http://127.0.0.1:{issuer_port}/", f"http://127.0.0.1:{api_port}/orders"

    step(1, "Make a folder with a hook")
    hook = folder / "hooks" / "20-tier.py"
    hook.parent.mkdir(parents=True)
    write(hook, TIER)

    step(2, "Start the issuer, and an API beside it")
    os.chdir(folder)
    # The commands are those of the Python that runs this.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    serve = f"claimhooks serve --port {issuer_port} --metrics-port 0"
    api = f"ISSUER={issuer} uvicorn --app-dir {HERE} api:app --port {api_port}"
    with started("issuer", serve, f"{issuer}readyz"), started("api", api, orders):
        step(3, "Tell it of an API and a client, and what the client may do there")
        run(
            f"claimhooks registry add-api {AUDIENCE}"
            ' --scope "orders:read=Read orders" --scope "orders:write=Change orders"'
        )
        added = run('claimhooks registry add-client orders-worker --metadata \'{"tier": "gold"}\'')
        run(f"claimhooks registry grant orders-worker {AUDIENCE} --scope orders:read")

        step(4, "Ask for a token")
        request = {
            "grant_type": "client_credentials",
            "client_id": "orders-worker",
            "client_secret": added.split()[-1],
            "audience": AUDIENCE,
        }
        ask = f"curl -s {issuer}oauth/token -H 'Content-Type: application/json'"
        ask += f" -d '{json.dumps(request)}'"
        keep_token(run(ask))

        step(5, "Look at its claims, as an API does")
        run(
            f'claimhooks verify "$TOKEN" --jwks {issuer}.well-known/jwks.json'
            f" --issuer {issuer} --audience {AUDIENCE}"
        )

        step(6, "Call the API with it: it may read orders, but not add one")
        run(f'curl -si {orders} -H "Authorization: Bearer $TOKEN"')
        run(f'curl -si {orders} -H "Authorization: Bearer $TOKEN" -X POST')

        step(7, "Change the hook: with the next token it may")
        before = generation(issuer)
        write(hook, TIER_AND_SCOPE)
        while generation(issuer) == before:
            time.sleep(0.1)
        keep_token(run(ask))
        run(f'curl -si {orders} -H "Authorization: Bearer $TOKEN" -X POST')


def step(number: int, what: str) -> None:
    print(f"\n{number}. {what}\n", flush=True)


def write(path: Path, text: str) -> None:
    path.write_text(text)
    print(f"{path}:\n\n{text}", flush=True)


def run(command: str) -> str:
    """What `command` prints, which is shown as well."""
    print(f"$ {command}", flush=True)
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, check=True)
    print("\n".join([*done.stdout.splitlines(), ""]), flush=True)
    return done.stdout


def keep_token(answer: str) -> None:
    os.environ["TOKEN"] = json.loads(answer)["access_token"]
    print("$ TOKEN=…\n")


def generation(issuer: str) -> str:
    """Which hooks are in use."""
    with urlopen(f"{issuer}readyz") as answer:
        return str(json.load(answer)["generation"])


@contextmanager
def started(name: str, command: str, address: str) -> Generator[None]:
    """Runs `command` until the context ends. It has started once `address` answers anything."""
    print(f"$ {command} > {name}.log &\n", flush=True)
    with Path(f"{name}.log").open("w") as log:
        process = subprocess.Popen(f"exec env {command}", shell=True, stdout=log, stderr=log)
        try:
            wait = "curl -s -o /dev/null --retry 20 --retry-connrefused --retry-delay 1"
            subprocess.run(f"{wait} {address}", shell=True, check=True)
            yield
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
