"""Secrets are masked wherever they stand; what only looks a little like one is not."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.simulated_server import SimulatedServer
from planagent.briefs.decide import line
from planagent.cli import run
from planagent.corpus.secrets import MASK, guarded, holds_secret, mask
from planagent.pipeline import Session, make_plan
from planagent.settings import load_settings
from planagent.statements.merge import assemble
from planagent.statements.statement import Statement
from tests.test_reading import corpus_of_text

_CHANCE = random.Random(7)  # noqa: S311


def _made(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_CHANCE.choice(alphabet) for _ in range(length))


def _hex(length: int) -> str:
    return _made(length, "0123456789abcdef")


# Made when the tests run, so that no file of this project holds the shape of a secret.
SHAPES = {
    "hex": _hex(64), "google": "AI" + "za" + _made(35), "aws-id": "AK" + "IA" + _made(16, string.ascii_uppercase + string.digits),
    "aws-key": _made(40), "slack-hook": "https://hooks.slack" + ".com/services/T" + _made(8) + "/B" + _made(8) + "/" + _made(24),
    "slack": "xo" + "xb-" + _made(30), "sendgrid": "S" + "G." + _made(22) + "." + _made(43), "webhook": "wh" + "sec_" + _made(32),
    "github": "gh" + "p_" + _made(36), "github-fine": "github" + "_pat_" + _made(50), "gitlab": "gl" + "pat-" + _made(20),
    "anthropic": "sk-" + "ant-api03-" + _made(60), "openai": "sk-" + "proj-" + _made(40), "stripe": "sk" + "_live_" + _made(24),
    "azure": _made(86) + "==", "npm": "np" + "m_" + _made(36), "pypi": "py" + "pi-" + _made(60), "hugging": "h" + "f_" + _made(34),
    "jwt": "ey" + "J" + _made(20) + ".ey" + "J" + _made(40) + "." + _made(43), "base64": _made(44) + "=", "word": "Tr0ub4dor&3x",
    "digitalocean": "dop" + "_v1_" + _hex(64), "shopify": "shp" + "at_" + _hex(32), "vault": "hv" + "s." + _made(24), "telegram": "123456789:" + "AA" + _made(33),
    "twilio": "S" + "K" + _hex(32), "mailgun": "ke" + "y-" + _hex(32), "google-oauth": "GO" + "CSPX-" + _made(28), "docker": "dck" + "r_pat_" + _made(27),
    "linear": "li" + "n_api_" + _made(40), "notion": "nt" + "n_" + _made(46), "supabase": "sb" + "p_" + _hex(40), "databricks": "da" + "pi" + _hex(32),
    "atlassian": "AT" + "ATT3xFf" + _made(180), "planetscale": "pscale" + "_tkn_" + _made(43), "age": "AGE-SECRET" + "-KEY-1" + _made(58, string.ascii_uppercase),
    "square": "EA" + "AA" + _made(60), "sentry": "sn" + "trys_" + _made(64), "new-relic": "NR" + "AK-" + _made(27, string.ascii_uppercase + string.digits),
}  # fmt: skip
PLACES = {
    "prose": "FR-900: Sessions MUST be signed with {} always.", "row": "| ENCRYPTION_KEY | {} | the key |", "assignment": "ENCRYPTION_KEY={}",
    "yaml": "signing_key: {}", "connection": "AccountName=x;AccountKey={};EndpointSuffix=core", "header": "Authorization: Bearer {}",
    "words": "the password {} is used", "json": '  "api_key": "{}",', "russian": "пароль {} для входа", "chinese": "密钥 {} 用于签名",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_secret_is_masked(shape: str, place: str) -> None:
    masked, _ = mask(PLACES[place].format(SHAPES[shape]))
    assert SHAPES[shape] not in masked
    assert MASK in masked


@pytest.mark.parametrize("url", ["redis://:{}@cache.local:6379/0", "postgresql://app:{}@db.host/app", "https://user:{}@api.host/v1"])
@pytest.mark.parametrize("made", [_made, lambda n: _made(n - 2, string.ascii_letters) + "xY", lambda n: _made(n - 2) + "4x"])
def test_a_connection_string_loses_account_and_host(url: str, made: Callable[[int], str]) -> None:
    secret = made(14)
    masked, lines = mask(f"first\nDATABASE_URL={url.format(secret)}\n")
    assert secret not in masked
    assert lines == [2]


def test_a_private_key_is_masked_whole_and_lines_stay() -> None:
    body = "\n".join(_made(64) for _ in range(4))
    text = f"before\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nafter"
    masked, lines = mask(text)
    assert not any(line in masked for line in body.split("\n"))
    assert masked.count("\n") == text.count("\n")
    assert masked.endswith("after")
    assert lines == [2]


@pytest.mark.parametrize(
    "line",
    [
        "The token is checked at `/auth/session/validate` with HS256.", "SECRET_KEY is read from the environment; at least 32 characters.",
        "password: string, minLength 8, maxLength 72", "The API key has the prefix `key-` and lives 30 days.", "See specs/004-keys/spec.md#12-secrets (L1358-L1379).",
        "hashed_password: str = Field(max_length=255)", "DATABASE_URL=postgresql://user:password@localhost/db", "JWT_SECRET=${JWT_SECRET}",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixed it", "id: 3fa85f64-5717-4562-b3fc-2c963f66afa6", "the key `x-b3-traceid` is required_key2",
    ],
)  # fmt: skip
def test_what_is_no_secret_keeps_its_meaning(line: str) -> None:
    assert not holds_secret(line)


def test_no_secret_reaches_plan_ledger_or_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    work = tmp_path / "work"
    spec = work / "specs" / "a.md"
    spec.parent.mkdir(parents=True)
    lines = [
        f"- **FR-{n:03d}**: It MUST do this. {PLACES[p].format(s)}"
        for n, (p, s) in enumerate((p, s) for p in PLACES for s in SHAPES.values())
    ]
    spec.write_text("# A\n" + "\n".join(lines), encoding="utf-8")
    make_plan(Session(load_settings(work), offline=True))
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and p != spec]
    assert len(kept) > 2
    for path in kept:
        data = path.read_bytes()
        assert not [name for name, secret in SHAPES.items() if secret.encode() in data], path


def test_nothing_that_leaves_holds_a_secret_whoever_said_it(
    project: Callable[[dict[str, str]], Path], server: SimulatedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's answer and the words of a scope come from no file that is masked."""
    secret = SHAPES["github"]
    toml = f'scope = "phase 2, token {secret}"\n[decisions]\nday = "UTC, with the password {SHAPES["word"]}"\n'
    path = project({"specs/a.md": "# A\n\n- **FR-1**: It MUST list by `GET /a`.\n", "planagent.toml": toml})
    code = run(["plan", "-w", str(path)])
    assert server.requests
    sent = " ".join(r.prompt for r in server.requests)
    assert secret not in sent
    assert SHAPES["word"] not in sent
    assert code == 1, "what a person wrote there is found before it is published"
    told = capsys.readouterr().err
    assert "PA801" in told
    assert secret not in told
    assert not (path / "plan/backend_implementation_plan.md").exists()


def test_the_keys_that_an_answer_needs_are_never_masked() -> None:
    """Made of what examples say beside a word for a secret, told apart by a hash: they are names of ours."""
    says = [
        "Password jakejake",
        "Token type bearer",
        "Password SecurePassword123!",
        "Secret ab12cd34ef56 and token Zx9yTr0ub",
        "Hashing Argon2id",
    ]
    lines = "# A\n\n" + "".join(f"{s} {n}.\n\n" for n, s in enumerate(says))
    corpus = corpus_of_text(lines)
    units = [(d.path, u.id) for d in corpus.read for u in d.units if u.kind == "text"]
    statements = [Statement("", "rule", "must", s, (ref,)) for s in says for ref in units]
    found = assemble(corpus, statements, ()).statements
    assert len({s.key for s in found}) == len(statements)
    for statement in found:
        assert guarded(line(statement, ())).startswith(f"- {statement.key} | rule | ")
        assert guarded(f"covers {statement.key}, other").startswith(f"covers {statement.key}")


def test_a_persons_words_with_a_bar_are_no_list_of_ours() -> None:
    secret = SHAPES["word"]
    for told in (
        f"- day: the password | {secret}",
        f"- the password | {secret}",
        f"- key-of | rule | the password {secret}",
        f"| password | {secret} |",
    ):
        assert secret not in guarded(told), told
